"""What screens need from below: a screen over the dashboard from the dashboard, the dashboard from the file reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from textual.screen import Screen

from tui.curve_palette import Sign
from tui.state.run_page_record import Page
from tui.state.snapshot import Project, Snapshot, Watch
from tui.state.undo_history import UndoHistory
from tui.widgets.chart.chart_grid import ChartGrid

if TYPE_CHECKING:
    from engine.analysis.confusion import Matrix


class FileReader(Protocol):
    """Reads the files of runs."""

    def look_at(self, watch: Watch) -> None:
        """Prepare what the charts show, from the next snapshot on."""

    def look_back(self, moment: float | None) -> None:
        """Show a moment of the past, in seconds since the epoch, from the next snapshot on; None for now."""

    def matrices(self, runs: Iterable[str]) -> dict[str, Matrix]:
        """Return the last confusion matrix of each run that has one. For any thread but the screen's."""


class Curves(Protocol):
    """Draws curves that stand on one screen on another one too."""

    def draw(self, grid: ChartGrid) -> None:
        """Show in a grid the curves of what is looked at now."""

    @property
    def signs(self) -> Mapping[str, Sign]:
        """The colour and mark of each run in the charts."""


class Host(Protocol):
    """A screen that hands its snapshots to the one over it."""

    @property
    def project(self) -> Project:
        """The folder that is shown."""

    @property
    def snapshot(self) -> Snapshot:
        """The runs, the configuration and the machine as they are now."""

    @property
    def deeds(self) -> UndoHistory:
        """What was done last, to be taken back."""

    def follow(self, screen: Screen[None], show: Callable[[Snapshot], None]) -> None:
        """Show a screen the snapshot of now and all that come, for as long as it is open."""

    def look_into(self, page: Page | None, *, machine: bool = False) -> None:
        """Have a run read whole, or the machine looked at whole; None and False end that."""

    def needless(self) -> frozenset[str]:
        """Return the names of actions that would do nothing to the run that is meant."""
