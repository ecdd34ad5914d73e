"""Colours for curves: the same experiment has the same colour on every screen and in every figure.

The eight hues start from Okabe and Ito's and were moved until three conditions held at once: each is at least 2.8 to 1
against a black (#1e1e1e) and a white background, any two stay apart for readers with protanopia, deuteranopia
and tritanopia, and each still looks like the name it has here. Every colour has a marker of its own, so that a curve
can be told from its neighbour where there is no colour at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

PALETTE: tuple[str, ...] = (
    "#009FD2",  # sky
    "#C78914",  # orange
    "#228877",  # green
    "#9269F5",  # violet
    "#E52848",  # red
    "#6C710E",  # olive
    "#EE5AB3",  # pink
    "#2162BC",  # indigo
)
"""Hex colours, readable on dark and on light."""

MARKERS: tuple[str, ...] = ("●", "▲", "■", "◆", "▼", "○", "★", "△", "□", "◇", "▽", "☆")
"""One-cell marks; the first ones belong to the colours of `PALETTE`, in order."""

ASCII_MARKERS: tuple[str, ...] = tuple("abcdefghijklmnopqrstuvwxyz")
"""The same for terminals without Unicode."""


class Sign(NamedTuple):
    """What tells a curve from those beside it: a colour of `PALETTE` and a mark of `MARKERS`."""

    colour: str
    mark: str

    def drawn(self, *, ascii_only: bool) -> str:
        """The mark, or the letter that stands for it."""
        return ASCII_MARKERS[MARKERS.index(self.mark)] if ascii_only else self.mark


UNKNOWN = Sign("#888888", MARKERS[0])
"""The style of a curve that has none of its own."""


def assign(keys: Iterable[str]) -> dict[str, str]:
    """Give each key a colour, the same one for the same set of keys whatever its order.

    A key's first choice is a hash of its name, so that it mostly keeps its colour when others come and go. Keys are
    placed in sorted order, each at the first colour from its choice on that is used least, so no colour is used twice
    before all are used once. Pass the names of all experiments, not only of those in view, and nothing changes
    colour when the selection does.

    Args:
        keys: Experiment names, or anything else that names a curve; repeated ones count once.

    Returns:
        A hex colour of `PALETTE` for each key.
    """
    names = sorted(set(keys))
    used = [0] * len(PALETTE)
    colours: dict[str, str] = {}
    for name in names:
        first = _first_choice(name)
        order = [(first + step) % len(PALETTE) for step in range(len(PALETTE))]
        slot = min(order, key=lambda index: used[index])
        used[slot] += 1
        colours[name] = PALETTE[slot]
    return colours


def colour_of(key: str | int) -> str:
    """The colour of one key by itself: by name (its first choice in `assign`) or by position."""
    return PALETTE[key % len(PALETTE) if isinstance(key, int) else _first_choice(key)]


def markers_for(colours: Iterable[str], *, ascii_only: bool = False) -> list[str]:
    """A mark for each curve of one chart, each different while there are marks left.

    A curve of a palette colour has that colour's mark, so the pair stays together from chart to chart; where two
    curves share a colour, the later one takes the next mark that is free.

    Args:
        colours: The colours of the curves, in order.
        ascii_only: Letters instead of shapes.
    """
    marks = ASCII_MARKERS if ascii_only else MARKERS
    taken: set[int] = set()
    chosen: list[str] = []
    for position, colour in enumerate(colours):
        first = PALETTE.index(colour.upper()) if colour.upper() in PALETTE else position % len(marks)
        order = [first, *range(len(PALETTE), len(marks)), *range(len(PALETTE))]
        slot = next((index for index in order if index not in taken), first)
        taken.add(slot)
        chosen.append(marks[slot])
    return chosen


def _first_choice(key: str) -> int:
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "big") % len(PALETTE)
