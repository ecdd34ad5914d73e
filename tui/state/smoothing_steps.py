"""By how much each press of + smooths the curves: the steps from none to the most, as weights of the past."""

from __future__ import annotations

SMOOTHINGS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
"""The weight of the past at each step, in an exponential moving average."""


def bounded_step(step: int) -> int:
    """Return the nearest step that exists."""
    return max(0, min(step, len(SMOOTHINGS) - 1))


def weight_of(step: int) -> float:
    """Return the weight of the past at a step, from 0 for no smoothing to less than 1."""
    return SMOOTHINGS[bounded_step(step)]
