"""Which file reads and draws which kind of figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

from engine.config.schema import Figure
from tui.figures import bars, classes, confusion, curves, last_confusion, scatter, step_time
from tui.figures.page import Sheet
from tui.figures.source import Part, Reading, Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawn


def _metric(figure: Figure) -> str:
    return figure.y


def _against(figure: Figure) -> str:
    return f"{figure.y} against {figure.x}"


def _of_split(words: str) -> Callable[[Figure], str]:
    return lambda figure: f"{words} on {last_confusion.split_of(figure)}"


@dataclass(frozen=True)
class Kind(Generic[Part]):
    """How a kind of figure is made."""

    read: Callable[[Source], Reading[Part]]
    """Returns what is shown of an experiment."""
    draw: Callable[[Sheet, Sequence[Part]], Drawn]
    """Draws what is shown of experiments, at least one."""
    words: Callable[[Figure], str] = _metric
    """Returns what is to be seen, for those who cannot see it."""
    wanted: Callable[[Figure], str] = _metric
    """Returns what it is that runs lack where there is nothing to be shown."""


KINDS: Mapping[str, Kind[Any]] = {
    "curves": Kind(curves.read, curves.draw, _against),
    "bars": Kind(bars.read, bars.draw),
    "scatter": Kind(scatter.read, scatter.draw, _against),
    "confusion": Kind(confusion.read, confusion.draw, _of_split("Confusion"), last_confusion.wanted),
    "classes": Kind(classes.read, classes.draw, _of_split("F1 of each class"), last_confusion.wanted),
    "steptime": Kind(step_time.read, step_time.draw, lambda _: "Time of a training step by phase"),
}
