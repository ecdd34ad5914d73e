"""What the app has said: one message at a time stands in the row over the keys, and all of them can be read again."""

from __future__ import annotations

import math
import time
from collections import deque
from dataclasses import dataclass
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

    @property
    def line(self) -> str:
        """All of it on one line."""
        return " ".join(f"{self.title}: {self.text}".removeprefix(": ").split())


class MessageLog:
    """Keeps messages, and tells which of them stands in the row."""

    def __init__(self) -> None:
        self.said: deque[Said] = deque(maxlen=KEPT)
        """The oldest first."""

    def add(self, text: str, title: str, severity: Severity, seconds: float) -> None:
        """Say something, unless that stands in the row already.

        Args:
            text: The message.
            title: What it is about; may be empty.
            severity: How bad it is.
            seconds: How long it stands in the row, if it is no error.
        """
        current = self.current()
        if current is None or (current.text, current.title) != (text, title):
            until = math.inf if severity == "error" else time.monotonic() + seconds
            self.said.append(Said(text, title, severity, time.time(), until))

    def current(self) -> Said | None:
        """Return what stands in the row: the newest error that no key has taken away, else the newest that lasts."""
        now = time.monotonic()
        standing = [each for each in self.said if each.until > now]
        errors = [each for each in standing if each.severity == "error"]
        return errors[-1] if errors else standing[-1] if standing else None

    def take_errors_away(self, text: str | None = None) -> bool:
        """Have no error stand in the row any more, or none of one text; return whether one did."""
        now = time.monotonic()
        standing = [
            at
            for at, each in enumerate(self.said)
            if each.until == math.inf and (text is None or each.text == text)
        ]
        for at in standing:
            each = self.said[at]
            self.said[at] = Said(each.text, each.title, each.severity, each.time, now)
        return bool(standing)
