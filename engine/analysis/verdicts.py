"""Differences between experiments as sentences: which is better, by which test, and what nobody can say. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from engine.analysis.results import LEAST_SEEDS
from engine.analysis.welch import ONE_SEED, Difference, difference, difference_of_models
from engine.events import Estimate


@dataclass(frozen=True)
class Sample:
    """What an experiment's seeds came to."""

    name: str
    values: tuple[float, ...]
    """A final score of each seed; all finite."""
    final: Estimate | None = None
    """The interval that the end of a run gave, where there is only one."""
    epochs: int | None = None
    """How long all of them were trained; None where that is not one number."""

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return math.fsum(self.values) / len(self.values)


def compare(a: Sample, b: Sample) -> Difference:
    """Return how much larger ``a`` is than ``b``: over seeds, or from the intervals of one model each."""
    if len(a.values) == len(b.values) == 1 and a.final is not None and b.final is not None:
        return difference_of_models(a.final, b.final)
    return difference(a.values, b.values)


def is_rash(found: Difference, a: int, b: int) -> bool:
    """Return whether two were told apart over so few seeds that equal ones too often are."""
    few = min(a, b) if min(a, b) > 1 else max(a, b)  # one seed is measured by how much the others differ
    return found.told and 1 < few < LEAST_SEEDS


def spoken(a: Sample, b: Sample, found: Difference, measure: str = "F1", correction: str = "") -> str:
    """Say what is known of the difference between two samples, and how far so few seeds can be trusted."""
    one, other = (b, a) if found.told and found.delta < 0 else (a, b)  # as the sentence names them
    seeds = f"{len(one.values)} and {len(other.values)} seeds"
    if one.epochs and other.epochs and one.epochs != other.epochs:
        seeds += f"; trained {one.epochs} and {other.epochs} epochs"
    said = verdict(a.name, b.name, found, seeds, measure, correction)
    return f"{said}; as far as two seeds can tell" if is_rash(found, len(a.values), len(b.values)) else said


def verdict(a: str, b: str, found: Difference, seeds: str, measure: str = "F1", correction: str = "") -> str:
    """Say whether two experiments differ, by which test, and what would decide it.

    Args:
        a: Name of the one.
        b: Name of the other; ``found`` is by how much it is smaller.
        found: The difference; its ``p`` corrected, where several were tested.
        seeds: How many seeds there are, in words, and what else has to be known of them.
        measure: What differs.
        correction: How ``p`` was corrected, in words.
    """
    if math.isnan(found.p):
        said = f"{a} and {b}: {measure} differs by {found.delta:+.3f}, of {seeds}"
        return f"{said}; two seeds each would say how much that means"
    half = (found.high - found.low) / 2
    p = f"p = {found.p:.3f}" if found.p >= 0.001 else "p < 0.001"
    tested = f"{found.test}, {p}{f' {correction}' if correction else ''}"
    if found.told:
        better, worse = (a, b) if found.delta > 0 else (b, a)
        text = f"{better} beats {worse} by {abs(found.delta):.3f} ± {half:.3f} {measure} ({tested}; {seeds})"
        if found.test == ONE_SEED:
            return f"{text}, if seeds of both spread alike"
        return text + ("; of these two models, not of other seeds" if "two models" in found.test else "")
    text = f"{a} and {b} cannot be told apart: {measure} differs by {found.delta:+.3f} ± {half:.3f} ({tested}; {seeds})"
    if found.seeds is not None:
        text += f"; a true difference of this size would probably show with {found.seeds} seeds each"
    return text


def holm(ps: Sequence[float]) -> list[float]:
    """Return p values corrected for how many there are (Holm, 1979); NaN, for what was not tested, stays."""
    tested = sorted((p, i) for i, p in enumerate(ps) if not math.isnan(p))
    corrected, highest = list(ps), 0.0
    for rank, (p, i) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        corrected[i] = highest
    return corrected


def verdicts(samples: Sequence[Sample], measure: str = "F1") -> list[str]:
    """Return what can be said of the best of some experiments against each other one, the best first.

    The best is the one with the highest mean: it was chosen by the same numbers that it is tested by, and it is
    tested against several, so the p values are Holm's.
    """
    ranked = sorted((each for each in samples if each.values), key=lambda each: -each.mean)
    if len(ranked) < 2:
        return []
    best, others = ranked[0], ranked[1:]
    raw = [compare(best, other) for other in others]
    corrected = [each._replace(p=p) for each, p in zip(raw, holm([each.p for each in raw]), strict=True)]
    tested = sum(not math.isnan(each.p) for each in raw)
    correction = f"by Holm for {tested} comparisons" if tested > 1 else ""
    alike = [other.name for other, each in zip(others, corrected, strict=True) if not each.told]
    if alike:
        names = " and ".join([", ".join(alike[:-1]), alike[-1]]) if len(alike) > 1 else alike[0]
        highest = f"{best.name} has the highest {measure}"
        first = f"Which is best these runs do not say: {highest}, and {names} may be as good."
    else:
        first = f"{best.name} has the highest {measure} of {len(ranked)}, beyond the noise"
        first += _how_far(best, others, corrected)
    said = [
        spoken(best, other, each, measure, correction) for other, each in zip(others, corrected, strict=True)
    ]
    return [first, *(f"{sentence}." for sentence in said)]


def _how_far(best: Sample, others: Sequence[Sample], found: Sequence[Difference]) -> str:
    """Return the end of a sentence that calls one the best: over what that can be trusted."""
    if any("two models" in each.test for each in found):
        return " of the test images; seeds may differ."
    counts = [(len(best.values), len(other.values)) for other in others]
    if any(is_rash(each, *pair) for each, pair in zip(found, counts, strict=True)):
        return ", as far as two seeds can tell."
    return ", as far as one seed can tell." if any(min(pair) == 1 for pair in counts) else "."
