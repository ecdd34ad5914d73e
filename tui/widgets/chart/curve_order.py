"""In which order charts name their curves: that of the list of runs."""

from __future__ import annotations

from collections.abc import Sequence

from tui.views.run_list_row import Row


class CurveOrder:
    """Remembers the order of the curves' runs for as long as rows and runs stay the same."""

    def __init__(self) -> None:
        self._made: tuple[Sequence[Row], Sequence[str], list[str]] | None = None

    def of(self, rows: Sequence[Row], runs: Sequence[str]) -> list[str]:
        """Return runs in the order of the rows that stand for them, then those that no row stands for.

        Args:
            rows: The rows from top to bottom; a changed list is another object.
            runs: The runs of the curves.
        """
        if self._made is None or self._made[0] is not rows or self._made[1] != runs:
            left, ordered = set(runs), list[str]()
            for row in rows:
                if not left:
                    break
                for run in row.runs:
                    if run in left:
                        left.discard(run)
                        ordered.append(run)
            self._made = rows, runs, [*ordered, *(run for run in runs if run in left)]
        return self._made[2]
