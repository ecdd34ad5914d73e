"""Which colour and mark each curve has: one choice for the list, the charts, the comparison and exported views.

A run keeps what it has for as long as it is in the charts, whatever comes and goes beside it. One that comes gets its
experiment's colour, or where that is taken another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from tui.palette import MARKERS, PALETTE, Sign, assign

if TYPE_CHECKING:
    from tui.state.snapshot import Snapshot

CurveOf = tuple[str, Sequence[str]]
"""The experiment and the runs of a curve."""


class Signs:
    """Remembers the signs of the runs in the charts."""

    def __init__(self) -> None:
        self.signs: Mapping[str, Sign] = {}
        """The sign of each run, as ``choose`` returned it last."""
        self._made_from: tuple[tuple[object, ...], object] | None = None

    def choose(
        self, snapshot: Snapshot, run_ids: Iterable[str], folds: Iterable[Sequence[str]] = ()
    ) -> Mapping[str, Sign]:
        """Return the sign of each run that is drawn.

        Args:
            snapshot: All runs; the configuration in it gives experiments their colours.
            run_ids: The runs that are drawn.
            folds: The runs that are one curve together, and so have one sign.
        """
        names, together = tuple(run_ids), tuple(map(tuple, folds))
        rest = names, together, tuple((status.run, status.experiment) for status in snapshot.runs)
        made = self._made_from
        if made is not None and rest == made[0] and snapshot.config is made[1]:
            return self.signs
        self._made_from = rest, snapshot.config
        experiments = dict.fromkeys(status.experiment for status in snapshot.runs)
        if snapshot.config is not None:
            experiments |= dict.fromkeys(snapshot.config.experiments)
        drawn = set(names)
        of_run = {run: fold for fold in together for run in fold}
        curves = dict.fromkeys(
            (status.experiment, tuple(reversed(of_run.get(status.run, (status.run,)))))
            for status in reversed(snapshot.runs)
            if status.run in drawn
        )
        self.signs = give(curves, assign(experiments), self.signs)
        return self.signs


def give(
    curves: Iterable[CurveOf], colours: Mapping[str, str], previous: Mapping[str, Sign]
) -> dict[str, Sign]:
    """Return the sign of each run: no two curves have the same while there are signs left.

    Args:
        curves: What is drawn; the first new one of each experiment gets the experiment's colour if it can.
        colours: The colour of each experiment.
        previous: The signs that runs had until now.
    """
    signs: dict[str, Sign] = {}
    taken: Counter[Sign] = Counter()
    new: list[CurveOf] = []
    for experiment, runs in curves:
        kept = next((previous[run] for run in runs if run in previous and previous[run] not in taken), None)
        if kept is None:
            new.append((experiment, runs))
            continue
        signs |= dict.fromkeys(runs, kept)
        taken[kept] += 1
    heads = dict(reversed(new))
    for experiment, runs in sorted(new, key=lambda curve: heads[curve[0]] is not curve[1]):
        sign = _free(colours[experiment], taken)
        signs |= dict.fromkeys(runs, sign)
        taken[sign] += 1
    return signs


def _free(preferred: str, taken: Counter[Sign]) -> Sign:
    """Return a sign of the preferred colour, or of the next colour that fewer curves have."""
    used = Counter(dict.fromkeys(PALETTE, 0))
    for sign, count in taken.items():  # at most as many as there are colours and marks
        used[sign.colour] += count
    first = PALETTE.index(preferred)
    colour = min((*PALETTE[first:], *PALETTE[:first]), key=used.__getitem__)
    own = MARKERS[PALETTE.index(colour)]
    spare = [*MARKERS[len(PALETTE) :], *MARKERS[: len(PALETTE)]] if used[colour] else [own]
    worn = {sign.mark for sign in taken}
    unworn = [mark for mark in spare if mark not in worn] or spare
    return next((sign for mark in unworn if (sign := Sign(colour, mark)) not in taken), Sign(colour, own))
