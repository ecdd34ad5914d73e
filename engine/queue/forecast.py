"""When queued runs will start and end, as far as that can be told: the queue played forward on the devices there are.

It is played as ``engine.queue.planner`` deals devices out, with one run on each: by order, and who cannot start lets
later ones pass. How long a run takes is what ``engine.queue.durations`` makes of speeds that were measured. What is not
known is None, and so is all that depends on it; of that it is known from when on it can be. Pure: nothing is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from engine.queue.durations import Paces
from engine.queue.planner import suits
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import LIVE, Status
from engine.runs.worker_status import OfferedDevice
from engine.sites.device import Device

MOST = 500
"""How many runs of a queue are forecast; of those behind them nothing is known."""
SHORTEST_S = 1.0
"""Seconds that a run takes at least."""

MEASURED = 1000
"""Runs that no longer live whose speeds are looked at, the last ones: it is done anew at each word of a live run."""


class Forecast(NamedTuple):
    """When a run starts and ends, in seconds since the epoch, and on which devices."""

    run: str
    devices: tuple[str, ...] = ()
    """By their ids."""
    start: float | None = None
    finish: float | None = None
    earliest: float | None = None
    """Before when it does not start, where that is all that is known: it is behind a run of unknown length."""
    earliest_finish: float | None = None
    """Before when it has not finished, where that is all that is known."""
    how: str = ""
    """How the seconds were reached that it takes, in words."""


@dataclass(frozen=True)
class Going:
    """A run that has begun."""

    run: str
    start: float
    finish: float | None = None
    devices: tuple[str, ...] = ()
    how: str = ""
    """How its end was reached, in words."""


@dataclass(frozen=True)
class Waiting:
    """A run that waits."""

    run: str
    takes_s: float | None = None
    gpus: int = 1
    wish: str = "auto"
    earliest: float = 0.0
    """Seconds since the epoch before which it does not start."""
    after: tuple[str, ...] = ()
    """Runs that have to end first, of those that go or wait."""
    blocked: bool = False
    """Whether somebody has to do something before it starts."""
    how: str = ""
    """How ``takes_s`` was reached, in words."""


def forecast(
    going: Iterable[Going], waiting: Sequence[Waiting], devices: Sequence[Device], now: float
) -> list[Forecast]:
    """Return what becomes of each run: first those that go, then those that wait, both in their order."""
    going = list(going)
    found = _play(going, waiting, devices, now)
    if all(run.finish is not None for run in going) and all(run.takes_s is not None for run in waiting):
        return found
    shortest = _play(
        [replace(run, finish=now) if run.finish is None else run for run in going],
        [replace(run, takes_s=0.0) if run.takes_s is None else run for run in waiting],
        devices, now,
    )  # fmt: skip
    return [_bounded(one, least) for one, least in zip(found, shortest, strict=True)]


def _bounded(found: Forecast, least: Forecast) -> Forecast:
    """Return a forecast with bounds of what it leaves open, from one in which nothing of unknown length lasts."""
    if found.finish is not None or least.start is None:
        return found
    if found.start is not None:
        return found._replace(earliest_finish=max(found.start, least.finish or found.start))
    return found._replace(earliest=least.start, earliest_finish=least.finish)


def _play(
    going: Iterable[Going], waiting: Sequence[Waiting], devices: Sequence[Device], now: float
) -> list[Forecast]:
    board = _Board(devices, now)
    found = [board.occupy(run) for run in going]
    pending = [run for run in waiting if not run.blocked][:MOST]
    special = [run for run in pending if run.after or run.earliest > now]
    while pending and (time := board.next_time(special)) is not None:
        pending = board.start(pending, time)
    return found + [board.begun.get(run.run, Forecast(run.run, how=run.how)) for run in waiting]


class _Board:
    """The devices, and from when on each is free."""

    def __init__(self, devices: Sequence[Device], now: float) -> None:
        self.begun: dict[str, Forecast] = {}
        self._devices = devices
        self._free: dict[str, float | None] = {device.id: now for device in devices}
        """None for one of which that is not known."""
        self._ends: dict[str, float | None] = {}
        self._now, self._last = now, float("-inf")

    def occupy(self, run: Going) -> Forecast:
        """Give a run the devices that it has."""
        finish = None if run.finish is None else max(self._now, run.start, run.finish)
        self._ends[run.run] = finish
        for device in run.devices:
            if (free := self._free.get(device)) is not None:
                self._free[device] = None if finish is None else max(free, finish)
        return Forecast(run.run, run.devices, run.start, finish, how=run.how)

    def next_time(self, special: Iterable[Waiting]) -> float | None:
        """Return the next moment at which something may start; None if nothing will any more."""
        times = [time for time in self._free.values() if time is not None]
        times += [time for run in special if (time := self._ready(run)) is not None]
        return min((time for time in times if time > self._last), default=None)

    def start(self, pending: Sequence[Waiting], time: float) -> list[Waiting]:
        """Start what can start at a moment; return what goes on waiting."""
        self._last = time
        free = [device for device in self._devices if self._is_free(device, time)]
        left: list[Waiting] = []
        for number, run in enumerate(pending):
            if not free:
                return left + list(pending[number:])
            ready = self._ready(run)
            fitting = [device for device in free if suits(run.wish, device, self._devices)][: run.gpus]
            if ready is None or ready > time or len(fitting) < run.gpus:
                left.append(run)
                continue
            finish = None if run.takes_s is None else time + max(SHORTEST_S, run.takes_s)
            for device in fitting:
                self._free[device.id] = finish
                free.remove(device)
            self._ends[run.run] = finish
            given = tuple(device.id for device in fitting)
            self.begun[run.run] = Forecast(run.run, given, time, finish, how=run.how)
        return left

    def _is_free(self, device: Device, time: float) -> bool:
        free = self._free[device.id]
        return free is not None and free <= time

    def _ready(self, run: Waiting) -> float | None:
        """Return from when on a run waits for a device alone, None where that is not known (yet)."""
        ends = [self._ends.get(name) for name in run.after]
        if any(end is None for end in ends):
            return None
        return max([self._now, run.earliest, *(end for end in ends if end is not None)])


def outlook(
    statuses: Sequence[Status],
    entries: Mapping[str, QueueEntry],
    order: Sequence[str],
    offered: Sequence[OfferedDevice],
    now: float,
    configs: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Forecast]:
    """Return the forecast of all runs that live or wait.

    Args:
        statuses: How all runs go, those that ended last behind the others.
        entries: What queued.json says of those that live or wait.
        order: The ids of those that wait, as they stand in the queue.
        offered: The devices that the worker gives out; none without a worker.
        now: Seconds since the epoch.
        configs: What each run was made with, as far as it is known.
    """
    if not entries and not any(status.state in LIVE for status in statuses):
        return []
    known = {status.run: status for status in statuses}
    live = [status for status in statuses if status.state in LIVE]
    others = [status for status in statuses if status.state not in LIVE]
    paces = Paces([*live, *others[-MEASURED:]], configs or {})
    devices = [Device(each.id, each.name, each.index, gpu=each.gpu) for each in offered]
    given = _given(live, entries, devices)
    going = [_going(status, given[status.run], paces, now) for status in live]
    waiting = [_waiting(known[run], entries[run], known, paces) for run in order if run in known]
    return forecast(going, waiting, devices, now)


def _given(
    live: Sequence[Status], entries: Mapping[str, QueueEntry], devices: Iterable[Device]
) -> dict[str, tuple[str, ...]]:
    """Return the ids of each live run's devices; one started by hand on the CPU takes a slot, as for the worker."""
    given = {
        status.run: tuple(entry.devices) if (entry := entries.get(status.run)) is not None else ()
        for status in live
    }
    taken = {device for devices_of_run in given.values() for device in devices_of_run}
    slots = [device.id for device in devices if not device.gpu and device.id not in taken]
    for status in live:
        if slots and not given[status.run] and not status.device.startswith("cuda"):
            given[status.run] = (slots.pop(0),)
    return given


def _going(status: Status, devices: tuple[str, ...], paces: Paces, now: float) -> Going:
    start = status.started if status.state == "running" and status.started else now
    if status.state == "running" and status.eta_s is not None:
        return Going(status.run, start, status.heartbeat + status.eta_s * _share(status), devices)
    takes = paces.left(status)
    finish = None if takes.seconds is None else start + takes.seconds
    return Going(status.run, start, finish, devices, takes.how)


def _share(status: Status) -> float:
    """Return how much of the time left a run takes, less than all where it was asked to stop before."""
    if status.asked is None:
        return 1.0
    if status.asked == "stop-now" or not status.epochs or status.epoch >= status.epochs:
        return 0.0
    return (math.floor(status.epoch) + 1 - status.epoch) / (status.epochs - status.epoch)


def _waiting(status: Status, entry: QueueEntry, known: Mapping[str, Status], paces: Paces) -> Waiting:
    before = [known.get(name) for name in entry.after]
    hopeless = any(each is None or each.state in ("failed", "stopped", "crashed") for each in before)
    takes = paces.left(status, _asked_epochs(entry))
    return Waiting(
        run=status.run, takes_s=takes.seconds, gpus=entry.gpus, wish=entry.device,
        earliest=entry.not_before, blocked=entry.on_hold or hopeless,
        after=tuple(each.run for each in before if each is not None and each.state != "finished"), how=takes.how,
    )  # fmt: skip


def _asked_epochs(entry: QueueEntry) -> int | None:
    """Return the epochs that a run is to have when it goes on, if that was asked for."""
    asked = [text for key, _, text in (each.partition("=") for each in entry.settings) if key == "epochs"]
    return int(asked[-1]) if asked and asked[-1].isdecimal() else None
