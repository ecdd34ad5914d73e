"""One line of a chart, as whoever has the data hands it over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tui.state.snapshot import Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One line of a chart. All arrays have one length; what is not finite is a gap.

    Attributes:
        key: What the curve is of, for whoever made it.
        label: What the legend calls it; any text, shown as it is.
        x: Positions along the x axis, mostly ascending.
        y: Values.
        colour: A hex colour, see `tui.palette.assign`.
        raw: The values before smoothing, drawn faintly.
        lo: Lower bound of a band.
        hi: Upper bound of a band.
        pinned: Drawn over the others.
        seams: Positions where the run was resumed.
        outcome: The final value over the runs that it is the mean of; None where the curve's last value says it.
        mark: A mark of `tui.palette.MARKERS`; the chart chooses one where it is empty.
    """

    key: str
    label: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    colour: str
    raw: NDArray[np.float64] | None = None
    lo: NDArray[np.float64] | None = None
    hi: NDArray[np.float64] | None = None
    pinned: bool = False
    seams: tuple[float, ...] = ()
    mark: str = ""
    outcome: Outcome | None = None

    def looks_like(self, other: Curve) -> bool:
        """Return whether another curve is drawn the same; arrays are the same only if they are one object."""
        return all(
            getattr(self, name) is getattr(other, name)
            for name in ("x", "y", "raw", "lo", "hi")
        ) and all(
            getattr(self, name) == getattr(other, name)
            for name in ("key", "label", "colour", "mark", "pinned", "seams", "outcome")
        )  # fmt: skip
