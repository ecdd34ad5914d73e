"""The data sets there are: how one is named, how many images and classes it has, and where it comes from.

A data set is one of ``DATASETS`` by its name, ``folder:PATH`` with folders of classes, or ``csv:PATH``, which lists
images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

FOLDER = "folder:"
"""What stands before the path of a data set that is a folder."""
LIST = "csv:"
"""What stands before the path of a data set that is a list of images."""
SPLIT_NAMES: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "validation", "valid"),
    "test": ("test", "testing"),
}
"""What the splits are called, in small letters: folders in a folder, and words in a list."""
LABEL_BYTES = 8
"""Of an image's class, an int64."""


@dataclass(frozen=True)
class DatasetSpec:
    """A data set that comes by name."""

    name: str
    train_counts: tuple[int, ...]
    """The training images of each class, before any are held out."""
    test_images: int
    side: int
    """Of its square images as they are stored, in pixels."""
    origin: Literal["downloaded", "installed"]
    """Downloaded by torchvision at the first run, or installed with scikit-learn."""

    @property
    def train_images(self) -> int:
        """The training images, before any are held out."""
        return sum(self.train_counts)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.train_counts)


DATASETS: Mapping[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        DatasetSpec("cifar10", (5000,) * 10, 10_000, 32, "downloaded"),
        DatasetSpec("cifar100", (500,) * 100, 10_000, 32, "downloaded"),
        DatasetSpec("digits", (142, 146, 142, 146, 145, 145, 145, 143, 139, 144), 360, 8, "installed"),
    )
}


def folder_of(dataset: str) -> Path | None:
    """Return the folder that a data set is, None for any other."""
    return Path(dataset.removeprefix(FOLDER)) if dataset.startswith(FOLDER) else None


def list_of(dataset: str) -> Path | None:
    """Return the file that a data set is listed in, None for any other."""
    return Path(dataset.removeprefix(LIST)) if dataset.startswith(LIST) else None


def path_of(dataset: str) -> tuple[str, Path] | None:
    """Return what stands before the path of a data set of the user's own, and the path; None for one by name."""
    kind = next((kind for kind in (FOLDER, LIST) if dataset.startswith(kind)), None)
    return None if kind is None else (kind, Path(dataset.removeprefix(kind)))


def is_dataset(dataset: str) -> bool:
    """Return whether a text names a data set: one by name, or a folder or list whether it is there or not."""
    return dataset in DATASETS or (path_of(dataset) is not None and dataset not in (FOLDER, LIST))


def classes_of(dataset: str) -> int | None:
    """Return how many classes a data set has, None for a folder: it would have to be looked at."""
    spec = DATASETS.get(dataset)
    return None if spec is None else spec.classes


def validation_count(images: int, val_fraction: float) -> int:
    """Return how many of a class's training images are held out for validation: at least one."""
    return max(1, round(val_fraction * images))


def training_images(config: Mapping[str, Any]) -> int | None:
    """Return the images that an epoch trains on, None for a folder: it would have to be looked at.

    Args:
        config: An experiment's ``dataset``, ``subset_per_class`` and ``val_fraction``; any file may say anything there.
    """
    counts = _class_counts(config)
    val_fraction = config.get("val_fraction", 0.02)
    if counts is None or not isinstance(val_fraction, int | float) or not 0 <= val_fraction < 1:
        return None
    return sum(max(0, count - validation_count(count, val_fraction)) for count in counts)


def validation_images(config: Mapping[str, Any]) -> int | None:
    """Return how many images are held out for validation; None for other data than these.

    Args:
        config: An experiment's ``dataset``, ``subset_per_class`` and ``val_fraction``; any file may say anything there.
    """
    counts, trained = _class_counts(config), training_images(config)
    return None if counts is None or trained is None else sum(counts) - trained


def stored_bytes(config: Mapping[str, Any]) -> int | None:
    """Return the bytes of a data set's images (3 a pixel) and labels, None for a folder: it would have to be looked at.

    Args:
        config: An experiment's ``dataset`` and ``subset_per_class``; any file may say anything there.
    """
    spec, counts = DATASETS.get(str(config.get("dataset"))), _class_counts(config)
    if spec is None or counts is None:
        return None
    return (sum(counts) + spec.test_images) * (3 * spec.side**2 + LABEL_BYTES)


def _class_counts(config: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the images that are drawn of each class of the training split."""
    spec, subset = DATASETS.get(str(config.get("dataset"))), config.get("subset_per_class")
    if spec is None:
        return None
    if isinstance(subset, int) and subset > 0:
        return tuple(min(count, subset) for count in spec.train_counts)
    return spec.train_counts
