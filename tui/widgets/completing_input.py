"""A line of text that Tab completes: what is certain first, then one possibility after the other."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.message import Message

from engine.text import clean
from tui.keymap.bindings import bindings
from tui.widgets.text_box import TextBox

MOST_SUGGESTIONS = 40
"""How many suggestions are shown under the line at most."""

Complete = Callable[[str, int], Sequence[str]]
"""Takes a text and how much of it stands before the cursor; returns what that part could become."""


class CompletingInput(TextBox):
    """A ``TextBox`` with a way to complete what is in it.

    Args:
        complete: Returns what the text before the cursor could become.
        value: The text to begin with.
        placeholder: Shown while it is empty.
        id: Of the widget.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("CompletingInput")

    class Offered(Message):
        """Other completions are offered."""

    def __init__(self, complete: Complete, value: str = "", *, placeholder: str = "", id: str) -> None:  # noqa: A002
        super().__init__(value, placeholder=placeholder, id=id, select_on_focus=False, compact=True)
        self._complete = complete
        self._cycle: tuple[str, ...] = ()
        """What Tab goes through, as long as the box holds one of them."""

    @property
    def before(self) -> str:
        """The text before the cursor."""
        return self.value[: self.cursor_position]

    @property
    def chosen(self) -> str | None:
        """The completion that Tab has put in, while others are offered instead."""
        return self.before if self.before in self._cycle else None

    def offers(self) -> tuple[str, ...]:
        """Return what the text before the cursor could become; what cannot be written in a box is not offered."""
        if self.chosen is not None:
            return self._cycle
        return tuple(filter(str.isprintable, self._complete(self.value, self.cursor_position)))

    def action_complete(self, step: int) -> None:
        """Write what is certain; then go through what is possible."""
        offers = self.offers()
        if not offers:
            self.app.bell()
        elif self.chosen is not None and len(offers) > 1:
            self._put(offers[(offers.index(self.before) + step) % len(offers)])
        elif len(offers) == 1:
            self._cycle = ()
            self._put(offers[0] if offers[0] != self.before else f"{offers[0]} ")
        elif len(start := _common_start(offers)) > len(self.before):
            self._put(start)
        else:
            self._cycle = offers
            self._put(offers[0 if step > 0 else -1])
        self.post_message(self.Offered())

    def _put(self, text: str) -> None:
        after = self.value[self.cursor_position :]
        self.value = text + after
        self.cursor_position = len(text)

    def watch_cursor_position(self) -> None:
        """Offer what fits where the cursor is now."""
        self.post_message(self.Offered())


def completion_line(before: str, offers: tuple[str, ...], chosen: str | None) -> Text:
    """Return completions as words: each without what all begin with up to its key, the chosen one marked."""
    if not offers:
        return Text()
    start = len(re.split(r"[^\s,]*\Z", before, maxsplit=1)[0])
    if sign := re.match(r"-?[^\s=!~<>]+[=!~<>]+(?=.)", offers[0][start:]):
        start += sign.end()
    line = Text(overflow="ellipsis")
    for offer in offers[:MOST_SUGGESTIONS]:
        word = clean(offer[start:])
        line.append(f"‹{word}›" if offer == chosen else word, "bold" if offer == chosen else "")
        line.append("  ")
    if len(offers) > MOST_SUGGESTIONS:
        line.append("…")
    return line


def _common_start(texts: tuple[str, ...]) -> str:
    """Return what all texts begin with."""
    first, last = min(texts), max(texts)
    return next((first[:i] for i, c in enumerate(first) if last[i : i + 1] != c), first)
