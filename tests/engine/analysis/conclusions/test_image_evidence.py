"""Predictions that runs keep: whether other test images could turn a difference round, in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.conclusions.image_evidence import score_of
from engine.analysis.conclusions.judgement import Judgement
from engine.analysis.conclusions.pairs import excludes_zero
from engine.analysis.conclusions.sentences import sentences
from engine.analysis.runs_that_count import Candidate
from engine.config.schema import Experiment
from engine.runs.predictions import Predictions, save
from engine.runs.status import Status
from engine.runs.store import Run, RunInfo

IMAGES = 600
LABELS = np.arange(IMAGES) % 3
ALSO, TURN = "also for other images of this kind", "other test images may turn it round"


def guesses(skill: float, own: int, seeds: int) -> list[np.ndarray]:
    """Return what seeds of a recipe guess: which images are hard for it is its own, a few differ by the seed."""
    hard = np.random.default_rng(own).random(IMAGES)
    found = []
    for seed in range(seeds):
        noise = 0.02 * np.random.default_rng(100 * own + seed).standard_normal(IMAGES)
        found.append(np.where(hard + noise < skill, LABELS, (LABELS + 1) % 3))
    return found


class Lab:
    """Finished runs with predictions, and what is said of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.runs: list[Candidate] = []
        self.experiments: dict[str, Experiment] = {}

    def add(
        self, name: str, seeds: list[np.ndarray], *, digest: str = "sha256:1", recorded: float = 0.0
    ) -> None:
        """Add an experiment; ``recorded`` is added to what the runs recorded as their scores."""
        experiment = self.experiments[name] = Experiment(name=name, model="vit_mini", dataset="digits")
        for seed, guessed in enumerate(seeds):
            run = Run(self.folder / f"{name}-s{seed}")
            run.path.mkdir()
            predictions = Predictions(guessed, LABELS, digest)
            save(run.path, predictions)
            last = {
                metric: score_of(predictions, metric) + recorded for metric in ("test/f1", "test/accuracy")
            }
            info = RunInfo(
                id=run.id,
                experiment=name,
                seed=seed,
                created=1e9 + seed,
                config=msgspec.to_builtins(experiment),
            )
            self.runs.append(Candidate(run, info, Status(
                run=run.id, experiment=name, seed=seed, state="finished", last=last,
            )))  # fmt: skip

    def judged(self, metric: str = "test/f1", *, with_predictions: bool = True) -> Judgement:
        evidence = Evidence(self.experiments, self.runs, folder=self.folder if with_predictions else None)
        return evidence.judge({name: evidence.choice(name, metric) for name in self.experiments}, metric)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def clauses(judgement: Judgement) -> Mapping[str, bool]:
    lines = [line for line in sentences(judgement) if " beats " in line]
    return {clause: any(clause in line for line in lines) for clause in (ALSO, TURN)}


@pytest.mark.parametrize("metric", ["test/f1", "test/accuracy"])
@pytest.mark.parametrize(("skill", "holds"), [(0.60, True), (0.77, False)])
def test_a_difference_holds_for_other_images_where_the_interval_says_so(lab, metric, skill, holds):
    lab.add("A", guesses(0.80, 1, 4))
    lab.add("B", guesses(skill, 2, 4))
    judgement = lab.judged(metric)
    pair = judgement.pair("A", "B")
    assert pair.is_significant
    assert excludes_zero(pair.images_low, pair.images_high) == holds
    assert pair.images_low < pair.low < pair.high < pair.images_high
    assert clauses(judgement) == {ALSO: holds, TURN: not holds}
    without = lab.judged(metric, with_predictions=False)
    assert clauses(without) == {ALSO: False, TURN: False}
    assert without.pair("A", "B").p == pair.p


def test_the_variance_is_the_paired_one_less_that_of_seeds(lab):
    lab.add("A", guesses(0.80, 1, 1))
    lab.add("B", guesses(0.70, 2, 1))
    right = [guesses(skill, own, 1)[0] == LABELS for skill, own in ((0.80, 1), (0.70, 2))]
    known = np.var(right[0].astype(float) - right[1]) / IMAGES
    assert lab.judged("test/accuracy").image_variance == {frozenset("AB"): pytest.approx(known)}


@pytest.mark.parametrize("changes", [{"digest": "sha256:2"}, {"recorded": 0.01}])
def test_only_runs_of_the_same_images_that_score_what_they_recorded_are_paired(lab, changes):
    lab.add("A", guesses(0.80, 1, 3))
    lab.add("B", guesses(0.60, 2, 3), **changes)
    lab.add("C", guesses(0.50, 3, 3))
    judgement = lab.judged()
    assert set(judgement.image_variance) == {frozenset("AC")}
    assert np.isnan(judgement.pair("A", "B").images_low)


def test_a_seed_without_predictions_leaves_its_experiment_out(lab):
    lab.add("A", guesses(0.80, 1, 3))
    lab.add("B", guesses(0.60, 2, 3))
    (lab.folder / "B-s1" / "predictions.json").unlink()
    assert lab.judged().image_variance == {}


@pytest.mark.parametrize(
    ("metric", "method"), [("test/accuracy", "McNemar's test"), ("test/f1", "paired z-test")]
)
def test_one_model_each_is_compared_image_by_image(lab, metric, method):
    lab.add("A", guesses(0.80, 1, 1))
    lab.add("B", guesses(0.60, 2, 1))
    judgement = lab.judged(metric)
    test = judgement.model_tests[frozenset("AB")]
    a, b = (run.status.last[metric] for run in lab.runs)
    assert (test.method, test.delta) == (method, pytest.approx(a - b))
    assert test.low > 0
    (line,) = [line for line in sentences(judgement) if line.startswith("The one model of A is better than")]
    assert f"; {method})" in line


def test_losses_have_no_images(lab):
    lab.add("A", guesses(0.80, 1, 3))
    for run in lab.runs:
        run.status.last["test/loss"] = 0.5 + run.status.seed / 100
    assert lab.judged("test/loss").image_variance == {}


def test_runs_that_ended_early_are_told_with_the_epochs_that_they_trained(lab):
    lab.add("A", guesses(0.80, 1, 3))
    lab.add("B", guesses(0.60, 2, 3))
    for run in lab.runs:
        run.status.epochs, run.status.epoch = 9, 9.0
        if run.status.experiment == "B":
            run.status.epoch, run.status.reason = 4.0, "ended early at epoch 4 of 9: no better"
    (line,) = [line for line in sentences(lab.judged()) if " beats " in line]
    assert "; trained 9 and 4 epochs)" in line
