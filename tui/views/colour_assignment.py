"""Which colour and sign each curve has: one choice for the list, the charts, the comparison and exported views.

An experiment takes the next free pair the first time it is drawn, and keeps it for good. Its curves have one colour;
beside each other seeds have their digits for signs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tui.palette import MARKERS, TURN, Sign, numbered, pair

if TYPE_CHECKING:
    from tui.state.snapshot import Snapshot

CurveOf = tuple[str, Sequence[str]]
"""The experiment and the runs of a curve."""


class Signs:
    """Remembers the pairs of experiments, and the signs of the runs in the charts."""

    def __init__(self) -> None:
        self.signs: Mapping[str, Sign] = {}
        """The sign of each run, as ``choose`` returned it last."""
        self.kept: dict[str, int] = {}
        """The number of the pair of each experiment that has been drawn."""
        self._made_from: tuple[object, ...] | None = None

    def keep(self, numbers: Mapping[str, int]) -> None:
        """Have experiments keep pairs that were theirs before, as far as they have none yet."""
        self.kept = {**numbers, **self.kept}
        self._made_from = None

    def choose(
        self, snapshot: Snapshot, run_ids: Iterable[str], folds: Iterable[Sequence[str]] = ()
    ) -> Mapping[str, Sign]:
        """Return the sign of each run that is drawn.

        Args:
            snapshot: All runs.
            run_ids: The runs that are drawn.
            folds: The runs that are one curve together, and so have one sign.
        """
        made_from = tuple(run_ids), tuple(map(tuple, folds)), snapshot.by_id.keys()
        if made_from == self._made_from:
            return self.signs
        self._made_from = made_from
        of_run = {run: fold for fold in made_from[1] for run in fold}
        drawn = [snapshot.by_id[run] for run in made_from[0] if run in snapshot.by_id]
        curves = dict.fromkeys(
            (status.experiment, tuple(of_run.get(status.run, (status.run,)))) for status in drawn
        )
        self.kept |= numbered((status.experiment for status in drawn), self.kept)
        self.signs = give(curves, self.kept, {status.run: status.seed for status in drawn})
        return self.signs


def give(curves: Iterable[CurveOf], numbers: Mapping[str, int], seeds: Mapping[str, int]) -> dict[str, Sign]:
    """Return the sign of each run: that of its experiment, or its seed's digit beside others of that.

    Args:
        curves: What is drawn.
        numbers: The number of each experiment's pair.
        seeds: The seed of each run.
    """
    signs: dict[str, Sign] = {}
    drawn = [(experiment, tuple(runs)) for experiment, runs in curves]
    together = Counter(experiment for experiment, _ in drawn)
    worn: set[tuple[str, str]] = set()
    for experiment, runs in sorted(
        drawn, key=lambda curve: len(curve[1]), reverse=True
    ):  # means choose first
        own = pair(numbers[experiment])
        at = MARKERS.index(own.mark)
        marks = [MARKERS[(at + TURN * turn) % len(MARKERS)] for turn in range(len(MARKERS))]
        if together[experiment] > 1 and len(runs) == 1 and runs[0] in seeds:
            marks.insert(0, str(seeds[runs[0]])[-1])
        mark = next((mark for mark in marks if (experiment, mark) not in worn), marks[0])
        worn.add((experiment, mark))
        signs |= dict.fromkeys(runs, Sign(own.colour, mark))
    return signs
