"""What a user may ask of a run: stop it, resume it. The command and the app both ask through here."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

import psutil

from engine.queue import move_and_hold
from engine.runs import run_lock, stop_request
from engine.runs.liveness import status_of
from engine.runs.processes.membership import main_process
from engine.runs.queue_entry import waiting_entry
from engine.runs.recorder import Recorder
from engine.runs.resume_settings import changed, last_experiment
from engine.runs.status import TAKEN_OUT
from engine.runs.stop_request import Request
from engine.runs.store import Run, StoreError
from engine.runs.trust.entry_writer import leave_queue
from engine.runs.trust.queued_by_user import Identity
from engine.system.shell_environment import carried


class NotAsked(StoreError):  # noqa: N818  it says what is the case
    """A run that lives cannot be asked to stop."""


def request_stop(run: Run, request: Request) -> str:
    """Ask a run to stop and return, in words, what will happen; a queued run leaves the queue at once.

    Raises:
        NotAsked: It cannot be asked, neither by a file nor by a signal.
        StoreError: It has ended already, was started while it was being taken out of the queue, or waits there and
            cannot leave it on a full disk.
    """
    status = status_of(run)
    if status.state == "queued":
        return _cancel(run)
    if status.state not in ("starting", "running", "silent"):
        raise StoreError(f"{run.id} does not run: it is {status.state}")
    try:
        stop_request.ask(run, request)
    except OSError as error:
        return _ask_by_signal(run, f"its folder cannot be written ({error.strerror})")
    when = "after this epoch" if request == "stop-after-epoch" else "after this step"
    return f"{run.id} will stop {when}, with a checkpoint"


def _ask_by_signal(run: Run, why: str) -> str:
    """Ask by SIGTERM, which says stop now; return in words what will happen."""
    if (main := main_process(run)) is None:
        raise NotAsked(
            f"{run.id} cannot be asked to stop: {why}, and no process of this machine is the one to ask"
        )
    try:
        main.terminate()
    except psutil.Error as error:
        raise NotAsked(f"{run.id} cannot be asked to stop: {why}, and SIGTERM is refused: {error}") from None
    return f"{run.id}: {why}, so its process {main.pid} got SIGTERM: it will stop after this step, with a checkpoint"


def request_resume(
    run: Run,
    device: str = "auto",
    settings: Sequence[str] = (),
    seen: Identity | None = None,
    *,
    takeover: bool = False,
) -> None:
    """Put a run that stopped, failed or crashed back into the queue, with changes to its settings.

    Args:
        run: The run; the user has decided that it starts (``engine.queue.approval``).
        device: The device that it waits for; ``auto`` keeps the one of before.
        settings: What the resumed run changes, as ``key=value``.
        seen: What the run was when the user was shown what it starts; None where there was nothing to show.
        takeover: Whether the user has agreed that another machine's run goes on here (``engine.queue.takeover``).

    Raises:
        StoreError: It has not ended, there is nothing left to do, or it has changed since it was shown.
        ConfigError: A setting is wrong, or would make it another experiment; or another version of vitui made it.
    """
    if not takeover:
        require_resumable(run)
    environment = carried(os.environ, changed(last_experiment(run), settings).env)
    move_and_hold.put_back(run, device, settings, seen, takeover=takeover, environment=environment)


def require_resumable(run: Run) -> None:
    """Raise StoreError unless the run stopped, failed or crashed."""
    status = status_of(run)
    if status.state == "starting":  # or its worker has the lock for the moment in which it sees the end
        with contextlib.suppress(StoreError), run_lock.hold(run, timeout_s=run_lock.CLAIM_TIMEOUT_S):
            status = status_of(run, mine=True)
    move_and_hold.require_resumable(run, status)


def _cancel(run: Run) -> str:
    with run_lock.hold(run):  # so that no worker starts it meanwhile
        if waiting_entry(run) is None:
            raise StoreError(f"{run.id} has just been started")
        recorder = Recorder(run)
        recorder.end("stopped", TAKEN_OUT)
        recorder.close()
        if recorder.lost:  # without an end it would count as crashed
            raise StoreError(f"{run.id} stays in the queue: that it leaves cannot be written")
        leave_queue(run)
    return f"{run.id} has left the queue"
