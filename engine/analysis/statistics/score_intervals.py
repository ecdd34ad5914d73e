"""How far a score of one trained model can be trusted on other images, and what the choice of images adds.

All are closed forms. A macro F1 is a smooth function of the confusion matrix, so each image has an influence on it
that depends on nothing but its true and its guessed class (Takahashi et al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Matrix = Sequence[Sequence[int]] | Counts

LEVEL = 0.95
Score = Literal["f1", "accuracy"]


def wilson(successes: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Return the score interval of a share, ``successes`` of ``trials`` (Wilson 1927).

    Raises:
        ValueError: There are no trials, or not so many as successes.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} successes of {trials} trials are no share")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = successes / trials
    scale = 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return (
        max(0.0, centre - half) if successes else 0.0,
        min(1.0, centre + half) if successes < trials else 1.0,
    )


def accuracy_interval(matrix: Matrix, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of the accuracy of a confusion matrix (C, C) of counts (Wilson 1927).

    Raises:
        ValueError: The matrix is not square, or has no images.
    """
    counts = _counts(matrix)
    return wilson(int(counts.trace()), int(counts.sum()), level)


def f1_interval(matrix: Matrix, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of the macro F1: the delta method on the scale of the logit.

    It holds the true value as often as it says where other splits have as many images of each class as this one. Where
    these numbers are left to chance, the macro F1 of few images a class is too low by F1 (1 - F1) / occurrences.

    Where nothing or everything is right the delta method has no width, and the accuracy's interval stands in.

    Args:
        matrix: Counts (C, C): row i, column j is how many images of class i were taken for class j.
        level: The share of such intervals that hold the true value.

    Raises:
        ValueError: The matrix is not square, or has no images.
    """
    counts = _counts(matrix)
    if counts.trace() in (0, counts.sum()):
        return accuracy_interval(counts, level)
    f1 = _macro_f1(counts)
    logit = math.log(f1 / (1 - f1))
    half = NormalDist().inv_cdf((1 + level) / 2) * f1_error(counts) / (f1 * (1 - f1))
    return _expit(logit - half), _expit(logit + half)


def f1_error(matrix: Matrix) -> float:
    """Return the standard error that the choice of images gives a macro F1.

    Raises:
        ValueError: The matrix is not square, or has no images.
    """
    counts = _counts(matrix)
    total = counts.sum()
    return math.sqrt(float((counts * influence(counts) ** 2).sum() / total) / float(total))


def influence(matrix: Matrix, score: Score = "f1") -> NDArray[np.float64]:
    """Return the influence (C, C) on a score of an image by its true class (row) and its guessed class (column).

    Its mean over the images is 0. Classes that occur neither as a truth nor as a guess have none.

    Args:
        matrix: Counts (C, C): row i, column j is how many images of class i were taken for class j.
        score: The macro F1 over the classes that occur, or the accuracy.

    Raises:
        ValueError: The matrix is not square, or has no images.
    """
    import numpy as np

    counts = _counts(matrix)
    total = counts.sum()
    right = np.eye(len(counts))
    if score == "accuracy":
        return np.asarray(right - counts.trace() / total)
    occurrences = counts.sum(axis=0) + counts.sum(axis=1)
    occurring = occurrences > 0
    inverse = np.where(occurring, total / np.maximum(occurrences, 1), 0.0)  # 1 / o_c
    f1 = 2 * counts.diagonal() / np.maximum(occurrences, 1)
    lost = f1 * inverse
    return np.asarray((2 * right * inverse - lost[:, None] - lost[None, :]) / np.count_nonzero(occurring))


class ImageInfluence(NamedTuple):
    """What each test image does to the mean score of a recipe's seeds.

    Attributes:
        mean: The mean influence over the seeds (images,).
        of_seeds: The part of its variance over the images that is the seeds': their own tests account for it.
    """

    mean: NDArray[np.float64]
    of_seeds: float


def image_influence(guesses: Counts, truth: Counts, score: Score = "f1") -> ImageInfluence:
    """Return what each image does to the mean score of a recipe, by its influence on each model's.

    Args:
        guesses: Guessed classes (seeds, images).
        truth: True classes (images,).
        score: What is compared.

    Raises:
        ValueError: The shapes do not fit, or there are no images.
    """
    import numpy as np

    if guesses.ndim != 2 or truth.ndim != 1 or not len(truth) or guesses.shape[1] != len(truth):
        raise ValueError(f"guesses of {guesses.shape} are not of {truth.shape} images")
    influences = np.stack([_influences(truth, of_seed, score) for of_seed in guesses])  # (seeds, images)
    seeds = len(guesses)
    of_seeds = float(influences.var(axis=0, ddof=1).mean()) / seeds if seeds > 1 else 0.0
    return ImageInfluence(influences.mean(axis=0), of_seeds)


def image_variance(a: ImageInfluence, b: ImageInfluence) -> float:
    """Return the variance that the choice of test images gives the difference of two recipes' mean scores.

    Raises:
        ValueError: They are of different images.
    """
    import numpy as np

    if a.mean.shape != b.mean.shape:
        raise ValueError(f"influences of {len(a.mean)} and of {len(b.mean)} images are not of the same")
    variance = float(np.var(a.mean - b.mean)) - a.of_seeds - b.of_seeds
    return max(0.0, variance) / len(a.mean)


def _influences(truth: Counts, guesses: Counts, score: Score) -> NDArray[np.float64]:
    """Return the influence (images,) of each image on a model's score, as ``influence`` has it by its classes."""
    import numpy as np

    right = truth == guesses
    if score == "accuracy":
        return np.asarray(right - right.mean())
    classes = int(max(truth.max(), guesses.max())) + 1
    hits, actual, guessed = (np.bincount(of, minlength=classes) for of in (truth[right], truth, guesses))
    occurrences = actual + guessed
    inverse = len(truth) / np.maximum(occurrences, 1)  # 1 / o_c
    lost = 2 * hits / np.maximum(occurrences, 1) * inverse
    influences = 2 * right * inverse[truth] - lost[truth] - lost[guesses]
    return np.asarray(influences / np.count_nonzero(occurrences))


def _counts(matrix: Matrix) -> Counts:
    import numpy as np

    counts = np.asarray(matrix, dtype=np.int64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.sum():
        raise ValueError(f"a confusion matrix is square and has images, this one of {counts.shape} does not")
    return counts


def _macro_f1(counts: Counts) -> float:
    """Return the mean F1 over the classes that occur."""
    import numpy as np

    occurrences = counts.sum(axis=0) + counts.sum(axis=1)
    shares = 2 * counts.diagonal() / np.maximum(occurrences, 1)
    return float(shares.sum() / np.count_nonzero(occurrences))


def _expit(x: float) -> float:
    """Return the inverse of the logit."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
