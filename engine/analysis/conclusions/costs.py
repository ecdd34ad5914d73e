"""What experiments take: memory, time, energy. Seeds are not their noise, so no test over seeds is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median
from typing import Any

from engine.analysis.conclusions.pareto_front import (
    LEAST_MEASUREMENTS,
    LEAST_RATIO,
    MEMORY_RATIO,
    is_cheaper,
    takes_less_memory,
)
from engine.analysis.conclusions.wording import listed
from engine.analysis.curves import LARGEST
from engine.analysis.selection import Choice
from engine.catalog.metrics import metric_of, value_of
from engine.runs.status import Status

Place = tuple[str, str, str]
TRAINING_TIME = "time"
"""The name of the seconds of training, which no metric has."""
NOUNS = {
    "gpu/memory_peak": "GPU memory",
    "cpu/memory_process": "host memory",
    "train/images_per_s": "images/s",
    "gpu/energy": "energy",
    TRAINING_TIME: "training time",
}
"""What costs are called in sentences."""


@dataclass(frozen=True)
class Cost:
    """What the seeds of an experiment took, one number each, above 0."""

    name: str
    values: tuple[float, ...]
    place: Place | None = None
    """The device, the host and the precision of all of them; None where they differ or are not known."""


@dataclass(frozen=True)
class Ratio:
    """How many times as much one experiment takes as another, by the medians of their seeds."""

    ratio: float
    low: float
    high: float


def is_memory(metric: str) -> bool:
    """Return whether a metric is of memory."""
    return metric_of(metric).kind.unit == "bytes"


def is_cost(metric: str) -> bool:
    """Return whether a metric is of what training takes."""
    return metric in NOUNS or is_memory(metric) or metric.startswith("time/")


def cost_of(name: str, choice: Choice[Any], metric: str) -> Cost:
    """Return what the runs that count for an experiment took, those that measured it; of memory the most."""
    values = [_taken(run.status, metric) for run in choice.runs]
    known = tuple(value for value in values if value is not None and 0 < value <= LARGEST)
    return Cost(name, known, place_of(choice))


def _taken(status: Status, metric: str) -> float | None:
    if metric == TRAINING_TIME:
        return status.trained_s
    return value_of(status.best if is_memory(metric) else status.last, metric)


def place_of(choice: Choice[Any]) -> Place | None:
    """Return where the runs that count were trained, and how; None where that is not one place."""
    places = {
        (run.status.device, run.status.host, str(run.config.get("precision", ""))) for run in choice.runs
    }
    place = places.pop() if len(places) == 1 else None
    return place if place and place[0] and place[1] else None


def ratio_of(a: Cost, b: Cost) -> Ratio | str:
    """Return how many times as much ``a`` takes as ``b``; why they are not compared where that is not told.

    Told are measurements of one device, host and precision, three of each, whose ranges do not overlap and whose
    medians are 5 % apart.
    """
    if a.place is None or b.place is None or a.place != b.place:
        return _other_place(a.place, b.place)
    if min(len(a.values), len(b.values)) < LEAST_MEASUREMENTS:
        return "fewer than three seeds of one"
    if not (is_cheaper(a.values, b.values) or is_cheaper(b.values, a.values)):
        overlap = min(max(a.values), max(b.values)) >= max(min(a.values), min(b.values))
        return "their ranges overlap" if overlap else f"less than {100 * (LEAST_RATIO - 1):.0f} % apart"
    low, high = min(a.values) / max(b.values), max(a.values) / min(b.values)
    return Ratio(median(a.values) / median(b.values), low, high)


def order_of_memory(a: Cost, b: Cost) -> int:
    """Return -1 where ``a`` is told to take less memory than ``b``, 1 where more, 0 where neither is told."""
    one, other = max(a.values), max(b.values)
    return -1 if takes_less_memory(one, other) else int(takes_less_memory(other, one))


def cost_sentences(noun: str, costs: Sequence[Cost]) -> list[str]:
    """Return what is told of times, speeds or energies, a sentence a pair, the lower first; then what is not compared.

    Args:
        noun: What it is a number of: ``training time``.
        costs: Of each experiment, those without values apart.
    """
    told, untold = [], dict[str, list[str]]()
    for a, b in combinations(sorted(costs, key=lambda each: median(each.values)), 2):
        found = ratio_of(a, b)
        if isinstance(found, str):
            untold.setdefault(found, []).append(f"{a.name} and {b.name}")
        else:
            times = f"{found.ratio:.2f} times ({found.low:.2f} to {found.high:.2f}) the {noun} of {b.name}"
            told.append(f"{a.name} has {times}.")
    return told + [
        f"Not compared by {noun}: {'; '.join(pairs)} ({reason})." for reason, pairs in untold.items()
    ]


def memory_sentences(noun: str, costs: Sequence[Cost]) -> list[str]:
    """Return what experiments take of memory, the most of any seed, the least first.

    Args:
        noun: Which memory: ``host memory``.
        costs: Of each experiment, in bytes; those without values apart.
    """
    if not costs:
        return []
    ordered = sorted(costs, key=lambda each: max(each.values))
    first, *others = [f"{max(each.values) / 2**30:,.2f}" for each in ordered]
    more = "".join(f", {each.name} {most}" for each, most in zip(ordered[1:], others, strict=True))
    lines = [f"{ordered[0].name} takes {first} GiB{more} ({noun}, the most of any seed)."]
    for group in _within(ordered):
        if len(group) > 1:
            names = listed([each.name for each in group])
            lines.append(f"{names} are within {100 * (MEMORY_RATIO - 1):.0f} % of each other.")
    return lines


def _within(ordered: Sequence[Cost]) -> list[list[Cost]]:
    """Return those, the least first, in groups whose most is not told from their least."""
    groups: list[list[Cost]] = []
    for each in ordered:
        if groups and max(each.values) <= max(groups[-1][0].values) * MEMORY_RATIO:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _other_place(a: Place | None, b: Place | None) -> str:
    if a is None or b is None:
        return "not all of one device, host and precision"
    names = [
        name for name, one, other in zip(("device", "host", "precision"), a, b, strict=True) if one != other
    ]
    return f"not of one {' and '.join(names)}"
