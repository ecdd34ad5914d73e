"""The commands that were used last: lines as they were typed, and the titles of those that were chosen."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 40
"""How many are remembered."""
LONGEST = 500
"""Characters of one; a longer one is not remembered."""


class CommandHistory:
    """What was used, the last first, each once; nothing in it holds what a terminal would act on.

    Args:
        used: What was remembered of earlier times; what cannot be is left out.
    """

    def __init__(self, used: Iterable[str] = ()) -> None:
        self.used: list[str] = []
        for text in reversed(list(used)[:MOST]):
            self.add(text)

    @property
    def lines(self) -> list[str]:
        """Those that were typed, each with its colon."""
        return [text for text in self.used if text.startswith(":")]

    def add(self, text: str) -> None:
        """Remember a line or a title as the last one."""
        if (text := text.strip()) and text.isprintable() and len(text) <= LONGEST:
            self.used = [text, *(other for other in self.used if other != text)][:MOST]
