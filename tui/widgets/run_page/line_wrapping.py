"""Where lines are cut to fit into rows: behind a word, or within a word that fills half a row by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

HANG = 10
"""Cells that further rows of a line are moved in, if that is not much of a row: to where its time has ended."""
MOST = 500_000
"""Letters of all lines that do not fit into a row, beyond which they are cut at letters: that takes no time."""


def step_of(extent: int, width: int) -> int:
    """Return how many characters of a line fit in one row: any two of a wide line's may need all of its cells."""
    return max(1, width if extent >= 0 else width // 2)


def hanging_indent(step: int) -> int:
    """Return by how much the rows of a line but its first are moved in, where a row takes so many characters."""
    return min(HANG, step // 4)


def cuts(text: str, step: int) -> list[int]:
    """Return where the rows of a line begin; the space that a row is cut at ends it, and may stand beyond its width."""
    starts, start, room = [0], 0, step
    while len(text) - start > room:
        space = text.rfind(" ", start + room // 2, start + room + 1)
        start = space + 1 if space >= 0 else start + room
        if start < len(text):
            starts.append(start)
        room = step - hanging_indent(step)
    return starts


class Wrapping:
    """How lines are cut; those that were counted before are not counted again."""

    def __init__(self) -> None:
        self._of: tuple[Sequence[str], int] | None = None
        self._counts: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
        self._at_words = True

    def count(self, text: Sequence[str], extents: NDArray[np.int64], width: int) -> NDArray[np.int64]:
        """Return the rows of each line, (N,); a line without characters takes one.

        Args:
            text: The lines, and maybe some beyond the N that are meant. It grows at its end alone.
            extents: (N,) their lengths, below 0 where characters are not all one cell wide.
            width: Of a row, in cells.
        """
        lengths = np.abs(extents)
        steps = np.where(extents >= 0, max(1, width), max(1, width // 2))
        is_long = lengths > steps
        self._at_words = int(lengths[is_long].sum()) <= MOST
        if not self._at_words:
            letters: NDArray[np.int64] = np.maximum(1, -(-lengths // steps))
            return letters
        if self._of is None or self._of[0] is not text or self._of[1] != width:
            self._of, self._counts = (text, width), self._counts[:0]
        counted = len(self._counts)
        counts = np.ones(max(0, len(extents) - counted), dtype=np.int64)
        for i in np.flatnonzero(is_long[counted:]).tolist():
            counts[i] = len(cuts(text[counted + i], int(steps[counted + i])))
        self._counts = np.concatenate([self._counts, counts])
        return self._counts[: len(extents)]

    def piece(self, text: str, step: int, part: int) -> tuple[int, int, int]:
        """Return where a row of a line begins and ends, as they were counted last, and how far it is moved in."""
        if not self._at_words:
            return part * step, min((part + 1) * step, len(text)), 0
        starts = [*cuts(text, step), len(text)]
        return starts[part], starts[part + 1], hanging_indent(step) if part else 0
