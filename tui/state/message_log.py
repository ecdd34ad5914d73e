"""What the app has said: one message at a time stands in the row over the keys, and all of them can be read again."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

KEPT = 500
"""Messages that are kept."""
Severity = Literal["information", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Said:
    """A message."""

    text: str
    title: str
    severity: Severity
    time: float
    """When it was said, in seconds since the epoch."""
    until: float
    """Until when it stands in the row, by the monotonic clock; infinite for an error, which a key takes away."""
    brief: str = ""
    """What stands in the row, where the text is longer than one reads there; empty for all of it."""

    @property
    def line(self) -> str:
        """What stands in the row, on one line."""
        return " ".join(f"{self.title}: {self.brief or self.text}".removeprefix(": ").split())


class MessageLog:
    """Keeps messages, and tells which of them stands in the row."""

    def __init__(self) -> None:
        self.said: deque[Said] = deque(maxlen=KEPT)
        """The oldest first."""

    def add(self, text: str, title: str, severity: Severity, seconds: float, brief: str = "") -> None:
        """Say something, unless that stands in the row already.

        Args:
            text: The message.
            title: What it is about; may be empty.
            severity: How bad it is.
            seconds: How long it stands in the row, if it is no error.
            brief: What stands there of a long one; empty for all of it.
        """
        current = self.current()
        if current is None or (current.text, current.title) != (text, title):
            until = math.inf if severity == "error" else time.monotonic() + seconds
            self.said.append(Said(text, title, severity, time.time(), until, brief))

    def current(self) -> Said | None:
        """Return what stands in the row: the newest error that no key has taken away, else the newest that lasts."""
        now = time.monotonic()
        standing = [each for each in self.said if each.until > now]
        errors = [each for each in standing if each.severity == "error"]
        return errors[-1] if errors else standing[-1] if standing else None

    def take_errors_away(self, text: str | None = None) -> bool:
        """Have no error stand in the row any more, or none of one text; return whether one did."""
        return self._end(lambda each: each.until == math.inf and text in (None, each.text))

    def end(self, text: str) -> bool:
        """Have a message stand in the row no longer: what it says is over; return whether it did."""
        return self._end(lambda each: each.text == text)

    def _end(self, is_meant: Callable[[Said], bool]) -> bool:
        now = time.monotonic()
        standing = [at for at, each in enumerate(self.said) if each.until > now and is_meant(each)]
        for at in standing:
            self.said[at] = replace(self.said[at], until=now)
        return bool(standing)
