"""With how many decimals, and in which units, the tables for people write their numbers: Markdown, LaTeX, report.

CSV and Parquet have the values as they are.
"""

from __future__ import annotations

from engine.analysis.results import OVER_SEEDS, Interval
from engine.text import gib

SCORE = ".4f"
"""Of F1, accuracy and the other scores, of their standard deviations and their intervals."""
IMAGES = "†"
"""Marks an interval over test images."""


def number(value: float | None, form: str) -> str:
    """Return a number as text, empty for None; the largest and the smallest in powers of ten."""
    if value is None:
        return ""
    return format(value, form) if value == 0 or 1e-4 <= abs(value) < 1e9 else f"{value:.3g}"


def mean_and_deviation(mean: float, deviation: float | None) -> str:
    """Return the mean of a score over seeds with their standard deviation; of one seed its score alone."""
    return number(mean, SCORE) + ("" if deviation is None else f" ± {number(deviation, SCORE)}")


def interval_text(interval: Interval | None) -> str:
    """Return both ends of an interval, marked where it is over images."""
    if interval is None:
        return ""
    mark = "" if interval.kind == OVER_SEEDS else f" {IMAGES}"
    return f"{number(interval.low, SCORE)} to {number(interval.high, SCORE)}{mark}"


def rank_range(ranks: tuple[int, int] | None) -> str:
    """Return the first and the last rank that an experiment can have."""
    if ranks is None:
        return ""
    return f"{ranks[0]}-{ranks[1]}" if ranks[0] < ranks[1] else str(ranks[0])


def parameters(count: int | None) -> str:
    """Return how many parameters a model has, in millions."""
    return f"{count / 1e6:,.2f} M" if count else ""


def memory(size: float | None) -> str:
    """Return bytes in GiB."""
    return "" if size is None else gib(size, 2)


def images_per_second(rate: float | None) -> str:
    """Return images a second without decimals."""
    return number(rate, ",.0f")


def gpu_hours(hours: float | None) -> str:
    """Return hours on all GPUs together, in three digits."""
    return number(hours, ".3g")


def energy(joules: float | None) -> str:
    """Return joules in kJ."""
    return "" if joules is None else f"{number(joules / 1000, ',.1f')} kJ"
