"""What a chart is drawn with: its inks, which the widget turns into styles, and its characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from tui.curve_palette import Sign, markers_for

if TYPE_CHECKING:
    from tui.state.chart_line import ChartLine


class Ink(IntEnum):
    """The styles of a chart; each curve has three more behind these, see `ink_of`."""

    BORDER = 0
    TITLE = 1
    NOTE = 2
    AXIS = 3
    GRID = 4
    VALUE = 5
    CURSOR = 6


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
    lost: str = "✗"
    dots: str = "…"
    spread: str = "±"
    none: str = "–"
    moving: str = "»"
    axes: tuple[str, str] = ("┼", "┤")
    grid: str = "┈"
    zero: str = "▁"


ASCII = Glyphs("++++", "-", "|", ":", "x", "..", "+-", "-", ">", ("┤┼│└┬─", "++|++-"), " ", "_")
UNICODE = Glyphs()


def marks_of(lines: Sequence[ChartLine], *, ascii_only: bool) -> list[str]:
    """The sign of each line: its own, or one that goes with its colour where any has none."""
    if not all(line.mark for line in lines):
        return markers_for((line.colour for line in lines), ascii_only=ascii_only)
    return [Sign(line.colour, line.mark).drawn(ascii_only=ascii_only) for line in lines]
