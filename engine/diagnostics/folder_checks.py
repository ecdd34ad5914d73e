"""What is not well in a folder of runs besides its runs: halves of runs, and what the worker's log says."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from engine.diagnostics import run_checks
from engine.diagnostics.findings import Finding
from engine.notifications.outbox import FOLDER, Outbox
from engine.runs import worker_status
from engine.runs.store import Store, is_run_id
from engine.system import lock
from engine.system.files import last_lines


def check_unfinished(store: Store) -> Iterator[Finding]:
    """Are there folders of runs whose making was cut off?"""
    try:
        entries = sorted(os.scandir(store.root), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        path = store.root / entry.name
        is_draft = entry.name.startswith(".") and is_run_id(entry.name[1:]) and entry.name.count("-") >= 3
        if is_draft and entry.is_dir(follow_symlinks=False) and run_checks.is_old(path):
            yield Finding(
                entry.name[1:], "draft", "its making was cut off: it never was a run", "", "throw", path
            )


def check_worker(store: Store) -> Iterator[Finding]:
    """Does the worker of the queue answer, and has one said that something went wrong?"""
    if hung := worker_status.trouble(store.root):
        text, _, cure = hung.partition(": ")
        yield Finding(worker_status.NAME, "worker", text, cure)
    log = store.root / worker_status.LOG
    lines = [line.decode(errors="replace") for line in last_lines(log)]
    wrong = [line for line in lines if line[:1].strip() and ("Error" in line or "Traceback" in line)]
    if wrong:
        text = f"the worker of the queue met {wrong[-1][:200]}"
        yield Finding(
            worker_status.LOG,
            "worker",
            text,
            f"{log} has the whole of it",
            "" if _has_worker(store) else "throw",
            log,
        )


def check_notifications(store: Store) -> Iterator[Finding]:
    """Did the last messages of [notify] arrive?"""
    letters = sorted(Outbox(store.root).letters(), key=lambda letter: letter.at)
    arrived = max((place for place, letter in enumerate(letters) if letter.state == "sent"), default=-1)
    failed = [letter for letter in letters[arrived + 1 :] if letter.why]
    if failed:
        count, last = len(failed), failed[-1]
        when = time.strftime("%d %b %H:%M", time.localtime(last.at))
        text = f"{count} message{'s' * (count > 1)} could not be sent, the last on {when}: {last.why}"
        lost = sum(letter.state == "lost" for letter in failed)
        cure = "[notify] of experiments.toml says where they go"
        if lost < count:
            cure += "; the next worker tries again"
        yield Finding(FOLDER, "notify", text, cure)


def kind_of_locks(store: Store) -> str:
    """Return in words how the runs of a folder are locked on its disk; empty where nothing has been locked yet."""
    files = [worker_status.lock_file(store.root), *(run.lock for run in reversed(store.runs()))]
    kind = next(filter(None, map(lock.kind_of, files)), "")
    if kind == "lease":
        return "locked by leases, as this disk has no flock: those of a machine that dies are free after 90 s"
    return "locked by flock" if kind else ""


def _has_worker(store: Store) -> bool:
    return lock.is_held(worker_status.lock_file(store.root)) is True
