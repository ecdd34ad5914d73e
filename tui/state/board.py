"""How the dashboard is looked at: what stays in the charts, how they are drawn, which screens stand over it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from engine.analysis.run_groups import siblings
from engine.history.reader import Axis
from tui.state.run_record import Page
from tui.state.snapshot import Snapshot, Watch

SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""Weights of the past, from no smoothing on."""


@dataclass
class BoardState:
    """What a user has chosen to see, apart from the list's own cursor and selection."""

    axis: Axis = "epoch"
    smoothing: int = 0
    """An index into ``SMOOTHINGS``."""
    bands: bool = False
    """Whether runs that differ in their seed alone are one curve with a band."""
    bands_asked: bool = False
    """Whether a user has said how seeds are to be drawn."""
    pinned: str | None = None
    """The run that stays in the charts, over the others."""
    page: Page | None = None
    """What of a run is shown whole, on the screen over this one."""
    compared: frozenset[str] = frozenset()
    """The runs that stand side by side: while there are any, the charts show these alone."""
    _made: tuple[tuple[object, ...], tuple[object, ...], tuple[str, ...]] | None = field(
        default=None, repr=False
    )
    """The runs in the charts as they were last worked out, after what they were worked out from."""

    def watch(self, snapshot: Snapshot, selected: Set[str], cursor: str | None) -> Watch:
        """Return what the feed is to prepare; the runs are worked out once for the same snapshot and selection.

        Args:
            snapshot: What there is.
            selected: The overlaid runs.
            cursor: The run under the list's cursor.
        """
        focus = self.page.run if self.page is not None else cursor
        overlaid = frozenset(selected) | ({self.pinned} if self.pinned is not None else frozenset())
        parts, rest = (snapshot.runs, snapshot.about), (overlaid, focus, self.bands, self.compared)
        made = self._made
        if made is None or any(a is not b for a, b in zip(parts, made[0], strict=True)) or rest != made[1]:
            made = self._made = parts, rest, self._runs(snapshot, overlaid, focus)
        return Watch(made[2], focus, self.axis, SMOOTHINGS[self.smoothing], self.bands, self.page)

    def _runs(self, snapshot: Snapshot, overlaid: Set[str], focus: str | None) -> tuple[str, ...]:
        """Return the runs in the charts, oldest first; the one in focus is drawn last, over the others."""
        if self.compared:
            return tuple(name for name in snapshot.by_id if name in self.compared)
        chosen = {name for name in overlaid if name in snapshot.by_id}
        chosen |= {focus} if focus is not None else set()
        if self.bands:
            chosen |= siblings(snapshot.runs, chosen, snapshot.about)
        shown = [name for name in snapshot.by_id if name in chosen and name != focus]
        return (*shown, *([focus] if focus is not None else []))
