"""One line asked for, over the screen that it is about: Tab completes, enter takes it, escape leaves it as it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.text import clean
from tui.keymap.bindings import bindings
from tui.terminal.dismissal import ClosesOnce
from tui.text import mistake
from tui.widgets.completing_input import CompletingInput, completion_line


class Prompt(ClosesOnce, ModalScreen[str | None]):
    """Returns the line, None when left.

    Args:
        title: What is asked for.
        text: What the line means, in a sentence or two.
        value: What it is at present.
        words: The words that can be expected, for Tab.
        wrong: Returns what is wrong with a line, empty where nothing is.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("Prompt")

    def __init__(
        self, title: str, text: str, value: str = "", words: Sequence[str] = (),
        wrong: Callable[[str], str] = lambda _: "",
    ) -> None:  # fmt: skip
        super().__init__()
        self._title, self._text, self._value = clean(title), clean(text), value
        self._words, self._wrong = words, wrong

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        with Vertical(id="prompt") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = "enter takes it, esc leaves it as it was"
            yield Static(self._text, markup=False)
            yield CompletingInput(self._complete, self._value, id="prompt-line")
            yield Static(id="prompt-hint", markup=False)

    def on_mount(self) -> None:
        """Put the cursor at the end of the line."""
        line = self.query_one(CompletingInput)
        line.cursor_position = len(self._value)
        line.focus()

    def _complete(self, text: str, cursor: int) -> list[str]:
        """Return the line with its last word made one of those expected that are not in it."""
        before = text[:cursor]
        word = before[before.rfind(" ") + 1 :]
        start, there = before[: len(before) - len(word)], set(text.split()) - {word}
        return [
            start + candidate
            for candidate in self._words
            if candidate.startswith(word) and candidate not in there
        ]

    @on(Input.Changed)
    @on(CompletingInput.Offered)
    def _show(self) -> None:
        line = self.query_one(CompletingInput)
        wrong = mistake(self._wrong(line.value))
        words = Text(wrong) if wrong else completion_line(line.before, line.offers(), line.chosen)
        hint = self.query_one("#prompt-hint", Static)
        hint.set_class(bool(wrong), "-wrong")
        hint.update(words)

    @on(Input.Submitted)
    def _take(self, message: Input.Submitted) -> None:
        if self._wrong(message.value):
            self.app.bell()
        else:
            self.dismiss(message.value)
