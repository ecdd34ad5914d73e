"""Metrics are those of the whole split, as torchmetrics and scikit-learn compute them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score
from torch import nn

from engine.analysis.statistics.score_intervals import f1_interval, wilson
from engine.events import End, decode, encode
from engine.training import evaluation
from engine.training.data.dataset import Split
from engine.training.evaluation import Evaluation, Evaluator, summarize


def evaluate(logits, labels, batch_size=16):
    """Evaluate a model that guesses these logits (N, classes) for images 0 to N - 1."""
    images = torch.arange(len(labels))
    evaluator = Evaluator(Split(images, labels), logits.shape[1], batch_size, lambda batch: batch)
    return evaluator.run(nn.Embedding.from_pretrained(logits))


@pytest.mark.parametrize("absent", [False, True], ids=["all classes", "a class that never occurs"])
def test_macro_averages_equal_scikit_learns_over_a_split_no_batch_divides(absent):
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
    logits = torch.randn(images, classes, generator=generator) * draw(st.sampled_from([0.01, 1.0, 3.0]))
    return logits + draw(st.sampled_from([0.0, 2.0])) * torch.eye(classes)[labels], torch.tensor(labels)


@given(guesses(), st.integers(1, 64))
@settings(deadline=None)
def test_metrics_equal_torchmetrics(split, batch_size):
    from torchmetrics.functional import classification as reference

    logits, labels = split
    classes = logits.shape[1]
    found = evaluate(logits, labels, batch_size)
    macro = {"num_classes": classes, "average": "macro"}
    assert found.values == pytest.approx(
        {
            "loss": nn.functional.cross_entropy(logits, labels).item(),
            "accuracy": reference.multiclass_accuracy(logits, labels, classes, average="micro").item(),
            "f1": reference.multiclass_f1_score(logits, labels, **macro).item(),
            "precision": reference.multiclass_precision(logits, labels, **macro).item(),
            "recall": reference.multiclass_recall(logits, labels, **macro).item(),
            "ece": reference.multiclass_calibration_error(
                logits.softmax(1), labels, classes, n_bins=15
            ).item(),
        },
        abs=2e-6,
    )
    assert found.confusion == reference.multiclass_confusion_matrix(logits, labels, classes).tolist()


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
    tally = evaluation._MetricSums(10, device)
    torch.cuda.set_sync_debug_mode("error")
    try:
        tally.add(logits, labels)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert tally.evaluation(64).values == pytest.approx(evaluate(logits.cpu(), labels.cpu()).values, abs=1e-6)


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


def test_measuring_and_the_digits_load_no_more_than_torch():
    modules = "engine.training.evaluation, engine.training.data.digits as d"
    script = f"import sys, {modules}; d.digits_source(); print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=120
    )
    assert not {"torchmetrics", "torchvision", "scipy", "matplotlib", "sklearn"} & set(said.stdout.split())
