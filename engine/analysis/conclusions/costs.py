"""What experiments take: memory, time, energy. Seeds are not their noise, so no test over seeds is made of them.

Of several seeds memory is the most, time, speed and energy the median: one seed beside a busy neighbour moves a mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from engine.analysis.conclusions.number_text import listed
from engine.analysis.curves import LARGEST
from engine.analysis.runs_that_count import Choice
from engine.analysis.statistics.seed_intervals import typical
from engine.catalog.metrics import metric_of, value_of
from engine.runs.status import Status

LEAST_RATIO = 1.05
"""Times and energies that differ by less differ by the load of the machine."""
LEAST_MEASUREMENTS = 3
MEMORY_RATIO = 1.02
Setup = tuple[str, str, str]
"""The device, the host and the precision of a training."""
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


def is_cheaper(a: Sequence[float], b: Sequence[float]) -> bool:
    """Return whether measured costs ``a`` are told to be lower than ``b``: times, energies of one device and load.

    Seeds are not their noise, the load is: so their ranges have to be disjoint, what is typical of them apart by
    ``LEAST_RATIO``, and three measured on each side.
    """
    if min(len(a), len(b)) < LEAST_MEASUREMENTS:
        return False
    return max(a) < min(b) and typical(a) * LEAST_RATIO <= typical(b)


def takes_less_memory(a: float, b: float) -> bool:
    """Return whether the most memory ``a`` of any seed is told to be less than ``b``, both in bytes."""
    return a * MEMORY_RATIO < b


@dataclass(frozen=True)
class Cost:
    """What the seeds of an experiment took, one number each, above 0."""

    name: str
    values: tuple[float, ...]
    setup: Setup | None = None
    """How all of them were trained; None where they differ or it is unknown."""


@dataclass(frozen=True)
class Ratio:
    """How many times as much one experiment takes as another: the ratio of what is ``typical`` of each."""

    ratio: float
    low: float
    """The least ratio of a seed of the one to a seed of the other."""
    high: float
    """The largest."""


def is_cost(metric: str) -> bool:
    """Return whether a metric is of what training takes."""
    kind = metric_of(metric).kind
    return metric == TRAINING_TIME or kind.is_effort or kind.is_memory


def cost_of(name: str, choice: Choice[Any], metric: str) -> Cost:
    """Return what the runs that count for an experiment took, those that measured it; of memory the most."""
    values = [_taken(run.status, metric) for run in choice.runs]
    measurements = tuple(value for value in values if value is not None and 0 < value <= LARGEST)
    return Cost(name, measurements, setup_of(choice))


def _taken(status: Status, metric: str) -> float | None:
    if metric == TRAINING_TIME:
        return status.trained_s
    return value_of(status.best if metric_of(metric).kind.is_memory else status.last, metric)


def setup_of(choice: Choice[Any]) -> Setup | None:
    """Return the setup that the runs that count were trained on; None where there are several."""
    setups = {
        (run.status.device, run.status.host, str(run.config.get("precision", ""))) for run in choice.runs
    }
    setup = setups.pop() if len(setups) == 1 else None
    return setup if setup and setup[0] and setup[1] else None


def ratio_of(a: Cost, b: Cost) -> Ratio | str:
    """Return how many times as much ``a`` takes as ``b``; why they are not compared where that is not told.

    Told are measurements of one device, host and precision, three of each, whose ranges do not overlap and whose
    medians are 5 % apart.
    """
    if a.setup is None or b.setup is None or a.setup != b.setup:
        return _other_setup(a.setup, b.setup)
    if min(len(a.values), len(b.values)) < LEAST_MEASUREMENTS:
        return "fewer than three seeds of one"
    if not (is_cheaper(a.values, b.values) or is_cheaper(b.values, a.values)):
        overlap = min(max(a.values), max(b.values)) >= max(min(a.values), min(b.values))
        return "their ranges overlap" if overlap else f"less than {100 * (LEAST_RATIO - 1):.0f} % apart"
    low, high = min(a.values) / max(b.values), max(a.values) / min(b.values)
    return Ratio(typical(a.values) / typical(b.values), low, high)


def order_of_memory(a: Cost, b: Cost) -> int:
    """Return -1 where ``a`` is told to take less memory than ``b``, 1 where more, 0 where neither is told."""
    one, other = max(a.values), max(b.values)
    return -1 if takes_less_memory(one, other) else int(takes_less_memory(other, one))


def cost_sentences(noun: str, costs: Sequence[Cost]) -> list[str]:
    """Return sentences on times, speeds or energies: one a pair, the lower first; then the pairs that are not compared.

    Args:
        noun: What the costs measure: ``training time``.
        costs: Of each experiment, those without values apart.
    """
    lines, pairs_by_reason = [], dict[str, list[str]]()
    for a, b in combinations(sorted(costs, key=lambda cost: typical(cost.values)), 2):
        ratio = ratio_of(a, b)
        if isinstance(ratio, str):
            pairs_by_reason.setdefault(ratio, []).append(f"{a.name} and {b.name}")
        else:
            times = f"{ratio.ratio:.2f} times ({ratio.low:.2f} to {ratio.high:.2f}) the {noun} of {b.name}"
            lines.append(f"{a.name} has {times}.")
    return lines + [
        f"Not compared by {noun}: {'; '.join(pairs)} ({reason})." for reason, pairs in pairs_by_reason.items()
    ]


def memory_sentences(noun: str, costs: Sequence[Cost]) -> list[str]:
    """Return what experiments take of memory, the most of any seed, the least first.

    Args:
        noun: Which memory: ``host memory``.
        costs: Of each experiment, in bytes; those without values apart.
    """
    if not costs:
        return []
    ordered = sorted(costs, key=lambda cost: max(cost.values))
    first, *others = [f"{max(cost.values) / 2**30:,.2f}" for cost in ordered]
    more = "".join(f", {cost.name} {most}" for cost, most in zip(ordered[1:], others, strict=True))
    lines = [f"{ordered[0].name} takes {first} GiB{more} ({noun}, the most of any seed)."]
    for group in _within(ordered):
        if len(group) > 1:
            names = listed([cost.name for cost in group])
            lines.append(f"{names} are within {100 * (MEMORY_RATIO - 1):.0f} % of each other.")
    return lines


def _within(ordered: Sequence[Cost]) -> list[list[Cost]]:
    """Return those, the least first, in groups whose most is not told from their least."""
    groups: list[list[Cost]] = []
    for cost in ordered:
        if groups and max(cost.values) <= max(groups[-1][0].values) * MEMORY_RATIO:
            groups[-1].append(cost)
        else:
            groups.append([cost])
    return groups


def _other_setup(a: Setup | None, b: Setup | None) -> str:
    if a is None or b is None:
        return "not all of one device, host and precision"
    names = [
        name for name, one, other in zip(("device", "host", "precision"), a, b, strict=True) if one != other
    ]
    return f"not of one {' and '.join(names)}"
