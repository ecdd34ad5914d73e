"""What choosing the best of many adds to its score: the mean of the best is too high, and shrinks towards the others.

The more configurations are tried on the same images, the higher the best scores though none is better: among eight
equal ones by 0.8 standard deviations over three seeds. Fresh seeds of the chosen one say how good it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.analysis.statistics.significance import Pool, Sample, spread_of

LEAST_CONFIGURATIONS = 4
"""From this many on the shrunk mean of the best is reported beside its own."""


def shrunk_mean(chosen: Sample, samples: Sequence[Sample], pool: Pool) -> float | None:
    """Return the mean of a chosen experiment, drawn towards all as far as chance accounts for their differences.

    Args:
        chosen: One of the samples, the best.
        samples: All that it was chosen from.
        pool: How much seeds differ.

    Returns:
        The empirical Bayes estimate; None for fewer than ``LEAST_CONFIGURATIONS`` samples or without a pool.
    """
    if len(samples) < LEAST_CONFIGURATIONS or not pool.experiments:
        return None
    centre = Sample("", tuple(sample.mean for sample in samples))
    if centre.sd == 0:
        return chosen.mean
    ratios = [spread_of(sample, pool).sd / centre.sd / math.sqrt(len(sample.values)) for sample in samples]
    chance = math.fsum(ratio * ratio for ratio in ratios) / len(samples)
    return centre.mean + max(0.0, 1 - chance) * (chosen.mean - centre.mean)
