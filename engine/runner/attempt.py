"""One attempt at a run. Signals are heard and the run is held before torch is imported; then it is trained."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from engine.config.schema import Experiment
from engine.config.validate import ConfigError
from engine.events import Event, Failure, QueuePlace
from engine.queue.move_and_hold import require_resumable
from engine.queue.retry import may_retry
from engine.queue.takeover import Takeover
from engine.runner import posted_run
from engine.runner.console_log import ConsoleLimit
from engine.runner.posted_run import Posted
from engine.runs import run_lock, stop_request
from engine.runs.control_listener import ControlListener
from engine.runs.liveness import status_of
from engine.runs.processes.membership import end_leftovers, mark
from engine.runs.provenance.packages import keep_environment
from engine.runs.queue_entry import waiting_entry
from engine.runs.recorder import Recorder
from engine.runs.resume_settings import changed, goes_on_with_other_data, last_experiment
from engine.runs.status import State
from engine.runs.stop_request import FAILED, StopRequest
from engine.runs.store import Run, StoreError
from engine.runs.trust.entry_writer import leave_queue, take_from_queue
from engine.runs.trust.queued_by_user import Identity, look_at, why_untrusted
from engine.system.shell_environment import ShellEnvironment, with_carried


def train_run(
    run: Run,
    echo: Callable[[Event, bytes], None] | None = None,
    device: str = "auto",
    *,
    queued: bool = False,
    posted: Posted | None = None,
    claimed: int | None = None,
    settings: Sequence[str] = (),
    seen: Identity | None = None,
    takeover: Takeover | None = None,
    stop: StopRequest | None = None,
) -> int:
    """Train a run from its start or its last checkpoint, and return the exit code of its process.

    Args:
        run: The run; its folder is there.
        echo: Gets every event and its line as well.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        queued: Train it only if it still waits in the queue, whose entry there has its settings.
        posted: The posting whose job this process is, which has its settings.
        claimed: The open file with the run's lock, where the worker that started this process took it.
        settings: What it changes when it is resumed.
        seen: What the run was when the user was shown what it starts; None where there was nothing to show.
        takeover: That it goes on here though another machine's process seems to train it, as the user has agreed to.
        stop: Listens to signals already, since before the run was made; None to begin with that.

    Raises:
        RunTaken: Another process trains it.
        StoreError: It was begun meanwhile, has finished or left the queue, was not queued by this user, was changed
            since it was shown or posted, or its folder is damaged.
        KeyboardInterrupt: A second SIGINT. Its end is recorded, but a checkpoint may still be in the middle of
            being written by a thread: only ``os._exit`` ends the process at once.
    """
    if stop is None:
        stop = StopRequest()
        stop.listen()
    stop.follow(run)
    info, attempts = run.info(), status_of(run).attempt
    with _held(run, claimed, posted, takeover):
        told, environment = "", None
        if posted is not None:
            posting = posted_run.require_posted(run, posted)
            if (code := posted_run.ended_before(run, posting)) is not None:
                return code
            settings, told = posting.settings, posted_run.whereabouts(posting)
        elif queued:
            settings, told, environment = _as_queued(run)
        else:
            _require_as_it_was(run, attempts, seen, takeover)
        if posted is not None:  # what was asked since it was posted is meant
            stop_request.forget_passed_on(run)
        elif claimed is None:  # else the worker forgot it, and what is asked since is meant
            stop_request.clear(run)
        recorder = Recorder(run, echo)
        recorder.place = _place(run) if queued else None
        if posted is None:
            take_from_queue(run, recorder.status.attempt, by_hand=not queued, may_retry=may_retry(run))
        recorder.claim()
        os.environ |= mark(run)
        try:
            if recorder.status.attempt and (ended := end_leftovers(run)):
                recorder.log("warning", ended)
            if told:
                recorder.log("info", told)
            experiment = changed(last_experiment(run), settings)
            with ControlListener(stop, recorder):
                accepted = goes_on_with_other_data(settings)
                code = _train(
                    run, experiment, info.seed, recorder, stop, device, environment, other_data=accepted
                )
        except KeyboardInterrupt:
            _end_at_once(recorder)
            raise
        except (ImportError, ConfigError) as error:
            recorder.end("failed", f"it cannot be trained here: {error}", _failure(error))
            code = FAILED
        finally:
            recorder.close()
            _leave(run, recorder.status.state)
        return FAILED if recorder.lost else code


def _held(
    run: Run, claimed: int | None, posted: Posted | None, takeover: Takeover | None
) -> AbstractContextManager[None]:
    """Return what has a run's lock; with a lease where other hosts may not see that."""
    timeout_s = posted_run.LOCK_TIMEOUT_S if posted is not None else None
    with_lease = posted is not None or takeover is not None
    return run_lock.hold(run, claimed, works=True, timeout_s=timeout_s, with_lease=with_lease)


def _end_at_once(recorder: Recorder) -> None:
    """Record that a second SIGINT ends a run, whatever comes while that is written: a key may be held down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recorder.end("stopped", "stopped by a second SIGINT, without a checkpoint")


def _failure(error: Exception) -> Failure:
    """Return the failure of a run that cannot be trained here, however often it is tried; called while it is caught."""
    return Failure(
        type=type(error).__name__, message=str(error), traceback=traceback.format_exc(), transient=False
    )


def _as_queued(run: Run) -> tuple[Sequence[str], str, ShellEnvironment | None]:
    """Return the settings of a queued run, what it was given, and the variables of the shell that submitted it.

    Raises StoreError unless this user queued it.
    """
    entry = waiting_entry(run)
    if entry is None:
        raise StoreError(f"{run.id} is no longer in the queue")
    if why := why_untrusted(run, entry):
        raise StoreError(f"{run.id} is not started: {why}")
    given = ", ".join(entry.devices.values())
    return entry.settings, f"the queue gave it {given}" if given else "", entry.environment


def _place(run: Run) -> QueuePlace | None:
    """Return how a queued run waits, for its start to tell: the file of the queue goes when it has finished."""
    if (entry := waiting_entry(run)) is None:
        return None
    return QueuePlace(
        since=entry.submitted, priority=entry.priority, order=entry.order, devices=dict(entry.devices)
    )


def _require_as_it_was(run: Run, attempts: int, seen: Identity | None, takeover: Takeover | None) -> None:
    """Raise StoreError if the run has finished, lives, changed, or was begun again while its lock was waited for."""
    if seen is not None and look_at(run).identity != seen:
        raise StoreError(f"{run.id} has changed since it was shown: look again")
    status = status_of(run, mine=True)
    require_resumable(run, status, takeover=takeover is not None)
    if takeover is not None and status.heartbeat != takeover.heartbeat:
        raise StoreError(f"{run.id} has said something meanwhile: it lives, and is not taken over")
    if status.attempt != attempts:
        raise StoreError(f"{run.id} has just been resumed by another process, and is {status.state}")


def _train(
    run: Run, experiment: Experiment, seed: int, recorder: Recorder, stop: StopRequest, device: str,
    environment: ShellEnvironment | None, *, other_data: bool,
) -> int:  # fmt: skip
    variables = with_carried(os.environ, environment or {}, for_program=True)
    if changed_since := keep_environment(run.path, experiment.command, variables):
        recorder.log("warning", f"its packages are others than at its start: {changed_since}")
    limit = ConsoleLimit(run, experiment.console_limit, lambda message: recorder.log("warning", message))
    if experiment.command:
        from engine.runner.own_program import run_script

        return run_script(run, experiment, seed, recorder, stop, device, limit, environment)
    from engine.training.run import train  # seconds: by now the run is held and hears what is asked of it

    with limit.watched():
        return train(run, experiment, seed, recorder, stop, device, other_data=other_data)


def _leave(run: Run, state: State) -> None:
    """Say what became of the run's place in the queue when its attempt has ended in a state."""
    if state == "finished":
        run.queue_file.unlink(missing_ok=True)
    elif state == "stopped":
        leave_queue(run)
    elif state == "failed":
        leave_queue(run, "failed")
