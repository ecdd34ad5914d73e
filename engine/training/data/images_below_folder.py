"""The images below a folder of classes: every file that is one, however deep, and a count of whatever is not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from engine.training.data.image_cache import Listing
from engine.training.data.image_decoder import is_image
from engine.training.data.unsplit_dataset import DataError, Indices

FROM_ZIP = "__MACOSX"
"""The folder of macOS's own files in an archive."""
NAMED = 5
"""Of many suffixes, classes or files only so many are named."""


@dataclass
class LeftOut:
    """What is not taken of a folder: files by their suffix, and how many entries for other reasons."""

    suffixes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        said = [f"{reason}: {count:,}" for reason, count in sorted(self.reasons.items())]
        if self.suffixes:
            said.insert(
                0, f"no images that Pillow reads: {self.suffixes.total():,} ({self.named_suffixes()})"
            )
        return "; ".join(said)

    def named_suffixes(self) -> str:
        """Return the suffixes with their counts, the most frequent first."""
        most = sorted(self.suffixes.items(), key=lambda each: (-each[1], each[0]))[:NAMED]
        named = ", ".join(f"{printable(suffix)} {count:,}" for suffix, count in most)
        return f"{named}, …" if len(self.suffixes) > NAMED else named


@dataclass(frozen=True)
class LabelledImages:
    """The images of a split, the class of each (N,), and what was left out."""

    listing: Listing
    labels: Indices
    left_out: LeftOut


def class_folders(folder: Path, without: Sequence[Path] = ()) -> list[str]:
    """Return the names of the classes of a split's folder, sorted.

    Raises:
        DataError: The folder cannot be read, or holds fewer than two.
    """
    try:
        classes = sorted(
            entry.name
            for entry in folder.iterdir()
            if entry.is_dir() and not _is_litter(entry.name) and entry not in without
        )
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read ({error.strerror}); it has to hold one folder per class"
        ) from None
    if len(classes) < 2:
        raise DataError(f"{folder} has to hold at least two class folders, it holds {len(classes)}")
    return classes


def labelled_images(folder: Path, classes: Sequence[str]) -> LabelledImages:
    """Return the images of a split's folder, sorted by class and name.

    Raises:
        DataError: A class's folder cannot be read, or holds no image.
    """
    names: list[str] = []
    stamps: list[tuple[int, int]] = []
    labels: list[int] = []
    left_out = LeftOut()
    for label, class_name in enumerate(classes):
        home, before = folder / class_name, Counter(left_out.suffixes)
        try:
            images = sorted(_walk(home, class_name, left_out, (_identity(home),)))
        except OSError as error:
            raise DataError(f"{error.filename or home} cannot be read ({error.strerror})") from None
        if not images:
            there = LeftOut(left_out.suffixes - before)
            told = f": its files are {there.named_suffixes()}" if there.suffixes else ""
            raise DataError(f"{home} holds no images{told}")
        names += [name for name, _ in images]
        stamps += [stamp for _, stamp in images]
        labels += [label] * len(images)
    _count_beside(folder, left_out)
    return LabelledImages(Listing(folder, names, stamps), np.array(labels, dtype=np.int64), left_out)


def stamp_of(path: Path | os.DirEntry[str]) -> tuple[int, int]:
    """Return a file's size and time of change; zeros for a file that has vanished and for a dangling link."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return 0, 0
    return stat.st_size, stat.st_mtime_ns


def _suffix(name: str) -> str:
    return PurePath(name).suffix.lower()


def _walk(
    home: Path, name: str, left_out: LeftOut, above: tuple[tuple[int, int], ...]
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield the name below the split's folder and the stamp of every image in a folder."""
    with os.scandir(home) as entries:
        for entry in entries:
            below = f"{name}/{entry.name}"
            if _is_litter(entry.name):
                left_out.reasons["hidden" if entry.name != FROM_ZIP else f"named {FROM_ZIP}"] += 1
            elif entry.is_dir():
                inner = Path(entry.path)
                if (identity := _identity(inner)) in above:
                    left_out.reasons["links back to a folder above them"] += 1
                    continue
                images = [*_walk(inner, below, left_out, (*above, identity))]
                yield from images
                if not images and is_image(entry.name):  # which is told, as an image that cannot be decoded
                    yield below, stamp_of(entry)
            elif is_image(entry.name):
                yield below, stamp_of(entry)
            else:
                left_out.suffixes[_suffix(entry.name) or "without a suffix"] += 1


def _count_beside(folder: Path, left_out: LeftOut) -> None:
    """Count what lies beside the classes' folders."""
    for entry in folder.iterdir():
        if entry.name == FROM_ZIP:
            left_out.reasons[f"folder {FROM_ZIP}"] += 1
        elif not entry.name.startswith(".") and not entry.is_dir():
            what = "images" if is_image(entry.name) else "other files"
            left_out.reasons[f"{what} beside the class folders, of no class"] += 1


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name == FROM_ZIP


def _identity(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino


def printable(path: str | Path) -> str:
    """Return a path as valid Unicode text, from any bytes."""
    return os.fsencode(path).decode(errors="replace")


def some(names: Sequence[str]) -> str:
    """Return names as a list for a sentence, of many the first and how many more there are."""
    listed = ", ".join(map(printable, names[:NAMED]))
    return listed if len(names) <= NAMED else f"{listed} and {len(names) - NAMED:,} more"
