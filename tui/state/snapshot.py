"""The app's data at one moment: made by the feed, shown by the screens, never changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.analysis.alarms import Alarm
from engine.catalog.metrics import AXES, Axis
from engine.runs.labels import Labels
from engine.runs.metadata import RunMetadata
from engine.runs.status import Status
from tui.state.run_page_record import Page, Record

if TYPE_CHECKING:
    from engine.analysis.curves import Curve
    from engine.config.loader import Config
    from engine.config.site import Site
    from engine.queue.forecast import Forecast
    from engine.runs.past.timeline import Happening
    from engine.runs.posted.posting import Posting, Seen
    from engine.runs.posted.site_status import SiteStatus
    from engine.runs.posted.whereabouts import Whereabouts
    from engine.runs.queue_entry import QueueEntry
    from engine.runs.worker_status import OfferedDevice
    from engine.system.nvml import GpuSample


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
    page: Page | None = None
    """What the run view shows of the run in focus, while it is open."""
    folds: tuple[tuple[str, ...], ...] = ()
    """The runs that are one curve together, the oldest of each first."""
    machine: bool = False
    """Whether the machine is shown whole, with what each process uses."""


@dataclass(frozen=True, eq=False)
class RunDetail:
    """All that is said of the run in focus."""

    run: str
    config: Mapping[str, Any]
    facts: Mapping[str, Any]
    """What its last start said: versions, device, parameters."""
    console: tuple[str, ...]
    commit: str = ""
    labels: Labels = field(default_factory=Labels)
    whereabouts: Whereabouts | None = None
    """The site that it was sent to, and what that says of it; None for a run of this folder."""


class Process(NamedTuple):
    """A process: what it is called, and the processes that it is a child of, the nearest first."""

    name: str
    ancestors: tuple[int, ...] = ()
    user: str = ""
    """Who it is of; empty where it was not looked at whole."""
    cpu: float | None = None
    """Percent of one core."""
    memory: int | None = None
    """Resident bytes."""
    of_run: tuple[str, str] | None = None
    """The run that it, or a process above it, trains as its command says, and the folder of that."""


@dataclass(frozen=True)
class Machine:
    """The machine that the app runs on; memory in bytes, ``cpu`` in percent of all cores."""

    time: float = 0.0
    """When it was looked at, in seconds since the epoch."""
    cpu: float = 0.0
    memory_used: int = 0
    memory_total: int = 0
    gpus: tuple[GpuSample, ...] = ()
    processes: Mapping[int, Process] = field(default_factory=dict)
    """Those on the GPUs, by pid, as far as /proc knows them: in a container NVML may name pids of the host.

    While the machine is shown whole also those of live runs, and the others that take most of the cores or memory.
    """
    cores: tuple[float, ...] = ()
    """Percent of each core, while the machine is shown whole."""
    load: float | None = None
    """How many processes run or want to, over the last minute; told beside the cores."""


@dataclass(frozen=True)
class SiteView:
    """A site that runs were sent to, as its file says it last."""

    status: SiteStatus
    looks: tuple[Machine, ...] = ()
    """A machine over ssh over the last minutes, oldest first; empty for a cluster."""


@dataclass(frozen=True)
class Queue:
    """Who waits, and for what."""

    waiting: tuple[str, ...] = ()
    """The queued runs in order."""
    entries: Mapping[str, QueueEntry] = field(default_factory=dict)
    """What runs that wait or live asked of the queue, and the devices that they got."""
    devices: tuple[OfferedDevice, ...] = ()
    """What the worker gives out; empty without a worker."""
    forecasts: tuple[Forecast, ...] = ()
    """When those that live end, and those that wait begin and end."""
    untrusted: frozenset[str] = frozenset()
    """The queued runs that do not start by themselves, as this user has not queued them."""
    postings: Mapping[str, Posting] = field(default_factory=dict)
    """How runs that wait or live at a site were sent there."""

    def name_of(self, device: str) -> str:
        """Return what a device is called, by its id."""
        names = {offered.id: offered.name for offered in self.devices}
        given = (entry.devices.get(device) for entry in self.entries.values())
        return names.get(device) or next(filter(None, given), device)


@dataclass(frozen=True, eq=False)
class Past:
    """The moment of the past that a snapshot is of, and what happened before and after it."""

    moment: float
    """Seconds since the epoch."""
    now: float
    """When it was made, in seconds since the epoch."""
    happenings: tuple[Happening, ...] = ()
    """What runs did up to now, by its time."""
    later: int = 0
    """How many experiments of the configuration had no run yet."""
    order_known: bool = True
    """Whether the order of the runs that waited is recorded."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything, once a tick."""

    config: Config | None = None
    config_error: str = ""
    runs: tuple[Status, ...] = ()
    """Oldest first."""
    unread: bool = False
    """Whether there are more runs, which have not been looked at yet."""
    runs_error: str = ""
    """Why there are none, where the folder that had some is gone."""
    metadata: Mapping[str, RunMetadata] = field(default_factory=dict)
    """By run, as far as it has been read."""
    watch: Watch = Watch()
    curves: Mapping[str, tuple[Curve, ...]] = field(default_factory=dict)
    """By metric; each is made when it is asked for."""
    drawn: frozenset[str] = frozenset()
    """The runs after which the curves of all metrics are named."""
    axes: frozenset[Axis] = frozenset(AXES)
    """Those on which one of the watched runs at least can be drawn."""
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each watched run was made with."""
    detail: RunDetail | None = None
    record: Record | None = None
    """The run that the run view shows."""
    alarms: Mapping[str, tuple[Alarm, ...]] = field(default_factory=dict)
    """What is wrong with live runs, by run."""
    machine: Machine = field(default_factory=Machine)
    machines: tuple[Machine, ...] = ()
    """The machine over the last minutes, one look a second, oldest first."""
    queue: Queue = field(default_factory=Queue)
    sites: tuple[SiteView, ...] = ()
    """Those that runs were sent to, by their names."""
    destinations: Mapping[str, Site] = field(default_factory=dict)
    """Where runs may be sent, by name: the sites of experiments.toml and of the user's own file."""
    loading: bool = False
    """Whether there is more to read of the watched runs."""
    past: Past | None = None
    """None for a snapshot of now."""

    @cached_property
    def by_id(self) -> Mapping[str, Status]:
        """The runs by their id, oldest first."""
        return {status.run: status for status in self.runs}

    @property
    def now(self) -> float:
        """When the machine was looked at, in seconds since the epoch; before its first look: now."""
        return self.machine.time or time.time()

    def seen(self, status: Status) -> Seen | None:
        """Return what the site of a run said of it last; None for a run that was sent nowhere."""
        if not status.on:
            return None
        views = (view for view in self.sites if view.status.site.name == status.on)
        return next((view.status.runs.get(status.run) for view in views), None)
