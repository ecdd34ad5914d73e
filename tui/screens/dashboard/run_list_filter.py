"""Which runs the dashboard's list shows: a filter in the language of `engine ls`, applied while it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from textual.screen import Screen

from engine.query.completion import complete
from tui.screens.actions.screen_protocol import Target
from tui.screens.message_duration import SHORTEST_S
from tui.state.snapshot import Snapshot
from tui.views.run_filter import Meant, Sieve, Subjects, experiments_passing, known_values, understand
from tui.widgets.completing_input import CompletingInput
from tui.widgets.runs.filter_box import FilterBox
from tui.widgets.runs.run_list import RunList

MOST_SAVED = 20


class RunFilter:
    """What is written, and what it means for the runs of a snapshot."""

    def __init__(self) -> None:
        self.text = ""
        """What is written."""
        self._sieve: Sieve | None = None
        """What was understood last; None for all."""
        self.saved: dict[str, str] = {}
        """Filters by the names that they were saved under."""
        self._subjects = Subjects()
        self._counted: tuple[Snapshot, Sieve, str] | None = None
        self._values: tuple[Snapshot, dict[str, Iterable[str]]] | None = None

    def meant(self, snapshot: Snapshot) -> Meant | None:
        """Return what the filter means, None for everything."""
        return None if self._sieve is None else self._sieve.sift(snapshot)

    def count_text(self, snapshot: Snapshot) -> str:
        """Return how many experiments pass the filter, and the way out of it; empty without a filter."""
        if self._sieve is None:
            return ""
        made = self._counted
        if made is None or made[0] is not snapshot or made[1] is not self._sieve:
            passing, all_of_them = experiments_passing(snapshot, self._sieve.sift(snapshot))
            made = self._counted = snapshot, self._sieve, f"{passing} of {all_of_them} · esc clears"
        return made[2]

    def save(self, name: str, text: str) -> None:
        """Remember a filter by a name; an empty text forgets that name, and what cannot be written is passed over."""
        if not text.strip():
            self.saved.pop(name, None)
        elif name.strip() and name.isprintable() and text.isprintable():
            self.saved[name] = text
            self.saved = dict(list(self.saved.items())[-MOST_SAVED:])

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

    def advice(self, snapshot: Snapshot) -> str:
        """Return why the filter in use finds nothing, or what finds something; empty where neither is known."""
        said = "" if self._sieve is None else self._sieve.advice(snapshot)
        return said and f"nothing fits; {said}"


class FilterActions:
    """The box that a filter is written in, on a screen that shows its list anew when the filter is another.

    Args:
        target: The screen, for what is asked and said.
        screen: The same screen, as Textual has it.
        run_filter: The filter, and those that are saved.
        now: Returns the snapshot of now.
    """

    def __init__(
        self, target: Target, screen: Screen[None], run_filter: RunFilter, now: Callable[[], Snapshot]
    ) -> None:
        self._target = target
        self._screen = screen
        self._filter = run_filter
        self._now = now

    def accept(self, show_list: Callable[[], None]) -> bool:
        """Keep what is written, and say what of the charts it hides in the list; return whether nothing is wrong.

        Args:
            show_list: Shows the list as it then is.
        """
        if not self.understand(writing=False):
            return False
        show_list()
        runs, snapshot = self._screen.query_one(RunList), self._now()
        runs.keep_marks()
        meant, known = self._filter.meant(snapshot), snapshot.by_id.keys()
        if hidden := runs.overlaid & known - (known if meant is None else meant.runs):
            words = f"run{'s' * (len(hidden) > 1)} overlaid and hidden"
            self._target.say(f"{len(hidden)} {words}: their curves stay, c leaves them out", SHORTEST_S)
        return True

    def action_filter(self) -> None:
        """Show only some runs."""
        box = self._screen.query_one("#filter", CompletingInput)
        box.add_class("-shown")
        self._screen.set_focus(box)
        self.understand(writing=True)

    def completions(self, text: str) -> list[str]:
        """Return what a filter could become that is being written; for Tab."""
        return complete(text, len(text), self._filter.known_values(self._now()))

    def write(self, text: str) -> None:
        """Write a filter into the box, as if it had been typed; nothing takes it away."""
        box = self._screen.query_one("#filter", CompletingInput)
        box.value = text
        box.set_class(bool(text), "-shown")

    def action_save_filter(self) -> None:
        """Ask for a name, and save the filter under it."""
        from tui.screens.line_prompt import Prompt

        saved, text = self._filter.saved, self._filter.text
        known = next((name for name, written in saved.items() if written == text), "")
        what = f"Saves {text!r}." if text.strip() else "An empty filter: the name is forgotten."
        names = f" There are {', '.join(sorted(saved))}." if saved else ""

        def chosen(name: str | None) -> None:
            if name is not None and (name := name.strip()):
                self._filter.save(name, text)
                done = f"Saved as {name}: f and ↑ choose it." if text.strip() else f"{name} is forgotten."
                self._target.say(done, SHORTEST_S)

        prompt = Prompt("Name of the filter", f"{what}{names}", known, sorted(saved))
        self._target.ask(prompt, chosen)

    def understand(self, *, writing: bool) -> bool:
        """Take the filter into use, say what is wrong or would find more, and return whether nothing is wrong."""
        snapshot = self._now()
        wrong = self._filter.understand(snapshot, writing=writing)
        self._screen.query_one(FilterBox).say(wrong, "" if wrong else self._filter.advice(snapshot))
        return not wrong
