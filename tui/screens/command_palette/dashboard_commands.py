"""The commands with arguments on the dashboard's runs and charts: ``:run``, ``:sort``, ``:filter``, ``:grid``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from engine.config.setting_choices import starting_with
from engine.text import clean, nearest
from tui.screens.actions.screen_protocol import Board
from tui.screens.command_palette.figure_command import FigureCommand
from tui.screens.command_palette.line_command import LineCommand, Meaning
from tui.screens.message_duration import SHORTEST_S
from tui.state.snapshot import Snapshot
from tui.text import without_known
from tui.views.command_palette import list_lines, run_line
from tui.views.command_palette.search import Command
from tui.views.run_destination import usual_place
from tui.views.run_list_columns import Column, known_columns
from tui.views.run_overrides import unfinished, vary
from tui.widgets.chart.grid_shape import MOST_ASKED, SUGGESTED, parse_shape

if TYPE_CHECKING:
    from tui.screens.actions.draw_figures import DrawingActions
    from tui.screens.actions.queue_experiments import ExperimentActions


class Sorts(Protocol):
    """Sorts a list of runs."""

    def sort_by(self, column: str, *, reverse: bool) -> None:
        """Sort the list by any column, which it shows from then on; as configured for no name."""


class Filters(Protocol):
    """Filters a list of runs."""

    def completions(self, text: str) -> Sequence[str]:
        """Return what a filter could become."""

    def write(self, text: str) -> None:
        """Filter the list."""


AUTO = "auto"


class RunCommand(LineCommand):
    """``:run NAME key=value … seeds=0,1 on=SITE``."""

    command = Command(
        "Run: NAME key=value on=SITE", ":run", "Run", "queue an experiment by its name: changes, seeds, a site",
        "run", "start train launch submit queue execute override set seeds lr", ":run ",
    )  # fmt: skip
    at_once = False

    def __init__(self, board: Board, experiments: ExperimentActions) -> None:
        self._board = board
        self._experiments = experiments

    def offers(self, text: str) -> Mapping[str, str]:
        """Return names, then keys, then values."""
        snapshot = self._board.snapshot
        known = snapshot.config.experiments if snapshot.config is not None else {}
        return run_line.offers(text, known, snapshot, [*snapshot.destinations])

    def meaning(self, text: str) -> Meaning:
        """Return what is queued."""
        snapshot = self._board.snapshot
        config = snapshot.config
        if refusal := self._board.refusal:
            return Meaning(wrong=refusal)
        if config is None or not config.experiments:
            return Meaning(wrong=f"{self._board.project.config} has no experiments: e writes the first")
        name, rest = run_line.parse(text)
        if name not in config.experiments:
            begins = not rest and any(name.casefold() in each.casefold() for each in config.experiments)
            if not name or begins:
                return Meaning(
                    ["the name of an experiment, then key=value, seeds=0,1, on=SITE"],
                    lacks="which experiment?",
                )
            if "=" in name:
                return Meaning(wrong=f"the experiment comes first: run NAME {clean(name)}")
            return Meaning(wrong=f"there is no experiment {name!r}{nearest(name, config.experiments)}")
        as_in_file = config.experiments[name]
        begun = unfinished(rest, is_offered=bool(self.offers(text)))
        usual = usual_place(snapshot, name)
        variation = vary(as_in_file, rest.removesuffix(begun), config.sites, usual)
        if variation.mistakes:
            return Meaning(wrong="; ".join(map(without_known, variation.mistakes)))
        there = self._experiments.plan(variation).there
        says = run_line.sentences(variation, as_in_file, there, snapshot, usual)
        if begun:
            return Meaning(
                [f"{clean(begun)} …", *says], lacks=f"{clean(begun)}: a value is missing, as in lr=1e-3"
            )
        folds = next(
            (row.folds for row in self._board.run_list.rows if row.experiment == name and row.folds), ""
        )
        return Meaning(says, do=lambda: self._experiments.queue(variation, folds))


class SortCommand(LineCommand):
    """``:sort COLUMN``."""

    command = Command(
        "Sort by: COLUMN", ":sort", "List", "sort the runs by any column; -COLUMN the other way round",
        "sort", "order rank arrange best memory f1 loss lr", ":sort ",
    )  # fmt: skip
    at_once = True

    def __init__(self, board: Board, arranging: Sorts) -> None:
        self._board = board
        self._arranging = arranging
        self._known: tuple[Snapshot, list[Column]] | None = None

    def _columns(self) -> list[Column]:
        """Return all columns; those of ten thousand runs are not looked for with each key."""
        snapshot = self._board.snapshot
        if self._known is None or self._known[0] is not snapshot:
            self._known = snapshot, known_columns(snapshot)
        return self._known[1]

    def offers(self, text: str) -> Mapping[str, str]:
        """Return columns."""
        return list_lines.column_offers(text, self._columns())

    def meaning(self, text: str) -> Meaning:
        """Return how the list is sorted."""
        column, backwards, wrong = list_lines.named_column(text, self._columns())
        if wrong:
            return Meaning(["which column?"], lacks=wrong) if self.offers(text) else Meaning(wrong=wrong)
        says = list_lines.order_text(column, backwards=backwards)

        def do() -> None:
            self._arranging.sort_by(column.name if column is not None else "", reverse=backwards)
            self._board.say(f"The list {says}.", SHORTEST_S)

        return Meaning([says], do=do)


class FilterCommand(LineCommand):
    """``:filter EXPRESSION``."""

    command = Command(
        "Filter: EXPRESSION", ":filter", "List", "list only some runs: state=failed test/f1>0.8 age<2d vit",
        "filter", "find search where select query grep show only", ":filter ",
    )  # fmt: skip
    at_once = False

    def __init__(self, board: Board, filtering: Filters) -> None:
        self._board = board
        self._filtering = filtering

    def offers(self, text: str) -> Mapping[str, str]:
        """Return keys, signs and values."""
        return dict.fromkeys(self._filtering.completions(text), "")

    def meaning(self, text: str) -> Meaning:
        """Return how many experiments are left."""
        says, wrong, at_the_end = list_lines.filter_text(text, self._board.snapshot)
        if wrong:
            return Meaning(wrong=wrong)
        if at_the_end:
            return Meaning([says or "…"], lacks=at_the_end)
        return Meaning([says], do=lambda: self._filtering.write(text.strip()))


class GridCommand(LineCommand):
    """``:grid COLUMNSxROWS``."""

    command = Command(
        "Grid: columns and rows of charts", ":grid", "Charts", "how many charts stand in the grid: 3x2; auto",
        "grid", "columns rows charts density layout more fewer tiles facets", ":grid ",
    )  # fmt: skip
    at_once = True

    def __init__(self, board: Board) -> None:
        self._board = board

    def offers(self, text: str) -> Mapping[str, str]:
        """Return what is asked for now, and some ways to ask."""
        now = str(self._board.grid.asked or AUTO)
        ways = dict.fromkeys((AUTO, *SUGGESTED, now))
        return {way: "as it is" if way == now else "" for way in starting_with(text.strip(), ways)}

    def meaning(self, text: str) -> Meaning:
        """Return how many columns and rows come of it."""
        asked = parse_shape(text)
        if asked is None and text.strip() != AUTO:
            how = f"columns and rows, each from 1 to {MOST_ASKED}, as 3x2; or {AUTO}"
            begun = not text.strip() or bool(self.offers(text)) or text.strip(" x×").isdecimal()
            return (
                Meaning([how], lacks=how) if begun else Meaning(wrong=f"{clean(text.strip())!r} is not {how}")
            )
        columns, rows = self._board.grid.shape_for(asked)
        says = f"charts in {columns} column{'s' * (columns > 1)} and {rows} row{'s' * (rows > 1)}"
        if asked is not None and (columns, rows) != asked:
            says += f": {asked} has more than there is room or charts for"

        def do() -> None:
            self._board.grid.asked = asked

        return Meaning([says], do=do)


def dashboard_commands(
    board: Board,
    experiments: ExperimentActions,
    arranging: Sorts,
    filtering: Filters,
    drawing: DrawingActions,
) -> list[LineCommand]:
    """Return the commands with arguments on the runs of a board.

    Args:
        board: The board.
        experiments: What queues experiments on it.
        arranging: What arranges its list.
        filtering: What filters its list.
        drawing: What draws figures of its file.
    """
    return [
        RunCommand(board, experiments), SortCommand(board, arranging), FilterCommand(board, filtering),
        GridCommand(board), FigureCommand(board, drawing),
    ]  # fmt: skip
