"""One of the processes that train a run together; torchrun's agent starts it.

python -m engine.training.distributed.rank_process LAUNCHER ADDRESS JOB
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NoReturn

import msgspec
import torch

from engine.events import End
from engine.runs.control_listener import ControlListener
from engine.runs.stop_request import StopRequest
from engine.runs.store import Run
from engine.system.process import cores, end_when_told_by, end_with
from engine.training.build_trainer import build
from engine.training.collectives import Joined
from engine.training.data.unsplit_dataset import ignore
from engine.training.device import pick_device
from engine.training.distributed.event_socket import EventSocket, SocketReporter
from engine.training.distributed.supervisor import RankJob
from engine.training.failure_advice import failure_of
from engine.training.outcome import trained
from engine.training.precision import arithmetic


def main() -> None:
    """Train this rank's share to the end; say how it ended."""
    launcher, address, described = sys.argv[1:]
    end_with(int(launcher))
    end_when_told_by(int(launcher))
    job = msgspec.json.decode(Path(described).read_bytes(), type=RankJob)
    connection, run = EventSocket(address), Run(Path(job.run))
    device = torch.device("cpu")
    try:
        device = pick_device(job.device, int(os.environ["LOCAL_RANK"]), job.per_node)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        else:
            torch.set_num_threads(max(1, cores() // job.per_node))
        end = _train(job, run, connection, device)
    except Exception as error:  # noqa: BLE001  whatever it is, the run says so and ends
        failure = failure_of(error, run, job.experiment, device)
        connection.say(End(time=time.time(), run=run.id, state="failed", error=failure))
        _end_at_once(1)
    if end is not None:
        connection.say(end)
    _end_at_once(0)


def _end_at_once(code: int) -> NoReturn:
    """End this process without torch's exit handlers.

    They wait for compilers, which inherit that stop signals are blocked, and for ranks of NCCL that may be gone.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _train(job: RankJob, run: Run, connection: EventSocket, device: torch.device) -> End | None:
    """Train, and return the end event that the first rank reports."""
    ranks = Joined(device, "nccl" if device.type == "cuda" else "gloo")
    stop = StopRequest(run)
    recorder = SocketReporter(run, connection, aloud=ranks.leads)
    with ControlListener(stop) if ranks.leads else nullcontext(), arithmetic(job.experiment, device):
        outcome = trained(
            build(
                job.experiment,
                job.seed,
                device,
                recorder,
                lambda: stop.request,
                ignore,
                ranks,
                other_data=job.other_data,
            )
        )
    ranks.leave()
    if not ranks.leads:
        return None
    return End(
        time=time.time(),
        run=run.id,
        state=outcome.state,
        reason=outcome.reason,
        summary=dict(outcome.summary),
    )


if __name__ == "__main__":
    main()
