"""What the final predictions of runs say of other test images: how much a difference would vary with them.

Predictions count where all runs that count for an experiment have them, of the same images, and where they score what
the run recorded. Only experiments whose predictions are of the same images (one digest) are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.analysis.conclusions.pairs import Key
from engine.analysis.statistics.image_tests import ModelTest, mcnemar, paired_z_test
from engine.analysis.statistics.score_intervals import ImageInfluence, Score, image_influence, image_variance

if TYPE_CHECKING:
    from engine.analysis.runs_that_count import Choice, RunFacts
    from engine.runs.predictions import Predictions

Load = Callable[["RunFacts"], "Predictions | None"]
"""Returns the predictions of a run, None where it has none."""
SCORED: Mapping[str, Score] = {"test/f1": "f1", "test/accuracy": "accuracy"}
"""The metrics whose images are known one by one."""
ROUNDING = 1e-5
"""A recorded score differs from that of its predictions by no more."""


class Guesses(NamedTuple):
    """The final predictions of an experiment's seeds, and what each image does to their mean score."""

    predictions: tuple[Predictions, ...]
    """One for each seed, at least one, all of the same images."""
    influence: ImageInfluence

    @property
    def digest(self) -> str:
        """What stands for the images."""
        return self.predictions[0].digest


class ImageEvidence(NamedTuple):
    """What is known of pairs of experiments over images."""

    variance: dict[Key, float]
    """Of the difference of their means, by the choice of test images."""
    model_tests: dict[Key, ModelTest]
    """Of pairs with one model each: the first by name less the second."""


def guesses_of(choice: Choice[Any], metric: str, load: Load) -> Guesses | None:
    """Return the final predictions of the runs that count for an experiment; None where they say nothing.

    Args:
        choice: The runs that count.
        metric: What they are compared by.
        load: Returns the predictions of a run.
    """
    if metric not in SCORED or not choice.runs or not choice.finished:
        return None
    loaded = []
    for run in choice.runs:
        predictions = load(run)
        recorded = run.status.last.get(metric)
        if (
            predictions is None
            or recorded is None
            or abs(score_of(predictions, metric) - recorded) > ROUNDING
        ):
            return None
        loaded.append(predictions)
    if len({predictions.digest for predictions in loaded}) > 1:
        return None
    import numpy as np

    guesses = np.stack([predictions.guesses for predictions in loaded])
    return Guesses(tuple(loaded), image_influence(guesses, loaded[0].labels, SCORED[metric]))


def score_of(predictions: Predictions, metric: str) -> float:
    """Return what some predictions score by a metric of ``SCORED``."""
    import numpy as np

    from engine.analysis.confusion_scores import macro_f1

    guesses, labels = predictions.guesses, predictions.labels
    right = guesses == labels
    if SCORED[metric] == "accuracy":
        return float(right.mean())
    classes = int(max(guesses.max(), labels.max())) + 1
    return macro_f1(*(np.bincount(of, minlength=classes) for of in (labels[right], labels, guesses)))


def image_evidence(guesses: Mapping[str, Guesses], metric: str) -> ImageEvidence:
    """Return what final predictions say of pairs of experiments, those of the same images.

    Args:
        guesses: By the name of the experiment.
        metric: What they are compared by.
    """
    variance, tests = dict[Key, float](), dict[Key, ModelTest]()
    for first, second in combinations(sorted(guesses), 2):
        a, b = guesses[first], guesses[second]
        if a.digest == b.digest:
            key = frozenset((first, second))
            variance[key] = image_variance(a.influence, b.influence)
            if len(a.predictions) == len(b.predictions) == 1:
                tests[key] = _model_test(a.predictions[0], b.predictions[0], metric, variance[key])
    return ImageEvidence(variance, tests)


def _model_test(a: Predictions, b: Predictions, metric: str, variance: float) -> ModelTest:
    if SCORED[metric] == "accuracy":
        right, other = a.guesses == a.labels, b.guesses == b.labels
        return mcnemar(int((right & ~other).sum()), int((other & ~right).sum()), len(a.labels))
    return paired_z_test(score_of(a, metric) - score_of(b, metric), variance)
