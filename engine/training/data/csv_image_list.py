"""A list of images: a table with the path, the label and, if there is one, the split of each.

::

    path,label,split
    cats/1.png,cat,train
    cats/2.png,cat,test
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.catalog.datasets import SPLIT_NAMES
from engine.config.schema import Experiment
from engine.training.data.cut_off_test import cut_test
from engine.training.data.image_cache import Listing
from engine.training.data.images_below_folder import printable, some, stamp_of
from engine.training.data.splits_of_files import ImageFiles
from engine.training.data.unsplit_dataset import DataError, DataSource, Part, Say

MOST_BYTES = 512 * 2**20
"""A longer list is not read."""
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": (
        "path",
        "file",
        "filename",
        "file_name",
        "filepath",
        "file_path",
        "image",
        "image_path",
        "img",
        "name",
    ),
    "label": ("label", "class", "class_name", "target", "category", "y"),
    "split": ("split", "set", "subset", "partition", "fold"),
}
"""What the columns may be called, in small letters."""


@dataclass(frozen=True)
class _Row:
    line: int
    path: str
    label: str
    split: str


def list_source(file: Path, experiment: Experiment, say: Say) -> DataSource:
    """Return the dataset that a list names; relative paths begin at the list's folder.

    Raises:
        DataError: It cannot be read, or a line of it cannot be used; when images are asked for, too, if any are broken.
    """
    rows, notes = _rows(file)
    splits = {row.split for row in rows}
    if "" in splits and len(splits) > 1:
        unsaid = sum(not row.split for row in rows)
        notes.append(f"left out: {unsaid:,} of {len(rows):,} lines that name no split")
        rows = [row for row in rows if row.split]
    rows, told = _roles(file, rows, experiment.split)
    notes += told
    classes = _classes(file, rows)
    files, number = ImageFiles(classes, experiment, say), {name: i for i, name in enumerate(classes)}
    parts = {}
    for role in dict.fromkeys(row.split for row in rows):
        of_role = [row for row in rows if row.split == role]
        _require_all_classes(file, role, of_role, classes)
        names = [row.path for row in of_role]
        listing = Listing(file.parent, names, [stamp_of(file.parent / name) for name in names])
        labels = np.array([number[row.label] for row in of_role], dtype=np.int64)
        parts[role] = files.part(listing, labels, f"the {role} split")
    return _source(parts, experiment, classes, notes)


def _source(
    parts: Mapping[str, Part], experiment: Experiment, classes: tuple[str, ...], notes: Sequence[str]
) -> DataSource:
    train, test = parts["train"], parts.get("test")
    if test is None:
        train, test = cut_test(train, experiment.split or 0, classes)
    return DataSource(train, test, classes, parts.get("val"), notes=tuple(notes))


def _rows(file: Path) -> tuple[list[_Row], list[str]]:
    """Return the lines that name an image, and what was left out.

    Raises:
        DataError: The list cannot be read, or its columns are not to be told apart.
    """
    lines = _cells(file)
    if not lines:
        raise DataError(f"{file} is empty: it has to have the columns path and label, and may have split")
    columns, body = _columns(file, lines)
    rows, left = list[_Row](), Counter[str]()
    seen = set[tuple[str, str]]()
    labels: dict[str, str] = {}
    for line, cells in body:
        path, label, split = (
            cells[column].strip() if (column := columns.get(name)) is not None and column < len(cells) else ""
            for name in COLUMNS
        )
        if "\0" in path or not path or not label:
            left["without a path" if label else "without a label" if path else "empty"] += 1
            continue
        row = _Row(line, path, label, _role(file, line, split))
        if (path, row.split) in seen and labels[path] == label:
            left["that say the same as one before"] += 1
            continue
        if labels.setdefault(path, label) != label:
            raise DataError(
                f"{file}, line {line}: {path} is of class {label} here and of class {labels[path]} above"
            )
        seen.add((path, row.split))
        rows.append(row)
    left.pop("empty", None)
    if not rows:
        raise DataError(f"{file} names no image: no line has a path and a label")
    said = [f"{count:,} line{'s' * (count != 1)} {reason}" for reason, count in left.items()]
    return rows, [f"left out of {file.name}: {', '.join(said)}"] if said else []


def _cells(file: Path) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that has any, with the line's number."""
    try:
        if file.exists() and not file.is_file():
            raise DataError(f"{file} is no file")
        with file.open("rb") as opened:
            data = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise DataError(f"{file} cannot be read ({error.strerror})") from None
    if len(data) > MOST_BYTES:
        raise DataError(f"{file} has more than the {MOST_BYTES // 2**20} MiB that are read")
    try:
        text = data.decode("utf-8-sig", errors="strict")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{file}, line {line}: this is no UTF-8 text; save the list as UTF-8") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text.replace("\0", "\ufffd"), newline=""), delimiter=delimiter)
    try:
        return [(reader.line_num, cells) for cells in reader if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise DataError(f"{file}, line {reader.line_num}: {error}") from None


def _columns(
    file: Path, lines: Sequence[tuple[int, list[str]]]
) -> tuple[dict[str, int], Sequence[tuple[int, list[str]]]]:
    """Return which column is which, and the lines below the heading.

    Where no name tells, the values do: a column of files is ``path``, and the only other one ``label``.
    """
    first = [cell.strip() for cell in lines[0][1]]
    heading = [cell.lower() for cell in first]
    columns = {
        column: index
        for column, names in COLUMNS.items()
        if (index := next((heading.index(name) for name in names if name in heading), None)) is not None
    }
    body = lines[1:] if columns or not _file_in(file, first) else lines
    if "path" not in columns and body and (paths := _file_in(file, body[0][1])):
        columns["path"] = paths[0]
    unnamed = [index for index in range(len(first)) if index not in columns.values()]
    if body is lines and 2 <= len(first) <= 3:
        columns |= dict(zip(("label", "split"), unnamed, strict=False))
    elif "path" in columns and "label" not in columns and len(unnamed) == 1:
        columns["label"] = unnamed[0]
    if {"path", "label"} <= columns.keys():
        return columns, body
    lacking = " and ".join(name for name in ("path", "label") if name not in columns)
    raise DataError(
        f"{file} has no column {lacking}; its columns are {some(first)}, and path, label and perhaps split have to be "
        "among them"
    )


def _file_in(file: Path, cells: Sequence[str]) -> list[int]:
    """Return which cells are the path of a file."""
    stripped = [cell.strip() for cell in cells]
    return [
        index
        for index, cell in enumerate(stripped)
        if 0 < len(cell) < 4096 and "\0" not in cell and (file.parent / cell).is_file()
    ]


def _role(file: Path, line: int, split: str) -> str:
    """Return which split a word names; empty where there is none.

    Raises:
        DataError: It names none that is known.
    """
    word = split.lower()
    role = next((role for role, names in SPLIT_NAMES.items() if word in names), "")
    if word and not role:
        raise DataError(
            f"{file}, line {line}: split is {printable(split)!r}; it has to be train, val or test"
        )
    return role


def _roles(file: Path, rows: Sequence[_Row], split: float | None) -> tuple[list[_Row], list[str]]:
    """Return the rows, each with the split that it is used as, and what of this a user may not expect.

    Raises:
        DataError: There is nothing to train on, or nothing to test on.
    """
    there = {row.split for row in rows}
    if there == {""}:
        if split is None:
            raise DataError(f"{file} has no column split; split = 0.2 cuts a fifth of each class off to test")
        note = (
            f"{split:g} of each class is the test split, drawn by the paths: the same images for every seed"
        )
        return [_as(row, "train") for row in rows], [note]
    if "train" not in there:
        raise DataError(f"{file} names no image to train on: no line says train")
    if "test" in there:
        if split is not None:
            raise DataError(f"{file} names images to test on: leave split = {split:g} out")
        return list(rows), []
    if split is not None:
        note = f"{split:g} of each class to train on is the test split, drawn by the paths: the same for every seed"
        return list(rows), [note]
    if "val" not in there:
        raise DataError(
            f"{file} names no image to test on; split = 0.2 cuts a fifth of each class off to test"
        )
    note = (
        "val is the test split, as no line says test: nothing is chosen by it, and a part of train is held out to "
        "validate"
    )
    return [_as(row, "test") if row.split == "val" else row for row in rows], [note]


def _as(row: _Row, role: str) -> _Row:
    return _Row(row.line, row.path, row.label, role)


def _classes(file: Path, rows: Sequence[_Row]) -> tuple[str, ...]:
    """Return the labels in order: numbers by their value, else by their letters.

    Raises:
        DataError: There are fewer than two.
    """
    labels = {row.label for row in rows}
    if len(labels) < 2:
        raise DataError(f"{file} has to name at least two classes, it names {some(sorted(labels))} alone")
    if all(label.isascii() and label.isdigit() for label in labels):
        return tuple(sorted(labels, key=lambda label: (int(label), label)))
    return tuple(sorted(labels))


def _require_all_classes(file: Path, role: str, rows: Sequence[_Row], classes: Sequence[str]) -> None:
    if lacking := sorted({*classes} - {row.label for row in rows}):
        raise DataError(f"{file}: the {role} split has no image of {some(lacking)}")
