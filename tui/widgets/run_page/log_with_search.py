"""A log with its search box, and a line that says what of it is shown."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input, Static

from tui.keymap.bindings import bindings
from tui.state.log_buffer import Lines
from tui.text import searched
from tui.widgets.run_page.log_view import LogView
from tui.widgets.text_box import TextBox


class LogPane(Vertical):
    """Shows lines; what stands in ``note`` is said of them too."""

    DEFAULT_CSS = """
    LogPane {
        & > LogView { height: 1fr; padding: 0 1; }
        & > .log-status { height: 1; padding: 0 1; color: $foreground 66%; }
        & > Input, & > Input:focus { display: none; height: 1; border: none; padding: 0 1; background: $panel; }
        & > Input.-shown { display: block; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("LogPane")

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._note = ""
        self._status = ""
        self._wrong = ""

    def compose(self) -> ComposeResult:
        """The log, and what is said of it below."""
        yield LogView()
        yield TextBox(placeholder="a regular expression; enter goes on reading, esc ends the search")
        yield Static(classes="log-status", markup=False)

    @property
    def log_view(self) -> LogView:
        """The log."""
        return self.query_one(LogView)

    def show(self, lines: Lines, note: str = "") -> None:
        """Show these lines."""
        self._note = note
        self.log_view.show(lines)
        self._say()

    def action_search(self) -> None:
        """Ask for a regular expression to search."""
        box = self.query_one(Input)
        box.add_class("-shown")
        box.focus()
        self.log_view.begin_typing(anew=True)

    def leave(self) -> bool:
        """One layer out: the search; return whether there was one."""
        box = self.query_one(Input)
        if not box.has_class("-shown") and self.log_view.pattern is None:
            return False
        self.log_view.end_typing()  # what is in view stays there
        box.value = ""
        box.remove_class("-shown")
        self.log_view.search(None)
        self.log_view.focus()
        return True

    @on(Input.Changed)
    def _changed(self, message: Input.Changed) -> None:
        """Search for what is typed; while it is no whole expression yet, for the text itself."""
        message.stop()
        text = message.value
        pattern, self._wrong = searched(text, re.IGNORECASE if text.islower() else 0)
        self.log_view.begin_typing()
        self.log_view.search(pattern if text else None)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if not message.value:
            self.leave()
        self.log_view.end_typing()
        self.log_view.focus()

    @on(LogView.Looked)
    def _say(self) -> None:
        status = ", ".join(filter(None, (self._match_text(), *self._facts(), self._note)))
        if status != self._status:
            self._status = status
            self.query_one(".log-status", Static).update(status, layout=False)

    def _match_text(self) -> str:
        log = self.log_view
        if log.pattern is None:
            return ""
        count = len(log.hits)
        text = f"match {log.hit + 1:,} of {count:,}" if log.hit is not None else _matching(count)
        more = " so far" if log.searching else ""
        return f"{text}{more}" + (f" ({self._wrong})" if self._wrong else "")

    def _facts(self) -> list[str]:
        log = self.log_view
        lines = f"{log.lines.count:,} lines"
        if log.is_narrowed:
            lines = f"only {log.shown_count:,} of {lines}, & shows all"
        facts = [lines, "follows the end" if log.following else "f follows the end"]
        if log.lines.forgotten:
            facts.append(f"the {log.lines.forgotten:,} before are not kept")
        return facts


def _matching(lines: int) -> str:
    return "1 line matches" if lines == 1 else f"{lines:,} lines match"
