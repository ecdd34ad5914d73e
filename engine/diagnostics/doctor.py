"""`engine doctor`: what is not well in a folder of runs, why, and the cure; what can be repaired is, on request.

Nothing is ever deleted: what is in the way goes to the trash, from where people may take it back.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.diagnostics import checks
from engine.diagnostics.checks import Finding
from engine.diagnostics.folder_permissions import check_folder, check_key, check_outputs
from engine.diagnostics.gpu_leaks import check_gpus
from engine.diagnostics.leftover_processes import check_leftovers
from engine.errors import UserError
from engine.events import decode
from engine.runs import run_lock, status_file, trash, worker_status
from engine.runs.store import Run, Store, is_run_id
from engine.system import lock
from engine.system.files import create_private, draft_of, last_lines, tail, write_all
from engine.system.nvml import Nvml
from engine.text import json_line, printable

LOG = ".worker.log"
ROUNDS = 4
"""How often the runs are examined anew after repairs."""


def examine(store: Store) -> list[Finding]:
    """Return all that is not well, of each run from the oldest on and then of the folder itself."""
    runs = store.runs()
    names = {run.id for run in runs}
    findings = [finding for run in runs for finding in checks.examine(run, names)]
    nvml = Nvml()
    try:
        findings += check_gpus(store, nvml)
    finally:
        nvml.close()
    return [*findings, *check_leftovers(runs), *_examine_folder(store)]


def _examine_folder(store: Store) -> Iterator[Finding]:
    """Yield what is not well outside the runs."""
    yield from check_unfinished(store)
    yield from check_worker(store)
    yield from check_folder(store)
    yield from check_outputs(store)
    yield from check_key()


def check_unfinished(store: Store) -> Iterator[Finding]:
    """Are there folders of runs whose making was cut off?"""
    try:
        entries = sorted(os.scandir(store.root), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = store.root / entry.name
        is_draft = entry.name.startswith(".") and is_run_id(entry.name[1:]) and entry.name.count("-") >= 3
        if is_draft and entry.is_dir(follow_symlinks=False) and checks.is_old(path):
            yield Finding(
                entry.name[1:], "draft", "its making was cut off: it never was a run", "", "throw", path
            )


def check_worker(store: Store) -> Iterator[Finding]:
    """Does the worker of the queue answer, and has one said that something went wrong?"""
    if hung := worker_status.trouble(store.root):
        text, _, cure = hung.partition(": ")
        yield Finding(worker_status.NAME, "worker", text, cure)
    log = store.root / LOG
    lines = [line.decode(errors="replace") for line in last_lines(log)]
    wrong = [line for line in lines if line[:1].strip() and ("Error" in line or "Traceback" in line)]
    if wrong:
        text = f"the worker of the queue met {wrong[-1][:200]}"
        yield Finding(
            LOG, "worker", text, f"{log} has the whole of it", "" if _has_worker(store) else "throw", log
        )


def repair(store: Store, finding: Finding) -> str:
    """Repair what a finding tells of, and return what was done, empty where nothing can be.

    Raises:
        UserError: It could not be repaired, and why.
    """
    if not finding.remedy:
        return ""
    run = Run(store.root / finding.where)
    if (
        finding.remedy == "close"
        or not is_run_id(run.id)
        or not run.path.is_dir()
        or finding.path == run.lock
    ):
        return _REMEDIES[finding.remedy](store, finding)
    with run_lock.hold(run):  # nobody trains it meanwhile
        return _REMEDIES[finding.remedy](store, finding)


def _rebuild(store: Store, finding: Finding) -> str:
    run = Run(store.root / finding.where)
    status_file.save(run, status_file.rebuild(run))
    return "status.json was made anew from the events"


def _clean(store: Store, finding: Finding) -> str:
    """Replace events.jsonl by a copy that holds events alone; the old file goes to the trash."""
    run = Run(store.root / finding.where)
    kept = run.path / f".events.jsonl.{os.getpid()}.{secrets.token_hex(2)}.kept"
    with draft_of(run.events) as draft:
        handle = create_private(draft)
        try:
            for line in _events(run.events):
                write_all(handle, line)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.link(run.events, kept)
    thrown = trash.put(store, kept, f"{run.id}@events.jsonl")
    status_file.save(run, status_file.rebuild(run))
    return f"events.jsonl has events alone now; as it was it is {thrown.path}"


def _events(path: Path) -> Iterator[bytes]:
    offset = 0
    while (read := tail(path, offset))[1] != offset:
        offset = read[1]
        good = [line for line in read[0] if decode(line) is not None]
        if good:
            yield b"\n".join(good) + b"\n"


def _throw(store: Store, finding: Finding) -> str:
    path = finding.path or store.root / finding.where
    thrown = trash.put(store, path, f"{finding.where.lstrip('.')}@{path.name.lstrip('.')}")
    return f"{path.name} is in the trash: {thrown.path}"


def _close(store: Store, finding: Finding) -> str:  # noqa: ARG001  as all remedies are called
    path = finding.path or Path(finding.where)
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        os.fchmod(handle, stat.S_IMODE(os.fstat(handle).st_mode) & ~(stat.S_IWGRP | stat.S_IWOTH))
    finally:
        os.close(handle)
    return f"only its owner may write {path.name} now"


_REMEDIES: dict[str, Callable[[Store, Finding], str]] = {
    "rebuild": _rebuild, "clean": _clean, "throw": _throw, "close": _close,
}  # fmt: skip


def report(store: Store, *, fix: bool, as_json: bool) -> Iterator[str]:
    """Yield a line for each finding, and one on all of them for people; repair what can be, if asked."""
    count = fixable = 0
    for finding, done, failed in _go_round(store, fix=fix):
        count, fixable = count + 1, fixable + (bool(finding.remedy) and not done)
        yield _as_json(finding, done, failed) if as_json else _as_line(finding, done, failed)
    if as_json:
        return
    if not count:
        yield "every run is well"
    elif fixable and not fix:
        yield f"{count} found; `engine doctor --fix` repairs {fixable} of them and deletes nothing"


def _go_round(store: Store, *, fix: bool) -> Iterator[tuple[Finding, str, str]]:
    """Yield each finding once, with what was done and what could not be; a repair may bring another to light."""
    told: set[Finding] = set()
    for _ in range(ROUNDS if fix else 1):
        repaired = False
        for finding in examine(store):
            done, failed = _attempt(store, finding) if fix else ("", "")
            if done or finding not in told:
                yield finding, done, failed
            told.add(finding)
            repaired = repaired or bool(done)
        if not repaired:
            return


def _attempt(store: Store, finding: Finding) -> tuple[str, str]:
    """Return what was done about a finding, or why it could not be."""
    try:
        done = repair(store, finding)
        if done and _is_found_again(store, finding):
            return "", f"{done}, and it is as it was"
        return done, ""
    except UserError as error:
        return "", str(error)
    except OSError as error:
        return "", f"{error.strerror}: {error.filename or finding.path}"


def _is_found_again(store: Store, finding: Finding) -> bool:
    """Return whether the same is found where it was repaired."""
    run = Run(store.root / finding.where)
    if is_run_id(run.id) and run.path.is_dir():
        left = checks.examine(run, {each.id for each in store.runs()})
    else:
        left = [*_examine_folder(store)]
    return any(
        (each.where, each.kind, each.path) == (finding.where, finding.kind, finding.path) for each in left
    )


def _as_line(finding: Finding, done: str, failed: str) -> str:
    words = [finding.text, finding.cure or ("`engine doctor --fix` repairs it" if finding.remedy else "")]
    if done:
        words = [finding.text, f"repaired: {done}"]
    elif failed:
        words.append(f"not repaired: {failed}")
    return printable(f"{finding.where}  {'; '.join(filter(None, words))}")


def _as_json(finding: Finding, done: str, failed: str) -> str:
    fields = {"where": finding.where, "kind": finding.kind, "text": finding.text, "cure": finding.cure}
    return json_line(
        fields | {"fixable": bool(finding.remedy), "fixed": done or None, "error": failed or None}
    )


def _has_worker(store: Store) -> bool:
    return lock.is_held(worker_status.lock_file(store.root)) is True
