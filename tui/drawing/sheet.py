"""The sheet that any kind of figure is drawn on: its size, its title, its small print, and text that is only text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tui import labels
from tui.drawing.look import PAPER, Look, Width
from tui.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

TITLE = 8
SMALL = 5.5
"""Points."""
NAMES = 40, 24
"""Characters of an experiment's name beside its row: on a page, and in a column."""


@dataclass(frozen=True)
class Sheet:
    """What a figure says around what it shows, and how it is to look."""

    title: str
    y: str
    """The metric."""
    x: str = ""
    y_label: str = ""
    smoothing: float = 0.0
    notes: tuple[str, ...] = ()
    """Small print: what the reader has to know, one sentence each."""
    look: Look = PAPER
    width: Width | None = None
    """None for what fits."""


def begin(sheet: Sheet, width: Width, height: float, notes: Sequence[str]) -> Figure:
    """Return an empty figure with its title and its small print.

    Args:
        sheet: What it says.
        width: How wide it is to be if nobody chose.
        height: Inches that what it shows needs, without title and small print.
        notes: What the drawing itself has to explain, before the notes of the sheet.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    inches, _ = sheet.look.size(sheet.width or width, height)
    title = wrap(sheet.title, int(inches * 12.6))
    lines = _lines([*notes, *sheet.notes], inches)
    height += 0.13 * len(title.splitlines()) + 0.1 * len(lines)
    figure = Figure(sheet.look.size(sheet.width or width, height), sheet.look.dpi, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, ha="left", x=0.012, fontsize=TITLE, fontweight="bold")
    write_notes(figure, [*notes, *sheet.notes], sheet.look)
    return figure


def is_wide(sheet: Sheet, width: Width) -> bool:
    """Return whether a figure is over a page, where ``width`` is chosen if nobody chose."""
    return (sheet.width or width) == "page"


def wrap(title: str, width: int) -> str:
    """Return a title in at most two lines."""
    return "\n".join(textwrap.wrap(plain(title), width, max_lines=2, placeholder=" …"))


def write_notes(figure: Figure, notes: Sequence[str], look: Look = PAPER) -> None:
    """Write the small print along the lower edge, and keep the axes off it."""
    width, height = figure.get_size_inches()
    lines = _lines(notes, width)
    if lines:
        figure.text(
            0.012, 0.015, "\n".join(lines), fontsize=SMALL, color=look.quiet, va="bottom", linespacing=1.3
        )
    bottom = (0.03 + 0.1 * len(lines)) / height if lines else 0.0
    labels.layout_of(figure).set(rect=(0, bottom, 1, 1 - bottom), w_pad=0.05, h_pad=0.04)


def _lines(notes: Sequence[str], inches: float) -> list[str]:
    kept = [plain(note).replace(" %", "\N{NO-BREAK SPACE}%") for note in notes]
    return [part for note in kept for part in textwrap.wrap(note, int(inches * 22))]


def name_rows(
    axes: Axes, names: Sequence[str], look: Look, colours: Sequence[str] = (), room: float = 0.0
) -> None:
    """Write a name beside each row, the first at the top, so small that the rows of ``room`` inches hold it."""
    axes.set_ylim(len(names) - 0.5, -0.5)
    size = labels.SIZE if not room else min(labels.SIZE, 0.8 * 72 * room / len(names))
    axes.set_yticks(range(len(names)), names, fontsize=size)
    for tick, colour in zip(axes.get_yticklabels(), colours, strict=False):
        tick.set_color(labels.readable(colour, look.ground))
    axes.spines["left"].set_visible(False)


def add_key(axes: Axes, handles: Sequence[Patch], names: Sequence[str]) -> None:
    """Say above the axes what each handle means, in as many columns as there is room for."""
    figure = axes.get_figure(root=True)
    if figure is None:
        return
    for columns in range(len(names), 0, -1):
        legend = axes.legend(
            handles, [" "] * len(names), ncols=columns, frameon=False, borderpad=0, borderaxespad=0,
            loc="lower left", bbox_to_anchor=(0.0, 1.01), handlelength=1.0, handletextpad=0.4, columnspacing=1.0,
            labelspacing=0.3, fontsize=labels.SIZE,
        )  # fmt: skip
        for text, name in zip(legend.get_texts(), names, strict=True):
            text.set_text(name)  # given to legend() itself, a name that begins with _ would be left out
        figure.draw_without_rendering()
        if legend.get_window_extent().x1 <= figure.bbox.x1 - 4 or columns == 1:
            return


def plain(text: str) -> str:
    """Return text as it can be drawn: one line, a box for every character that the font does not have."""
    known = _glyphs()
    return "".join(c if ord(c) in known else "\N{WHITE SQUARE}" for c in clean(text).strip())


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont("DejaVu Sans")).get_charmap())
