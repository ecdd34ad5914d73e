"""The sheet that any kind of figure is drawn on: its size, its title, its small print, and text without markup."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.text import clean
from tui.figures import line_labels
from tui.figures.style import PAPER, Look, Width, drawable

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = 8
SMALL = 5.5
"""Points."""
UNDER_KEY = 0.06
"""Inches between the key and the drawing."""
MOST_OF_A_SHEET = 0.4
"""What share of a figure's height small print may take before the figure grows."""
NAMES = 40, 24
"""Characters of an experiment's name beside its row: on a page, and in a column."""


SCALES = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 9.0)
"""By how much a slide is enlarged until its content fits, its type being smaller by as much; the first that fits."""


@dataclass(frozen=True)
class FigureSheet:
    """What a figure says around what it shows, and how it is to look."""

    title: str
    """Empty for a figure whose title stands above it in a text."""
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


def begin(
    sheet: FigureSheet,
    width: Width,
    height: float,
    notes: Sequence[str],
    key: Sequence[tuple[Artist, str]] = (),
    *,
    least: float = 0.0,
    compressed: bool = False,
) -> Figure:
    """Return an empty figure with its title, what its marks mean, and its small print.

    Args:
        sheet: Its title, its small print and its look.
        width: The width of a figure whose sheet leaves it open.
        height: Inches that the drawing needs, without title, key and small print.
        notes: What the drawing itself has to explain, before the notes of the sheet.
        key: Marks, and what each means.
        least: Inches without which what it shows cannot be drawn at all.
        compressed: Whether axes of a fixed shape stand close to each other.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    look, width_class = sheet.look, sheet.width or width
    every = [*notes, *sheet.notes]
    figure = Figure(
        look.size(width_class, height), look.dpi, layout="compressed" if compressed else "constrained"
    )
    FigureCanvasAgg(figure)
    for scale in SCALES:
        inches, _ = look.size(width_class, height)
        figure.set_size_inches(inches * scale, 1)
        figure.set_dpi(look.dpi / scale)
        title, columns = wrap(sheet.title, int(inches * scale * 12.6)), _columns(figure, key)
        rows = -(-len(key) // columns)
        head = 0.07 + 0.135 * len(title.splitlines()) + 0.135 * rows + UNDER_KEY * bool(key)
        small = 0.05 + 0.1 * len(_lines(every, inches * scale))
        _, high = look.size(width_class, height + head + small)
        if look.aspect is None:
            break
        high *= scale
        room = high - head - min(small, 0.25 * high)
        if room >= max(least, 0.45 * high):
            break
    figure.set_size_inches(inches * scale, high)
    figure.text(0.012, 1 - 0.05 / high, title, va="top", fontsize=TITLE, fontweight="bold", in_layout=False)
    if key:
        _write_key(figure, key, columns, 1 - (head - UNDER_KEY - 0.135 * rows + 0.01) / high)
    write_notes(figure, every, look)
    left, bottom, _, _ = line_labels.layout_of(figure).get()["rect"]
    line_labels.layout_of(figure).set(rect=(left, bottom, 1, 1 - bottom - head / high))
    return figure


def room_of(figure: Figure) -> float:
    """Return the inches of height that title and small print leave."""
    return float(figure.get_size_inches()[1] * line_labels.layout_of(figure).get()["rect"][3])


def _columns(figure: Figure, key: Sequence[tuple[Artist, str]]) -> int:
    """Return in how many columns a key fits."""
    if not key:
        return 1
    widths = [line_labels.measure(figure, name).width + 17.5 * figure.dpi / 72 for _, name in key]
    return next(
        columns
        for columns in range(len(key), 0, -1)
        if columns == 1
        or sum(max(widths[column::columns]) for column in range(columns)) < 0.98 * figure.bbox.width
    )


def _write_key(figure: Figure, key: Sequence[tuple[Artist, str]], columns: int, top: float) -> None:
    rows = -(-len(key) // columns)
    order = [row * columns + column for column in range(columns) for row in range(rows)]  # it fills columns
    order = [index for index in order if index < len(key)]
    legend = figure.legend(
        [key[index][0] for index in order], [" "] * len(key), ncols=columns, frameon=False, borderpad=0,
        borderaxespad=0, loc="upper left", bbox_to_anchor=(0.012, top), handlelength=1.0, handletextpad=0.4,
        columnspacing=1.1, labelspacing=0.3, fontsize=line_labels.SIZE,
    )  # fmt: skip
    legend.set_in_layout(False)
    for text, index in zip(legend.get_texts(), order, strict=True):
        text.set_text(key[index][1])  # given to legend() itself, a name that begins with _ would be left out


def is_wide(sheet: FigureSheet, width: Width) -> bool:
    """Return whether a figure is over a page; ``width`` is that of a sheet that leaves it open."""
    return (sheet.width or width) == "page"


def wrap(title: str, width: int) -> str:
    """Return a title in at most two lines, of a length as equal as can be."""
    text = plain(title)
    lines = textwrap.wrap(text, width, max_lines=2, placeholder=" …")
    for narrower in range(width - 1, len(text) // 2, -1):
        if len(lines) != 2 or len(shorter := textwrap.wrap(text, narrower)) > 2:
            break
        lines = shorter
    return "\n".join(lines)


def write_notes(figure: Figure, notes: Sequence[str], look: Look = PAPER, *, grows: bool = False) -> None:
    """Write the small print along the lower edge, and keep the axes off it.

    Args:
        figure: What it is written on.
        notes: A sentence each.
        look: Its look.
        grows: Whether a figure on paper becomes higher where there is much to write.
    """
    width, height = figure.get_size_inches()
    lines = _lines(notes, width)
    if grows and look.aspect is None and 0.1 * len(lines) > MOST_OF_A_SHEET * height:
        height += 0.1 * len(lines)
        figure.set_size_inches(width, height)
    if look.aspect is not None and len(lines) > (
        most := max(2, int(2.5 * height))
    ):  # a slide grows no higher
        lines = [*lines[: most - 1], f"{lines[most - 1]} …"]
    if lines:
        figure.text(
            0.012,
            min(0.015, 0.045 / height),
            "\n".join(lines),
            fontsize=SMALL,
            color=look.quiet,
            va="bottom",
            linespacing=1.3,
        )
    bottom = (0.03 + 0.1 * len(lines)) / height if lines else 0.0
    line_labels.layout_of(figure).set(rect=(0, bottom, 1, 1 - bottom), w_pad=0.05, h_pad=0.04)


def _lines(notes: Sequence[str], inches: float) -> list[str]:
    kept = [plain(note).replace(" %", "\N{NO-BREAK SPACE}%") for note in notes]
    return [part for note in kept for part in textwrap.wrap(note, int(inches * 24))]


def name_rows(axes: Axes, names: Sequence[str], room: float) -> float:
    """Write a name beside each row, the first at the top, and return the points of type that the rows leave.

    Args:
        axes: Whose rows they are.
        names: Of the rows.
        room: Inches that all rows share.
    """
    size = max(1.0, min(line_labels.SIZE, 0.85 * 72 * room / len(names)))
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.spines["left"].set_visible(False)
    return size


def seeds_in_words(counts: Collection[int]) -> str:
    """Return how many seeds each experiment of a figure has: ``N = 3 seeds``; ``N seeds`` where they differ."""
    if len(set(counts)) > 1:
        return "N seeds"
    return f"N = {max(counts)} seed{'s' * (max(counts) != 1)}"


def with_counts(names: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Return names, each with its number of seeds where they differ in it."""
    if len(set(counts)) < 2:
        return list(names)
    return [f"{name} (N = {count})" for name, count in zip(names, counts, strict=True)]


def plain(text: str) -> str:
    """Return text as it can be drawn: one line, a box for every character that no font in use has."""
    return drawable(clean(text).strip())
