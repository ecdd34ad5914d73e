"""What a chart is drawn with: its inks, which the widget turns into styles, and its characters."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Ink(IntEnum):
    """The styles of a chart; each curve has three more behind these, see `ink_of`."""

    BORDER = 0
    TITLE = 1
    NOTE = 2
    AXIS = 3
    GRID = 4
    LEGEND = 5
    VALUE = 6
    CURSOR = 7


class Tone(IntEnum):
    """The styles of a curve: itself, its unsmoothed values and seams, its band."""

    CURVE = 0
    FAINT = 1
    BAND = 2


def ink_of(index: int, tone: Tone = Tone.CURVE) -> int:
    """The ink of curve `index`."""
    return len(Ink) + len(Tone) * index + tone


@dataclass(frozen=True, slots=True)
class Glyphs:
    """The characters of a picture besides braille."""

    corners: str = "╭╮╰╯"
    across: str = "─"
    down: str = "│"
    seam: str = "┊"
    dots: str = "…"
    spread: str = "±"
    none: str = "–"
    between: str = " · "
    axes: tuple[str, str] = ("┼", "┤")
    grid: str = "┈"


ASCII = Glyphs("++++", "-", "|", ":", "..", "+-", "-", ", ", ("┤┼│└┬─", "++|++-"), " ")
UNICODE = Glyphs()
