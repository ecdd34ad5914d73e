"""What a command that takes arguments is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tui.views.command_palette.search import Command


@dataclass(frozen=True)
class Meaning:
    """What a typed line means.

    Args:
        says: What it will do, a sentence a line.
        wrong: What is wrong with it already; empty while something can come of it.
        do: Does it; None where it is not whole.
        lacks: What is said if it is to be done and is not whole.
    """

    says: Sequence[str] = ()
    wrong: str = ""
    do: Callable[[], None] | None = None
    lacks: str = ""


class LineCommand(Protocol):
    """A command with arguments."""

    command: Command
    """How it stands among the others; its ``name`` is typed behind a colon."""
    at_once: bool
    """Whether one of its offers that is chosen is done at once: there is no more to say."""

    def offers(self, text: str) -> Mapping[str, str]:
        """Return what its arguments could become, each with a word on it."""

    def meaning(self, text: str) -> Meaning:
        """Return what its arguments mean. For any thread."""

    def preview(self, text: str) -> None:  # noqa: ARG002  for those that show something
        """Show what its arguments would do, as far as that can be undone; nothing is shown for an empty text.

        Most commands show nothing: what they change stands behind the list of commands.
        """
        return  # most show nothing
