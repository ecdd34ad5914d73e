"""Which columns the run list shows, chosen over it: the list follows at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.keymap.bindings import bindings
from tui.terminal.dismissal import ClosesOnce
from tui.views.run_list_columns import Column
from tui.views.run_list_row import Row
from tui.widgets.key_bar import KeyBar
from tui.widgets.runs.column_list import ColumnList
from tui.widgets.text_box import TextBox

KEYS = "space show, hide  J K move  s sort  / find  0 default"


class ColumnsScreen(ClosesOnce, ModalScreen[None]):
    """Chooses columns.

    Args:
        chosen: The columns that the run list shows, in their order.
        all_columns: All columns.
        order: The name of the column that the list is sorted by; empty for none.
        row: A row whose values stand beside the names.
        changed: Takes the columns to show and the name of the one to sort by.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("ColumnsScreen")

    def __init__(
        self, chosen: Sequence[Column], all_columns: Sequence[Column], order: str, row: Row | None,
        changed: Callable[[Sequence[Column], str], None],
    ) -> None:  # fmt: skip
        super().__init__()
        self._list = ColumnList(chosen, all_columns, order, row)
        self._apply = changed

    def compose(self) -> ComposeResult:
        """A box in the middle, over its keys."""
        with Vertical(id="columns") as box:
            box.border_title = "Columns"
            box.border_subtitle = "enter closes"
            yield self._list
            yield TextBox(placeholder="words of a column's name", id="column-search", compact=True)
            yield Static(KEYS, id="column-keys", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Give the list the keys."""
        self._list.focus()

    def action_search(self) -> None:
        """List only columns whose names contain what is written."""
        box = self.query_one("#column-search", Input)
        box.add_class("-shown")
        box.focus()

    def action_back(self) -> None:
        """List all columns again; close if they are."""
        box = self.query_one("#column-search", Input)
        if not box.has_class("-shown"):
            self.dismiss()
            return
        box.value = ""
        box.remove_class("-shown")
        self._list.focus()

    @on(Input.Changed, "#column-search")
    def _search(self, message: Input.Changed) -> None:
        self._list.search(message.value)

    @on(Input.Submitted, "#column-search")
    def _found(self) -> None:
        self._list.focus()

    @on(ColumnList.Arranged)
    def _arranged(self) -> None:
        self._apply(tuple(self._list.columns), self._list.order)
