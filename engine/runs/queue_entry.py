"""A run's place in the queue, what it asks for there, and who took it from there: the contents of queued.json.

::

    waiting -> taken -> (finished: the file goes) | left | failed -> waiting again, or left

One file says both where a run waits and which process has it, and is replaced in one step: whoever copies the
folder meanwhile finds the one or the other, never neither.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.system.lock import Holder

Stage = Literal["waiting", "taken", "failed", "left"]


class Ticket(msgspec.Struct, kw_only=True, omit_defaults=True):
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
    """The attempts at the run when it came to wait, or was taken: with a further one that place is of the past."""
    retried: int = 0
    """How often the queue began it anew by itself."""
    by_hand: bool = False
    """Whether it was started without the queue, which then does not retry it."""
    devices: dict[str, str] = {}
    """What the worker gave it: the name of each device by its id."""
    holder: Holder | None = None
    """Who has it, once it is taken."""

    @property
    def rank(self) -> tuple[float, float, float]:
        """What the queue is sorted by, smallest first."""
        return -self.priority, self.submitted if self.order is None else self.order, self.submitted

    def waits(self, attempts: int) -> bool:
        """Return whether it waits, seen together with the attempts that the run's events tell of.

        A copy may have an old ticket beside newer events, where the ticket was gone before it could be copied again.
        """
        return self.stage == "waiting" and (self.attempts is None or attempts <= self.attempts)

    def begun(self, attempts: int) -> bool:
        """Return whether the attempt of the process that took it has said its start."""
        return self.attempts is None or attempts > self.attempts

    @property
    def owner(self) -> Holder | None:
        """The process that took the run and has not said how its attempt ended."""
        return self.holder if self.stage == "taken" else None
