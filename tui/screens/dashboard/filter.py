"""Which runs a screen's list shows: a filter in the language of `engine ls`, applied while it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual import on
from textual.screen import Screen
from textual.widgets import Input

from tui.state.snapshot import Snapshot
from tui.views.run_filter import Meant, Sieve, Subjects, known_values, understand
from tui.widgets.completing_input import Completing
from tui.widgets.runs.filter_box import FilterBox


class Filtering(Screen[None]):
    """A screen with a ``FilterBox`` below a list, which it makes anew when the filter is another."""

    snapshot: Snapshot

    def __init__(self) -> None:
        super().__init__()
        self._filter = ""
        """What is written."""
        self._sieve: Sieve | None = None
        """What was understood last; None for all."""
        self._subjects = Subjects()
        self._values: tuple[Snapshot, dict[str, Iterable[str]]] | None = None

    def watch_snapshot(self) -> None:
        """Show a new moment."""
        raise NotImplementedError

    def meant(self) -> Meant | None:
        """Return what the filter means, None for everything."""
        return None if self._sieve is None else self._sieve.sift(self.snapshot)

    def known_values(self) -> Mapping[str, Iterable[str]]:
        """Return what keys are known to be, for completion."""
        if self._values is None or self._values[0] is not self.snapshot:
            self._values = self.snapshot, known_values(self.snapshot)
        return self._values[1]

    def action_filter(self) -> None:
        """Show only some runs."""
        box = self.query_one("#filter", Completing)
        box.add_class("-shown")
        self.set_focus(box)
        self._understand(writing=True)

    @on(Input.Changed, "#filter")
    def _filter_changed(self, message: Input.Changed) -> None:
        self._filter = message.value
        self._understand(writing=True)
        self.watch_snapshot()

    @on(Input.Submitted, "#filter")
    def _filter_submitted(self) -> None:
        self._understand(writing=False)
        self.watch_snapshot()

    def _understand(self, *, writing: bool) -> None:
        """Take the filter into use; while it cannot be understood, the last one that could be stays."""
        if not self._filter.strip():
            self._sieve, wrong = None, ""
        else:
            sieve, wrong = understand(self._filter, self.snapshot, writing=writing, subjects=self._subjects)
            self._sieve = sieve or self._sieve
        self.query_one(FilterBox).say(wrong)
