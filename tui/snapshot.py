"""What the app knows at one moment: made whole by the feed, shown by the screens, changed by nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.states import Status
from tui.record import Page, Record

if TYPE_CHECKING:
    from engine.config import Config
    from engine.history import Array, Axis
    from engine.telemetry import GpuSample


@dataclass(frozen=True)
class Project:
    """A folder with experiments and runs."""

    folder: Path
    config: Path
    runs: Path


@dataclass(frozen=True)
class Watch:
    """What the screen shows, and so what the feed prepares: the runs in the charts, the one in focus, and how."""

    runs: tuple[str, ...] = ()
    focus: str | None = None
    axis: Axis = "epoch"
    smoothing: float = 0.0
    """The weight of the past in the curves, from 0 up to, not including, 1."""
    bands: bool = False
    """Whether runs that differ in their seed alone are one curve."""
    page: Page | None = None
    """What the run view shows of the run in focus, while it is open."""


@dataclass(frozen=True, eq=False)
class RunCurve:
    """One metric of one run: (N,) positions on the watched axis and (N,) values, and where it was resumed."""

    run: str
    x: Array
    y: Array
    seams: tuple[float, ...] = ()
    raw: Array | None = None
    """(N,) values before they were smoothed."""
    low: Array | None = None
    high: Array | None = None
    """(N,) bounds of a band."""
    n: int = 1
    """How many runs this is the mean of."""


@dataclass(frozen=True, eq=False)
class Detail:
    """All that is said of the run in focus."""

    run: str
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    """What its last start said: versions, device, parameters."""
    console: tuple[str, ...]
    commit: str = ""


@dataclass(frozen=True)
class Machine:
    """The machine that the app runs on; memory in bytes, ``cpu`` in percent of all cores."""

    cpu: float = 0.0
    memory_used: int = 0
    memory_total: int = 0
    gpus: tuple[GpuSample, ...] = ()


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything, once a tick."""

    config: Config | None = None
    config_error: str = ""
    runs: tuple[Status, ...] = ()
    """Oldest first."""
    watch: Watch = Watch()
    curves: Mapping[str, tuple[RunCurve, ...]] = field(default_factory=dict)
    """By metric."""
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each watched run was made with."""
    detail: Detail | None = None
    record: Record | None = None
    """The run that the run view shows."""
    machine: Machine = Machine()
    loading: bool = False
    """Whether there is more to read of the watched runs."""
