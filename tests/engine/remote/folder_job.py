"""What a job of a folder site runs: it has the run's lock, records its start, and then does as its plan says.

The plan is a file of words beside the run, one an attempt, of which the last holds for all further ones: finish, fail,
fail-for-good, crash, time, hang (until it is asked to stop), deaf
(until a signal). It is what `engine train RUN --posted NAME` does, without the training.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from engine.events import Checkpoint, Failure, Start
from engine.runs import run_lock, stop_request
from engine.runs.posted.posting import posting_of
from engine.runs.recorder import Recorder
from engine.runs.stop_request import TIME_NEARLY_UP, StopRequest
from engine.runs.store import Run
from engine.system import process

REFUSED = 75
STEPS = 10


def main(folder: str, name: str) -> int:
    run = Run(folder)
    stop = StopRequest(run)
    stop.listen()
    try:
        with run_lock.hold(run, works=True):
            posting = posting_of(run)
            if posting is None or posting.name != name or posting.seen is not None:
                return REFUSED
            return train(run, stop)
    except OSError:
        return REFUSED


def train(run: Run, stop: StopRequest) -> int:
    recorder = Recorder(run)
    if recorder.status.state == "finished":
        return 0
    recorder.claim()
    attempt = recorder.status.attempt + 1
    plan = (run.path.parent.parent / "plan").read_text().split()
    first = recorder.status.checkpoint or 0
    recorder.emit(Start(
        run=run.id, time=time.time(), attempt=attempt, experiment="tiny", config={}, seed=0, pid=os.getpid(),
        host=process.host(), boot=process.boot_id(),
        process_started=process.started(os.getpid()) or 0.0, step=first, steps_per_epoch=STEPS, epochs=10,
    ))  # fmt: skip
    what = plan[min(attempt, len(plan)) - 1]
    code = do(what, run, recorder, stop, first)
    recorder.close()
    return code


def do(what: str, run: Run, recorder: Recorder, stop: StopRequest, first: int) -> int:
    if what == "crash":
        os.kill(os.getpid(), 9)
    if what == "hang":
        while stop.request is None:
            stop.poll()
            time.sleep(0.01)
    if what == "deaf":
        while not stop.signalled:
            time.sleep(0.01)
    if what in ("hang", "time", "deaf"):
        keep(run, recorder, first + STEPS)
        recorder.end("stopped", TIME_NEARLY_UP if what == "time" else stop.reason)
        stop_request.clear(run)
        return REFUSED if what == "time" else 3
    if what.startswith("fail"):
        failure = Failure(type="E", message="broken", traceback="", transient=what == "fail")
        recorder.end("failed", "broken", failure)
        return 1
    keep(run, recorder, first + STEPS)
    recorder.end("finished", "")
    return 0


def keep(run: Run, recorder: Recorder, step: int) -> None:
    recorder.emit(Checkpoint(
        run=run.id, time=time.time(), step=step, epoch=step / STEPS, path="checkpoints/last.pt", kind="last", bytes=1,
    ))  # fmt: skip


if __name__ == "__main__":
    code = main(*sys.argv[1:3])
    Path(sys.argv[3]).write_text(f"{code}:0")
    sys.exit(code)
