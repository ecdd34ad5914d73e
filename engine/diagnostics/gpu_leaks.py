"""Processes that hold memory of this machine's GPUs for a run that no longer lives."""

from __future__ import annotations

from collections.abc import Iterator

from engine.diagnostics.checks import Finding
from engine.runs import run_lock
from engine.runs.processes import Origin, origin_of
from engine.runs.store import Run, Store
from engine.system.telemetry import GpuSource
from engine.text import gib


def check_gpus(store: Store, gpus: GpuSource) -> Iterator[Finding]:
    """Does a process hold GPU memory for a run of this folder that is over?"""
    held: dict[int, int] = {}
    for sample in gpus.sample():
        for pid, used in sample.processes.items():
            held[pid] = held.get(pid, 0) + used
    for pid, used in sorted(held.items()):
        origin = origin_of(pid)
        if origin is None or not _is_of(origin, store) or run_lock.is_held(Run(store.root / origin.run)):
            continue
        yield Finding(
            origin.run, "gpu", f"process {pid} holds {gib(used, 1)} of GPU memory, and its run does not live",
            f"`kill {pid}` frees it",
        )  # fmt: skip


def _is_of(origin: Origin, store: Store) -> bool:
    if origin.folder is None:
        return (store.root / origin.run).is_dir() and "/" not in origin.run
    return origin.folder.resolve() == store.root.resolve() and "/" not in origin.run
