"""The part of the x axis that a chart shows: closer, further on, and never beyond its values."""

from __future__ import annotations

View = tuple[float, float]
"""The x at the left edge and at the right one, in data units."""
ZOOM_STEP = 1.5
"""How much closer a press of the zoom key comes."""
PAN_STEP = 0.25
"""The share of the width that a press of the pan key moves by."""
CLOSEST = 1e-6
"""The smallest share of all that is shown: closer, neighbouring floats would be told apart."""


def zoomed(view: View, factor: float, at: float | None) -> View:
    """Return `1 / factor` times as much, around `at` or the middle."""
    left, right = view
    middle = at if at is not None else left / 2 + right / 2
    return middle - (middle - left) / factor, middle + (right - middle) / factor


def moved(view: View, share: float) -> View:
    """Return a view moved by a share of its width; to the right if positive."""
    left, right = view
    return left + share * (right - left), right + share * (right - left)


def allowed(view: View, limits: View, before: View | None) -> View | None:
    """Return a view as it may be shown.

    Args:
        view: The one that is asked for.
        limits: From where to where there are values.
        before: The one that is shown, which stays where the new one would be too close.

    Returns:
        The view, moved to where there are values; None for everything.
    """
    left, right = view
    width, whole = right - left, limits[1] - limits[0]
    if width >= whole * 0.999:
        return None
    if width <= whole * CLOSEST:
        return before
    shift = max(limits[0] - left, 0.0) + min(limits[1] - right, 0.0)
    return left + shift, right + shift
