"""A curve with what it is called and wears: one line of a chart on the screen, or of a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.analysis.curves import Curve


@dataclass(frozen=True, slots=True, eq=False)
class ChartLine:
    """A line of a picture.

    Attributes:
        name: What the legend calls it; any text, shown as it is.
        colour: A hex colour, see `tui.curve_palette.assign`.
        curve: What is drawn.
        mark: As a `tui.curve_palette.Sign` has it; the picture chooses one where it is empty.
        pinned: Drawn over the others.
        place: Where its run stands in the list; lines are named in this order.
        live: Whether its last value still moves.
        epochs: Where epochs end on a figure's axis, if it is another than theirs.
    """

    name: str
    colour: str
    curve: Curve
    mark: str = ""
    pinned: bool = False
    place: int = 0
    live: bool = False
    epochs: frozenset[float] = frozenset()

    def looks_like(self, other: ChartLine) -> bool:
        """Return whether another line is drawn the same; curves are the same only if they are one object."""
        return self.curve is other.curve and all(
            getattr(self, name) == getattr(other, name)
            for name in ("name", "colour", "mark", "pinned", "place", "live")
        )
