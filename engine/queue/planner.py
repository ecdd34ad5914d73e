"""Which queued run starts on which device, and why the others wait: a pure function of plain data.

A device has one run, or several of which each may share and whose memory is known and fits together. Runs are taken
by priority, then in their order; one that cannot start lets later ones pass that can, so that no device idles.

So that small runs do not overtake a large one for ever (one that needs two GPUs, or a whole one that others share),
devices are kept for a run once it has waited for ``PATIENCE_S``: what gets free there is not given to later runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.sites.device_occupancy import Device
from engine.text import gib

PATIENCE_S = 600.0
"""Seconds for which a run may be overtaken by later ones that fit where it does not."""


@dataclass(frozen=True)
class Job:
    """A queued run."""

    run: str
    rank: tuple[float, ...] = ()
    """What the queue is sorted by."""
    since: float = 0.0
    """When it began to wait, in seconds since the epoch."""
    gpus: int = 1
    wish: str = "auto"
    share: bool = False
    memory: int | None = None
    """Bytes that it takes on each device, None where they are unknown."""
    blocked: str = ""
    """What it waits for besides a device, in words."""
    hopeless: bool = False
    """Whether it can start only after the user has acted."""


@dataclass(frozen=True)
class Live:
    """A run that has devices already."""

    run: str
    devices: tuple[str, ...]
    share: bool = False
    memory: int | None = None
    stalled: bool = False
    """Whether it makes no step."""


@dataclass(frozen=True)
class Wait:
    """Why a run waits, and whether it will start by itself."""

    words: str
    hopeless: bool = False


@dataclass
class Plan:
    """What to start now, and why the rest waits."""

    starts: dict[str, tuple[Device, ...]] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    """The run that a device is kept for, by the device's id."""


Occupant = Job | Live


def make_plan(jobs: Iterable[Job], devices: Sequence[Device], live: Iterable[Live], now: float) -> Plan:
    """Return which of the jobs start on which of the devices, and why the others wait.

    Args:
        jobs: The queued runs, in any order.
        devices: All devices of the worker, with their use of memory.
        live: The runs that have devices already.
        now: Seconds since the epoch.
    """
    plan = Plan()
    board = _board(devices, live)
    for job in sorted(jobs, key=lambda job: (job.rank, job.run)):
        if job.blocked:
            plan.waits[job.run] = Wait(job.blocked, job.hopeless)
            continue
        suitable = [device for device in devices if suits(job.wish, device, devices)]
        if (never := _never(job, suitable)) is not None:
            plan.waits[job.run] = Wait(never, hopeless=True)
            continue
        fitting = [
            device
            for device in suitable
            if device.id not in plan.kept and fits(job, device, board[device.id])
        ]
        if len(fitting) >= job.gpus:
            fitting.sort(key=lambda device: len(board[device.id]))
            plan.starts[job.run] = tuple(fitting[: job.gpus])
            for device in plan.starts[job.run]:
                board[device.id].append(job)
            continue
        plan.waits[job.run] = Wait(_why(job, suitable, board, plan.kept) + _who_stalls(suitable, board))
        if now - job.since >= PATIENCE_S:
            _keep(job, suitable, board, plan.kept)
    return plan


def fits(job: Job, device: Device, occupants: Sequence[Occupant]) -> bool:
    """Return whether a job can start on a device beside the runs that it has."""
    if not device.is_open:
        return False
    if not occupants:
        others = sum(user.size or 0 for user in device.users)  # the rest of the used memory is the driver's
        return job.memory is None or not device.total or job.memory + others <= device.total
    if not device.total or not job.share or job.memory is None:
        return False
    used = device.foreign
    for occupant in occupants:
        if not occupant.share or occupant.memory is None:
            return False
        used += occupant.memory
    return job.memory + max(used, device.used) <= device.total


def _board(devices: Sequence[Device], live: Iterable[Live]) -> dict[str, list[Occupant]]:
    """Return the runs on each device; a run whose CPU slot is gone takes one of the present ones."""
    board: dict[str, list[Occupant]] = {device.id: [] for device in devices}
    homeless = []
    for run in live:
        for device in run.devices:
            if device in board:
                board[device].append(run)
            elif device.startswith("cpu"):
                homeless.append(run)
    slots = [device.id for device in devices if not device.gpu]
    for run in homeless if slots else ():
        board[min(slots, key=lambda slot: len(board[slot]))].append(run)
    return board


def suits(wish: str, device: Device, devices: Sequence[Device]) -> bool:
    """Return whether a device is what a job asks for; ``auto`` asks for a GPU, for the CPU where there is none.

    Args:
        wish: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or the beginning of a GPU's UUID.
        device: The device.
        devices: All devices of the worker.
    """
    kind, _, number = wish.partition(":")
    if wish == "auto":
        return device.gpu or not any(other.gpu for other in devices)
    if kind == "cpu":
        return not device.gpu
    if kind == "cuda":
        return device.gpu and number in ("", str(device.index))
    return device.gpu and device.id.startswith(wish)


def _never(job: Job, suitable: Sequence[Device]) -> str | None:
    """Return why a job can never start here, None if it can."""
    if len(suitable) < job.gpus:
        what = _count(job.gpus, gpu=suitable[0].gpu if suitable else job.wish != "cpu")
        asked = "" if job.wish == "auto" else f" ({job.wish})"
        return f"needs {what}{asked}, and the worker has {len(suitable) or 'none'}"
    answering = [device for device in suitable if not device.lost]
    if len(answering) < job.gpus:
        lost = ", ".join(f"{device.name} is lost ({device.lost})" for device in suitable if device.lost)
        return f"needs {_count(job.gpus, gpu=True)}: {lost}"
    if job.memory is not None and all(device.total for device in answering):
        large = [device for device in answering if device.total >= job.memory]
        if len(large) < job.gpus:
            most = max(device.total for device in answering)
            return f"needs {gib(job.memory)}, and the largest GPU has {gib(most)}"
    return None


def _keep(
    job: Job, suitable: Sequence[Device], board: Mapping[str, list[Occupant]], kept: dict[str, str]
) -> None:
    """Keep for a job the devices on which it would fit once our own runs there have ended."""
    possible = [device for device in suitable if device.id not in kept and fits(job, device, ())]
    if len(possible) >= job.gpus:
        possible.sort(key=lambda device: len(board[device.id]))
        kept.update({device.id: job.run for device in possible[: job.gpus]})


def _why(
    job: Job, suitable: Sequence[Device], board: Mapping[str, list[Occupant]], kept: Mapping[str, str]
) -> str:
    if not suitable[0].gpu:
        return _why_no_slot(job, suitable, board, kept)
    blocked = [
        f"{device.name} ({_who(job, device, board[device.id], kept)})"
        for device in suitable
        if device.id in kept or not fits(job, device, board[device.id])
    ]
    size = f"{gib(job.memory)} on " if job.memory is not None else ""
    if job.gpus > 1:
        return f"waiting for {size}{job.gpus} GPUs: {_list(blocked)}"
    return f"waiting for {size}{_list(blocked, 'or')}"


def _who(job: Job, device: Device, occupants: Sequence[Occupant], kept: Mapping[str, str]) -> str:
    """Return what keeps a job from a GPU."""
    if device.lost:
        return f"lost: {device.lost}"
    if device.id in kept:
        return f"kept for {kept[device.id]}"
    if not device.is_open or not occupants:
        if device.users:
            return f"used by {_list([str(user) for user in device.users])}"
        return f"used by others, {gib(device.foreign)}"
    reason = f"runs {_list([occupant.run for occupant in occupants])}"
    if job.share and job.memory is not None and all(occupant.share for occupant in occupants):
        free = device.total - max(
            device.used, device.foreign + sum(occupant.memory or 0 for occupant in occupants)
        )
        return f"{reason}, {gib(max(0, free))} free"
    return reason


def _who_stalls(suitable: Sequence[Device], board: Mapping[str, list[Occupant]]) -> str:
    """Return which runs on the devices make no step, to be said behind a reason; empty where all do."""
    on_them = (occupant for device in suitable for occupant in board[device.id])
    stalled = list(dict.fromkeys(each.run for each in on_them if isinstance(each, Live) and each.stalled))
    return f"; {_list(stalled)} stall{'s' * (len(stalled) == 1)}" if stalled else ""


def _why_no_slot(
    job: Job, slots: Sequence[Device], board: Mapping[str, list[Occupant]], kept: Mapping[str, str]
) -> str:
    busy = sum(bool(board[slot.id]) for slot in slots)
    reason = f"{busy} of {_count(len(slots), gpu=False)} {'is' if busy == 1 else 'are'} taken"
    reserved = {kept[slot.id] for slot in slots if slot.id in kept and not board[slot.id]}
    if reserved:
        reason += f", the rest is kept for {_list(sorted(reserved))}"
    return reason if job.gpus == 1 else f"needs {job.gpus}, {reason}"


def _count(number: int, *, gpu: bool) -> str:
    return f"{number} {'GPU' if gpu else 'CPU slot'}{'s' if number != 1 else ''}"


def _list(words: Sequence[str], last: str = "and") -> str:
    listed = list(words[:3])
    if len(words) > 3:
        listed.append(f"{len(words) - 3} more")
    return f" {last} ".join(filter(None, [", ".join(listed[:-1]), listed[-1]])) if listed else ""
