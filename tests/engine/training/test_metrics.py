"""Metrics are those of the whole split, as scikit-learn computes them."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score
from torch import nn

from engine.training.data import Split
from engine.training.metrics import Evaluator


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
        },
        abs=1e-6,
    )
    assert found.confusion == confusion_matrix(labels, guessed, labels=range(5)).tolist()
    assert model.training


def test_each_evaluation_starts_from_nothing():
    split = Split(torch.zeros(10, 3, 2, 2, dtype=torch.uint8), torch.arange(10) % 2)
    evaluator = Evaluator(split, 2, 4, lambda batch: batch.float())
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    assert evaluator.run(model) == evaluator.run(model)
