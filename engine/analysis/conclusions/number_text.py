"""Numbers, counts and metrics as sentences write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.analysis.conclusions.pairs import Metric


def number(value: float) -> str:
    """Return a number with three decimals; with its first digit where these would all be 0."""
    if value != 0 and abs(value) < 0.0005:
        return f"{value:.1g}"
    return f"{value:.3f}" if abs(value) < 1e5 else f"{value:.3g}"


def signed(value: float) -> str:
    """Return a difference with its sign."""
    return number(value) if value < 0 else f"+{number(abs(value))}"


def p_value(p: float, symbol: str = "p") -> str:
    """Return a p value with three decimals."""
    return f"{symbol} = {p:.3f}" if p >= 0.001 else f"{symbol} < 0.001"


def noun(metric: Metric) -> str:
    """Return what is compared, with its split where that is not the test split."""
    return metric.noun if metric.split == "test" else f"{metric.split} {metric.noun}"


def counted(count: int, word: str) -> str:
    """Return a count with its noun: one seed, 3 seeds."""
    return f"one {word}" if count == 1 else f"{count} {word}s"


def as_far_as(least: int) -> str:
    """Return how far the smallest number of seeds can be trusted; empty for three or more."""
    return {1: "as far as one seed can tell", 2: "as far as two seeds can tell"}.get(least, "")


def listed(names: Sequence[str]) -> str:
    """Return names in one phrase: A, B and C."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
