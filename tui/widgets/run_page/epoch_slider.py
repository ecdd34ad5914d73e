"""Which evaluation of a run is looked at: a line that says it, a track that shows it, and the keys that change it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from rich.cells import cell_len
from rich.segment import Segment
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engine.text import clean, score
from tui.keymap.bindings import bindings
from tui.state.run_page_record import Record

TRACK = 24
"""Cells of the longest track."""
NONE = "no confusion matrix yet: one comes with each evaluation"
Where = Literal["first", "back", "on", "last"]


class EpochRequested(Message):
    """Another evaluation is to be shown."""

    def __init__(self, where: Where) -> None:
        super().__init__()
        self.where: Where = where


class EpochNavigation(Widget):
    """A widget that shows one evaluation, in which the arrow keys go to others."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("EpochNavigation")

    def action_scrub(self, where: Where) -> None:
        """Ask for another evaluation."""
        self.post_message(EpochRequested(where))


class EpochSlider(Widget):
    """The line over a matrix."""

    DEFAULT_CSS = """
    EpochSlider { height: 1; padding: 0 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._facts: tuple[str, ...] = ()

    def show(self, record: Record) -> None:
        """Say which evaluation this is."""
        facts = tuple(evaluation_facts(record))
        if facts != self._facts:
            self._facts = facts
            self.refresh()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """One line."""
        return 1

    def render_line(self, y: int) -> Strip:  # noqa: ARG002
        """The line: a fact is whole or left out."""
        text = ""
        for fact in self._facts:
            longer = f"{text}  {fact}".lstrip()
            if text and cell_len(longer) > self.size.width:
                break
            text = longer
        return Strip([Segment(text)]).adjust_cell_length(self.size.width).apply_style(self.rich_style)


def evaluation_facts(record: Record) -> Iterator[str]:
    """Yield which evaluation is shown and where it stands among the others, and its scores."""
    selected = record.place
    if selected is None:
        yield "reading …" if record.loading else NONE
        return
    series = record.series(selected.split)
    at = series.index(selected)
    place = f"{track(at, len(series))} {at + 1} of {len(series)}"
    yield f"{clean(selected.split)}  epoch {selected.epoch:.4g}  {place}"
    if record.matrix is not None:
        scores = record.matrix.scores
        yield f"F1 {score(scores.f1)}"
        yield f"accuracy {score(scores.accuracy)}"
        yield f"{record.matrix.images:,} images"


def track(at: int, count: int) -> str:
    """Return a track with a mark at one of ``count`` places."""
    cells = min(count, TRACK)
    mark = at * (cells - 1) // max(1, count - 1)
    return f"├{'─' * mark}●{'─' * (cells - mark - 1)}┤"
