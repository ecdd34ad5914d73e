"""A chart of one metric: axes, curves, their values in the border, and the mouse.

The picture itself is made by `chart_picture.py`, once after something has changed, and kept until the data, the size,
the theme or a setting changes. The screen owns the keys; several charts are kept in step by handing one chart's
`CursorMoved` or `ViewChanged` to the others.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.style import Style
from textual import events
from textual.color import Color, ColorParseError
from textual.geometry import Region
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from engine.catalog.metrics import metric_of
from engine.text import clean
from tui.app_options import ascii_only
from tui.curve_palette import shown_in
from tui.state.chart_line import ChartLine
from tui.widgets.chart.range_selection import RangeSelection, marks
from tui.widgets.chart.zoom_and_pan import View, allowed, moved, zoomed

if TYPE_CHECKING:
    from tui.widgets.chart.chart_border import Setting
    from tui.widgets.chart.chart_picture import Plot
    from tui.widgets.chart.dot_spans import Floats

FAINT = 0.55
"""How much of a curve's colour its unsmoothed values and its band have."""


class Chart(Widget):
    """Curves of one metric."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--border",
        "chart--title",
        "chart--note",
        "chart--axis",
        "chart--grid",
        "chart--value",
        "chart--cursor",
    }
    """In the order of `Ink`: the box, the metric, quiet text, axes and their labels, grid lines, values, the cursor."""

    DEFAULT_CSS = """
    Chart {
        height: 1fr;
        min-height: 4;
        & > .chart--border { color: $foreground 22%; }
        & > .chart--title { color: $foreground; text-style: bold; }
        & > .chart--note { color: $foreground 66%; }
        & > .chart--axis { color: $foreground 66%; }
        & > .chart--grid { color: $foreground 14%; }
        & > .chart--value { color: $foreground; }
        & > .chart--cursor { color: $foreground 70%; }
        &:hover > .chart--border { color: $foreground 40%; }
        &.-selected > .chart--border { color: $accent; }
    }
    """

    x_label: reactive[str] = reactive("step")
    """What x is: `step`, `epoch`, `time` (seconds), `samples`, `GPU-hours`."""
    log_y: reactive[bool] = reactive(False)
    """Whether the y axis is logarithmic."""
    view: reactive[View | None] = reactive(None)
    """The x limits that are shown; None for everything."""
    cursor: reactive[float | None] = reactive(None)
    """The x that all curves are read at, in data units; None for no cursor."""
    marked: reactive[RangeSelection | None] = reactive(None)
    """The range that is being marked with the mouse; None for none."""
    smoothing: reactive[float] = reactive(0.0)
    """The weight of the past with which the curves were smoothed."""
    named: reactive[bool] = reactive(False)
    """Whether the names of the curves are written."""
    ascii_only: reactive[bool] = reactive(False)
    """Whether to do without braille, box and block characters."""

    @dataclass
    class CursorMoved(Message):
        """The cursor was moved here with the mouse or by ``read``."""

        chart: Chart
        x: float

        @property
        def control(self) -> Chart:
            """The chart, for `@on` with a selector."""
            return self.chart

    @dataclass
    class ViewChanged(Message):
        """The view was zoomed or panned here; None for everything."""

        chart: Chart
        view: View | None

        @property
        def control(self) -> Chart:
            """The chart, for `@on` with a selector."""
            return self.chart

    @dataclass
    class Clicked(Message):
        """The chart was clicked and not dragged."""

        chart: Chart

        @property
        def control(self) -> Chart:
            """The chart, for `@on` with a selector."""
            return self.chart

    def __init__(
        self,
        metric: str,
        *,
        id: str | None = None,  # noqa: A002
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.metric = metric
        self._lines: tuple[ChartLine, ...] = ()
        self._data_version = 0
        self._style_version = 0
        self._due = False
        """Whether a drawing is under way to the event loop."""
        self._plot: Plot | None = None
        self._plot_key: tuple[Setting, int] | None = None
        self._drawn: frozenset[str] = frozenset()
        """The runs of the curves in the plot."""
        self._strips: list[Strip] = []
        self._strips_key: tuple[object, ...] = ()
        self._inks: list[Style] = []
        self._inks_key = (-1, -1)
        self._drag: tuple[int, View] | None = None
        self._dragged = False
        encoding = (getattr(sys.__stderr__, "encoding", None) or "utf-8").lower()
        self.set_reactive(Chart.ascii_only, not encoding.startswith("utf"))

    def on_mount(self) -> None:
        """Draw in ASCII if the app was asked to."""
        self.ascii_only = self.ascii_only or ascii_only(self.app)

    def show(self, lines: Sequence[ChartLine]) -> None:
        """Show these lines from now on; drawn when the event loop comes to it, if they differ from the last."""
        new = tuple(lines)
        if len(new) == len(self._lines) and all(map(ChartLine.looks_like, new, self._lines)):
            return
        self._lines = new
        self._data_version += 1
        if not self._strips:
            self.refresh()
        elif not self._due:
            self._due = True
            self.call_later(self._draw_what_changed)  # a message for each chart: keys are heard in between

    def _draw_what_changed(self) -> None:
        """Draw anew, and have only those rows painted that look different now."""
        self._due = False
        before, is_current = self._strips, self._strips_key[:1] == (self._setting_key(),)
        if not is_current or not self.is_attached or not self.size:
            self.refresh()
            return
        from tui.widgets.chart.chart_picture import changed_cells

        self._render_strips()
        changed = [
            (y, *changed_cells(before[y], strip))
            for y, strip in enumerate(self._strips)
            if strip != before[y]
        ]
        if changed:
            self.refresh(*(Region(first, y, last - first, 1) for y, first, last in changed))

    @property
    def lines(self) -> tuple[ChartLine, ...]:
        """The lines that are shown."""
        return self._lines

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        """One row of the picture; draws all of it if something has changed."""
        self._render_strips()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def _render_strips(self) -> None:
        key = (self._setting_key(), self.cursor, self.marked, self._data_version, self._style_version)
        if key != self._strips_key:
            plot = self._picture()
            self._strips = plot.draw(self.cursor, self._styles())
            if self.marked is not None:
                self._strips = self.marked.on(self._strips, plot.area[1], plot.area[3], self._mark())
            self._strips_key = key

    def notify_style_update(self) -> None:
        """Draw anew: the theme or a class may have changed the colours."""
        super().notify_style_update()
        self._style_version += 1

    def _setting_key(self) -> tuple[object, ...]:
        return (
            self.size, self.x_label, self.log_y, self.view, self.ascii_only, self.metric, self.smoothing,
            self.named,
        )  # fmt: skip

    def _picture(self) -> Plot:
        from tui.widgets.chart.chart_border import Setting
        from tui.widgets.chart.chart_picture import Plot

        setting = Setting(
            metric=self.metric,
            width=self.size.width,
            height=self.size.height,
            x_label=self.x_label,
            log_y=self.log_y,
            view=self.view,
            ascii_only=self.ascii_only,
            colourless=self.app.no_color,
            smoothing=self.smoothing,
            named=self.named,
        )
        key = (setting, self._data_version)
        if self._plot is None or key != self._plot_key:
            runs = frozenset(line.curve.run for line in self._lines)  # whichever of them is in front now
            same = self._plot is not None and (setting, runs) == (self._plot.setting, self._drawn)
            before = self._plot.limits if same and self._plot is not None else None
            self._plot = Plot(self._lines, setting, before)
            self._drawn = runs
            self._plot_key = key
        return self._plot

    def _styles(self) -> list[Style]:
        """A style for each `Ink`."""
        key = (self._style_version, self._data_version)
        if key != self._inks_key:
            from tui.widgets.chart.inks_and_glyphs import Ink

            background = self.background_colors[1]
            under = Style(bgcolor=background.rich_color)
            if key[0] != self._inks_key[0]:
                names = [f"chart--{ink.name.lower()}" for ink in Ink]
                self._inks = [self.get_component_rich_style(name) + under for name in names]
            del self._inks[len(Ink) :]
            for line in self._lines:
                theme = self.app.current_theme
                shown = shown_in(line.colour, theme.name, dark=theme.dark)
                colour = self.colors[3] if self.app.no_color else _parse(shown)
                self._inks.append(under + Style(color=colour.rich_color, bold=line.pinned or None))
                for strength in (FAINT, FAINT):
                    self._inks.append(under + Style(color=background.blend(colour, strength, 1).rich_color))
            self._inks_key = key
        return self._inks

    def _mark(self) -> Style:
        """What a range that is marked looks like."""
        if self.app.no_color:
            return Style(reverse=True)
        return Style(bgcolor=self.background_colors[1].blend(self.colors[3], 0.25, 1).rich_color)

    # ---- moving

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Show `1 / factor` times as much of the x axis, around `at` or the middle; everything, if that is less."""
        limits = self._limits()
        if limits is None:
            return
        self._set_view(zoomed(self.view or limits, factor, at), limits)

    def pan(self, share: float) -> None:
        """Move the view by a share of its width; to the right if positive."""
        limits = self._limits()
        if limits is None or self.view is None:
            return
        self._set_view(moved(self.view, share), limits)

    @property
    def places(self) -> Floats:
        """The places in view where one of its curves was measured, ascending."""
        return self._picture().places

    @property
    def unmeasured(self) -> str:
        """Which of its curves has no value at the cursor, in words: the first of them; empty for none."""
        sign = self._picture().without_value(self.cursor) if self.cursor is not None else None
        if sign is None:
            return ""
        name = metric_of(clean(self.metric)).full
        return f"{name} of {sign}" if len(self._lines) > 1 else name

    def read(self, x: float | None) -> None:
        """Move the cursor, and say so."""
        if x is not None and x != self.cursor:
            self.cursor = x
            self.post_message(self.CursorMoved(self, x))

    def _limits(self) -> View | None:
        return self._picture().limits

    def _set_view(self, view: View, limits: View) -> None:
        new = allowed(view, limits, self.view)
        if new != self.view:
            self.view = new
            self.post_message(self.ViewChanged(self, new))

    # ---- mouse

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Zoom in where the mouse is."""
        self._wheel(event, 1.25)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Zoom out where the mouse is."""
        self._wheel(event, 0.8)

    def _wheel(self, event: events.MouseEvent, factor: float) -> None:
        event.stop()
        event.prevent_default()
        self.zoom(factor, self._picture().x_at(event.x - self.gutter.left))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a zoomed view, or begin to mark a range."""
        window = self._picture().window
        self._dragged = False
        if window is None:
            return
        if marks(event, whole=self.view is None):
            column = self._inside(event)
            self.marked = RangeSelection(column, column)
            self.capture_mouse()
        elif event.button == 1:
            self._drag = (event.x, (window.left, window.right))
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Mark up to here, pan the view that is held, or move the cursor if there is one."""
        plot = self._picture()
        if self.marked is not None:
            self.marked = RangeSelection(self.marked.start, self._inside(event))
            self._dragged = self._dragged or self.marked.columns is not None
        elif self._drag is not None:
            start, (left, right) = self._drag
            limits, width = self._limits(), plot.area[2]
            if event.x != start and limits is not None and width and self.view is not None:
                self._dragged = True
                self._set_view(moved((left, right), (start - event.x) / width), limits)
        elif self.cursor is not None:
            self._read_at(event)

    def on_mouse_up(self) -> None:
        """Let go of the view, or show the range that is marked."""
        columns = self.marked.columns if self.marked is not None else None
        self.unmark()
        limits = self._limits()
        if columns is not None and limits is not None:
            left, right = (self._picture().x_at(column) for column in columns)
            if left is not None and right is not None:
                self._set_view((left, right), limits)

    def unmark(self) -> bool:
        """Let go of what the mouse holds; return whether a range was being marked."""
        held, self.marked, self._drag = self.marked is not None, None, None
        self.release_mouse()
        return held

    def _inside(self, event: events.MouseEvent) -> int:
        """Return the column of the mouse, or the nearest that curves are drawn in."""
        left, _, width, _ = self._picture().area
        return max(left, min(event.x - self.gutter.left, left + width - 1))

    def on_click(self, event: events.Click) -> None:
        """Post ``Clicked``; a double click shows everything again."""
        if event.chain == 2 and self.view is not None:
            self.view = None
            self.post_message(self.ViewChanged(self, None))
        elif not self._dragged:
            self.post_message(self.Clicked(self))
            if self.cursor is not None:
                self._read_at(event)

    def _read_at(self, event: events.MouseEvent) -> None:
        """Move the cursor to the measured point that is nearest to the mouse."""
        from tui.widgets.chart.measured_points import nearest  # numpy comes when curves do

        plot = self._picture()
        x = plot.x_at(event.x - self.gutter.left)
        self.read(nearest(plot.places, x) if x is not None else None)


def _parse(colour: str) -> Color:
    try:
        return Color.parse(colour)
    except ColorParseError:
        return Color(128, 128, 128)
