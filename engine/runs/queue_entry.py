"""A run's entry in the queue: its position, its demands, and the process that took it; kept in queued.json.

::

    waiting -> taken -> (finished: the file goes) | left | failed -> waiting again, or left

One file says both where a run waits and which process has it, and is replaced in one step: a copy of the folder
always has one of the two. Who asked for it is proved by ``proof``: only what this user queued starts by itself
(``engine.runs.trust``).
"""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from engine.runs.store import Run
from engine.system.files import DAMAGED, write_atomic
from engine.system.lock_holder import Holder

Stage = Literal["waiting", "taken", "failed", "left"]


class QueueEntry(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
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
    environment: dict[str, str | None] | None = None
    """Variables of the shell that submitted it (``engine.system.shell_environment``), until it is started for good."""
    holder: Holder | None = None
    """The process that has it, once it is taken."""
    proof: str = ""
    """That this user wrote it, as ``engine.runs.trust.queued_by_user`` makes it; empty before there were proofs."""

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


class DamagedEntry(QueueEntry, frozen=True):
    """Stands for a queued.json that cannot be read: the run waits, and does not start."""


_decoder = msgspec.json.Decoder(QueueEntry)


def queue_entry(run: Run) -> QueueEntry | None:
    """Return a run's entry, whether it waits or not; None without queued.json, a ``DamagedEntry`` for a damaged one."""
    try:
        os.lstat(f"{run.folder}/queued.json")  # lists ask it of each run, most have none, and this is quicker
        return _decoder.decode(run.read("queued.json"))
    except FileNotFoundError:
        return None
    except DAMAGED:
        return DamagedEntry(submitted=0.0)


def waiting_entry(run: Run) -> QueueEntry | None:
    """Return the entry of a run that waits in the queue, None where it does not."""
    entry = queue_entry(run)
    return entry if entry is not None and entry.stage == "waiting" else None


def write_entry(run: Run, entry: QueueEntry) -> None:
    """Replace queued.json as it is said; ``engine.runs.trust.entry_writer`` calls this, and says whether it is proved.

    Raises:
        OSError: It cannot be written; the old file remains.
    """
    write_atomic(run.queue_file, msgspec.json.encode(entry))
