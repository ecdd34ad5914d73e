"""Metrics are those of the whole split, as scikit-learn and the scores without torch compute them."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.analysis.confusion_scores import Scores, scores
from engine.analysis.statistics.score_intervals import f1_interval, wilson
from engine.events import End, decode, encode
from engine.training.collectives import ALONE
from engine.training.data.dataset import Split
from engine.training.evaluation import evaluator as evaluation
from engine.training.evaluation.evaluator import Evaluation, Evaluator, summarize


def evaluate(logits, labels, batch_size=16):
    """Evaluate a model that guesses these logits (N, classes) for images 0 to N - 1."""
    images = torch.arange(len(labels))
    evaluator = Evaluator(Split(images, labels), logits.shape[1], batch_size, lambda batch: batch)
    return evaluator.run(nn.Embedding.from_pretrained(logits))


@pytest.mark.parametrize("absent", [False, True], ids=["all classes", "a class that never occurs"])
def test_macro_averages_equal_scikit_learns_over_a_split_no_batch_divides(absent):
    from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

    generator = torch.Generator().manual_seed(1)
    images = torch.randint(256, (101, 3, 4, 4), generator=generator, dtype=torch.uint8)
    labels = torch.randint(4 if absent else 5, (101,), generator=generator)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 5), nn.Dropout(0.5))
    if absent:
        model[1].bias.data[4] = -1e6
    model.train()
    with torch.no_grad():
        logits = model.eval()(images.float() / 255)
    model.train()

    found = Evaluator(Split(images, labels), 5, 32, lambda batch: batch.float() / 255).run(model)

    guessed = logits.argmax(1)
    assert found.values == pytest.approx(
        {
            "loss": nn.functional.cross_entropy(logits, labels).item(),
            "accuracy": (guessed == labels).double().mean().item(),
            "f1": f1_score(labels, guessed, average="macro", zero_division=0),
            "precision": precision_score(labels, guessed, average="macro", zero_division=0),
            "recall": recall_score(labels, guessed, average="macro", zero_division=0),
            "ece": calibration_error(logits, labels),
        },
        abs=1e-6,
    )
    assert found.confusion == confusion_matrix(labels, guessed, labels=range(5)).tolist()
    assert model.training


def calibration_error(logits, labels, bins=15):
    """The expected calibration error, bin by bin as Guo et al. (2017) write it."""
    confidence, guess = (each.numpy() for each in logits.softmax(1).max(1))
    right = guess == labels.numpy()
    error = 0.0
    for low, high in zip(np.arange(bins) / bins, np.arange(1, bins + 1) / bins, strict=True):
        inside = (confidence > np.float32(low)) & (confidence <= np.float32(high))
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean(dtype=np.float64))
    return error


@st.composite
def guesses(draw):
    """Logits (N, classes) and labels (N,) of a split where any class may be absent, or be the only one."""
    classes, images = draw(st.integers(2, 7)), draw(st.integers(1, 60))
    labels = draw(
        st.lists(st.integers(0, draw(st.integers(1, classes)) - 1), min_size=images, max_size=images)
    )
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    logits = torch.randn(images, classes, generator=generator) * draw(st.sampled_from([0.0, 0.01, 1.0, 3.0]))
    return logits + draw(st.sampled_from([0.0, 2.0])) * torch.eye(classes)[labels], torch.tensor(labels)


@given(guesses(), st.integers(1, 64))
@settings(deadline=None)
def test_scores_are_those_of_the_confusion_matrix(split, batch_size):
    from sklearn.metrics import confusion_matrix

    logits, labels = split
    found = evaluate(logits, labels, batch_size)
    matrix = confusion_matrix(labels, logits.argmax(1), labels=range(logits.shape[1]))
    assert found.confusion == matrix.tolist()
    assert found.guesses.tolist() == logits.argmax(1).tolist()
    assert {name: found.values[name] for name in Scores._fields} == pytest.approx(
        scores(matrix)._asdict(), abs=1e-12
    )
    assert found.values["loss"] == pytest.approx(nn.functional.cross_entropy(logits, labels).item(), abs=2e-6)
    assert found.values["ece"] == pytest.approx(calibration_error(logits, labels), abs=2e-6)


@pytest.mark.parametrize(("classes", "is_measured"), [(10, False), (11, True), (40, True)])
def test_top5_is_scikit_learns_where_there_are_more_than_ten_classes(classes, is_measured):
    from sklearn.metrics import top_k_accuracy_score

    generator = torch.Generator().manual_seed(5)
    labels = torch.arange(200) % (classes - 1)  # one class never occurs
    logits = torch.randn(200, classes, generator=generator) * 200 + 100 * torch.eye(classes)[labels]
    values = evaluate(logits, labels).values
    assert ("top5" in values) == is_measured
    if is_measured:
        expected = top_k_accuracy_score(labels, logits, k=5, labels=range(classes))
        assert values["top5"] == pytest.approx(expected, abs=1e-12)
        assert values["accuracy"] < values["top5"] < 1


def test_measured_in_chunks_a_split_is_what_it_is_as_a_whole(monkeypatch):
    logits, labels = torch.randn(101, 12, generator=torch.Generator().manual_seed(2)), torch.arange(101) % 12
    whole = evaluate(logits, labels)
    monkeypatch.setattr(evaluation, "CHUNK", 32)
    assert evaluate(logits, labels) == whole


@pytest.mark.slow  # torch imports its compiler for this
def test_deterministic_algorithms_count_a_thousand_classes_too():
    logits, labels = (
        torch.randn(4096, 1000, generator=torch.Generator().manual_seed(2)),
        torch.arange(4096) % 1000,
    )
    usual = evaluate(logits, labels, 4096)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        assert evaluate(logits, labels, 4096) == usual
        assert torch.are_deterministic_algorithms_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_full_confidence_falls_into_the_last_bin():
    logits = torch.tensor([[100.0, 0.0], [100.0, 0.0], [4.0, 0.0], [4.0, 0.0]])  # 1, 1, .982, .982
    labels = torch.tensor([1, 0, 0, 0])
    assert evaluate(logits, labels).values["ece"] == pytest.approx(calibration_error(logits, labels))


def test_logits_that_are_not_numbers_are_no_calibration():
    values = evaluate(torch.full((3, 2), float("nan")), torch.tensor([0, 1, 0])).values
    assert np.isnan(values["loss"])
    assert np.isnan(values["ece"])


def test_each_evaluation_starts_from_nothing():
    split = Split(torch.zeros(10, 3, 2, 2, dtype=torch.uint8), torch.arange(10) % 2)
    evaluator = Evaluator(split, 2, 4, lambda batch: batch.float())
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    assert evaluator.run(model) == evaluator.run(model)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
def test_counting_a_batch_does_not_wait_for_the_device():
    device = torch.device("cuda")
    logits, labels = torch.randn(64, 10, device=device), torch.arange(64, device=device) % 10
    measurement = evaluation._Measurement(10, device)
    torch.cuda.set_sync_debug_mode("error")
    try:
        measurement.add(logits, labels)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert measurement.evaluation(64, ALONE).values == pytest.approx(
        evaluate(logits.cpu(), labels.cpu()).values, abs=1e-6
    )


def test_a_summary_says_what_was_found_and_how_sure_that_is():
    matrix = [[50, 10, 0], [5, 35, 0], [0, 0, 0]]
    found = Evaluation({"loss": 0.5, "accuracy": 0.85, "f1": 0.83, "ece": 0.02}, matrix)
    event = End(time=1, run="r", state="finished", summary=summarize(found, ["cat", "dog", "yeti"]))
    event = decode(encode(event))
    f1, accuracy, ece = (event.estimate(f"test/{name}") for name in ("f1", "accuracy", "ece"))
    assert (f1.value, (f1.low, f1.high), f1.n) == (0.83, f1_interval(matrix), 100)
    assert (accuracy.value, (accuracy.low, accuracy.high), accuracy.n) == (0.85, wilson(85, 100), 100)
    assert (ece.value, ece.low, ece.n) == (0.02, None, 100)
    assert event.summary["test/f1_per_class"] == {"cat": 100 / 115, "dog": 70 / 85, "yeti": None}


def test_a_split_without_images_has_no_summary():
    assert summarize(Evaluation({}, [[0, 0], [0, 0]]), ["cat", "dog"]) == {}


EVALUATING = """
import sys
import torch
from engine.training.evaluation import evaluator, light_torchmetrics
from engine.training.data.dataset import Split
from engine.training.data.digits import digits_source
{before}
digits_source()
already = set(sys.modules)
split = Split(torch.arange(20), torch.arange(20) % 2)
model = torch.nn.Embedding.from_pretrained(torch.eye(20)[:, :2])
print(evaluator.Evaluator(split, 2, 8, lambda batch: batch).run(model).values["f1"])
print(len(set(sys.modules) - already))
print(*sys.modules)
"""
UNUSED = {"torchvision", "scipy", "matplotlib", "sklearn", "transformers"}


def evaluated_anew(before: str = "") -> tuple[float, int, set[str]]:
    """Evaluate in a process of its own; return the F1, how many modules that brought, and all modules."""
    said = subprocess.run(
        [sys.executable, "-c", EVALUATING.format(before=before)],
        check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    f1, count, modules = said.stdout.splitlines()
    return float(f1), int(count), set(modules.split())


@pytest.mark.slow  # torch anew, two seconds
def test_measuring_loads_torchmetrics_and_nothing_that_it_could_do_without():
    f1, count, modules = evaluated_anew()
    assert "torchmetrics" in modules
    assert not UNUSED & modules
    assert count < 400
    assert 0 < f1 < 1


@pytest.mark.slow
def test_a_torchmetrics_that_asks_for_packages_in_another_way_is_imported_as_it_is():
    f1, _, modules = evaluated_anew("light_torchmetrics._as_if_absent = lambda packages: 1 / 0")
    assert "torchmetrics" in modules
    assert UNUSED & modules  # seconds that the usual way saves
    assert f1 == evaluated_anew()[0]


@pytest.mark.slow
def test_two_ranks_measure_what_one_measures(tmp_path):
    """A split of three images leaves the second rank with one of them, a split of one image with none."""
    script = tmp_path / "rank.py"
    script.write_text(RANK)
    ranks = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        str(script),
    ]
    together = subprocess.run(ranks, check=True, capture_output=True, text=True, timeout=240)
    alone = subprocess.run(
        [sys.executable, str(script)], check=True, capture_output=True, text=True, timeout=240
    )
    expected = [json.loads(line) for line in alone.stdout.splitlines()]
    measured = [json.loads(line) for line in together.stdout.splitlines()]
    assert len(expected) == 3
    assert len(measured) == 6
    for values, matrix, guesses in measured:
        one = next(values for values, *rest in expected if rest == [matrix, guesses])
        assert values == pytest.approx(one, abs=1e-6)


RANK = """
import json, os
import torch
from torch import nn
from engine.training.collectives import ALONE, Joined
from engine.training.data.dataset import Split
from engine.training.evaluation.evaluator import Evaluator

ranks = Joined(torch.device("cpu"), "gloo") if "WORLD_SIZE" in os.environ else ALONE
for images in (401, 3, 1):
    logits = torch.randn(images, 12, generator=torch.Generator().manual_seed(images))
    split = Split(torch.arange(images), torch.arange(images) % 12)
    found = Evaluator(split, 12, 64, lambda batch: batch, ranks).run(nn.Embedding.from_pretrained(logits))
    print(json.dumps([found.values, found.confusion, found.guesses.tolist()]) + chr(10), end="", flush=True)
if ranks is not ALONE:
    ranks.leave()
"""
