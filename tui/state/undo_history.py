"""What was done last on the screen, and how it is taken back where that is simple and safe."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

KEPT = 20
"""Deeds that are kept."""


class Deed(NamedTuple):
    """Something that was done."""

    words: str
    """What was done, as the end of a sentence: ``tagged +best: ViT s0``."""
    take_back: Callable[[], None] | None = None
    """Takes it back, and says so; None where that cannot be done."""
    cure: str = ""
    """What to do instead."""


class UndoHistory:
    """The last deeds. For any thread."""

    def __init__(self) -> None:
        self._deeds: deque[Deed] = deque(maxlen=KEPT)

    def add(self, words: str, take_back: Callable[[], None] | None = None, cure: str = "") -> None:
        """Keep a deed.

        Args:
            words: What was done.
            take_back: Takes it back; None where that cannot be done.
            cure: What to do instead.
        """
        self._deeds.append(Deed(words, take_back, cure))

    def pop(self) -> Deed | None:
        """Return the last deed that was not asked for yet; None where there is none."""
        return self._deeds.pop() if self._deeds else None

    @property
    def before(self) -> str:
        """What was done last, of what was not asked for yet; empty for nothing."""
        return self._deeds[-1].words if self._deeds else ""
