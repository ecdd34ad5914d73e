"""How far a score can be trusted: 95 % intervals, no torch.

``wilson`` and ``bootstrap_f1`` are for one trained model on a finite test split: they speak of other test images of
the same kind, not of other seeds. How much training itself varies, only several runs can show: ``over_seeds``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from engine.analysis.classification import Counts, Matrix, Numbers, macro_f1

LEVEL = 0.95
"""The share of such intervals that hold the true value."""
DRAWS = 1000


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Return the score interval of a share, ``successes`` of ``trials`` (Wilson 1927).

    Unlike the normal interval it stays within 0 and 1, and has a width where nothing or everything succeeded.

    Raises:
        ValueError: There are no trials, or not so many as successes.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes of {trials} trials are no share")
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    share = successes / trials
    scale = 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return (
        max(0.0, centre - half) if successes else 0.0,
        min(1.0, centre + half) if successes < trials else 1.0,
    )


def bootstrap_f1(matrix: Matrix, *, draws: int = DRAWS, seed: int = 0) -> tuple[float, float]:
    """Return the percentile bootstrap interval of the macro F1 (Efron & Tibshirani 1993, chapter 13).

    The test images are drawn anew, as many as there were, with replacement. The F1 depends on nothing but the
    confusion matrix, so a draw is one multinomial table with the observed cells as its probabilities.

    Raises:
        ValueError: The matrix is not square, or has no images.
    """
    counts = np.asarray(matrix, dtype=np.int64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not (total := int(counts.sum())):
        raise ValueError(f"a confusion matrix is square and has images, this one of {counts.shape} does not")
    actual, guessed = np.nonzero(counts)  # (cells,) each: at most one cell an image, however many the classes
    probabilities = counts[actual, guessed] / total
    right = actual == guessed
    classes = len(counts)
    random = np.random.default_rng(seed)
    found = np.empty(draws)
    for draw in range(draws):
        table = random.multinomial(total, probabilities)  # (cells,)
        found[draw] = macro_f1(
            _sums(actual[right], table[right], classes),
            _sums(actual, table, classes),
            _sums(guessed, table, classes),
        )
    low, high = np.quantile(found, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def over_seeds(values: Sequence[float]) -> tuple[float, float]:
    """Return Student's interval of the mean over seeds, one value a seed.

    Raises:
        ValueError: There are not two seeds, so that nothing is known of how much they differ.
    """
    if len(values) < 2:
        raise ValueError(f"an interval over seeds needs two seeds, there are {len(values)}")
    from scipy.special import stdtrit  # Student's t, without the half second that scipy.stats takes

    mean = statistics.fmean(values)
    half = stdtrit(len(values) - 1, (1 + LEVEL) / 2) * statistics.stdev(values) / math.sqrt(len(values))
    return mean - float(half), mean + float(half)


def _sums(keys: Counts, values: Counts, size: int) -> Numbers:
    """Return (size,) sums of the values that share a key."""
    return np.bincount(keys, weights=values, minlength=size)
