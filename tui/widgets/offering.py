"""An input that knows how what is typed could go on: the nearest stands behind the cursor, tab goes through all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

Complete = Callable[[str], list[str]]
"""Returns the whole texts that a text could become, the nearest first."""


class CompletingInput(Input):
    """Completes on tab; the right arrow takes what stands behind the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete(1)", "Complete", show=False, priority=True),
        Binding("shift+tab", "complete(-1)", "Complete the other way", show=False, priority=True),
    ]

    @dataclass
    class Offered(Message):
        """What is typed could become one of these texts."""

        texts: list[str]

    def __init__(self, complete: Complete, *, id: str | None = None, placeholder: str = "") -> None:  # noqa: A002
        self.complete = complete
        super().__init__(
            id=id, placeholder=placeholder, suggester=_Nearest(self), compact=True, select_on_focus=False
        )
        self._round: list[str] = []
        self._place = -1

    def offer(self) -> None:
        """Say what there is to choose from now."""
        if self._place >= 0 and self._round[self._place] == self.value:
            return  # tab has put it here
        self._round, self._place = [], -1
        self.post_message(self.Offered(self.complete(self.value)))

    def watch_value(self) -> None:
        """Choose anew from what goes with what is typed."""
        self.offer()

    def action_complete(self, step: int) -> None:
        """Put the next text that this could become in its place."""
        if not self._round:
            self._round = self.complete(self.value)
            self._place = -1 if step > 0 else 0
        if self._round:
            self._place = (self._place + step) % len(self._round)
            self.value = self._round[self._place]
            self.cursor_position = len(self.value)


class _Nearest(Suggester):
    """Suggests the first completion that begins as typed."""

    def __init__(self, owner: CompletingInput) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._owner = owner

    async def get_suggestion(self, value: str) -> str | None:
        if not value:
            return None
        return next((text for text in self._owner.complete(value) if text.startswith(value)), None)
