"""The charts that fit, of what is selected: the ones people look for first, then the rest page by page."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.message import Message
from textual.reactive import reactive

from tui.curve_palette import UNKNOWN, Sign
from tui.keymap.bindings import bindings
from tui.state.chart_line import ChartLine
from tui.text import searched
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.grid_shape import Shape, grid_shape
from tui.widgets.chart.metric_order import order

if TYPE_CHECKING:
    from engine.analysis.curves import Curve


class ChartGrid(Container, can_focus=True):
    """A grid of charts that fills its space and keeps its charts in step."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("ChartGrid")

    DEFAULT_CSS = """
    ChartGrid { layout: grid; grid-size: 1; grid-gutter: 0; }
    ChartGrid:focus Chart > .chart--border { color: $primary 70%; }
    """

    log_y: reactive[bool] = reactive(False)
    """Whether all y axes are logarithmic."""
    x_label: reactive[str] = reactive("epoch")
    """What all x axes show."""
    smoothing: reactive[float] = reactive(0.0)
    """The weight of the past with which all curves were smoothed."""
    page: reactive[int] = reactive(0)
    """Which page of charts is shown."""
    zoomed: reactive[bool] = reactive(False)
    """Whether one chart has all the space."""

    asked: reactive[Shape | None] = reactive(None)
    """The columns and rows that a user asks for; None for as many as fit well."""

    @dataclass
    class ReadingMoved(Message):
        """The charts are read at another place now; None for nowhere."""

        x: float | None

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._curves: Mapping[str, Sequence[Curve]] = {}
        self._labels: Mapping[str, str] = {}
        self._signs: Mapping[str, Sign] = {}
        self._on_top: Collection[str] = ()
        self._places: Mapping[str, int] = {}
        self._live: Collection[str] = ()
        self._told = False
        """Whether curves have come yet; until then no chart is made."""
        self._chosen = ""
        """The metric whose chart the reading stands on."""
        self._at_end = True
        """Whether it stands on the last point there."""
        self.pattern = ""
        """A regular expression that the metrics shown have to match."""

    def compose(self) -> ComposeResult:
        """Charts come and go with the space and the metrics."""
        yield from ()

    @property
    def charts(self) -> list[Chart]:
        """The charts on the screen, in order."""
        return list(self.query(Chart))

    @property
    def pages(self) -> int:
        """How many pages there are."""
        columns, rows = self._shape()
        return -(-len(self._metrics()) // (columns * rows))

    def show(
        self,
        curves: Mapping[str, Sequence[Curve]],
        labels: Mapping[str, str],
        signs: Mapping[str, Sign],
        on_top: Collection[str],
        *,
        listed: Sequence[str] = (),
        live: Collection[str] = (),
    ) -> None:
        """Show curves, a chart for each metric.

        Args:
            curves: The curves of each metric.
            labels: What each run is called.
            signs: The colour and mark of each run.
            on_top: The runs that are drawn over the others.
            listed: The runs in the order of the list; their values are told in this order.
            live: The runs whose values still move.
        """
        self._told = True
        self._curves, self._labels, self._signs, self._on_top = curves, labels, signs, on_top
        self._places, self._live = {run: at for at, run in enumerate(listed)}, live
        self._arrange()
        self._fill()
        if self._at_end and self.cursor is not None:
            self.move_cursor_to_end(last=True)  # a reading of the newest point follows a run

    def on_resize(self) -> None:
        """More space, more charts."""
        self._arrange()
        self._fill()

    def watch_page(self) -> None:
        """Show other charts."""
        self._arrange()
        self._fill()

    def watch_asked(self) -> None:
        """Show more or fewer charts, and first those that were shown first."""
        columns, rows = self._shape()
        metrics, charts = self._metrics(), self.charts
        first = metrics.index(charts[0].metric) if charts and charts[0].metric in metrics else 0
        self.page = first // (columns * rows)
        self._arrange()
        self._fill()

    def watch_zoomed(self) -> None:
        """Give one chart all the space and names, or share it again; the reading's chart where there is one."""
        metrics, (columns, rows) = self._metrics(), self._shape()
        if (chart := self.chosen) is not None and chart.metric in metrics:
            self.page = metrics.index(chart.metric) // (columns * rows)
        self._arrange()
        self._set(named=self.zoomed)
        self._fill()

    def watch_log_y(self) -> None:
        """Change all charts."""
        self._set(log_y=self.log_y)

    def watch_smoothing(self) -> None:
        """Smooth all charts' curves as much."""
        self._set(smoothing=self.smoothing)

    def watch_x_label(self) -> None:
        """Change all charts; a view of another axis means nothing on this one."""
        self._set(x_label=self.x_label, view=None)
        self.forget_cursor()

    def validate_page(self, page: int) -> int:
        """Keep the page between the first and the last."""
        return max(0, min(page, self.pages - 1))

    def on_chart_view_changed(self, message: Chart.ViewChanged) -> None:
        """Zoom and pan all charts together."""
        self._set(view=message.view)

    def on_chart_cursor_moved(self, message: Chart.CursorMoved) -> None:
        """Read all charts at the same place."""
        places = message.chart.places
        self._at_end = bool(places.size) and message.x >= places[-1]
        self._read(message.x)

    def on_chart_clicked(self, message: Chart.Clicked) -> None:
        """Give a chart the reading."""
        self.choose(message.chart.metric)

    # ---- reading

    @property
    def cursor(self) -> float | None:
        """Where the charts are read, None for nowhere."""
        return self.charts[0].cursor if self.charts else None

    @property
    def chosen(self) -> Chart | None:
        """The chart on whose points the reading stands; None without charts."""
        charts = self.charts
        return next(
            (chart for chart in charts if chart.metric == self._chosen), charts[0] if charts else None
        )

    def choose(self, metric: str) -> None:
        """Have the reading stand on the points of a metric's chart."""
        self._chosen = metric
        self._mark_chosen()

    def choose_next(self, charts: int) -> None:
        """Go on to another chart, on another page too."""
        metrics, columns_and_rows = self._metrics(), self._shape()
        if (chart := self.chosen) is not None and chart.metric in metrics:
            at = min(max(metrics.index(chart.metric) + charts, 0), len(metrics) - 1)
            self._chosen = metrics[at]
            self.page = at // (columns_and_rows[0] * columns_and_rows[1])
            self._mark_chosen()

    def move_cursor(self, points: int) -> None:
        """Move the reading by measured points; it starts at the last one."""
        from tui.widgets.chart.measured_points import steps_from  # numpy comes when curves do

        if (chart := self.chosen) is not None:
            chart.read(steps_from(chart.places, chart.cursor, points))

    def move_cursor_to_end(self, *, last: bool) -> None:
        """Move the reading to the last measured point in view, or to the first."""
        if (chart := self.chosen) is not None and chart.places.size:
            chart.read(float(chart.places[-1 if last else 0]))

    def move_cursor_near(self, x: float) -> float | None:
        """Move the reading to the measured point nearest to a place, and return which that is."""
        from tui.widgets.chart.measured_points import nearest  # numpy comes when curves do

        if (chart := self.chosen) is None or (place := nearest(chart.places, x)) is None:
            return None
        if chart.cursor == place:
            self.post_message(self.ReadingMoved(place))  # another place was asked for all the same
        chart.read(place)
        return place

    def forget_cursor(self) -> None:
        """Read the charts nowhere."""
        self._read(None)

    def _read(self, x: float | None) -> None:
        self._set(cursor=x)
        self._mark_chosen()
        self.post_message(self.ReadingMoved(x))

    def _mark_chosen(self) -> None:
        """Let the chart be seen that the reading stands on."""
        chosen = self.chosen if self.cursor is not None else None
        for chart in self.charts:
            chart.set_class(chart is chosen, "-selected")

    def pan(self, share: float) -> None:
        """Move the view of zoomed charts by a share of its width; to the right if positive."""
        if charts := self.charts:
            charts[0].pan(share)

    def zoom(self, factor: float) -> None:
        """Zoom all charts around the middle."""
        if charts := self.charts:
            charts[0].zoom(factor)

    def unmark(self) -> bool:
        """Give up marking a range with the mouse; return whether one was being marked."""
        return any(chart.unmark() for chart in self.charts if chart.marked is not None)

    def reset(self) -> None:
        """Forget zoom, cursor and page."""
        self._chosen = ""
        self.zoomed = False
        self.page = 0
        self._set(view=None)
        self.forget_cursor()

    def _set(self, **settings: object) -> None:
        for chart in self.charts:
            for name, value in settings.items():
                setattr(chart, name, value)

    def _shape(self) -> Shape:
        return Shape(1, 1) if self.zoomed else self.shape_for(self.asked)

    def shape_for(self, asked: Shape | None) -> Shape:
        """Return the columns and rows that come of what is asked for; None for as many as fit well."""
        return grid_shape(self.size.width, self.size.height, len(self._metrics()), asked)

    def _arrange(self) -> None:
        """Have the right charts, keeping those that stay."""
        if not self._told or not self.is_mounted or not self.size:
            return
        columns, rows = self._shape()
        fit = columns * rows
        metrics = self._metrics()[self.page * fit : (self.page + 1) * fit]
        self.styles.grid_size_columns, self.styles.grid_size_rows = columns, rows
        charts = self.charts
        if [chart.metric for chart in charts] == metrics:
            return
        for chart, metric in zip(charts, metrics, strict=False):
            chart.metric = metric
        for chart in charts[len(metrics) :]:
            chart.remove()
        new = [Chart(metric) for metric in metrics[len(charts) :]]
        like = charts[0] if charts else None
        for chart in new:
            chart.set_reactive(Chart.x_label, self.x_label)
            chart.set_reactive(Chart.log_y, self.log_y)
            chart.set_reactive(Chart.smoothing, self.smoothing)
            chart.set_reactive(Chart.view, like.view if like else None)
            chart.set_reactive(Chart.cursor, like.cursor if like else None)
        if new:
            self.mount_all(new)

    def search(self, pattern: str) -> None:
        """Show only metrics that match a regular expression, whatever their case; all for an empty one."""
        self.pattern = pattern
        self.page = 0
        self._arrange()
        self._fill()

    @property
    def matches(self) -> int:
        """How many metrics match the search, and are drawn."""
        return len(self._metrics())

    def _metrics(self) -> list[str]:
        if not self.pattern:
            return order(self._curves)
        pattern, _ = searched(self.pattern, re.IGNORECASE)
        return [metric for metric in order(self._curves) if pattern.search(metric)]

    def _label(self, curve: Curve) -> str:
        """What a curve is called: behind its name how many seeds it is the mean of, and how many diverged."""
        label = self._labels.get(curve.run, curve.run)
        if curve.n == 1:
            return label
        seeds = f"{curve.fewest} of {curve.n}" if curve.fewer else f"{curve.n}"
        return f"{label} ×{seeds}" + (f" ✗{curve.lost}" if curve.lost else "")

    def _fill(self) -> None:
        for chart in self.charts:
            curves = self._curves.get(chart.metric, ())
            signs = [self._signs.get(curve.run, UNKNOWN) for curve in curves]
            chart.show(
                [
                    ChartLine(
                        self._label(curve),
                        sign.colour,
                        curve,
                        sign.mark,
                        pinned=len(curves) > 1 and curve.run in self._on_top,
                        place=self._places.get(curve.run, len(self._places)),
                        live=curve.run in self._live,
                    )
                    for curve, sign in zip(curves, signs, strict=True)
                ]
            )
