"""When queued runs will start and end, as far as that can be told: the queue played forward on the devices there are.

It is played as ``engine.plan`` deals devices out, with one run on each: by order, and who cannot start lets later ones
pass. How long a run takes is what earlier runs of its experiment took. What is not known is None, and so is all that
depends on it. Pure: nothing is looked at.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.plan import Device, suits
from engine.states import LIVE, Status
from engine.ticket import Ticket

MOST = 500
"""How many runs of a queue are forecast; of those behind them nothing is known."""
SHORTEST_S = 1.0
"""Seconds that a run takes at least."""


class Forecast(NamedTuple):
    """When a run starts and ends, in seconds since the epoch, and on which devices."""

    run: str
    devices: tuple[str, ...] = ()
    start: float | None = None
    finish: float | None = None


@dataclass(frozen=True)
class Going:
    """A run that has begun."""

    run: str
    start: float
    finish: float | None = None
    devices: tuple[str, ...] = ()


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


def forecast(
    going: Iterable[Going], waiting: Sequence[Waiting], devices: Sequence[Device], now: float
) -> list[Forecast]:
    """Return what becomes of each run: first those that go, then those that wait, both in their order."""
    board = _Board(devices, now)
    found = [board.occupy(run) for run in going]
    pending = [run for run in waiting if not run.blocked][:MOST]
    special = [run for run in pending if run.after or run.earliest > now]
    while pending and (time := board.next_time(special)) is not None:
        pending = board.start(pending, time)
    return found + [board.begun.get(run.run, Forecast(run.run)) for run in waiting]


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
        return Forecast(run.run, run.devices, run.start, finish)

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
            self.begun[run.run] = Forecast(run.run, tuple(device.id for device in fitting), time, finish)
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
    tickets: Mapping[str, Ticket],
    order: Sequence[str],
    names: Sequence[str],
    now: float,
) -> list[Forecast]:
    """Return the forecast of all runs that live or wait.

    Args:
        statuses: How all runs go.
        tickets: What queued.json says of those that live or wait.
        order: The ids of those that wait, as they stand in the queue.
        names: The devices that the worker gives out, by name; none without a worker.
        now: Seconds since the epoch.
    """
    known = {status.run: status for status in statuses}
    usual = usual_s(statuses)
    devices = devices_named(names)
    live = [status for status in statuses if status.state in LIVE]
    places = _places(live, tickets, devices)
    going = [_going(status, places[status.run], usual, now) for status in live]
    waiting = [_waiting(known[run], tickets[run], known, usual) for run in order if run in known]
    return forecast(going, waiting, devices, now)


def usual_s(statuses: Iterable[Status]) -> dict[str, float]:
    """Return the seconds that a run of each experiment takes: the median of those that finished, else of live ones."""
    finished: dict[str, list[float]] = {}
    live: dict[str, list[float]] = {}
    for status in statuses:
        if status.state == "finished" and status.trained_s:
            finished.setdefault(status.experiment, []).append(status.trained_s)
        elif status.state == "running" and status.eta_s is not None:
            whole = status.trained_s + status.elapsed_s + status.eta_s
            live.setdefault(status.experiment, []).append(whole)
    return {name: statistics.median(times) for name, times in (live | finished).items()}


def devices_named(names: Iterable[str]) -> list[Device]:
    """Return the devices that a worker's names speak of: ``GPU 0``, ``CPU slot 1``, a GPU's UUID."""
    found = []
    for name in names:
        slot, gpu = re.fullmatch(r"CPU slot (\d+)", name), re.fullmatch(r"GPU (\d+)", name)
        index = int(slot[1]) - 1 if slot else int(gpu[1]) if gpu else 0
        found.append(Device(name, name, index, gpu=slot is None))
    return found


def _places(
    live: Sequence[Status], tickets: Mapping[str, Ticket], devices: Iterable[Device]
) -> dict[str, tuple[str, ...]]:
    """Return the devices of each live run; one that was started by hand on the CPU takes a slot, as for the worker."""
    places = {
        status.run: tuple(ticket.devices.values()) if (ticket := tickets.get(status.run)) is not None else ()
        for status in live
    }
    taken = {device for place in places.values() for device in place}
    slots = [device.id for device in devices if not device.gpu and device.id not in taken]
    for status in live:
        if slots and not places[status.run] and not status.device.startswith("cuda"):
            places[status.run] = (slots.pop(0),)
    return places


def _going(status: Status, devices: tuple[str, ...], usual: Mapping[str, float], now: float) -> Going:
    start = status.started if status.state == "running" and status.started else now
    finish = None
    if status.state == "running" and status.eta_s is not None:
        finish = status.heartbeat + status.eta_s
    elif (takes := _left_s(status, usual)) is not None:
        finish = start + takes
    return Going(status.run, start, finish, devices)


def _waiting(
    status: Status, ticket: Ticket, known: Mapping[str, Status], usual: Mapping[str, float]
) -> Waiting:
    before = [known.get(name) for name in ticket.after]
    hopeless = any(each is None or each.state in ("failed", "stopped", "crashed") for each in before)
    return Waiting(
        run=status.run, takes_s=_left_s(status, usual), gpus=ticket.gpus, wish=ticket.device,
        earliest=ticket.not_before, blocked=ticket.on_hold or hopeless,
        after=tuple(each.run for each in before if each is not None and each.state != "finished"),
    )  # fmt: skip


def _left_s(status: Status, usual: Mapping[str, float]) -> float | None:
    """Return the seconds that a run will take from where it is, None where nothing tells."""
    whole = usual.get(status.experiment)
    if whole is None:
        return None
    done = status.epoch / status.epochs if status.epochs else 0.0
    return whole * max(0.0, 1 - done)
