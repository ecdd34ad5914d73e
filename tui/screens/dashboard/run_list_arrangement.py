"""How the run list is arranged: which columns, in what order, by which of them it is sorted, in what groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from textual.content import Content
from textual.screen import Screen

from tui.screens.actions.screen_protocol import Board
from tui.state.moment import day_and_time
from tui.state.snapshot import Snapshot
from tui.views.experiment_groups import Grouping
from tui.views.run_filter import Meant
from tui.views.run_list_columns import Column, find_column
from tui.views.run_list_row import Row
from tui.views.run_list_tree import make_rows, without_gpus
from tui.widgets.runs.column_layout import no_room_words
from tui.widgets.runs.shown_columns import DEFAULT

MOST_COLUMNS = 40


class Arrangement:
    """The columns, the order and the groups that a user has chosen, and the rows that they make."""

    def __init__(self) -> None:
        self.chosen: tuple[str, ...] = ()
        """The names of the columns; empty until the user chooses some."""
        self.order = ""
        """The name of the column that the list is sorted by; empty for the order of the configuration."""
        self.reverse = False
        self._grouping: Grouping | None = None
        self._made: tuple[tuple[object, ...], tuple[object, ...], list[Row]] | None = None
        """The rows of the last moment, with what they were made from."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.chosen or DEFAULT

    @property
    def columns(self) -> list[Column]:
        """The columns."""
        return [column for name in self.names if (column := find_column(name)) is not None]

    @property
    def groups(self) -> tuple[str, ...]:
        """The keys that experiments are grouped by."""
        return self._grouping.keys if self._grouping is not None else ()

    def choose(self, columns: Sequence[str], order: str, *, reverse: bool, groups: Sequence[str]) -> None:
        """Arrange anew.

        Args:
            columns: Names of columns; the default ones, or none, leave the choice open. Unknown names are left out.
            order: The name of the column to sort by; empty, or unknown, for the order of the configuration.
            reverse: Whether the order is the other way round.
            groups: Keys of the settings to group experiments by; empty for no groups.
        """
        existing = [name for name in dict.fromkeys(columns) if find_column(name) is not None][:MOST_COLUMNS]
        self.chosen = tuple(existing) if tuple(existing) != DEFAULT else ()
        self.order, self.reverse = order if find_column(order) is not None else "", reverse
        if tuple(groups) != self.groups:
            self._grouping = Grouping(groups) if groups else None

    def rows(self, snapshot: Snapshot, unfolded: Set[str], meant: Meant | None) -> list[Row]:
        """Return the rows of a moment; the same list while there is nothing new.

        Args:
            snapshot: The moment.
            unfolded: The rows whose runs are shown.
            meant: What the filter leaves, None for everything.
        """
        parts = snapshot.runs, snapshot.metadata, snapshot.config, snapshot.alarms, self._grouping
        rest = (
            frozenset(unfolded),
            meant,
            self.order,
            self.reverse,
            without_gpus(snapshot.machine),
            snapshot.unread,
        )
        made = self._made
        if made is None or any(a is not b for a, b in zip(parts, made[0], strict=True)) or rest != made[1]:
            order = find_column(self.order) if self.order else None
            rows = make_rows(snapshot, rest[0], meant, order, reverse=self.reverse, grouping=self._grouping)
            made = self._made = parts, rest, rows
        return made[2]

    @property
    def arrow(self) -> str:
        """How the list is sorted by a column: the largest at the bottom, or at the top."""
        order = find_column(self.order)
        return "↑" if order is not None and order.best_first == self.reverse else "↓"

    @property
    def sorted_by(self) -> str:
        """What the list is sorted by, in words; empty for the order of the configuration."""
        order = find_column(self.order) if self.order else None
        if order is None:
            return "as configured ↑" if self.reverse else ""
        return f"{order.title} {self.arrow}"


class ArrangeActions:
    """Arranges the list of a board, in a pane that is called ``left``."""

    def __init__(self, board: Board, screen: Screen[None], arrangement: Arrangement) -> None:
        self._board = board
        self._screen = screen
        self._arrangement = arrangement
        self._read: Callable[[Column], Column] | None = None
        self._named = "", ""
        """What stands in the frame of the list."""

    def arrange(self, columns: Sequence[str], order: str, *, reverse: bool, groups: Sequence[str]) -> None:
        """Arrange the list anew, as ``Arrangement.choose`` does, and show it.

        Args:
            columns: Names of columns.
            order: The name of the column to sort by; empty for the order of the configuration.
            reverse: Whether the order is the other way round.
            groups: Keys of the settings to group experiments by.
        """
        arrangement = self._arrangement
        arrangement.choose(columns, order, reverse=reverse, groups=groups)
        self._choose_columns()
        self._board.show()

    def show_columns(self, read: Callable[[Column], Column] | None) -> None:
        """Show in the place of each column what a function returns for it; the columns themselves for None."""
        self._read = read
        self._choose_columns()

    def _choose_columns(self) -> None:
        now = self._arrangement
        columns = [self._read(column) for column in now.columns] if self._read else now.columns
        arrows = {now.order: now.arrow} if now.order else {}
        self._board.run_list.choose(columns, by_hand=bool(now.chosen), arrows=arrows)

    def name_pane(self, filtered: str) -> None:
        """Say around the list what it is grouped and sorted by, what is marked, what has no room, what is filtered."""
        groups, runs = self._arrangement.groups, self._board.run_list
        left, marked = self._screen.query_one("#left"), len(runs.marked_rows)
        title = f"Runs by {' '.join(groups)}" if groups else "Runs"
        if (past := self._board.snapshot.past) is not None:
            title += f", {day_and_time(past.moment, past.now)}"
        title += f"  {marked} marked" if marked else ""
        widens = not (left.has_class("-roomy") or self._screen.has_class("-narrow"))
        hidden = runs.hidden_columns if self._arrangement.chosen else 0
        crowded = no_room_words(runs.lacking, hidden, widens=widens)
        words = " · ".join(filter(None, (filtered, crowded or self._arrangement.sorted_by)))
        if (title, words) != self._named:
            self._named = title, words
            left.border_title, left.border_subtitle = Content(title), Content(words)

    def arrange_by(self, order: str, *, reverse: bool) -> None:
        """Sort the list by a column."""
        self._sort(self._arrangement.chosen, order, reverse=reverse)

    def sort_by(self, column: str, *, reverse: bool) -> None:
        """Sort the list by any column, which it shows from then on; as configured for no name."""
        now = self._arrangement
        shown = now.names if not column or column in now.names else (*now.names, column)
        self._sort(shown, column, reverse=reverse)

    def _sort(self, columns: Sequence[str], order: str, *, reverse: bool) -> None:
        """Sort the list, and show what stands first then."""
        self.arrange(columns, order, reverse=reverse, groups=self._arrangement.groups)
        self._board.run_list.show_first()

    def heading_clicked(self, column: str) -> None:
        """Sort by the column, or the other way round."""
        now = self._arrangement
        self.arrange_by(column, reverse=column == now.order and not now.reverse)

    def action_sort(self) -> None:
        """Sort the list by the next column that is to be seen: what was measured first, then the others."""
        now = self._arrangement
        columns = sorted(self._board.run_list.shown_columns, key=lambda column: not column.is_measured)
        names = ["", *(column.name for column in columns)]
        index = names.index(now.order) if now.order in names else -1
        self.arrange_by(names[(index + 1) % len(names)], reverse=now.reverse)

    def action_reverse(self) -> None:
        """Sort the list the other way round."""
        self.arrange_by(self._arrangement.order, reverse=not self._arrangement.reverse)

    def action_columns(self) -> None:
        """Choose the columns on a screen over this one."""
        from tui.screens.column_chooser import ColumnsScreen
        from tui.views.run_list_columns import known_columns

        now = self._arrangement

        def changed(columns: Sequence[Column], order: str) -> None:
            names = [column.name for column in columns]
            sorts = order != now.order
            self.arrange(names, order, reverse=now.reverse and not sorts, groups=now.groups)
            if sorts:
                self._board.run_list.show_first()

        all_columns = known_columns(self._board.snapshot)
        self._board.ask(ColumnsScreen(now.columns, all_columns, now.order, self._board.row, changed))

    def action_group(self) -> None:
        """Ask what to group the experiments by."""
        from tui.screens.line_prompt import Prompt
        from tui.views.experiment_groups import keys_to_offer, wrong_keys

        now = self._arrangement

        def chosen(line: str | None) -> None:
            if line is not None:
                groups = tuple(dict.fromkeys(line.split()))
                self.arrange(now.chosen, now.order, reverse=now.reverse, groups=groups)

        text = (
            "Settings, with spaces between them; tab completes. Nothing lists the experiments without groups."
        )
        value = "".join(f"{key} " for key in now.groups)
        words = keys_to_offer(self._board.snapshot)
        self._board.ask(Prompt("Group by", text, value, words, wrong_keys), chosen)
