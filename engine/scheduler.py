"""Queued runs -> processes: one worker a runs folder starts what waits, oldest first, one run at a time.

The worker and every run are processes of their own sessions: they outlive the app and the shell. A worker that
dies harms no run, and the next one waits for what is alive before it starts more.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from engine.events import Failure
from engine.recorder import Recorder
from engine.store import Run, Store, StoreError, last_lines

POLL_S = 0.5


def waiting(store: Store) -> list[Run]:
    """Return the queued runs in the order in which they will start."""
    tickets = [
        (ticket.submitted, run.id, run) for run in store.runs() if (ticket := run.ticket()) is not None
    ]
    return [run for _, _, run in sorted(tickets, key=lambda entry: entry[:2])]


def ensure_worker(store: Store) -> None:
    """Start a worker in the background unless one is at it already."""
    try:
        with _worker_lock(store).acquire(timeout=0):
            pass
    except Timeout:
        return
    log = os.open(store.root / ".worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        worker = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", "work", "--runs", str(store.root.resolve())],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(log)
    threading.Thread(target=worker.wait, name="worker", daemon=True).start()  # lest it stays as a zombie


class Busy(Exception):  # noqa: N818  it says what is the case, not that something broke
    """Another worker serves this runs folder."""


def work(store: Store, stopped: Callable[[], bool], *, drain: bool = True) -> int:
    """Start queued runs until none waits (``drain``) or until ``stopped``; return how many were started.

    Raises:
        Busy: Another worker is at it.
    """
    count = 0
    while True:
        with _only_worker(store):
            count += _serve(store, stopped, drain=drain)
        if stopped() or not waiting(store):  # a run queued while the lock was let go is served too
            return count


def _serve(store: Store, stopped: Callable[[], bool], *, drain: bool) -> int:
    count = 0
    while not stopped():
        queue = waiting(store)
        if not queue and drain:
            return count
        if not queue or any(run.is_held() for run in store.runs()):
            time.sleep(POLL_S)
            continue
        _run_to_end(queue[0], stopped)
        count += 1
    return count


def _run_to_end(run: Run, stopped: Callable[[], bool]) -> None:
    """Start a run's process and wait for its end; leave it alone when the worker is to stop."""
    process = launch(run)
    while process.poll() is None:
        if stopped():
            return
        time.sleep(POLL_S / 5)
    if run.ticket() is not None and not run.is_held():  # it died before it could take the run
        _record_false_start(run, process.returncode)


def launch(run: Run) -> subprocess.Popen[bytes]:
    """Start the process that trains a run, detached from this one; its output goes to the run's console.log."""
    ticket = run.ticket()
    cwd = Path.cwd()
    with contextlib.suppress(StoreError):  # damaged: its own process says so, and the run fails with that
        if (home := Path(run.info().cwd)).is_dir():
            cwd = home
    log = os.open(run.console, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "engine.cli", "train", run.id, "--runs", str(run.path.parent.resolve()),
             "--device", ticket.device if ticket else "auto"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=cwd,
        )  # fmt: skip
    finally:
        os.close(log)


def _record_false_start(run: Run, code: int) -> None:
    said = b"\n".join(last_lines(run.console)[-20:]).decode(errors="replace")
    with run.hold():
        recorder = Recorder(run)
        reason = f"its process ended with status {code} before it began; console.log has what it said"
        recorder.end("failed", reason, Failure(type="FalseStart", message=reason, traceback=said))
        recorder.close()
        run.dequeue()


def _worker_lock(store: Store) -> FileLock:
    store.root.mkdir(parents=True, exist_ok=True)
    return FileLock(store.root / ".worker.lock", mode=0o600)


@contextlib.contextmanager
def _only_worker(store: Store) -> Iterator[None]:
    try:
        with _worker_lock(store).acquire(timeout=0.2):
            yield
    except Timeout:
        raise Busy(f"a worker serves {store.root} already") from None
