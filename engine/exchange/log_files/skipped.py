"""What a reader leaves out of a file: counted by why, each with the place of the first."""

from __future__ import annotations

from collections import Counter

MOST = 100
"""Kinds that are told apart; what is beyond counts together."""


class Skipped:
    """Counts what is left out."""

    def __init__(self, noun: str = "line") -> None:
        self.noun = noun
        """What places are numbers of: lines, or the entries of a document."""
        self._counts: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def add(self, what: str, line: int, example: str = "", count: int = 1) -> None:
        """Count what is left out.

        Args:
            what: What it is and why it is left out; the same words count together.
            line: Where it stands, from 1.
            example: What stands there.
            count: How many there are.
        """
        if what not in self._counts and len(self._counts) >= MOST:
            what = "something else"
        self._counts[what] += count
        self._first.setdefault(
            what, f"{self.noun} {line}: {example[:40]!r}" if example else f"{self.noun} {line}"
        )

    def __bool__(self) -> bool:
        return bool(self._counts)

    def into(self, left: Counter[str]) -> None:
        """Add what was counted to what a run lacks."""
        for what, count in self._counts.items():
            left[f"{what} ({self._first[what]}{' is the first' if count > 1 else ''})"] += count
