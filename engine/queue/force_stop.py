"""Stops a run by force: asks it, sends SIGTERM, then kills it with all processes that it started.

Each step waits for the one before and reports its outcome; at the end NVML says how much GPU memory is free again.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil

from engine.queue.stop_and_resume import NotAsked, request_stop
from engine.runs import run_lock, stop_request
from engine.runs.event_text import reason_after
from engine.runs.liveness import status_of
from engine.runs.processes.membership import listed, main_process, processes_of
from engine.runs.processes.sigterm_then_sigkill import end_processes, send, wait_for
from engine.runs.queue_entry import queue_entry
from engine.runs.recorder import Recorder
from engine.runs.status import ENDED, LIVE, Status
from engine.runs.store import Run, StoreError
from engine.runs.trust.entry_writer import leave_queue
from engine.system import lock, process
from engine.system.nvml import GpuSample, Nvml, usable
from engine.text import duration, gib

PATIENCE_S = 60.0
"""Seconds that each step waits: a training step, an evaluation and a checkpoint may have to finish first."""
LEAVING_S = 10.0
"""Seconds that processes have to end after their run has ended, or after they were killed."""
ENDING_S = 1.0
"""Seconds that a process has to end after it has recorded the end of its run."""
FREED_SHARE = 0.9
"""How much of what a run held has to be free again: others allocate too."""
POLL_S = 0.1


def force_stop(run: Run, say: Callable[[str], None], patience_s: float = PATIENCE_S) -> str:
    """Stop a run of this machine, by force where asking does not help; return in words how it ended.

    Signals go to processes that prove to be the run's and to their descendants, to no others. Of a run that has ended
    those that it left are ended.

    Args:
        run: The run.
        say: Called with a sentence on each step.
        patience_s: Seconds to wait after each step.

    Raises:
        StoreError: It has ended already, runs on another machine, belongs to another user, or is a copy; or no process
            proves to be its own.
    """
    status, processes = status_of(run), processes_of(run)
    if status.state in ENDED and (left := wait_for(processes, ENDING_S)):
        return _end_leftovers(run, status, left, say)
    if status.host not in ("", process.host()) and status.state not in (ENDED | {"queued"}):
        raise StoreError(f"{run.id} runs on {status.host}: only there it can be stopped by force")
    if status.state in LIVE and not processes:
        _require_no_copy(run)
    try:
        say(request_stop(run, "stop-now"))
    except NotAsked as error:  # the signals below ask the same
        say(str(error))
    on_gpus = _gpu_memory(run, processes)
    if not _ends_within(run, patience_s):
        main = main_process(run)
        if main is not None:
            say(f"no answer in {duration(patience_s)}: SIGTERM to process {main.pid}")
            send([main], signal.SIGCONT, signal.SIGTERM)
        if main is None or not _ends_within(run, patience_s):
            _kill(run, say)
    if remaining := wait_for(processes_of(run), LEAVING_S):  # children that outlive it
        say(f"{_count(remaining)} of it left over: SIGKILL")
        send(remaining, signal.SIGKILL)
        wait_for(remaining, LEAVING_S)
    if on_gpus:
        _report_memory(on_gpus, say)
    status = status_of(run)
    return f"{run.id} is {status.state}: {reason_after(status.state, status.reason)}"


def _end_leftovers(
    run: Run, status: Status, processes: list[psutil.Process], say: Callable[[str], None]
) -> str:
    """End the processes that a run has left which has ended."""
    on_gpus = _gpu_memory(run, processes)
    text = listed(processes)
    end_processes(processes)
    if on_gpus:
        _report_memory(on_gpus, say)
    return f"{run.id} was {status.state} already; it had left the {text}, now ended"


def _require_no_copy(run: Run) -> None:
    """Raise StoreError if no process of a run that seems to live can be its own."""
    entry = queue_entry(run)
    owner = entry.owner if entry is not None else None
    if (owner is not None and lock.is_held(run.lock) is False) or run_lock.has_other_names(run):
        raise StoreError(f"{run.id} is a copy: the processes are those of the original, and get no signal")


def _kill(run: Run, say: Callable[[str], None]) -> None:
    """Kill all processes of a run, and record that end for it."""
    status, processes = status_of(run), processes_of(run)
    if processes:
        say(f"it goes on: SIGKILL to {_count(processes)}")
    elif status.state not in ENDED:
        raise StoreError(f"{run.id} gives no answer, and {_why_unproved(run)}: no process got a signal")
    send(processes, signal.SIGKILL)
    wait_for(processes, LEAVING_S)
    with run_lock.hold(run):
        if status_of(run, mine=True).state not in ENDED - {"crashed"}:
            recorder = Recorder(run)
            at = (
                f"at step {status.step}, after its last checkpoint"
                if status.step
                else "before its first step"
            )
            recorder.end("stopped", f"killed on request {at}")
            recorder.close()
            leave_queue(run)
        stop_request.clear(run)


def _why_unproved(run: Run) -> str:
    """Return why no process proves to be a run's: another user's cannot be looked at."""
    status = status_of(run)
    with contextlib.suppress(psutil.Error):
        if process.is_alive(status.pid, status.process_started, status.boot):
            owner = psutil.Process(status.pid).username()
            if owner != psutil.Process().username():
                return f"process {status.pid} is {owner}'s, only they can stop it"
    return "no process here proves to be its own"


def _ends_within(run: Run, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if status_of(run).state in ENDED:
            return True
        time.sleep(POLL_S)
    return False


def _count(processes: list[psutil.Process]) -> str:
    pids = ", ".join(str(counted.pid) for counted in processes)
    return f"{len(processes)} process{'es' if len(processes) != 1 else ''} ({pids})"


@dataclass(frozen=True)
class _Held:
    """What a run held of a GPU before it was stopped; the bytes are None where NVML does not name its processes."""

    pids: frozenset[int]
    bytes: int | None
    used: int | None


def _gpu_memory(run: Run, processes: Iterable[psutil.Process]) -> dict[str, _Held]:
    """Return what processes hold on each GPU, by its UUID: where NVML names them, and where the queue put the run."""
    pids = frozenset(holder.pid for holder in processes)
    entry = queue_entry(run)
    given = set(entry.devices) if entry is not None else set()
    held: dict[str, _Held] = {}
    for sample in _samples():
        size = sum(size for pid, size in sample.held.items() if pid in pids)
        if not sample.lost and (size or sample.uuid in given):
            held[sample.uuid] = _Held(pids & sample.held.keys(), size or None, sample.memory_used)
    return held


def _report_memory(before: dict[str, _Held], say: Callable[[str], None]) -> None:
    """Say what NVML says of the GPUs that the run was on, once it is free or the driver has had its time for it."""
    deadline = time.monotonic() + LEAVING_S
    while True:
        samples = [sample for sample in _samples() if sample.uuid in before]
        if all(_is_free(sample, before[sample.uuid]) for sample in samples) or time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    for sample in samples:
        say(f"{sample.label}: {_memory_text(sample, before[sample.uuid])}")


def _is_free(sample: GpuSample, before: _Held) -> bool:
    """Return whether the processes of the run have left a GPU, and its memory has gone down by what they held."""
    if sample.lost:
        return True
    if before.pids & sample.held.keys():
        return False
    if before.bytes is None or before.used is None or sample.memory_used is None:
        return True
    return sample.memory_used <= before.used - FREED_SHARE * before.bytes


def _memory_text(sample: GpuSample, before: _Held) -> str:
    if sample.lost:
        return f"lost ({sample.lost})"
    used = (
        f"{gib(sample.memory_used, 1)} of {gib(sample.memory_total or 0, 1)} are in use"
        if sample.memory_used is not None
        else "it does not say how much is in use"
    )
    if left := sum(sample.held[pid] for pid in before.pids & sample.held.keys()):
        return f"{gib(left, 1)} of it are still held, {used}"
    if before.bytes is not None:
        if _is_free(sample, before):
            return f"{gib(before.bytes, 1)} of it are free again, {used}"
        return f"its processes have left the {gib(before.bytes, 1)} that they held, but {used}"
    if before.used is None:
        return used
    return f"{gib(before.used, 1)} were in use, now {used}"


def _samples() -> list[GpuSample]:
    nvml = Nvml()
    try:
        return usable(nvml.sample())
    finally:
        nvml.close()
