"""When queued runs will start and end: the queue played forward on the devices of the worker.

It is played as ``engine.queue.planner`` deals devices out, with one run on each: by order, and who cannot start lets
later ones pass. How long a run takes is what ``engine.queue.durations`` makes of measured speeds. An unknown time is
None, and so is each time that depends on it; these have an earliest time in its place. Pure: plain data in and out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from engine.queue.durations import DurationEstimator
from engine.queue.planner import suits
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import LIVE, Status
from engine.runs.worker_status import OfferedDevice
from engine.sites.device_occupancy import Device

MOST = 500
"""How many runs of a queue are forecast; those behind them have no times."""
SHORTEST_S = 1.0
"""Seconds that a run takes at least."""

MEASURED = 1000
"""How many of the last ended runs give their speeds: a forecast is made anew at each event of a live run."""


class Forecast(NamedTuple):
    """When a run starts and ends, in seconds since the epoch, and on which devices."""

    run: str
    devices: tuple[str, ...] = ()
    """By their ids."""
    start: float | None = None
    finish: float | None = None
    earliest: float | None = None
    """The earliest start, where the start is unknown: it is behind a run of unknown length."""
    earliest_finish: float | None = None
    """The earliest finish, where the finish is unknown."""
    how: str = ""
    """In words, how its duration was estimated."""
    limit: float | None = None
    """When the time of its job at a site is up; it ends then at the latest."""
    stalled: bool = False
    """Whether it makes no step, or waits for a run that makes none: it has no times then."""


@dataclass(frozen=True)
class RunningRun:
    """A run that has begun."""

    run: str
    start: float
    finish: float | None = None
    devices: tuple[str, ...] = ()
    how: str = ""
    """In words, how its end was estimated."""
    stalled: bool = False
    """Whether it makes no step; its end is unknown then, and so is each earliest time behind it."""


@dataclass(frozen=True)
class QueuedRun:
    """A run that waits."""

    run: str
    takes_s: float | None = None
    gpus: int = 1
    wish: str = "auto"
    earliest: float = 0.0
    """Seconds since the epoch before which it does not start."""
    after: tuple[str, ...] = ()
    """Running or queued runs that have to end first."""
    blocked: bool = False
    """Whether it starts only after the user has acted."""
    how: str = ""
    """In words, how ``takes_s`` was estimated."""


def forecast(
    running: Iterable[RunningRun], queued: Sequence[QueuedRun], devices: Sequence[Device], now: float
) -> list[Forecast]:
    """Return the forecast of each run: first the running ones, then the queued ones, both in their order.

    Args:
        running: The runs that have begun.
        queued: The runs that wait, in the order of the queue.
        devices: The devices that the worker gives out.
        now: Seconds since the epoch.
    """
    running = list(running)
    forecasts = _play(running, queued, devices, now)
    if all(run.finish is not None for run in running) and all(run.takes_s is not None for run in queued):
        return forecasts
    ending = [replace(run, finish=now) if run.finish is None else run for run in running]
    taking = [replace(run, takes_s=0.0) if run.takes_s is None else run for run in queued]
    shortest = _play(ending, taking, devices, now)
    if any(run.stalled for run in running):
        freed = {each.run for each in shortest if each.start is not None}
        stuck = [before if before.stalled else after for before, after in zip(running, ending, strict=True)]
        shortest = _play(stuck, taking, devices, now)
        behind = {each.run for each in shortest if each.start is None} & freed
        behind |= {run.run for run in running if run.stalled}
        forecasts = [each._replace(stalled=each.run in behind) for each in forecasts]
    return [_bounded(likely, least) for likely, least in zip(forecasts, shortest, strict=True)]


def _bounded(likely: Forecast, least: Forecast) -> Forecast:
    """Return a forecast with earliest times for the unknown ones.

    Args:
        likely: The forecast.
        least: The same where each run of unknown length takes no time.
    """
    if likely.finish is not None or likely.stalled or least.start is None:
        return likely
    if likely.start is not None:
        return likely._replace(earliest_finish=max(likely.start, least.finish or likely.start))
    return likely._replace(earliest=least.start, earliest_finish=least.finish)


def _play(
    running: Iterable[RunningRun], queued: Sequence[QueuedRun], devices: Sequence[Device], now: float
) -> list[Forecast]:
    board = _Board(devices, now)
    forecasts = [board.occupy(run) for run in running]
    pending = [run for run in queued if not run.blocked][:MOST]
    special = [run for run in pending if run.after or run.earliest > now]
    while pending and (time := board.next_time(special)) is not None:
        pending = board.start(pending, time)
    return forecasts + [board.begun.get(run.run, Forecast(run.run, how=run.how)) for run in queued]


class _Board:
    """The devices, and from when on each is free."""

    def __init__(self, devices: Sequence[Device], now: float) -> None:
        self.begun: dict[str, Forecast] = {}
        self._devices = devices
        self._free: dict[str, float | None] = {device.id: None if device.lost else now for device in devices}
        """None for a device that is free at an unknown time."""
        self._ends: dict[str, float | None] = {}
        self._now, self._last = now, float("-inf")

    def occupy(self, run: RunningRun) -> Forecast:
        """Give a run the devices that it has."""
        finish = None if run.finish is None else max(self._now, run.start, run.finish)
        self._ends[run.run] = finish
        for device in run.devices:
            if (free := self._free.get(device)) is not None:
                self._free[device] = None if finish is None else max(free, finish)
        return Forecast(run.run, run.devices, run.start, finish, how=run.how)

    def next_time(self, special: Iterable[QueuedRun]) -> float | None:
        """Return the next moment at which a run may start; None after the last one."""
        times = [time for time in self._free.values() if time is not None]
        times += [time for run in special if (time := self._ready(run)) is not None]
        return min((time for time in times if time > self._last), default=None)

    def start(self, pending: Sequence[QueuedRun], time: float) -> list[QueuedRun]:
        """Start the runs that can start at a moment; return those that go on waiting."""
        self._last = time
        free = [device for device in self._devices if self._is_free(device, time)]
        still_waiting: list[QueuedRun] = []
        for number, run in enumerate(pending):
            if not free:
                return still_waiting + list(pending[number:])
            ready = self._ready(run)
            fitting = [device for device in free if suits(run.wish, device, self._devices)][: run.gpus]
            if ready is None or ready > time or len(fitting) < run.gpus:
                still_waiting.append(run)
                continue
            finish = None if run.takes_s is None else time + max(SHORTEST_S, run.takes_s)
            for device in fitting:
                self._free[device.id] = finish
                free.remove(device)
            self._ends[run.run] = finish
            device_ids = tuple(device.id for device in fitting)
            self.begun[run.run] = Forecast(run.run, device_ids, time, finish, how=run.how)
        return still_waiting

    def _is_free(self, device: Device, time: float) -> bool:
        free = self._free[device.id]
        return free is not None and free <= time

    def _ready(self, run: QueuedRun) -> float | None:
        """Return from when on a run waits for a device alone, None where that is unknown so far."""
        ends = [self._ends.get(name) for name in run.after]
        if any(end is None for end in ends):
            return None
        return max([self._now, run.earliest, *(end for end in ends if end is not None)])


def forecast_queue(
    statuses: Sequence[Status],
    entries: Mapping[str, QueueEntry],
    order: Sequence[str],
    offered: Sequence[OfferedDevice],
    now: float,
    configs: Mapping[str, Mapping[str, Any]] | None = None,
    untrusted: Collection[str] = (),
) -> list[Forecast]:
    """Return the forecast of all live and queued runs; ``engine.queue.site_forecast`` has that of posted ones.

    Args:
        statuses: The status of every run, by when they ended.
        entries: The queue entries of the live and the queued runs, by run id.
        order: The ids of the queued runs, as they stand in the queue.
        offered: The devices that the worker gives out; empty without a worker.
        now: Seconds since the epoch.
        configs: The configuration of each run by its id, as far as they are known.
        untrusted: The ids of queued runs that do not start by themselves, as this user has not queued them.

    Returns:
        First the live runs, then the queued ones; empty where there are neither.
    """
    live = [status for status in statuses if status.state in LIVE and not status.on]
    if not entries and not live:
        return []
    by_id = {status.run: status for status in statuses}
    others = [status for status in statuses if status.state not in LIVE]
    durations = DurationEstimator([*live, *others[-MEASURED:]], configs or {})
    devices = [
        Device(device.id, device.name, device.index, gpu=device.gpu, lost=device.lost) for device in offered
    ]
    devices_of = _given(live, entries, devices)
    running = [as_running(status, devices_of[status.run], durations, now) for status in live]
    queued = [
        _as_queued(by_id[run], entries[run], by_id, durations, blocked=run in untrusted)
        for run in order
        if run in by_id
    ]
    return forecast(running, queued, devices, now)


def _given(
    live: Sequence[Status], entries: Mapping[str, QueueEntry], devices: Iterable[Device]
) -> dict[str, tuple[str, ...]]:
    """Return the ids of each live run's devices; one started by hand on the CPU takes a slot, as for the worker."""
    devices_of = {
        status.run: tuple(entry.devices) if (entry := entries.get(status.run)) is not None else ()
        for status in live
    }
    taken = {device for devices_of_run in devices_of.values() for device in devices_of_run}
    slots = [device.id for device in devices if not device.gpu and device.id not in taken]
    for status in live:
        if slots and not devices_of[status.run] and not status.device.startswith("cuda"):
            devices_of[status.run] = (slots.pop(0),)
    return devices_of


def as_running(
    status: Status, devices: tuple[str, ...], durations: DurationEstimator, now: float
) -> RunningRun:
    """Return when a live run began, and when it ends if it is left alone.

    Args:
        status: How far it has come.
        devices: The devices that it has, by their ids.
        durations: How long runs take.
        now: Seconds since the epoch.
    """
    start = status.started if status.state == "running" and status.started else now
    if status.stalled:
        return RunningRun(status.run, start, None, devices, stalled=True)
    if status.state == "running" and status.eta_s is not None:
        return RunningRun(status.run, start, status.heartbeat + status.eta_s * _share(status), devices)
    takes = durations.left(status)
    finish = None if takes.seconds is None else start + takes.seconds
    return RunningRun(status.run, start, finish, devices, takes.how)


def _share(status: Status) -> float:
    """Return the share of its time left that a run takes: less than 1 where it was asked to stop earlier."""
    if status.asked is None:
        return 1.0
    if status.asked == "stop-now" or not status.epochs or status.epoch >= status.epochs:
        return 0.0
    return (math.floor(status.epoch) + 1 - status.epoch) / (status.epochs - status.epoch)


def _as_queued(
    status: Status,
    entry: QueueEntry,
    by_id: Mapping[str, Status],
    durations: DurationEstimator,
    *,
    blocked: bool,
) -> QueuedRun:
    before = [by_id.get(name) for name in entry.after]
    hopeless = any(other is None or other.state in ("failed", "stopped", "crashed") for other in before)
    takes = durations.left(status, _asked_epochs(entry))
    return QueuedRun(
        run=status.run, takes_s=takes.seconds, gpus=entry.gpus, wish=entry.device,
        earliest=entry.not_before, blocked=blocked or entry.on_hold or hopeless,
        after=tuple(other.run for other in before if other is not None and other.state != "finished"), how=takes.how,
    )  # fmt: skip


def _asked_epochs(entry: QueueEntry) -> int | None:
    """Return the epochs that a resumed run was asked to train in all, None where it keeps its own."""
    asked = [
        text for key, _, text in (setting.partition("=") for setting in entry.settings) if key == "epochs"
    ]
    return int(asked[-1]) if asked and asked[-1].isdecimal() else None
