"""What a run can be given: a GPU or a CPU slot, and who else holds memory of it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.text import GIB, gib

FOREIGN = 1 * GIB


FOREIGN_SHARE = 0.05
"""What other programs may hold of a GPU that is called free: bytes, or a share of its memory if that is more."""


@dataclass(frozen=True)
class User:
    """A process of another program on a GPU, and the bytes that it holds."""

    pid: int
    name: str
    """``not in /proc`` for a process of the host outside this container, ``?`` where the name is hidden."""
    size: int | None
    """None where the driver does not say."""

    def __str__(self) -> str:
        return f"pid {self.pid}, {self.name}" + (f", {gib(self.size)}" if self.size is not None else "")


@dataclass(frozen=True)
class Device:
    """Something that a run can be given: a GPU, or a CPU slot."""

    id: str
    """The UUID of a GPU; ``cpu:0``, ``cpu:1`` … for slots."""
    name: str
    index: int = 0
    gpu: bool = False
    total: int = 0
    """Bytes of a GPU; 0 for a slot, and for a GPU that does not report them."""
    used: int = 0
    """Bytes that all programs hold together."""
    foreign: int = 0
    """Bytes of them that are not our runs'."""
    users: tuple[User, ...] = ()
    lost: str = ""
    """Why a GPU does not answer, empty while it does."""

    @property
    def is_open(self) -> bool:
        """Whether it answers, and what others hold is little enough to call it free."""
        return not self.gpu or (not self.lost and self.foreign <= max(FOREIGN, FOREIGN_SHARE * self.total))
