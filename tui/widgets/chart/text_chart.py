"""A chart as lines of text for any terminal, a log or a mail: plotext draws all of it, once.

    test/f1                band: 3 seeds, lowest to highest     over epoch
    0.60┤┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈⣀⣀⡠⠤⠤⠒⠒⠒⠉▲
    0.20┤⣀⠤⠒⠉⠁
        └┬──────┬──────┬──────┬───────
         1      3      5      7
    ▲ ViT 0.615 ±0.004   ● BiT 0.581

It shows what the charts of the app show: the same limits, ticks, signs, values, bands and gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.curves import Curve, alike, band_words
from engine.text import cells
from tui import axis_ticks
from tui.state.chart_line import ChartLine
from tui.terminal import ascii_text
from tui.widgets.chart.axis_limits import window_of, x_limits
from tui.widgets.chart.dot_spans import Floats, Ints, Spans, Window
from tui.widgets.chart.inks_and_glyphs import ASCII, UNICODE, Glyphs, marks_of
from tui.widgets.chart.legend import fit, plain
from tui.widgets.chart.plotext_frame import Dots, Layout, draw_chart, layout_for
from tui.widgets.chart.series import Series, drawable
from tui.widgets.chart.value_text import ValueTexts

LEAST_NAME = 14
"""Cells that names keep where they are cut to put a legend on one line; else they stand whole on several."""
ON_A_LINE = 6
"""Curves up to which they are."""
BETWEEN = "   "
BAND_IN_ASCII = ":"
RESET = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class TextSetting:
    """All but the data that a chart depends on; sizes in cells."""

    metric: str
    width: int
    height: int
    x_label: str
    log_y: bool = False
    ascii_only: bool = False
    colours: int = 0
    """How many colours there are: 0, 256 or 2**24."""


def chart_text(lines: Sequence[ChartLine], setting: TextSetting, notes: Sequence[str] = ()) -> list[str]:
    """Return a chart as ``setting.height`` lines, more where that leaves no room for axes.

    Args:
        lines: What is drawn; later ones over earlier ones.
        setting: Size and axes.
        notes: What stands below, a line each.
    """
    glyphs = ASCII if setting.ascii_only else UNICODE
    unit = axis_ticks.unit_of(setting.metric)
    curves = alike([line.curve for line in lines])
    series = [Series.of(curve) for curve in curves]
    values, words = ValueTexts(curves, series, unit, glyphs).outcomes(setting.width - cells(setting.metric))
    marks = marks_of(lines, ascii_only=setting.ascii_only)
    names = [plain(line.name) for line in lines]
    colours = [_colour(line.colour, setting.colours) for line in lines]
    texts = _as_allowed([*words, *_bands(curves, glyphs)], setting)
    below = [
        *_legend(list(zip(marks, names, values, colours, strict=True)), setting, glyphs.dots),
        *(fit(plain(note), setting.width, glyphs.dots) for note in notes),
    ]
    rows = max(setting.height - 1 - len(below), 5)
    ends = x_limits(series, None)
    window = None if ends is None else window_of(series, ends, unit, view=None, log_y=setting.log_y)
    if window is None:
        has_values = any(bool(drawable(each.y, log_y=False).any()) for each in series)
        why = "nothing above zero" if has_values and setting.log_y else "no data yet"
        drawn = [why.center(setting.width).rstrip() if row == rows // 2 else "" for row in range(rows)]
    else:
        layout = layout_for(window, setting.width, rows, unit, setting.x_label) or _bare(setting.width, rows)
        layers = [*_layers(lines, series, marks, window, layout, setting)]
        drawn = _in_glyphs(draw_chart(layout, layers), layout, setting)
    return [_title(texts, setting, glyphs.dots), *drawn, *below]


def _bare(width: int, rows: int) -> Layout:
    """Return a layout for a size that has no room for the labels of ticks."""
    return Layout(max(width - 1, 2), rows, None, ())


# ---- what is in it


def _layers(
    lines: Sequence[ChartLine],
    series: Sequence[Series],
    marks: Sequence[str],
    window: Window,
    layout: Layout,
    setting: TextSetting,
) -> Iterator[Dots]:
    """Yield the bands, the curves over them, and the marks over all."""
    columns, rows = 2 * layout.width, 4 * layout.height
    colours = [_colour(line.colour, setting.colours) for line in lines]

    def spans(x: Floats, y: Floats) -> Spans:
        return Spans.of(x, y, window, columns, rows)

    curves = []
    covered = np.zeros((layout.height, layout.width), np.bool_)
    for each, colour in zip(series, colours, strict=True):
        curves.append(_dots(spans(each.x, each.solid), colour))
        if each.dashed is not None:
            curves.append(_dots(spans(each.x, each.dashed).dashed(), colour))
    for curve in curves:
        covered[curve.rows // 4, curve.columns // 2] = True
    for each, colour in zip(series, colours, strict=True):
        if each.low is not None and each.high is not None:
            band = _dots(spans(each.x, each.high).between(spans(each.x, each.low)), colour, sparse=True)
            seen = ~covered[band.rows // 4, band.columns // 2]
            across, down = band.columns[seen], band.rows[seen]
            yield (
                Dots(across // 2, down // 4, colour, BAND_IN_ASCII)
                if setting.ascii_only
                else Dots(across, down, colour)
            )
    yield from curves
    lost = "x" if setting.ascii_only else UNICODE.lost
    for line, each, mark, colour in zip(lines, series, marks, colours, strict=True):
        yield from _marks(line.curve.crosses, lost, colour, window, layout)
        there = np.flatnonzero(drawable(each.y, log_y=window.log_y))
        if there.size:
            end = (float(each.x[there[-1]]), float(each.y[there[-1]]))
            yield from _marks([end], mark, colour, window, layout)


def _dots(spans: Spans, colour: tuple[int, int, int] | int, *, sparse: bool = False) -> Dots:
    """Return the dots of spans; of an area every fourth, so that curves are seen in it."""
    kept = [
        (column, np.arange(spans.top[column], spans.bottom[column] + 1))
        for column in np.flatnonzero(spans.top <= spans.bottom)
        if not sparse or column % 2 == 0
    ]
    if sparse:
        kept = [(column, rows[(rows - column // 2) % 2 == 0]) for column, rows in kept]
    down = np.concatenate([rows for _, rows in kept]) if kept else np.zeros(0, np.int64)
    across: Ints = np.repeat(
        np.array([column for column, _ in kept], np.int64), [len(rows) for _, rows in kept]
    )
    return Dots(across, down, colour)


def _marks(
    places: Sequence[tuple[float, float]],
    mark: str,
    colour: tuple[int, int, int] | int,
    window: Window,
    layout: Layout,
) -> Iterator[Dots]:
    """Yield a mark in the cell of each place that is in the window."""
    for x, y in places:
        with np.errstate(all="ignore"):
            column = float(window.columns(np.array([x]), 2 * layout.width)[0])
            row = float(window.rows(np.array([y]), 4 * layout.height)[0])
        if -0.5 <= column < 2 * layout.width - 0.5 and -0.5 <= row < 4 * layout.height - 0.5:
            first = max(min(round(column) // 2, layout.width - len(mark)), 0)
            for at, letter in enumerate(mark, first):
                yield Dots(np.array([at]), np.array([round(row) // 4]), colour, letter)


# ---- words around it


def _title(words: Sequence[str], setting: TextSetting, dots: str) -> str:
    """Return the metric at the left, and at the right over what it is drawn, with as many words as fit between."""
    end = f"over {plain(setting.x_label)}"
    log = " (log)" if setting.log_y else ""
    left = fit(plain(setting.metric), max(setting.width - len(log) - len(end) - 2, 8), dots) + log
    between = [word for word in words if word]
    while between and cells(left) + sum(cells(word) + 2 for word in between) + len(end) + 2 > setting.width:
        between.pop(0)
    right = "  ".join([*between, end])
    gap = setting.width - cells(left) - cells(right)
    return f"{left}{' ' * gap}{right}" if gap >= 2 else left


def _legend(
    entries: Sequence[tuple[str, str, str, tuple[int, int, int] | int]], setting: TextSetting, dots: str
) -> list[str]:
    """Return each curve's sign, name and value: on one line where the names can be cut to fit it, else on several."""
    if not entries:
        return []
    most = max(cells(name) for _, name, _, _ in entries)
    fixed = sum(cells(mark) + cells(value) + 2 for mark, _, value, _ in entries)
    room = (setting.width - fixed - len(BETWEEN) * (len(entries) - 1)) // len(entries)
    longest = min(most, setting.width // 2)
    if len(entries) <= ON_A_LINE and min(most, LEAST_NAME) <= room:
        longest = min(longest, room)
    lines: list[list[str]] = [[]]
    used = 0
    for mark, name, value, colour in entries:
        shown = fit(_as_allowed([name], setting)[0], longest, dots)
        text = fit(f"{shown} {value}".strip(), setting.width - cells(mark) - 1, dots)
        size = cells(mark) + 1 + cells(text)
        if used and used + len(BETWEEN) + size > setting.width:
            lines.append([])
            used = 0
        used += size + len(BETWEEN) * bool(used)
        lines[-1].append(f"{_coloured(mark, colour, setting)} {text}")
    return [BETWEEN.join(line) for line in lines]


def _bands(curves: Sequence[Curve], glyphs: Glyphs) -> list[str]:
    words = band_words(curves).replace("±", glyphs.spread)
    return [f"band: {words}"] if words else []


def _as_allowed(texts: Sequence[str], setting: TextSetting) -> list[str]:
    return [ascii_text.plain(text) if setting.ascii_only else text for text in texts]


def _in_glyphs(rows: Sequence[str], layout: Layout, setting: TextSetting) -> list[str]:
    """Return plotext's rows with the quiet grid of the app, in the characters and colours that are asked for."""
    quiet = str.maketrans("┼─", "┤┈")
    drawn = [row.translate(quiet) if index < layout.height else row for index, row in enumerate(rows)]
    if not setting.colours:
        import plotext

        drawn = [plotext.uncolorize(row) for row in drawn]
    if setting.ascii_only:
        drawn = [ascii_text.plain(row.replace("┈", " ")) for row in drawn]
    return [row.removesuffix(RESET).rstrip() + RESET * (RESET in row) for row in drawn]


# ---- colours


def _colour(text: str, colours: int) -> tuple[int, int, int] | int:
    """Return a hex colour as the terminal takes it: as it is, or the nearest of the cube of 256 colours."""
    red, green, blue = (int(text[at : at + 2], 16) for at in (1, 3, 5))
    if colours > 256:
        return red, green, blue
    steps = [
        min(range(6), key=lambda step: abs((0, 95, 135, 175, 215, 255)[step] - part))
        for part in (red, green, blue)
    ]
    return 16 + 36 * steps[0] + 6 * steps[1] + steps[2]


def _coloured(text: str, colour: tuple[int, int, int] | int, setting: TextSetting) -> str:
    if not setting.colours:
        return text
    code = f"5;{colour}" if isinstance(colour, int) else f"2;{';'.join(map(str, colour))}"
    return f"\x1b[38;{code}m{text}{RESET}"
