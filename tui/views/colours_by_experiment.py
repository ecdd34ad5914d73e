"""Which colour and sign each curve has: one choice for the list, the charts, the comparison and exported views.

An experiment takes the next free pair the first time it is drawn, and keeps it for good. All its curves wear it; beside
each other seeds have their digit behind it::

    ●  the mean of an experiment, or its only run        ●0 ●2  seeds 0 and 2 of it        ●a  another curve of seed 0
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

from tui.curve_palette import Sign, numbered, pair

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
    """Return the sign of each run: that of its experiment, with its seed's digit beside others of that.

    Where a digit or the sign alone is taken, a letter takes its place.

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
        is_one_of_several = together[experiment] > 1 and len(runs) == 1 and runs[0] in seeds
        ends = [str(seeds[runs[0]])[-1] if is_one_of_several else "", *ascii_lowercase]
        end = next((end for end in ends if (experiment, end) not in worn), ends[0])
        worn.add((experiment, end))
        signs |= dict.fromkeys(runs, Sign(own.colour, own.mark + end))
    return signs


def sign_of_row(signs: Mapping[str, Sign], run: str, overlaid: Iterable[str]) -> Sign | None:
    """Return the sign of a row of the list; None where nothing of it is drawn, or what has no sign in common.

    Args:
        signs: Of each run that is drawn.
        run: The run that the row stands for first.
        overlaid: All of its runs that are overlaid.
    """
    of_row = signs_together(signs[each] for each in (run, *overlaid) if each in signs)
    return of_row[0] if len(of_row) == 1 else signs.get(run)


def signs_together(signs: Iterable[Sign]) -> list[Sign]:
    """Return what stands for several runs: their one sign, else that of each of their experiments."""
    each = list(dict.fromkeys(signs))
    return each if len(each) < 2 else list(dict.fromkeys(sign.of_experiment for sign in each))
