"""Questions and bad news, over the screen that they are about; every answer is one key, and escape is no."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.text import clean
from tui.terminal.dismissal import ClosesOnce
from tui.widgets.key_bar import KeyBar


@dataclass(frozen=True)
class Choice:
    """An answer: its key, what it does in words, and what the dialog then returns."""

    key: str
    text: str
    value: Any


class _ChoiceLine(Static):
    """One answer; the mouse can give it too."""

    @dataclass
    class Chosen(Message):
        """The answer was clicked."""

        value: Any

    def __init__(self, choice: Choice) -> None:
        super().__init__(f"{choice.key:>7}  {choice.text}", markup=False, classes="choice")
        self._choice = choice

    def on_click(self) -> None:
        """Answer."""
        self.post_message(self.Chosen(self._choice.value))


class Dialog(ClosesOnce, ModalScreen[Any]):
    """A title, a text and its choices; returns the chosen value, None when left."""

    def __init__(self, title: str, text: str, choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title = clean(title)
        self._text = "\n".join(clean(line) for line in text.splitlines())
        self._choices = choices
        self._way_out = "no" if choices else "close"

    def compose(self) -> ComposeResult:
        """A box in the middle."""
        with Vertical(id="dialog") as box:
            box.border_title = Content(self._title)
            yield Static(self._text, markup=False, id="dialog-text")
            for choice in self._choices:
                yield _ChoiceLine(choice)
            yield _ChoiceLine(Choice("esc", self._way_out, None))
        answers = [(choice.key, choice.text) for choice in self._choices]
        yield KeyBar([*answers, ("escape", self._way_out)])

    def on_key(self, event: events.Key) -> None:
        """Answer."""
        event.stop()
        if event.key in ("escape", "q") or (event.key == "enter" and not self._choices):
            self.dismiss(None)
        for choice in self._choices:
            if event.key == choice.key:
                self.dismiss(choice.value)

    @on(_ChoiceLine.Chosen)
    def _answer(self, message: _ChoiceLine.Chosen) -> None:
        self.dismiss(message.value)
