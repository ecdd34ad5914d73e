"""The data sets there are: how one is named, how many images and classes it has, and where it comes from.

A data set is one of ``DATASETS`` by its name, ``folder:PATH`` with folders of classes, ``csv:PATH``, which lists
images, or ``hf:NAME``, one of the Hugging Face hub.
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
HUB = "hf:"
"""What stands before the name of a data set on the Hugging Face hub, or before the path of a folder in its layout."""
LABEL_BYTES = 8
"""Of an image's class, an int64."""


TORCH = "torch:"
"""What stands before the name of a data set of torchvision."""
Normalisation = tuple[tuple[float, float, float], tuple[float, float, float]]
"""The mean and the deviation of red, green and blue, as parts of the brightest."""
IMAGENET: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class DatasetSpec:
    """A data set that comes by name."""

    name: str
    train_counts: tuple[int, ...]
    """The training images of each class, before any are held out; empty where they are counted when they are read."""
    test_images: int
    side: int
    """Of its square images as they are stored, in pixels; 0 where they differ."""
    origin: Literal["downloaded", "installed"]
    """Downloaded at the first run, or installed with scikit-learn."""
    class_count: int = 0
    """How many classes there are, where ``train_counts`` does not say."""
    flips: bool = True
    """Whether an image's mirror image is of the same class."""
    normalisation: Normalisation | None = None
    """As it is published; None where the training images are measured."""
    val_images: int = 0
    """The images of its own validation split; 0 where a part of the training images is held out."""

    @property
    def train_images(self) -> int:
        """The training images, before any are held out; 0 where they are not known."""
        return sum(self.train_counts)

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.train_counts) or self.class_count


SVHN_COUNTS = (4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659)
IMAGENETTE_COUNTS = (963, 955, 993, 858, 941, 956, 961, 931, 951, 960)

DATASETS: Mapping[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        DatasetSpec("cifar10", (5000,) * 10, 10_000, 32, "downloaded"),
        DatasetSpec("cifar100", (500,) * 100, 10_000, 32, "downloaded"),
        DatasetSpec("digits", (142, 146, 142, 146, 145, 145, 145, 143, 139, 144), 360, 8, "installed", flips=False),
        DatasetSpec(
            "torch:STL10", (500,) * 10, 8000, 96, "downloaded",
            normalisation=((0.4467, 0.4398, 0.4066), (0.2603, 0.2566, 0.2713)),
        ),
        DatasetSpec(
            "torch:SVHN", SVHN_COUNTS, 26_032, 32, "downloaded", flips=False,
            normalisation=((0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)),
        ),
        DatasetSpec(
            "torch:FashionMNIST", (6000,) * 10, 10_000, 28, "downloaded",
            normalisation=((0.2860,) * 3, (0.3530,) * 3),
        ),
        DatasetSpec(
            "torch:Flowers102", (10,) * 102, 6149, 0, "downloaded", normalisation=IMAGENET, val_images=1020
        ),
        DatasetSpec("torch:OxfordIIITPet", (), 3669, 0, "downloaded", 37, normalisation=IMAGENET),
        DatasetSpec("torch:Food101", (750,) * 101, 25_250, 0, "downloaded", normalisation=IMAGENET),
        DatasetSpec("torch:EuroSAT", (), 0, 64, "downloaded", 10, normalisation=IMAGENET),
        DatasetSpec("torch:Imagenette", IMAGENETTE_COUNTS, 3925, 0, "downloaded", normalisation=IMAGENET),
    )
}  # fmt: skip


def folder_of(dataset: str) -> Path | None:
    """Return the folder that a data set is, None for any other."""
    return Path(dataset.removeprefix(FOLDER)) if dataset.startswith(FOLDER) else None


def list_of(dataset: str) -> Path | None:
    """Return the file that a data set is listed in, None for any other."""
    return Path(dataset.removeprefix(LIST)) if dataset.startswith(LIST) else None


def path_of(dataset: str) -> tuple[str, Path] | None:
    """Return what stands before the path of a data set of the user's own, and the path; None for one by name."""
    kind = next((kind for kind in (FOLDER, LIST) if dataset.startswith(kind)), None)
    if dataset.startswith(HUB) and dataset.removeprefix(HUB).startswith(("/", ".", "~")):
        kind = HUB
    return None if kind is None else (kind, Path(dataset.removeprefix(kind)))


def is_dataset(dataset: str) -> bool:
    """Return whether a text names a data set: one by name, or one of the user's own whether it is there or not."""
    kind = next((kind for kind in (FOLDER, LIST, HUB) if dataset.startswith(kind)), None)
    return dataset in DATASETS or (kind is not None and dataset != kind)


def classes_of(dataset: str) -> int | None:
    """Return how many classes a data set has, None for images of the user's own: they would have to be looked at."""
    spec = DATASETS.get(dataset)
    return None if spec is None else spec.classes


def validation_count(images: int, val_fraction: float) -> int:
    """Return how many of a class's training images are held out for validation: at least one."""
    return max(1, round(val_fraction * images))


def training_images(config: Mapping[str, Any]) -> int | None:
    """Return the images that an epoch trains on, None where they would have to be looked at.

    Args:
        config: An experiment's ``dataset``, ``subset_per_class`` and ``val_fraction``; any file may say anything there.
    """
    counts = _class_counts(config)
    val_fraction = config.get("val_fraction", 0.02)
    if counts is not None and DATASETS[str(config["dataset"])].val_images:
        return sum(counts)
    if counts is None or not isinstance(val_fraction, int | float) or not 0 <= val_fraction < 1:
        return None
    return sum(max(0, count - validation_count(count, val_fraction)) for count in counts)


def validation_images(config: Mapping[str, Any]) -> int | None:
    """Return how many images validate; None for other data than these.

    Args:
        config: An experiment's ``dataset``, ``subset_per_class`` and ``val_fraction``; any file may say anything there.
    """
    counts, trained = _class_counts(config), training_images(config)
    if counts is not None and (own := DATASETS[str(config["dataset"])].val_images):
        return own
    return None if counts is None or trained is None else sum(counts) - trained


def stored_bytes(config: Mapping[str, Any]) -> int | None:
    """Return the bytes of a data set's images (3 a pixel) and labels, None for a folder: it would have to be looked at.

    Args:
        config: An experiment's ``dataset`` and ``subset_per_class``; any file may say anything there.
    """
    spec, counts = DATASETS.get(str(config.get("dataset"))), _class_counts(config)
    if spec is None or counts is None or not spec.side:
        return None
    return (sum(counts) + spec.val_images + spec.test_images) * (3 * spec.side**2 + LABEL_BYTES)


def _class_counts(config: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Return the images that are drawn of each class of the training split."""
    spec, subset = DATASETS.get(str(config.get("dataset"))), config.get("subset_per_class")
    if spec is None or not spec.train_counts:
        return None
    if isinstance(subset, int) and subset > 0:
        return tuple(min(count, subset) for count in spec.train_counts)
    return spec.train_counts
