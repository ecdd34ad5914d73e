"""Training time: the clock of the machine without the pauses between attempts, and never going back."""

from __future__ import annotations

SLACK_S = 1.0
"""Seconds by which two threads may disagree on the time; more is a clock that was set back."""


class TrainingClock:
    """Turns the times of a run's events into training time, in their order."""

    def __init__(self) -> None:
        self._now = self._paused = 0.0

    def begin(self, time: float) -> None:
        """Begin with the first attempt."""
        self._now = time

    def go_on(self, time: float) -> None:
        """Go on with another attempt: the pause before it is no training time."""
        self._paused = time - self._now

    def tell(self, time: float) -> float:
        """Return when something was in training time: without pauses, and not before what came before it."""
        now = time - self._paused
        if now < self._now - SLACK_S:  # the machine's clock was set back
            now, self._paused = self._now, time - self._now
        self._now = now
        return now
