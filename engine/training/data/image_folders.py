"""Image folders: ``root/train/<class>/…`` and ``root/test/<class>/…``, or ``root/<class>/…`` that is cut in two."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.config.schema import Experiment
from engine.config.split_folders import SplitFolders, split_folders
from engine.training.data.cut_off_test import cut_test
from engine.training.data.images_below_folder import class_folders, labelled_images, some
from engine.training.data.splits_of_files import ImageFiles
from engine.training.data.unsplit_dataset import DataError, DataSource, Say


def folder_source(root: Path, experiment: Experiment, say: Say) -> DataSource:
    """Return the dataset in a folder; images are decoded once and then come from the cache.

    Raises:
        DataError: It is not there or not laid out so; when images are asked for, too, if any are broken.
    """
    folders = split_folders(root, experiment.split)
    if isinstance(folders, str):
        raise DataError(folders)
    paths = {
        role: path
        for role, path in (("train", folders.train), ("val", folders.val), ("test", folders.test))
        if path is not None
    }
    classes = {role: class_folders(path) for role, path in paths.items()}
    for role in paths.keys() - {"train"}:
        _require_same_classes(root, paths["train"], classes["train"], paths[role], classes[role])
    notes, files = [*folders.notes], ImageFiles(classes["train"], experiment, say)
    parts = {}
    for role, path in paths.items():
        images = labelled_images(path, classes["train"])
        parts[role] = files.part(images.listing, images.labels, f"{path.name}/")
        if left_out := str(images.left_out):
            notes.append(f"left out of {path.name}/: {left_out}")
    if unused := _unused_folders(root, folders, paths):
        notes.append(f"left out of {root.name}/: no splits: {len(unused)} ({some(unused)})")
    train, test = parts["train"], parts.get("test")
    if test is None:
        train, test = cut_test(train, experiment.split or 0, classes["train"])
    return DataSource(train, test, tuple(classes["train"]), parts.get("val"), notes=tuple(notes))


def _unused_folders(root: Path, folders: SplitFolders, paths: Mapping[str, Path]) -> list[str]:
    """Return the names of the folders beside the splits' own."""
    if folders.train == root:
        return []
    return sorted(
        path.name
        for path in root.iterdir()
        if path.is_dir() and path not in paths.values() and not path.name.startswith(".")
    )


def _require_same_classes(
    root: Path, train: Path, classes: Sequence[str], other: Path, others: Sequence[str]
) -> None:
    """Refuse splits of other classes, and say which lacks which.

    Raises:
        DataError: They differ.
    """
    lacking, beyond = sorted({*classes} - {*others}), sorted({*others} - {*classes})
    if not lacking and not beyond:
        return
    composed = {unicodedata.normalize("NFC", name): name for name in lacking}
    twice = [name for name in beyond if unicodedata.normalize("NFC", name) in composed]
    said = [
        f"only in {folder.name}/: {some(names)}"
        for folder, names in ((train, lacking), (other, beyond))
        if names
    ]
    if twice:
        said.append(
            f"{some([unicodedata.normalize('NFC', name) for name in twice])} is written in two ways, composed and "
            "decomposed (NFC and NFD): rename one of the two"
        )
    raise DataError(f"{root}: the splits do not have the same class folders; {'; '.join(said)}")
