"""Which runs the dashboard's list shows: a filter in the language of `engine ls`, applied while it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from textual.screen import Screen

from tui.state.snapshot import Snapshot
from tui.views.run_filter import Meant, Sieve, Subjects, known_values, understand
from tui.widgets.completing_input import CompletingInput
from tui.widgets.runs.filter_box import FilterBox


class RunFilter:
    """What is written, and what it means for the runs of a snapshot."""

    def __init__(self) -> None:
        self.text = ""
        """What is written."""
        self._sieve: Sieve | None = None
        """What was understood last; None for all."""
        self._subjects = Subjects()
        self._values: tuple[Snapshot, dict[str, Iterable[str]]] | None = None

    def meant(self, snapshot: Snapshot) -> Meant | None:
        """Return what the filter means, None for everything."""
        return None if self._sieve is None else self._sieve.sift(snapshot)

    def known_values(self, snapshot: Snapshot) -> Mapping[str, Iterable[str]]:
        """Return what keys are known to be, for completion."""
        if self._values is None or self._values[0] is not snapshot:
            self._values = snapshot, known_values(snapshot)
        return self._values[1]

    def understand(self, snapshot: Snapshot, *, writing: bool) -> str:
        """Take what is written into use, and return what is wrong with it; then the last filter without mistakes stays.

        Args:
            snapshot: Whose runs it is about.
            writing: Whether more may be written: what is not finished is no mistake then.
        """
        if not self.text.strip():
            self._sieve = None
            return ""
        sieve, wrong = understand(self.text, snapshot, writing=writing, subjects=self._subjects)
        self._sieve = sieve or self._sieve
        return wrong


class FilterActions:
    """The box that a filter is written in, on a screen that shows its list anew when the filter is another."""

    def __init__(self, screen: Screen[None], run_filter: RunFilter, now: Callable[[], Snapshot]) -> None:
        self._screen = screen
        self._filter = run_filter
        self._now = now

    def action_filter(self) -> None:
        """Show only some runs."""
        box = self._screen.query_one("#filter", CompletingInput)
        box.add_class("-shown")
        self._screen.set_focus(box)
        self.understand(writing=True)

    def understand(self, *, writing: bool) -> None:
        """Take the filter into use, and say what is wrong with it."""
        self._screen.query_one(FilterBox).say(self._filter.understand(self._now(), writing=writing))
