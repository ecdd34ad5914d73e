"""Curves: a metric against an axis, a line an experiment. ``tui.figures`` draws them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from engine.history.reader import TIMELESS, Axis
from tui import figures
from tui.drawing.sheet import Sheet
from tui.drawing.source import Reading, Source
from tui.lines import Line, make_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def read(source: Source) -> Reading[Line]:
    """Return the line that the runs of an experiment make."""
    wanted = source.figure
    axis = cast("Axis", wanted.x)
    only = wanted.y if axis in TIMELESS else None
    curves = [source.history(each.run.path, only).series(wanted.y, axis) for each in source.choice.runs]
    return Reading(make_line(source.experiment.name, source.colour, curves, wanted.smoothing))


def draw(sheet: Sheet, lines: Sequence[Line]) -> Figure:
    """Draw lines, at least one."""
    picture = figures.Picture(
        sheet.title, sheet.y, cast("Axis", sheet.x), tuple(lines), sheet.y_label, sheet.smoothing, sheet.notes
    )
    return figures.draw(picture, sheet.look, sheet.width)
