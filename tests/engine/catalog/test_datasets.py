"""The table of data sets says what training finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.catalog.datasets import DATASETS, classes_of, folder_of, is_dataset, training_images
from engine.config.schema import Experiment


@pytest.mark.parametrize("subset", [None, 10, 143])
@pytest.mark.parametrize("val_fraction", [0.02, 0.1, 0.5])
def test_the_images_of_an_epoch_are_those_that_training_cuts(subset: int | None, val_fraction: float) -> None:
    from engine.training.data.dataset import _hold_out
    from engine.training.data.digits import digits_source

    labels = digits_source().train.labels
    drawn = [np.flatnonzero(labels == label)[:subset] for label in range(10)]
    made = Experiment(name="x", model="vit_mini", dataset="digits", val_fraction=val_fraction)
    config = {"dataset": "digits", "subset_per_class": subset, "val_fraction": val_fraction}
    assert training_images(config) == len(_hold_out(drawn, [str(i) for i in range(10)], made)[0])


def test_the_counts_are_those_of_the_data() -> None:
    from engine.training.data.digits import digits_source

    source, spec = digits_source(), DATASETS["digits"]
    assert tuple(np.bincount(source.train.labels)) == spec.train_counts
    assert (len(source.test.labels), len(source.classes)) == (spec.test_images, spec.classes)


def test_a_data_set_is_named_or_a_folder() -> None:
    assert [is_dataset(name) for name in ("digits", "folder:x", "folder:", "mnist", "")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert (folder_of("folder:a/b"), folder_of("digits")) == (Path("a/b"), None)
    assert (classes_of("cifar100"), classes_of("folder:x")) == (100, None)
    assert training_images({"dataset": "cifar10", "val_fraction": 0.02}) == 49_000
    assert training_images({"dataset": "cifar10", "val_fraction": "x"}) is None
    assert training_images({"dataset": "folder:x"}) is None
