"""Which file reads and draws which kind of figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from engine.config.schema import Figure
from tui.figures import (
    class_f1_dots,
    confusion_heat_map,
    cost_scatter,
    curve_figure,
    last_confusion,
    score_bars,
    step_time_bars,
)
from tui.figures.experiment_in_figure import Part, Reading, Source
from tui.figures.figure_sheet import FigureSheet

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawn


def _metric(figure: Figure) -> str:
    return figure.y


def _against(figure: Figure) -> str:
    return f"{figure.y} against {figure.x}"


def _of_split(words: str) -> Callable[[Figure], str]:
    return lambda figure: f"{words} on {last_confusion.split_of(figure)}"


@dataclass(frozen=True)
class FigureKind(Generic[Part]):
    """How a kind of figure is made."""

    read: Callable[[Source], Reading[Part]]
    """Returns what is shown of an experiment."""
    draw: Callable[[FigureSheet, Sequence[Part]], Drawn]
    """Draws what is shown of experiments, at least one."""
    words: Callable[[Figure], str] = _metric
    """Returns what the figure shows, in words, for readers who cannot see it."""
    needs: Callable[[Figure], str] = _metric
    """Returns the metric or matrix, in words, without which a run cannot be shown."""


KINDS: Mapping[str, FigureKind[Any]] = {
    "curves": FigureKind(curve_figure.read, curve_figure.draw, _against),
    "bars": FigureKind(score_bars.read, score_bars.draw),
    "scatter": FigureKind(cost_scatter.read, cost_scatter.draw, _against),
    "confusion": FigureKind(
        confusion_heat_map.read, confusion_heat_map.draw, _of_split("Confusion"), last_confusion.matrix_name
    ),
    "classes": FigureKind(
        class_f1_dots.read, class_f1_dots.draw, _of_split("F1 of each class"), last_confusion.matrix_name
    ),
    "steptime": FigureKind(
        step_time_bars.read, step_time_bars.draw, lambda _: "Time of a training step by phase"
    ),
}
