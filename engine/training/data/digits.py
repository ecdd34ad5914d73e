"""The handwritten digits that come with scikit-learn, read without the second that importing it takes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from engine.catalog.datasets import DATASETS
from engine.training.data.source import DataError, Images, Indices, Source

TEST_SHARE = 0.2
CLASSES = DATASETS["digits"].classes


def digits_source() -> Source:
    """Return 1,797 images of 8 x 8 pixels; a fifth of each digit's is the test split."""
    table = np.loadtxt(_file(), delimiter=",", dtype=np.int64)  # (1797, 65): 64 pixels and the digit
    grey = (table[:, :-1].reshape(-1, 8, 8) * (255 / 16)).round().astype(np.uint8)  # (1797, 8, 8)
    images = np.repeat(grey[:, None], 3, axis=1)
    labels = table[:, -1]
    train, test = _split(labels)
    return Source(
        train_labels=labels[train],
        test_labels=labels[test],
        classes=tuple(str(digit) for digit in range(CLASSES)),
        train_images=lambda chosen: Images(images[train[chosen]]),
        test_images=lambda: Images(images[test]),
        flips=False,
    )


def _file() -> Path:
    package = find_spec("sklearn")
    for folder in (package and package.submodule_search_locations) or ():
        if (file := Path(folder, "datasets", "data", "digits.csv.gz")).exists():
            return file
    raise DataError("there are no digits: they come with scikit-learn (pip install scikit-learn)")


def _split(labels: Indices) -> tuple[Indices, Indices]:
    """Return the stratified split of scikit-learn with its seed 0, which all runs on the digits have had."""
    random = np.random.RandomState(0)
    counts = np.bincount(labels, minlength=CLASSES)
    in_test = int(np.ceil(TEST_SHARE * len(labels)))
    train_counts = _shares(counts, len(labels) - in_test, random)
    test_counts = _shares(counts - train_counts, in_test, random)
    train, test = [], []
    for digit, (in_train, tested) in enumerate(zip(train_counts, test_counts, strict=True)):
        order = np.flatnonzero(labels == digit)[random.permutation(counts[digit])]
        train.append(order[:in_train])
        test.append(order[in_train : in_train + tested])
    return random.permutation(np.concatenate(train)), random.permutation(np.concatenate(test))


def _shares(counts: Indices, total: int, random: np.random.RandomState) -> Indices:
    """Return how many of each class make ``total``; the largest remainders are rounded up, of equal ones by chance."""
    exact = counts / counts.sum() * total
    shares: Indices = np.floor(exact).astype(np.int64)
    remainders = exact - shares
    missing = total - int(shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if missing == 0:
            break
        tied = np.flatnonzero(remainders == remainder)
        up = random.choice(tied, size=min(len(tied), missing), replace=False)
        shares[up] += 1
        missing -= len(up)
    return shares
