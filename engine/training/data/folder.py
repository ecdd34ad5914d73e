"""Image folders: ``root/train/<class>/*`` and ``root/test/<class>/*``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.config.schema import Experiment
from engine.training.data.image_cache import Listing, load_images
from engine.training.data.source import DataError, DataSource, Images, Indices, Say

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif"}


def folder_source(root: Path, experiment: Experiment, say: Say) -> DataSource:
    """Return the dataset in a folder; images are decoded once and then come from the cache.

    Raises:
        DataError: It is not there or not laid out so; when images are asked for, too, if any are broken.
    """
    classes = class_folders(root / "train")
    if (others := set(class_folders(root / "test"))) != set(classes):
        differ = ", ".join(sorted(others ^ set(classes)))
        raise DataError(
            f"{root}: train/ and test/ do not have the same class folders; they differ in: {differ}"
        )
    train, train_labels = _list_images(root / "train", classes)
    test, test_labels = _list_images(root / "test", classes)

    def load(part: Listing, labels: Indices) -> Images:
        images = load_images(part, experiment.image_size, experiment.workers, say)
        if images.broken:
            _judge(part, labels, classes, images.broken, experiment, say)
        return images

    def load_train(chosen: Indices) -> Images:
        part = Listing(train.root, [train.names[i] for i in chosen], [train.stamps[i] for i in chosen])
        return load(part, train_labels[chosen])

    return DataSource(
        train_labels=train_labels,
        test_labels=test_labels,
        classes=tuple(classes),
        train_images=load_train,
        test_images=lambda: load(test, test_labels),
    )


def class_folders(folder: Path) -> list[str]:
    """Return the names of the classes of a split's folder, sorted.

    Raises:
        DataError: The folder cannot be read, or holds fewer than two.
    """
    try:
        classes = sorted(
            entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
        )
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read ({error.strerror}); it has to hold one folder per class"
        ) from None
    if len(classes) < 2:
        raise DataError(f"{folder} has to hold at least two class folders, it holds {len(classes)}")
    return classes


def _list_images(folder: Path, classes: Sequence[str]) -> tuple[Listing, Indices]:
    names: list[str] = []
    stamps: list[tuple[int, int]] = []
    labels: list[int] = []
    for label, class_name in enumerate(classes):
        try:
            with os.scandir(folder / class_name) as entries:
                images = sorted((entry.name, _stamp(entry)) for entry in entries if _is_image(entry.name))
        except OSError as error:
            raise DataError(f"{folder / class_name} cannot be read ({error.strerror})") from None
        if not images:
            suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
            raise DataError(f"{folder / class_name} holds no images ({suffixes})")
        names += [f"{class_name}/{name}" for name, _ in images]
        stamps += [stamp for _, stamp in images]
        labels += [label] * len(images)
    return Listing(folder, names, stamps), np.array(labels, dtype=np.int64)


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in IMAGE_SUFFIXES and not name.startswith(".")


def _stamp(entry: os.DirEntry[str]) -> tuple[int, int]:
    """Return a file's size and time of change; zeros for a file that has vanished and for a dangling link."""
    try:
        stat = entry.stat()
    except OSError:
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _judge(
    part: Listing,
    labels: Indices,
    classes: Sequence[str],
    broken: dict[int, str],
    experiment: Experiment,
    say: Say,
) -> None:
    """Refuse images that cannot be decoded, or say that they are left out.

    Raises:
        DataError: The experiment does not allow to skip them, or nothing is left of a class.
    """
    some = list(broken.items())[:3]
    named = ", ".join(f"{_printable(part.root / part.names[row])} ({reason})" for row, reason in some)
    problem = (
        f"{len(broken)} of {len(part)} images cannot be decoded: {named}{', …' if len(broken) > 3 else ''}"
    )
    if experiment.corrupt == "refuse":
        raise DataError(f'{problem}; remove or replace them, or leave them out with corrupt = "skip"')
    left = np.bincount(np.delete(labels, list(broken)), minlength=len(classes))
    if lost := [classes[label] for label in np.flatnonzero(left == 0).tolist()]:
        raise DataError(f"{problem}; nothing is left of {', '.join(lost)}")
    say(f"left out: {problem}")


def _printable(path: Path) -> str:
    """Return a path as valid Unicode text, from any bytes."""
    return os.fsencode(path).decode(errors="replace")
