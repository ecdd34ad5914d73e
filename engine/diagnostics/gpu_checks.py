"""GPUs of this machine that are lost, and processes that hold memory of them for a run that no longer lives."""

from __future__ import annotations

from collections.abc import Iterator

from engine.diagnostics.findings import Finding
from engine.runs import run_lock
from engine.runs.processes.membership import Origin, is_marked, origin_of
from engine.runs.store import Run, Store
from engine.system.nvml import GpuSource, bytes_by_process
from engine.text import gib


def check_gpus(store: Store, gpus: GpuSource) -> Iterator[Finding]:
    """Is a GPU lost? Does a process hold GPU memory for a run of this folder that is over?"""
    samples = gpus.sample()
    for sample in samples:
        if sample.lost:
            yield Finding(
                sample.label, "gpu", f"NVML cannot reach it: {sample.lost}",
                "`dmesg | grep Xid` may say why; resetting the card or restarting the machine brings it back",
            )  # fmt: skip
    for pid, used in sorted(bytes_by_process(samples).items()):
        origin = origin_of(pid)
        if origin is None or not _is_of(origin, store) or run_lock.is_held(Run(store.root / origin.run)):
            continue
        cure = f"it says itself that it is this run's: `ps -fp {pid}` shows what it is, `kill {pid}` frees the memory"
        if is_marked(pid, Run(store.root / origin.run)):
            cure = f"`engine stop --force {origin.run}` frees it"
        text = f"process {pid} holds {gib(used, 1)} of GPU memory, and its run does not live"
        yield Finding(origin.run, "gpu", text, cure)


def _is_of(origin: Origin, store: Store) -> bool:
    if origin.folder is None:
        return (store.root / origin.run).is_dir() and "/" not in origin.run
    return origin.folder.resolve() == store.root.resolve() and "/" not in origin.run
