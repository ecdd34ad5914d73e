"""The box in which a filter is written: Tab completes keys and values, and what is wrong is said below it in words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from engine.filters import complete
from tui.text import clean

EXAMPLE = "state=failed test/f1>0.8 age<2d, or part of a name"
SHOWN = 40
"""How many completions are shown at most."""


class FilterInput(Input):
    """One line with a filter.

    Args:
        known: Returns the values that keys are known to have, by key.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete(1)", "Complete the filter", show=False),
        Binding("shift+tab", "complete(-1)", "Complete it otherwise", show=False),
    ]

    class Offered(Message):
        """Other completions are offered."""

    def __init__(self, known: Callable[[], Mapping[str, Iterable[str]]]) -> None:
        super().__init__(placeholder=EXAMPLE, id="filter", select_on_focus=False)
        self._known = known
        self._cycle: tuple[str, ...] = ()
        """What Tab goes through, as long as the box holds one of them."""

    @property
    def before(self) -> str:
        """The text before the cursor."""
        return self.value[: self.cursor_position]

    @property
    def chosen(self) -> str | None:
        """The completion that Tab has put in, while others can be had instead."""
        return self.before if self.before in self._cycle else None

    def offers(self) -> tuple[str, ...]:
        """Return what the text before the cursor could become."""
        if self.chosen is not None:
            return self._cycle
        return tuple(complete(self.value, self.cursor_position, self._known()))

    def action_complete(self, step: int) -> None:
        """Write what is certain; then go through what is possible."""
        found = self.offers()
        if not found:
            self.app.bell()
        elif self.chosen is not None and len(found) > 1:
            self._put(found[(found.index(self.before) + step) % len(found)])
        elif len(found) == 1:
            self._cycle = ()
            self._put(found[0] if found[0] != self.before else f"{found[0]} ")
        elif len(start := _common_start(found)) > len(self.before):
            self._put(start)
        else:
            self._cycle = found
            self._put(found[0 if step > 0 else -1])
        self.post_message(self.Offered())

    def _put(self, text: str) -> None:
        after = self.value[self.cursor_position :]
        self.value = text + after
        self.cursor_position = len(text)

    def watch_cursor_position(self) -> None:
        """Offer what fits where the cursor is now."""
        self.post_message(self.Offered())


class FilterBox(Vertical):
    """The line, and below it while it is written what it could become, or what is wrong with it."""

    DEFAULT_CSS = """
    FilterBox { height: auto; }
    FilterBox > #filter-hint { display: none; height: auto; max-height: 3; padding: 0 1; color: $foreground 70%; }
    FilterBox:focus-within > #filter-hint, FilterBox.-wrong > #filter-hint { display: block; }
    FilterBox.-wrong > #filter-hint { color: $error; }
    """

    def __init__(self, known: Callable[[], Mapping[str, Iterable[str]]]) -> None:
        super().__init__()
        self._known = known
        self._wrong = ""

    def compose(self) -> ComposeResult:
        """The line over its hint."""
        yield FilterInput(self._known)
        yield Static(id="filter-hint", markup=False)

    def say(self, wrong: str) -> None:
        """Say what is wrong, nothing if empty."""
        self._wrong = clean(wrong)
        self.set_class(bool(wrong), "-wrong")
        self._show()

    @on(FilterInput.Offered)
    def _show(self) -> None:
        line = self.query_one(FilterInput)
        text = hint(line.before, line.offers(), line.chosen)
        if self._wrong:
            text = Text(self._wrong) + (Text("\n") + text if text.plain else Text())
        self.query_one("#filter-hint", Static).update(text)


def hint(before: str, offers: tuple[str, ...], chosen: str | None) -> Text:
    """Return completions as words: each without what all begin with up to its key, the chosen one marked."""
    if not offers:
        return Text()
    start = len(re.split(r"[^\s,]*\Z", before, maxsplit=1)[0])
    if sign := re.match(r"-?[^\s=!~<>]+[=!~<>]+(?=.)", offers[0][start:]):
        start += sign.end()
    shown = Text(overflow="ellipsis")
    for each in offers[:SHOWN]:
        word = clean(each[start:])
        shown.append(f"‹{word}›" if each == chosen else word, "bold" if each == chosen else "")
        shown.append("  ")
    if len(offers) > SHOWN:
        shown.append("…")
    return shown


def _common_start(texts: tuple[str, ...]) -> str:
    """Return what all texts begin with."""
    first, last = min(texts), max(texts)
    return next((first[:i] for i, c in enumerate(first) if last[i : i + 1] != c), first)
