"""Draw what the charts show into files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.runs.store import StoreError
from tui.curve_palette import Sign
from tui.screens.actions.screen_protocol import Board
from tui.state.messages import Failed, Succeeded
from tui.state.smoothing_steps import weight_of

if TYPE_CHECKING:
    from tui.figures.view_figure import ChartView


class ExportActions:
    """Draws the charts of a screen into files."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def action_export(self) -> None:
        """Ask where to, and draw what the charts show."""
        view = self._shown()
        if view is None:
            self._board.refuse("Nothing to export", "The charts show no run.")
            return
        from tui.figures.view_figure import default_path
        from tui.screens.export_dialog import ExportScreen

        def chosen(path: Path | None) -> None:
            if path is not None:
                self._board.say("Drawing …", 2)
                self._board.start(lambda: self._draw(view, path))

        self._board.ask(ExportScreen(view, default_path(view)), chosen)

    def _shown(self) -> ChartView | None:
        from tui.figures.view_figure import ChartView, without_count

        grid, snapshot = self._board.grid, self._board.snapshot
        charts = grid.charts
        lines = {line.curve.run: line for chart in charts for line in chart.lines}
        curves = {chart.metric: snapshot.curves.get(chart.metric, ()) for chart in charts}
        if not lines:
            return None
        folds = {run: fold for fold in snapshot.watch.folds for run in fold if run in lines}
        return ChartView(
            curves={metric: of_metric for metric, of_metric in curves.items() if of_metric},
            names={run: without_count(line.name) for run, line in lines.items()},
            signs={run: Sign(line.colour, line.mark) for run, line in lines.items()},
            statuses={
                name: status
                for name, status in snapshot.by_id.items()
                if name in lines or any(name in fold for fold in folds.values())
            },
            axis=snapshot.watch.axis,
            smoothing=weight_of(self._board.state.smoothing),
            zoom=charts[0].view,
            log_y=grid.log_y,
            folds=folds,
        )

    def _draw(self, view: ChartView, path: Path) -> None:
        from tui.figures.figure_files import ExportError
        from tui.figures.view_figure import export_view

        try:
            said: list[str] = []
            files = export_view(view, path, self._board.project.runs, said.append)
        except (ExportError, StoreError) as error:
            self._board.report(Failed("It cannot be exported", str(error)))
        else:
            self._board.report(Succeeded(written(files, path, said)))


def written(files: Sequence[Path], asked: Path, remarks: Sequence[str]) -> str:
    """Return what was written, in a line; where it is several files, with a line for each below it.

    Args:
        files: The files.
        asked: What they are called after.
        remarks: What is odd about them.
    """
    several = len(files) > 1
    named = asked.with_name(f"{asked.stem}-*{asked.suffix}")
    first = f"{len(files)} files, {named}" if several else str(files[0])
    return "\n".join(["; ".join([f"Written: {first}", *remarks]), *(map(str, files) if several else ())])
