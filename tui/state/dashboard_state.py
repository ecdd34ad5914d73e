"""How the dashboard is looked at: what stays in the charts, how they are drawn, which screens stand over it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from engine.analysis.runs_that_count import curves_of
from engine.catalog.metrics import AXES, Axis
from engine.runs.metadata import summaries_of
from tui.state.run_page_record import Page
from tui.state.smoothing_steps import weight_of
from tui.state.snapshot import Snapshot, Watch

Folds = tuple[tuple[str, ...], ...]
"""The runs that are one curve together, of each curve."""


@dataclass
class BoardState:
    """What a user has chosen to see, apart from the list's own cursor and selection."""

    axis: Axis = "epoch"
    wanted_axis: Axis = "epoch"
    """The axis that the user chose; charts of runs that do not have it show another one."""
    smoothing: int = 0
    """A step of ``tui.state.smoothing_steps``; 0 for no smoothing."""
    bands: bool = True
    """Whether seeds are drawn as their mean."""
    pinned: str | None = None
    """The run that stays in the charts, over the others."""
    page: Page | None = None
    """What of a run is shown whole, on the screen over this one."""
    machine: bool = False
    """Whether the machine is shown whole, on the screen over this one."""
    compared: frozenset[str] = frozenset()
    """The runs that stand side by side: while there are any, the charts show these alone."""
    _made: tuple[tuple[object, ...], tuple[object, ...], tuple[str, ...], Folds] | None = field(
        default=None, repr=False
    )
    """The runs in the charts as they were last worked out, after what they were worked out from."""

    def fit_axis(self, known: Set[Axis]) -> bool:
        """Take the axis that the user chose if it is known, else the first one that is; return whether it is new.

        Args:
            known: The axes that one of the runs shown has.
        """
        before = self.axis
        order = (self.wanted_axis, "epoch", "step", *AXES)
        self.axis = next((axis for axis in order if axis in known), self.axis)
        return self.axis != before

    def watch(
        self, snapshot: Snapshot, selected: Set[str], cursor: str | None, *,
        alone: Set[str] = frozenset(), whole: bool = False, passing: Set[str] | None = None,
    ) -> Watch:  # fmt: skip
        """Return what the feed is to prepare; the runs are worked out once for the same snapshot and list.

        Args:
            snapshot: What the feed read last.
            selected: The overlaid runs.
            cursor: The run under the list's cursor.
            alone: The runs that have a row of their own in the list: each is a curve of its own.
            whole: Whether the row under the cursor is its experiment's: then its seeds are one curve all the same.
            passing: The runs that a filter leaves; None without one. What it hides is in no curve, unless overlaid.
        """
        focus = self.page.run if self.page is not None else cursor
        overlaid = frozenset(selected) | ({self.pinned} if self.pinned is not None else frozenset())
        parts = snapshot.runs, snapshot.metadata
        rest = (
            overlaid,
            focus,
            self.bands,
            self.compared,
            frozenset(alone),
            whole,
            frozenset(passing) if passing is not None else None,
        )
        made = self._made
        if made is None or any(a is not b for a, b in zip(parts, made[0], strict=True)) or rest != made[1]:
            runs, folds = self._runs(snapshot, overlaid, focus, alone, whole=whole, passing=passing)
            made = self._made = parts, rest, runs, folds
        return Watch(made[2], focus, self.axis, weight_of(self.smoothing), self.page, made[3], self.machine)

    def _runs(
        self, snapshot: Snapshot, overlaid: Set[str], focus: str | None, alone: Set[str], *, whole: bool,
        passing: Set[str] | None,
    ) -> tuple[tuple[str, ...], Folds]:  # fmt: skip
        """Return the runs in the charts, oldest first, and those that are one curve each.

        The one in focus is drawn last, over the others.
        """
        chosen = {name for name in self.compared or overlaid if name in snapshot.by_id}
        own = set(chosen)
        if not self.compared:
            chosen |= {focus} if focus is not None else set()
            own = chosen - alone | ({focus} if focus is not None and whole else set())
        shown = passing | chosen if passing is not None else None
        folds = _folds(snapshot, own, shown) if self.bands else ()
        folded = {run for fold in folds for run in fold}
        visible = [name for name in snapshot.by_id if name in chosen or name in folded]
        if focus is not None and focus in visible and not self.compared:
            visible.remove(focus)
            visible.append(focus)
        return tuple(visible), folds


def _folds(snapshot: Snapshot, overlaid: Set[str], shown: Set[str] | None) -> Folds:
    """Return the runs of each curve, of those that are shown; None for all."""
    experiments = {snapshot.by_id[name].experiment for name in overlaid if name in snapshot.by_id}
    near = (
        status
        for status in snapshot.runs
        if status.experiment in experiments and (shown is None or status.run in shown)
    )
    return tuple(curve.runs for curve in curves_of(summaries_of(near, snapshot.metadata), overlaid))
