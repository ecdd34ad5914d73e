"""A run's entry in the queue: its position, its demands, and the process that took it; kept in queued.json.

::

    waiting -> taken -> (finished: the file goes) | left | failed -> waiting again, or left

One file says both where a run waits and which process has it, and is replaced in one step: a copy of the folder
always has one of the two.
"""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from engine.runs.store import Run
from engine.system.files import DAMAGED, write_atomic
from engine.system.lock import Holder, this_process

Stage = Literal["waiting", "taken", "failed", "left"]


class QueueEntry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What queued.json says of a run."""

    submitted: float
    stage: Stage = "waiting"
    device: str = "auto"
    settings: list[str] = []
    """What it changes when it is resumed, as ``key=value``."""
    gpus: int = 1
    """Devices that it needs."""
    priority: int = 0
    """The higher, the earlier; the default is 0."""
    order: float | None = None
    """Its rank among those of its priority, where it was moved; else ``submitted``."""
    after: list[str] = []
    """Runs that have to finish first."""
    share: bool = False
    """Whether it may share a GPU with others that may."""
    on_hold: bool = False
    not_before: float = 0.0
    """Seconds since the epoch before which it is not started: the pause before a retry."""
    attempts: int | None = None
    """The attempts at the run when it was queued or taken: the entry is outdated once there is a further one."""
    retried: int = 0
    """How often the queue began it anew by itself."""
    by_hand: bool = False
    """Whether it was started without the queue; such a run has no retries."""
    devices: dict[str, str] = {}
    """The devices that the worker gave it: the name of each by its id."""
    holder: Holder | None = None
    """The process that has it, once it is taken."""

    @property
    def rank(self) -> tuple[float, float, float]:
        """What the queue is sorted by, smallest first."""
        return -self.priority, self.submitted if self.order is None else self.order, self.submitted

    def waits(self, attempts: int) -> bool:
        """Return whether it waits, given the number of attempts in the run's events.

        A copied folder may hold an old entry beside newer events: such an entry does not wait.
        """
        return self.stage == "waiting" and (self.attempts is None or attempts <= self.attempts)

    def begun(self, attempts: int) -> bool:
        """Return whether the process that took it has recorded its start, given the attempts in the run's events."""
        return self.attempts is None or attempts > self.attempts

    @property
    def owner(self) -> Holder | None:
        """The process that took the run and has not recorded its end yet."""
        return self.holder if self.stage == "taken" else None


_decoder = msgspec.json.Decoder(QueueEntry)


def queue_entry(run: Run) -> QueueEntry | None:
    """Return a run's entry, whether it waits or not; None without queued.json. A damaged one waits."""
    try:
        return _decoder.decode(run.read("queued.json"))
    except FileNotFoundError:
        return None
    except DAMAGED:
        return QueueEntry(submitted=0.0)  # damaged: it waits all the same


def waiting_entry(run: Run) -> QueueEntry | None:
    """Return the entry of a run that waits in the queue, None where it does not."""
    entry = queue_entry(run)
    return entry if entry is not None and entry.stage == "waiting" else None


def write_entry(run: Run, entry: QueueEntry) -> None:
    """Replace queued.json; the caller holds the run's lock, unless the run is still being created.

    Raises:
        OSError: It cannot be written; the old file remains.
    """
    write_atomic(run.queue_file, msgspec.json.encode(entry))


def take_from_queue(run: Run, attempts: int, *, by_hand: bool) -> None:
    """Record that this process, which holds the run's lock, has taken the run from the queue.

    Args:
        run: The run.
        attempts: The number of attempts before this one.
        by_hand: Whether it was started without the queue.
    """
    entry = queue_entry(run) or QueueEntry(submitted=time.time())
    entry.stage, entry.holder, entry.attempts, entry.by_hand = "taken", this_process(), attempts, by_hand
    if by_hand:
        entry.devices = {}
    _write_or_remove(run, entry)


def leave_queue(run: Run, stage: Literal["failed", "left"] = "left") -> None:
    """Take a run out of the queue; its demands are kept for the next time."""
    if (entry := queue_entry(run)) is not None:
        entry.stage, entry.holder = stage, None
        _write_or_remove(run, entry)


def _write_or_remove(run: Run, entry: QueueEntry) -> None:
    """Replace queued.json by an entry that does not wait; on a full disk remove it."""
    try:
        write_entry(run, entry)
    except OSError:
        run.queue_file.unlink(missing_ok=True)
