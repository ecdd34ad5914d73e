"""Colours and signs of curves: an experiment has the same pair on every screen and in every figure, for good.

The twelve colours were found by annealing in OKLCH, each theme's within a few degrees of the same hues. Each has a
contrast of 4.5 to 1 with its ground (7 to 1 in the theme of contrast), any two stay apart for readers with
protanopia, deuteranopia and tritanopia (CIEDE2000 of 9.7 after Machado et al. 2009), and none is that of failure;
``tests/tui/test_curve_palette.py`` measures it. Every colour has a sign, so that a curve is known without colour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

PALETTE: tuple[str, ...] = (
    "#187797",  # sky
    "#572200",  # orange
    "#123a2c",  # green
    "#421184",  # violet
    "#7f732c",  # yellow
    "#bd2778",  # pink
    "#235f5a",  # teal
    "#8e033e",  # rose
    "#6341e7",  # blue
    "#6d4f17",  # sand
    "#411841",  # plum
    "#607456",  # moss
)
"""Hex colours on paper and on a light screen; they stand for the pair wherever it is kept."""

_DARK = (
    "#7fe9fe", "#d35503", "#8ae202", "#b0a4fd", "#e8efad", "#ff80af",
    "#21a698", "#ae6a78", "#2778fd", "#ccaa70", "#8f72aa", "#678a47",
)  # fmt: skip
_CONTRAST = (
    "#79e8fe", "#c98940", "#bcffd8", "#a381ff", "#fff600", "#fa99b7",
    "#3ca78d", "#fe5d83", "#9bb5fa", "#fbc565", "#b189bc", "#e2faad",
)  # fmt: skip
PALETTES: Mapping[str, tuple[str, ...]] = {
    "vitui-light": PALETTE, "vitui-dark": _DARK, "vitui-contrast": _CONTRAST,
}  # fmt: skip
"""The same colours in the same order for each theme."""

MARKERS: tuple[str, ...] = ("●", "▲", "■", "◆", "▼", "★", "○", "△", "□", "◇", "▽", "☆")
"""Signs of one cell, in the order of their colours."""
ASCII_MARKERS: tuple[str, ...] = tuple("ABCDEFGHIJKL")
"""The same for terminals without Unicode; states have small letters there."""
TURN = 5
"""How many signs the next twelve pairs go on by: so 144 of them differ."""
PAIRS = len(PALETTE) * len(MARKERS)


class Sign(NamedTuple):
    """What tells a curve from those beside it: a colour of `PALETTE` and a mark.

    The mark is one of `MARKERS`, that of an experiment; behind it stands what tells a curve from others of that.
    """

    colour: str
    mark: str

    @property
    def of_experiment(self) -> Sign:
        """The sign without what tells a curve from others of its experiment."""
        return Sign(self.colour, self.mark[:1])

    def drawn(self, *, ascii_only: bool) -> str:
        """The mark, or the letter that stands for it."""
        shape = self.mark[:1]
        if not ascii_only or shape not in MARKERS:
            return self.mark
        return ASCII_MARKERS[MARKERS.index(shape)] + self.mark[1:]


UNKNOWN = Sign("#888888", MARKERS[0])
"""The style of a curve that has none of its own."""


def pair(number: int) -> Sign:
    """Return one of the ``PAIRS`` pairs of a colour and a sign; those after the last begin anew."""
    turn, slot = divmod(number % PAIRS, len(PALETTE))
    return Sign(PALETTE[slot], MARKERS[(slot + TURN * turn) % len(MARKERS)])


def numbered(names: Iterable[str], kept: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return the number of each name's pair: the one that it has, or the next that is free.

    Args:
        names: Experiments in the order in which new ones take pairs; repeated ones count once.
        kept: The numbers of those that have one.
    """
    kept = kept or {}
    taken, numbers, lowest = set(kept.values()), dict[str, int](), 0
    for name in names:
        if (number := kept.get(name)) is None and (number := numbers.get(name)) is None:
            while lowest in taken:
                lowest += 1
            number = lowest
            taken.add(number)
        numbers[name] = number
    return numbers


def assign(names: Iterable[str], kept: Mapping[str, int] | None = None) -> dict[str, str]:
    """Return the colour of each experiment on paper, as ``numbered`` chooses its pair.

    Pass the names of all experiments, not only of those in view, and nothing changes colour when the selection does.
    """
    return {name: pair(number).colour for name, number in numbered(names, kept).items()}


def shown_in(colour: str, theme: str, *, dark: bool = True) -> str:
    """Return a colour of `PALETTE` as a theme has it; any other colour as it is.

    Args:
        colour: A hex colour.
        theme: The name of the theme.
        dark: Whether the ground is dark, for a theme without a palette.
    """
    if (slot := _slot(colour)) is None:
        return colour
    return (PALETTES.get(theme) or PALETTES["vitui-dark" if dark else "vitui-light"])[slot]


def markers_for(colours: Iterable[str], *, ascii_only: bool = False) -> list[str]:
    """Return a mark for each curve of one picture, each different while there are marks left.

    A curve of a palette colour has that colour's mark, so the pair stays together from picture to picture; where two
    curves share a colour, the later one takes the mark of its next pair.

    Args:
        colours: The colours of the curves, in order.
        ascii_only: Letters instead of shapes.
    """
    taken: set[str] = set()
    chosen: list[str] = []
    for position, colour in enumerate(colours):
        slot = position % len(PALETTE) if (own := _slot(colour)) is None else own
        signs = [pair(slot + len(PALETTE) * turn) for turn in range(len(MARKERS))]
        sign = next((sign for sign in signs if sign.mark not in taken), signs[0])
        taken.add(sign.mark)
        chosen.append(sign.drawn(ascii_only=ascii_only))
    return chosen


def _slot(colour: str) -> int | None:
    """Return the place of a colour in the palette of any theme."""
    return next((colours.index(colour) for colours in PALETTES.values() if colour in colours), None)
