"""The box in which a filter is written: Tab completes keys and values, and mistakes are explained below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Static

from engine.query.completion import complete
from engine.text import clean
from tui.keymap.bindings import bindings
from tui.text import mistake
from tui.widgets.completing_input import CompletingInput, completion_line

EXAMPLE = "state=failed test/f1>0.8 age<2d, or part of a name"


class FilterInput(CompletingInput):
    """The line of a filter, in which those that were saved can be chosen.

    Args:
        completions: Returns the values that keys are known to have, by key.
        saved: Returns the saved filters by name.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("FilterInput")

    def __init__(
        self, completions: Callable[[], Mapping[str, Iterable[str]]], saved: Callable[[], Mapping[str, str]]
    ) -> None:
        super().__init__(
            lambda text, cursor: complete(text, cursor, completions()), placeholder=EXAMPLE, id="filter"
        )
        self._saved = saved

    def action_recall(self, step: int) -> None:
        """Write the next saved filter, or the one before, in the order of their names; then nothing."""
        texts = ["", *(text for _, text in sorted(self._saved().items()))]
        if len(texts) == 1:
            self.app.bell()
            return
        at = texts.index(self.value) if self.value in texts else 0
        self.value = texts[(at + step) % len(texts)]
        self.cursor_position = len(self.value)


class FilterBox(Vertical):
    """The line, and below it while it is written what it could become, what is wrong with it or would find more.

    Args:
        completions: Returns the values that keys are known to have, by key.
        saved: Returns the saved filters by name.
    """

    DEFAULT_CSS = """
    FilterBox { height: auto; }
    FilterBox > #filter-hint { display: none; height: auto; max-height: 3; padding: 0 1; color: $foreground 70%; }
    FilterBox:focus-within > #filter-hint, FilterBox.-wrong > #filter-hint { display: block; }
    FilterBox.-wrong > #filter-hint { color: $error; }
    """

    def __init__(
        self, completions: Callable[[], Mapping[str, Iterable[str]]], saved: Callable[[], Mapping[str, str]]
    ) -> None:
        super().__init__()
        self._completions, self._saved = completions, saved
        self._said = ""

    def compose(self) -> ComposeResult:
        """The line over its hint."""
        yield FilterInput(self._completions, self._saved)
        yield Static(id="filter-hint", markup=False)

    def say(self, wrong: str, advice: str = "") -> None:
        """Say what is wrong, or else what would find more; nothing if both are empty."""
        self._said = mistake(wrong) if wrong else clean(advice)
        self.set_class(bool(wrong), "-wrong")
        self._show()

    @on(CompletingInput.Offered)
    def _show(self) -> None:
        line = self.query_one(CompletingInput)
        text = completion_line(line.before, line.offers(), line.chosen)
        if names := [clean(name) for name, written in sorted(self._saved().items()) if written != line.value]:
            text = Text(f"↑↓ saved: {', '.join(names)}") if not line.value else text
        if self._said:
            text = Text(self._said) + (Text("\n") + text if text.plain else Text())
        self.query_one("#filter-hint", Static).update(text)
