"""`vitui plot`: charts as text, for a terminal far away, a log, a mail or CI."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from engine.catalog.metrics import AXES, Axis
from engine.commands.completion import candidates
from engine.commands.options import fail, option_config, option_runs
from engine.commands.plain_output import plain
from engine.commands.text_table import wants_colour
from engine.text import cells
from tui.commands.columns_and_rows_option import size_of

if TYPE_CHECKING:
    from tui.commands.plotted_curves import Chart, CurveReader
    from tui.commands.plotted_runs import PlottedRuns

PIPED = (80, 24)
"""The size of a chart where stdout is no terminal."""
TERMINAL_ROWS = 24
"""Rows of a chart at most, on a terminal that has more."""
LEAST_ROWS = 10
"""Rows of a chart where several share a terminal."""
TERMINAL_S = 1.0
"""Seconds between two looks on a terminal."""
PIPE_S = 10.0
"""Seconds between two charts at least where stdout is no terminal."""
SHARE = 10
"""How many times what a look takes lies between two looks: of ten thousand runs it takes half a second."""
INTERRUPTED = 130
NOTHING_DRAWN = 1


@click.command()
@click.argument("words", nargs=-1, metavar="RUN... METRIC...", shell_complete=candidates.runs_and_metrics)
@option_config
@option_runs
@click.option(
    "--x",
    "axis",
    type=click.Choice(AXES),
    help="What they are drawn over: epochs, or steps where runs count none.",
)
@click.option(
    "--size", metavar="COLUMNSxROWS", callback=size_of, help="Of each chart; else the terminal's, or 80x24."
)
@click.option("--log", "log_y", is_flag=True, help="A logarithmic y axis.")
@click.option("-f", "--follow", is_flag=True, help="Draw anew while the runs go on, until all have ended.")
@click.option(
    "--ascii", "ascii_only", is_flag=True, help="In ASCII; so does VITUI_ASCII=1, or such a locale."
)
def plot(
    words: tuple[str, ...],
    config_path: Path,
    root: Path,
    axis: Axis | None,
    size: tuple[int, int] | None,
    log_y: bool,
    follow: bool,
    ascii_only: bool,
) -> None:
    """Draw metrics of runs as text, a chart each.

    RUN is an experiment (the mean of its seeds, as in the app), a run's id or a clear part of it, or a term of a
    filter such as tag=lr or 'test/f1>0.8'; several terms are one filter. METRIC is what runs have measured: test/f1,
    train/loss, gpu/memory_peak.

    Exit codes: 0 drawn; 1 nothing to draw yet; 2 wrong usage, or a run or a metric that is not there; 130 interrupted.
    """
    from engine.runs.store import Store
    from tui.commands.plotted_curves import CurveReader
    from tui.commands.plotted_runs import find
    from tui.terminal.ascii_text import asked_for

    if not words:
        fail("say which runs, then which metrics: vitui plot RUN... METRIC...; `engine ls` lists the runs")
    store = Store(root)
    reader = CurveReader(store, axis)
    pen = _Pen(size, log_y=log_y, ascii_only=ascii_only or asked_for(os.environ), follow=follow)

    def look() -> PlottedRuns:
        return find(words, store, config_path)

    try:
        sys.exit(_follow(look, reader, pen) if follow else _draw_once(look(), reader, pen))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _draw_once(plotted: PlottedRuns, reader: CurveReader, pen: _Pen) -> int:
    charts = reader.charts(plotted)
    pen.write(pen.lines(charts, plotted))
    return 0 if any(chart.lines for chart in charts) else NOTHING_DRAWN


def _follow(look: Callable[[], PlottedRuns], reader: CurveReader, pen: _Pen) -> int:
    """Draw while a run goes on; return the exit code."""
    while True:
        begun = time.monotonic()
        plotted = look()
        charts = reader.charts(plotted)
        ended = not plotted.going
        pen.draw_again(pen.lines(charts, plotted), last=ended)
        if ended:
            return 0 if any(chart.lines for chart in charts) else NOTHING_DRAWN
        time.sleep(max(TERMINAL_S, SHARE * (time.monotonic() - begun)))


class _Pen:
    """Writes charts to stdout: over the ones before on a terminal, behind them elsewhere."""

    def __init__(self, size: tuple[int, int] | None, *, log_y: bool, ascii_only: bool, follow: bool) -> None:
        self._size, self._log_y, self._ascii_only, self._follow = size, log_y, ascii_only, follow
        self._is_terminal = sys.stdout.isatty()
        self._colours = _number_of_colours()
        self._written: list[str] = []
        self._written_at = float("-inf")

    def lines(self, charts: list[Chart], plotted: PlottedRuns) -> list[str]:
        """Return the lines of all charts, and what goes on beneath the last."""
        from tui.widgets.chart.text_chart import TextSetting, chart_text

        width, height = self._chart_size(len(charts))
        lines = []
        for index, chart in enumerate(charts):
            is_last = index == len(charts) - 1
            setting = TextSetting(
                chart.metric, width, height, chart.axis, self._log_y, self._ascii_only, self._colours
            )
            notes = [*chart.remarks, *((*plotted.remarks, *_going(plotted, width)) if is_last else ())]
            lines += chart_text(chart.lines, setting, notes)
        return lines

    def _chart_size(self, count: int) -> tuple[int, int]:
        if self._size is not None:
            return self._size
        if not self._is_terminal:
            return PIPED
        columns, rows = shutil.get_terminal_size(PIPED)
        room = (rows - 1) // count if self._follow else rows - 1
        return max(columns, 20), max(min(TERMINAL_ROWS, room), LEAST_ROWS)

    def write(self, lines: list[str]) -> None:
        """Write lines."""
        click.echo("\n".join(lines))
        sys.stdout.flush()

    def draw_again(self, lines: list[str], *, last: bool) -> None:
        """Write lines in place of the ones before; of a pipe or file only what has changed, and not too often.

        Args:
            lines: What is shown now.
            last: Whether these are the last ones.
        """
        now = time.monotonic()
        if lines == self._written or not (self._is_terminal or last or now - self._written_at >= PIPE_S):
            return
        if not self._is_terminal or os.environ.get("TERM", "dumb") == "dumb":
            self.write([*([""] if self._written else []), *lines])
        else:
            _over(lines, len(self._written), sys.stdout)
        self._written, self._written_at = lines, now


def _over(lines: list[str], before: int, terminal: TextIO) -> None:
    """Write lines over so many lines that were written last. What runs say in them is text; the moves are ours."""
    rows = shutil.get_terminal_size(PIPED).lines - 1
    shown = lines[-rows:]
    up = f"\x1b[{min(before, rows)}A" if before else ""
    text = "".join(f"\r{plain(line)}\x1b[K\n" for line in shown)
    terminal.flush()
    data = f"{up}{text}\x1b[J".encode(terminal.encoding or "utf-8", "replace")
    while data:  # the stream itself lets no moves of the cursor through
        data = data[os.write(terminal.fileno(), data) :]


def _going(plotted: PlottedRuns, width: int) -> list[str]:
    """Return what the runs that have yet to end do: in one line, or a line each where that is wider than ``width``."""
    from engine.runs.event_text import progress

    going = plotted.going
    if not going:
        return []
    told = [f"{run.status.run} {run.status.state} {progress(run.status)}".rstrip() for run in going[:3]]
    more = f"and {len(going) - 3} more" if len(going) > 3 else ""
    line = f"{', '.join(told)} {more}".rstrip()
    return [line] if cells(plain(line)) <= width else [*told, *filter(None, [more])]


def _number_of_colours() -> int:
    if not wants_colour():
        return 0
    return 2**24 if os.environ.get("COLORTERM", "") in ("truecolor", "24bit") else 256
