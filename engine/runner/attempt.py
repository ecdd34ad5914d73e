"""One attempt at a run. Signals are heard and the run is held before torch is imported; then it is trained."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence

from engine.config.schema import Experiment
from engine.config.validate import ConfigError
from engine.events import Event, Failure
from engine.runs import run_lock, stop_request
from engine.runs.control_listener import ControlListener
from engine.runs.processes import mark
from engine.runs.queue_entry import leave_queue, take_from_queue, waiting_entry
from engine.runs.recorder import Recorder
from engine.runs.resume import changed, last_experiment
from engine.runs.status import State
from engine.runs.stop_request import FAILED, StopRequest
from engine.runs.store import Run, StoreError


def train_run(
    run: Run,
    echo: Callable[[Event, bytes], None] | None = None,
    device: str = "auto",
    *,
    queued: bool = False,
    claimed: int | None = None,
    settings: Sequence[str] = (),
) -> int:
    """Train a run from its start or its last checkpoint, and return the exit code of its process.

    Args:
        run: The run; its folder is there.
        echo: Gets every event and its line as well.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        queued: Train it only if it still waits in the queue, whose entry there has its settings.
        claimed: The open file with the run's lock, where the worker that started this process took it.
        settings: What it changes when it is resumed.

    Raises:
        StoreError: Another process trains it, it has left the queue, or its folder is damaged.
        KeyboardInterrupt: A second SIGINT. Its end is recorded, but a checkpoint may still be in the middle of
            being written by a thread: only ``os._exit`` ends the process at once.
    """
    stop = StopRequest(run)
    stop.listen()
    info = run.info()
    with run_lock.hold(run, claimed):
        entry = waiting_entry(run) if queued else None
        if queued and entry is None:
            raise StoreError(f"{run.id} is no longer in the queue")
        if claimed is None:  # else the worker forgot it, and what is asked since is meant
            stop_request.clear(run)
        recorder = Recorder(run, echo)
        take_from_queue(run, recorder.status.attempt, by_hand=not queued)
        recorder.claim()
        os.environ |= mark(run)
        try:
            if entry is not None:
                settings = entry.settings
                if entry.devices:
                    recorder.log("info", f"the queue gave it {', '.join(entry.devices.values())}")
            experiment = changed(last_experiment(run), settings)
            with ControlListener(stop, recorder):
                code = _train(run, experiment, info.seed, recorder, stop, device)
        except KeyboardInterrupt:
            recorder.end("stopped", "stopped by a second SIGINT, without a checkpoint")
            raise
        except (ImportError, ConfigError) as error:
            failure = Failure(
                type=type(error).__name__,
                message=str(error),
                traceback=traceback.format_exc(),
                transient=False,
            )
            recorder.end("failed", f"it cannot be trained here: {error}", failure)
            code = FAILED
        finally:
            recorder.close()
            _leave(run, recorder.status.state)
        return FAILED if recorder.lost else code


def _train(
    run: Run, experiment: Experiment, seed: int, recorder: Recorder, stop: StopRequest, device: str
) -> int:
    if experiment.command:
        from engine.runner.own_program import run_script

        return run_script(run, experiment, seed, recorder, stop, device)
    from engine.training.run import train  # seconds: by now the run is held and hears what is asked of it

    return train(run, experiment, seed, recorder, stop, device)


def _leave(run: Run, state: State) -> None:
    """Say what became of the run's place in the queue when its attempt has ended in a state."""
    if state == "finished":
        run.queue_file.unlink(missing_ok=True)
    elif state == "stopped":
        leave_queue(run)
    elif state == "failed":
        leave_queue(run, "failed")
