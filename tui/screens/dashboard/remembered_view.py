"""How the dashboard is looked at, as it can be remembered, and back."""

from __future__ import annotations

from typing import Literal, get_args

from textual.screen import Screen
from textual.widgets import Input

from engine.catalog.metrics import Axis
from tui.screens.actions.screen_protocol import Board
from tui.screens.dashboard.run_list_arrangement import ArrangeActions, Arrangement
from tui.screens.dashboard.run_list_filter import RunFilter
from tui.state.session import MOST, SavedView
from tui.state.smoothing_steps import bounded_step, weight_of
from tui.views.experiment_groups import KEYS
from tui.widgets.chart.grid_shape import parse_shape
from tui.widgets.runs.list_pane import ListPane

PANES: tuple[Literal["left", "right"], ...] = ("left", "right")


def taken_view(
    board: Board, screen: Screen[None], arrangement: Arrangement, run_filter: RunFilter
) -> SavedView:
    """Return how a board is looked at.

    Args:
        board: The board.
        screen: The screen that shows it.
        arrangement: The columns, the order and the groups of its list.
        run_filter: The filter of its list, and those that are saved.
    """
    panes = {name: screen.query_one(f"#{name}") for name in PANES}
    hidden = [name for name, pane in panes.items() if pane.has_class("-hidden")]
    state = board.state
    return SavedView(
        axis=state.wanted_axis,
        log_y=board.grid.log_y,
        smoothing=state.smoothing,
        grid=str(board.grid.asked or ""),
        order=arrangement.order,
        reverse=arrangement.reverse,
        columns=list(arrangement.chosen),
        groups=list(arrangement.groups),
        each_seed=not state.bands,
        filter=run_filter.text,
        filters=dict(run_filter.saved),
        wide_list=panes["left"].has_class("-roomy"),
        list_width=screen.query_one(ListPane).dragged_to,
        hidden=hidden + [f"+{name}" for name, pane in panes.items() if pane.has_class("-shown")],
        selected=sorted(board.run_list.overlaid)[:MOST],
        pinned=state.pinned,
    )


def give_view(
    view: SavedView, board: Board, screen: Screen[None], arranging: ArrangeActions, run_filter: RunFilter
) -> None:
    """Look at a board as a view has it, as far as that is possible.

    Args:
        view: The view; what is unknown in it is passed over.
        board: The board.
        screen: The screen that shows it.
        arranging: What arranges its list.
        run_filter: The filter of its list.
    """
    grid, state = board.grid, board.state
    state.axis = state.wanted_axis = next((axis for axis in get_args(Axis) if axis == view.axis), "epoch")
    state.smoothing = bounded_step(view.smoothing)
    state.bands, state.pinned = not view.each_seed, view.pinned
    grid.x_label, grid.log_y, grid.smoothing = state.axis, view.log_y, weight_of(state.smoothing)
    grid.asked = parse_shape(view.grid)
    board.run_list.overlaid |= set(view.selected[:MOST])
    for name in PANES:
        screen.query_one(f"#{name}").set_class(name in view.hidden, "-hidden")
        screen.query_one(f"#{name}").set_class(f"+{name}" in view.hidden, "-shown")
    screen.query_one("#left").set_class(view.wide_list, "-roomy")
    screen.query_one(ListPane).dragged_to = view.list_width
    for called, text in view.filters.items():
        run_filter.save(called, text)
    if view.filter.isprintable() and view.filter.strip():
        box = screen.query_one("#filter", Input)
        box.value = view.filter
        box.add_class("-shown")
    groups = [key for key in view.groups if key in KEYS]
    arranging.arrange(view.columns, view.order, reverse=view.reverse, groups=groups)
