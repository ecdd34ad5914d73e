"""One attempt at a run, from before torch is there: signals are heard and the run is held, then it is trained."""

from __future__ import annotations

import contextlib
import signal
import traceback
from collections.abc import Callable
from types import FrameType

import msgspec

from engine.config import Experiment
from engine.events import Event, Failure
from engine.recorder import Recorder
from engine.store import Request, Run, StoreError

FINISHED, FAILED, STOPPED = 0, 1, 3
"""Exit codes of a process that trains."""


class StopRequest:
    """How the run is to stop, if at all: set by signals at once, by the control file within a second."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.wanted: Request | None = None
        self.reason = ""

    def listen(self) -> None:
        """Take SIGINT and SIGTERM as requests to stop now; a second SIGINT ends the process at once."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def poll(self) -> None:
        """Look whether a user asked something through the control file."""
        if self.wanted != "stop-now" and (asked := self._run.asked()) is not None:
            self.wanted, self.reason = asked, "stopped on request"

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.wanted, self.reason = "stop-now", f"stopped by {signal.Signals(number).name}"
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def pulse(recorder: Recorder, stop: StopRequest) -> Callable[[dict[str, float]], None]:
    """Return what telemetry does every second: hear what a user asks, say that the run lives and what it holds."""

    def beat(values: dict[str, float]) -> None:
        stop.poll()
        with contextlib.suppress(OSError):  # the loop meets a full disk too, and ends the run with a word
            if recorder.started:
                recorder.metrics(recorder.status.step, recorder.status.epoch, values)
            else:
                recorder.heartbeat()

    return beat


def train_run(
    run: Run,
    echo: Callable[[Event, bytes], None] | None = None,
    device: str = "auto",
    *,
    queued: bool = False,
) -> int:
    """Train a run from its start or its last checkpoint, and return the exit code of its process.

    Args:
        echo: Gets every event and its line as well.
        queued: Train it only if it still waits in the queue.

    Raises:
        StoreError: Another process trains it, it has left the queue, or its folder is damaged.
    """
    stop = StopRequest(run)
    stop.listen()
    info = run.info()
    with run.hold():
        if queued and run.ticket() is None:
            raise StoreError(f"{run.id} is no longer in the queue")
        run.dequeue()
        run.clear_request()
        recorder = Recorder(run, echo)
        try:
            experiment = msgspec.convert(info.config, Experiment)
            if experiment.command:
                from engine.script import run_script

                return run_script(run, experiment, info.seed, recorder, stop, device)
            from engine.training.job import train  # seconds: by now the run is held and hears its signals

            return train(run, experiment, info.seed, recorder, stop, device)
        except KeyboardInterrupt:
            recorder.end("stopped", "stopped by a second SIGINT, without a checkpoint")
            return STOPPED
        except (ImportError, msgspec.ValidationError) as error:
            failure = Failure(type=type(error).__name__, message=str(error), traceback=traceback.format_exc())
            recorder.end("failed", f"it cannot be trained here: {error}", failure)
            return FAILED
        finally:
            recorder.close()
