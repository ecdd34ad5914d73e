"""Processes that hold memory of this machine's GPUs for a run that no longer lives."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.diagnostics.checks import Finding
from engine.runs.store import Run, Store
from engine.system.telemetry import GpuSample
from engine.text import gib

MAX_READ = 1024 * 1024
"""Bytes of a process's command line or environment that are read."""


class Gpus(Protocol):
    """What looks at GPUs: ``engine.system.telemetry.Nvml``."""

    def sample(self) -> list[GpuSample]:
        """Look at every GPU once."""


@dataclass(frozen=True)
class Origin:
    """Which run a process says that it belongs to."""

    run: str
    folder: Path | None
    """The folder of runs, where it says so."""


def check_gpus(store: Store, gpus: Gpus) -> Iterator[Finding]:
    """Does a process hold GPU memory for a run of this folder that is over?"""
    held: dict[int, int] = {}
    for sample in gpus.sample():
        for pid, used in sample.processes.items():
            held[pid] = held.get(pid, 0) + used
    for pid, used in sorted(held.items()):
        origin = origin_of(pid)
        if origin is None or not _is_of(origin, store) or Run(store.root / origin.run).is_held():
            continue
        yield Finding(
            origin.run, "gpu", f"process {pid} holds {gib(used, 1)} of GPU memory, and its run does not live",
            f"`kill {pid}` frees it",
        )  # fmt: skip


def origin_of(pid: int) -> Origin | None:
    """Return which run a process says that it belongs to; None for a foreign process, or where /proc hides it."""
    variables = dict(pair.split("=", 1) for pair in _words(pid, "environ") if "=" in pair)
    if run := variables.get("VITUI_RUN"):
        folder = variables.get("VITUI_RUN_DIR")
        return Origin(run, Path(folder).parent if folder else None)
    words = _words(pid, "cmdline")
    for i, word in enumerate(words[:-1]):
        if word == "train" and any("engine" in before for before in words[:i]):
            return Origin(words[i + 1], _after(words, "--runs"))
    return None


def _after(words: list[str], option: str) -> Path | None:
    return next((Path(value) for name, value in itertools.pairwise(words) if name == option), None)


def _is_of(origin: Origin, store: Store) -> bool:
    if origin.folder is None:
        return (store.root / origin.run).is_dir() and "/" not in origin.run
    return origin.folder.resolve() == store.root.resolve() and "/" not in origin.run


def _words(pid: int, file: str) -> list[str]:
    """Return what ``/proc`` lists of a process, nothing where it may not be seen."""
    try:
        with Path(f"/proc/{pid}/{file}").open("rb") as opened:
            return [os.fsdecode(word) for word in opened.read(MAX_READ).split(b"\0")]
    except OSError:
        return []
