"""The box in which a filter is written: Tab completes keys and values, and mistakes are explained below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from engine.query.completion import complete
from tui.text import mistake
from tui.widgets.completing_input import CompletingInput, completion_line

EXAMPLE = "state=failed test/f1>0.8 age<2d, or part of a name"


class FilterBox(Vertical):
    """The line, and below it while it is written what it could become, or what is wrong with it.

    Args:
        completions: Returns the values that keys are known to have, by key.
    """

    DEFAULT_CSS = """
    FilterBox { height: auto; }
    FilterBox > #filter-hint { display: none; height: auto; max-height: 3; padding: 0 1; color: $foreground 70%; }
    FilterBox:focus-within > #filter-hint, FilterBox.-wrong > #filter-hint { display: block; }
    FilterBox.-wrong > #filter-hint { color: $error; }
    """

    def __init__(self, completions: Callable[[], Mapping[str, Iterable[str]]]) -> None:
        super().__init__()
        self._completions = completions
        self._wrong = ""

    def compose(self) -> ComposeResult:
        """The line over its hint."""
        yield CompletingInput(
            lambda text, cursor: complete(text, cursor, self._completions()), placeholder=EXAMPLE, id="filter"
        )
        yield Static(id="filter-hint", markup=False)

    def say(self, wrong: str) -> None:
        """Say what is wrong, nothing if empty."""
        self._wrong = mistake(wrong)
        self.set_class(bool(wrong), "-wrong")
        self._show()

    @on(CompletingInput.Offered)
    def _show(self) -> None:
        line = self.query_one(CompletingInput)
        text = completion_line(line.before, line.offers(), line.chosen)
        if self._wrong:
            text = Text(self._wrong) + (Text("\n") + text if text.plain else Text())
        self.query_one("#filter-hint", Static).update(text)
