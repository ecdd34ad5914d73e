"""The one box for a line of text: nothing gets into it that a terminal would act on, whoever puts it there."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from engine.text import clean, printable

LONGEST = 64 * 1024
"""Characters that a box holds at most, as many as a note: each key has all of them judged."""


class TextBox(Input):
    """An ``Input`` whose value is printable and of a bounded length: typed, pasted, completed or set by the program."""

    DEFAULT_CSS = """
    TextBox > .input--selection { color: $background; background: $primary; }
    """  # Textual's own is hardly seen on a light ground

    def validate_value(self, value: str) -> str:
        """Return a value with a blank for each character that is not printable, so that places in it stay."""
        return printable(value[:LONGEST])

    def replace(self, text: str, start: int, end: int) -> None:
        """Replace a part of the text; see ``Input``."""
        super().replace(printable(text), start, end)

    def on_paste(self, event: events.Paste) -> None:
        """Take all lines of what is pasted, as one."""
        event.prevent_default()
        event.stop()
        self.replace(clean(" ".join(event.text.splitlines())), *self.selection)
