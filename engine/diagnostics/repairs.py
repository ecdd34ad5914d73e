"""What `engine doctor --fix` does about a finding. Nothing is deleted: what is in the way goes to the trash."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.diagnostics.findings import Finding
from engine.events import decode
from engine.runs import run_lock, status_file, trash
from engine.runs.store import Run, Store, is_run_id
from engine.system.files import create_private, draft_of, tail, write_all


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
