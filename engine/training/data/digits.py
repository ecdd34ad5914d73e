"""The handwritten digits that come along: real images for a first try, anywhere and without a download.

digits.npz holds the pixels, the labels and the split by their indices; digits.txt says where they are from.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from engine.catalog.datasets import DATASETS
from engine.training.data.unsplit_dataset import DataSource, Images, Part

CLASSES = DATASETS["digits"].classes
BRIGHTEST = 16
"""The highest value of a pixel in the file."""


def digits_source() -> DataSource:
    """Return 1,797 images of 8 x 8 pixels; a fifth of each digit's is the test split."""
    with (
        files("engine.training.data").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as table,
    ):
        pixels, digits = table["images"], table["labels"]  # (1797, 8, 8) and (1797,), both uint8
        train, test = table["train"], table["test"]  # (1437,) and (360,), indices in the order of the splits
    grey = (pixels * (255 / BRIGHTEST)).round().astype(np.uint8)
    images = np.repeat(grey[:, None], 3, axis=1)  # (1797, 3, 8, 8)
    labels = digits.astype(np.int64)
    return DataSource(
        train=Part(labels[train], lambda chosen: Images(images[train[chosen]])),
        test=Part(labels[test], lambda chosen: Images(images[test[chosen]])),
        classes=tuple(str(digit) for digit in range(CLASSES)),
        flips=DATASETS["digits"].flips,
    )
