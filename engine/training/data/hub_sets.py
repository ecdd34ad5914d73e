"""Data sets of the Hugging Face hub, or in its layout in a folder: read by ``datasets``, decoded as any images are.

Their images are put into files once, in ``$VITUI_DATA/hf/<fingerprint>/<split>``, from which they are decoded into the
cache like a folder's. Code that a data set brings along is not run.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.catalog.datasets import HUB, SPLIT_NAMES
from engine.config.schema import Experiment
from engine.system import lock
from engine.training.data.cut_off_test import cut_test
from engine.training.data.image_cache import SAY_EVERY, Listing, data_folder
from engine.training.data.images_below_folder import some, stamp_of
from engine.training.data.splits_of_files import ImageFiles
from engine.training.data.unsplit_dataset import DataError, DataSource, Part, Say

LABELS = ("label", "labels", "class", "target", "fine_label")
"""Columns that are taken for the label, in this order, where several could be."""


def hub_source(name: str, experiment: Experiment, say: Say) -> DataSource:
    """Return a data set by its name on the hub, ``hf:NAME`` or ``hf:NAME:CONFIGURATION``, or by a folder's path.

    Raises:
        DataError: It cannot be loaded, or holds no images with labels.
    """
    splits = _loaded(name)
    image, label = _columns(name, next(iter(splits.values())))
    labelled = {split: table for split, table in splits.items() if _has_labels(table, label)}
    tables, notes = _roles(name, labelled, experiment.split)
    if unlabelled := [str(split) for split in splits if split not in labelled]:
        notes.append(f"left out: splits without labels: {len(unlabelled)} ({some(unlabelled)})")
    classes, labels = _labels(
        name, {role: table[label] for role, table in tables.items()}, tables["train"], label
    )
    for role, known in labels.items():
        if left := int((known < 0).sum()):
            notes.append(f"left out of {role}: {left:,} of {len(known):,} images without a label")
    files, parts = ImageFiles(classes, experiment, say), dict[str, Part]()
    for role, table in tables.items():
        rows = np.flatnonzero(labels[role] >= 0)
        home = _exported(name, role, table, image, say)
        names = [f"{role}/{row:08d}" for row in rows.tolist()]
        listing = Listing(home, names, [stamp_of(home / each) for each in names])
        parts[role] = files.part(listing, labels[role][rows], f"the {role} split")
    train, test = parts["train"], parts.get("test")
    if test is None:
        train, test = cut_test(train, experiment.split or 0, classes)
    return DataSource(train, test, classes, parts.get("val"), notes=tuple(notes))


def _loaded(name: str) -> Mapping[str, Any]:
    """Return the tables of a data set by their splits.

    Raises:
        DataError: It cannot be loaded; says what to put where.
    """
    import datasets

    where = name.removeprefix(HUB)
    path = Path(where)
    try:
        if path.is_absolute():
            if not path.is_dir():
                raise DataError(f"{name}: there is no folder {path}")
            if any((path / saved).is_file() for saved in ("dataset_dict.json", "state.json")):
                found = datasets.load_from_disk(str(path))
            else:
                found = datasets.load_dataset(str(path))
        else:
            repository, _, configuration = where.partition(":")
            found = datasets.load_dataset(repository, configuration or None)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001  of the network, the hub, and of readers of many formats
        first = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise DataError(
            f"{name} cannot be loaded ({first}); without a network copy its folder here and name it: hf:/FOLDER, or "
            "set HF_HOME to the cache of a machine that has it",
            transient=isinstance(error, ConnectionError | TimeoutError),
        ) from None
    return dict(found) if isinstance(found, dict) else {"train": found}


def _roles(name: str, splits: Mapping[str, Any], share: float | None) -> tuple[dict[str, Any], list[str]]:
    """Return the tables by what they are used for, and what of this a user may not expect.

    Raises:
        DataError: There is nothing to train on, or nothing to test on.
    """
    named = {
        role: [split for split in splits if str(split).lower() in names]
        for role, names in SPLIT_NAMES.items()
    }
    found = {role: names[0] for role, names in named.items() if names}
    if "train" not in found:
        raise DataError(f"{name} has no split train; it has {some([str(split) for split in splits])}")
    notes = []
    if "test" in found and share is not None:
        raise DataError(f"{name} has a split {found['test']}: leave split = {share:g} out")
    if "test" not in found and share is not None:
        notes.append(f"{share:g} of each class is the test split: the same images for every seed")
    elif "test" not in found and "val" in found:
        notes.append(
            f"{found['val']} is the test split, as there is no test: nothing is chosen by it, and a part of train is "
            "held out to validate"
        )
        found["test"] = found.pop("val")
    elif "test" not in found:
        raise DataError(f"{name} has no split to test on; split = 0.2 cuts a fifth of each class off train")
    if unused := [str(split) for split in splits if split not in found.values()]:
        notes.append(f"left out: no splits to train, validate or test on: {len(unused)} ({some(unused)})")
    return {role: splits[split] for role, split in found.items()}, notes


def _columns(name: str, table: Any) -> tuple[str, str]:
    """Return the columns of images and of labels.

    Raises:
        DataError: There is none of the two.
    """
    kinds = {column: type(kind).__name__ for column, kind in table.features.items()}
    images = [column for column, kind in kinds.items() if kind == "Image"]
    known = [column for column, kind in kinds.items() if kind == "ClassLabel"]
    others = [column for column in LABELS if column in kinds and column not in images]
    labels = [column for column in LABELS if column in known] or known or others
    if not images or not labels:
        lacking = "images" if not images else "labels"
        raise DataError(f"{name} has no column of {lacking}; its columns are {some(list(kinds))}")
    return images[0], labels[0]


def _has_labels(table: Any, column: str) -> bool:
    return column in table.features and any(label not in (None, -1) for label in table[column])


def _labels(
    name: str, columns: Mapping[str, Sequence[Any]], table: Any, column: str
) -> tuple[tuple[str, ...], dict[str, np.ndarray[Any, np.dtype[np.int64]]]]:
    """Return the classes, and each split's labels (N,) with -1 where an image has none.

    Raises:
        DataError: There are fewer than two classes.
    """
    known = getattr(table.features[column], "names", None)
    values = {role: [*labels] for role, labels in columns.items()}
    if known is not None:
        classes = tuple(map(str, known))
        number: Mapping[Any, int] = {i: i for i in range(len(classes))}
    else:
        seen = {label for labels in values.values() for label in labels if label is not None}
        is_numeric = all(isinstance(label, int) for label in seen)
        ordered = sorted(seen) if is_numeric else sorted(seen, key=str)
        classes, number = tuple(map(str, ordered)), {label: i for i, label in enumerate(ordered)}
    if len(classes) < 2:
        raise DataError(
            f"{name} has to have at least two classes, its column {column} has {some(classes)} alone"
        )
    return classes, {
        role: np.array([number.get(label, -1) for label in labels], dtype=np.int64)
        for role, labels in values.items()
    }


def _exported(name: str, role: str, table: Any, column: str, say: Say) -> Path:
    """Return the folder below which a split's images are files, made once.

    Raises:
        DataError: They cannot be written.
    """
    import datasets

    try:
        home = data_folder() / "hf" / str(table._fingerprint)
        home.mkdir(parents=True, exist_ok=True)
        with lock.hold(home / f".{role}.lock", math.inf):
            if not (home / role).is_dir():
                part = home / f".{role}.part"
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir()
                stored = table.select_columns([column]).cast_column(column, datasets.Image(decode=False))
                for row, each in enumerate(_told(stored, len(stored), f"{name}, {role}", say)):
                    _write(part / f"{row:08d}", each[column])
                part.rename(home / role)
    except OSError as error:
        raise DataError(f"the images of {name} cannot be written: {error}") from None
    return home


def _write(file: Path, image: Mapping[str, Any] | None) -> None:
    """Put an image into a file, or a link to the file that it is; an empty file where there is none."""
    image = image or {}
    if (data := image.get("bytes")) is None and (path := image.get("path")) is not None:
        file.symlink_to(Path(path).absolute())
    else:
        file.write_bytes(data or b"")


def _told(rows: Any, count: int, what: str, say: Say) -> Iterator[Any]:
    said = time.monotonic()
    for row, each in enumerate(rows):
        yield each
        if (now := time.monotonic()) - said >= SAY_EVERY:
            said = now
            say(f"{what}: {row + 1:,} of {count:,} images put into files")
