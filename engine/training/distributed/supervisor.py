"""Trains one run in several processes: torchrun's agent starts the ranks, and what they say is recorded here.

::

    this process (lock, recorder, signals) ── launcher (torchrun's agent) ── rank 0, rank 1, ...
               ▲                                                               │      │
               └───────────────── events, and how each rank ended ─────────────┴──────┘

A rank that dies ends the run: the agent stops the others. If this process or the agent dies, the kernel kills
what it started, all ranks included.

A signal may reach all of them at once (Ctrl-C, a batch system, ``kill -- -GROUP``). This process alone hears it, and
tells the ranks through the run's control file; launcher and ranks are started with these signals blocked.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil

from engine.config.schema import Experiment
from engine.events import End, Event, Failure, Start, decode
from engine.runs.processes.membership import family
from engine.runs.recorder import Recorder
from engine.runs.stop_request import StopRequest
from engine.runs.store import Run
from engine.system import process
from engine.system.files import write_atomic
from engine.system.process import stop_signals_blocked
from engine.training.data.dataset import load_dataset
from engine.training.data.unsplit_dataset import Say
from engine.training.distributed.nodes import Nodes, Orders, agent_command, nodes_of_job
from engine.training.outcome import Outcome

POLL_S = 0.1


class RankJob(Orders):
    """A rank's orders: what to train, into which folder, on which kind of device."""

    run: str
    experiment: Experiment
    seed: int
    device: str
    other_data: bool = False


def train_on_several(
    experiment: Experiment,
    seed: int,
    recorder: Recorder,
    stop: StopRequest,
    device: str,
    say: Say,
    *,
    other_data: bool,
) -> Outcome:
    """Train on ``experiment.gpus`` devices of a kind, and return how that ended.

    Args:
        experiment: What to train, and how.
        seed: Of weights, order, augmentation and splits.
        recorder: Takes the events of all ranks.
        stop: Tells when and how the run is to stop.
        device: The kind of device: ``cuda`` or ``cpu``.
        say: Called with a sentence now and then while images are decoded.
        other_data: Whether it may go on with other images than those of its checkpoint.

    Raises:
        DataError: The dataset cannot be used; it is looked at before any rank is started.
    """
    load_dataset(experiment, seed, say)  # decodes what has to be decoded once, for all ranks
    if stop.request == "stop-now":
        return Outcome("stopped", "before its processes began")
    ends: list[End] = []
    with (
        tempfile.TemporaryDirectory(prefix="vitui-") as folder,
        _listening(folder, recorder, ends) as address,
        contextlib.ExitStack() as ending,
    ):
        nodes = nodes_of_job()
        per_node = experiment.gpus // nodes.size
        job = RankJob(per_node, str(recorder.run.path.resolve()), experiment, seed, device, other_data)
        described = ending.enter_context(_described(job, Path(folder), recorder.run, nodes))
        with stop_signals_blocked():
            launcher = subprocess.Popen(
                agent_command(per_node, nodes, address, described), stdin=subprocess.DEVNULL,
                start_new_session=True, env=os.environ | {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"},
            )  # fmt: skip
        try:
            began = _wait(launcher, recorder, stop)
        finally:
            for member in family(launcher.pid):  # a rank has a session of its own
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            launcher.wait()
    return _outcome(ends, launcher.returncode) if began else Outcome("stopped", "before its first step")


@contextlib.contextmanager
def _described(job: RankJob, folder: Path, run: Run, nodes: Nodes) -> Iterator[Path]:
    """Write what the ranks are to do, where all nodes see it while the block runs; yields the file."""
    described = nodes.orders(run) if nodes.size > 1 else folder / "job.json"
    write_atomic(described, msgspec.json.encode(job))
    try:
        yield described
    finally:
        described.unlink(missing_ok=True)


def _wait(launcher: subprocess.Popen[bytes], recorder: Recorder, stop: StopRequest) -> bool:
    """Wait for the launcher's end, and pass a request that came as a signal on to the ranks.

    Returns:
        True; False at once where the run is to stop now and the ranks, still starting, have nothing to save.
    """
    while launcher.poll() is None:
        if stop.request == "stop-now" and not recorder.started:
            return False
        with contextlib.suppress(OSError):  # a full disk: the next look tries again
            stop.pass_on()
        time.sleep(POLL_S)
    return True


def _outcome(ends: list[End], code: int) -> Outcome:
    """Return how the ranks ended: by a failure if there was one, and of several the one that explains the others."""
    failures = [end.error for end in ends if end.error is not None]
    if failures:
        return Outcome("failed", error=min(failures, key=_rank_of_cause))
    if code == 0 and ends:
        (end, *_) = ends
        return Outcome(end.state, end.reason, end.summary)
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    message = f"the launcher of its processes {how}; console.log has what it said"
    return Outcome("failed", error=Failure(type="LauncherFailed", message=message))


def _rank_of_cause(failure: Failure) -> int:
    """Order failures: an error of our own, a process that was killed, then what ranks say who have lost another."""
    if failure.explained:
        return 0
    return 1 if failure.type == "RankKilled" else 2


@contextlib.contextmanager
def _listening(folder: str, recorder: Recorder, ends: list[End]) -> Iterator[str]:
    """Record what ranks say while the block runs, their ends apart; yields the address to say it to."""

    def heard(event: Event) -> None:
        if isinstance(event, End):
            ends.append(event)
            return
        if isinstance(event, Start):  # the run's process is this one
            started = process.started(os.getpid()) or 0.0
            event = msgspec.structs.replace(event, pid=os.getpid(), process_started=started)
        with contextlib.suppress(OSError):  # a full disk loses a line, not the run
            recorder.emit(event)

    address = str(Path(folder) / "ranks")
    with _Server(address, heard) as server:
        thread = threading.Thread(target=server.serve_forever, args=(POLL_S,), name="ranks", daemon=True)
        thread.start()
        try:
            yield address
        finally:
            server.shutdown()


class _Server(socketserver.ThreadingUnixStreamServer):
    """Hears the lines of every rank, each over a connection of its own."""

    daemon_threads = False  # what was said before the end is recorded before it
    block_on_close = True

    def __init__(self, address: str, heard: Callable[[Event], None]) -> None:
        super().__init__(address, _Handler)
        self.heard = heard


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        for line in self.rfile:
            if (event := decode(line)) is not None:
                self.server.heard(event)
