"""Which folder of a data set's folder is which split, by their names; nothing below them is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.catalog.datasets import SPLIT_NAMES


@dataclass(frozen=True)
class SplitFolders:
    """The folder of each split: ``test`` is None where a part of ``train`` is to be cut off by the key ``split``.

    ``val`` is None where a part of ``train`` is held out. ``notes`` says what of this a user may not expect.
    """

    train: Path
    val: Path | None
    test: Path | None
    notes: tuple[str, ...] = ()


def split_folders(root: Path, split: float | None) -> SplitFolders | str:
    """Return the folders of a data set's splits, or in words why they do not fit together.

    ``train/`` and ``test/`` are what they say, and ``val/`` beside them validates. Without ``test/`` it is ``val/`` on
    which nothing is chosen: it is the test split, and a part of ``train/`` is held out to validate.

    Args:
        root: The data set's folder.
        split: The part of each class that the test split is cut off as, where none is there; None if not given.
    """
    try:
        named = {role: _named(root, role) for role in SPLIT_NAMES}
    except OSError as error:
        return f"{root} cannot be read ({error.strerror})"
    if twice := next((paths for paths in named.values() if len(paths) > 1), None):
        return f"{root} has {' and '.join(f'{path.name}/' for path in twice)}: which of them is to be used?"
    train, val, test = (next(iter(named[role]), None) for role in ("train", "val", "test"))
    if train is None and test is None and val is None and split is not None:
        return SplitFolders(root, None, None, (_cut(split, root),))
    if train is None:
        return _without_train(root, val, test)
    if test is not None and split is not None:
        return f"{root} has {test.name}/: leave split = {split:g} out, or that folder"
    if test is not None:
        notes = (f"{val.name}/ is the validation split: nothing of train/ is held out",) if val else ()
        return SplitFolders(train, val, test, notes)
    if split is not None:
        return SplitFolders(train, val, None, (_cut(split, train),))
    if val is None:
        return f"{root} has no folder test and no folder val; split = 0.2 cuts a fifth of each class off {train.name}/"
    notes = (
        f"{val.name}/ is the test split, as there is no test/: nothing is chosen by it, and a part of {train.name}/ is "
        "held out to validate",
    )
    return SplitFolders(train, None, val, notes)


def training_folder(root: Path) -> Path:
    """Return the folder that a data set's classes to train on lie in, whether it can be used or not."""
    found = split_folders(root, None)
    if isinstance(found, str):
        found = split_folders(root, 0.5)
    return root / "train" if isinstance(found, str) else found.train


def _named(root: Path, role: str) -> list[Path]:
    """Return the folders of a split; of names that differ in case alone the lower one."""
    found: dict[str, Path] = {}
    for path in sorted(root.iterdir()):
        if path.name.lower() in SPLIT_NAMES[role] and path.is_dir():
            found[path.name.lower()] = path  # capitals sort before the others
    return list(found.values())


def _cut(split: float, folder: Path) -> str:
    return (
        f"{split:g} of each class of {folder.name}/ is the test split, drawn by the names of the files: the same "
        "images for every seed"
    )


def _without_train(root: Path, val: Path | None, test: Path | None) -> str:
    """Say what a folder lacks that has no folder to train on."""
    if val is None and test is None:
        if not any(path.is_dir() for path in root.iterdir()):
            return f"{root} has no folder train and no folder test"
        return (
            f"{root} has no folder train and no folder test; if its folders are the classes, split = 0.2 cuts a fifth "
            "of each off to test"
        )
    there = " and ".join(f"{path.name}/" for path in (val, test) if path)
    return f"{root} has no folder train beside {there}"
