"""The parts of a dataset once they are loaded: what stands for them, and what is in two of them."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.training.data.images_below_folder import printable
from engine.training.data.unsplit_dataset import Digests, Images, Indices, Part

USES = {"train": "train on", "val": "validate", "test": "test on"}


@dataclass(frozen=True)
class LoadedPart:
    """A part and its images; ``rows`` are the indices of those that were loaded, None where all were."""

    role: str
    part: Part
    images: Images
    rows: Indices | None = None

    def name(self, row: int) -> str:
        """Return what the image in a row is called."""
        return printable(self.part.names[row if self.rows is None else int(self.rows[row])])


def identity_of(dataset: str, classes: Sequence[str], parts: Sequence[LoadedPart]) -> str:
    """Return what stands for images and their classes, the same wherever they lie and whenever they were copied.

    Of files these are the names within the dataset, the classes and the contents of those that are used; of a set that
    is one file, its name and the classes.
    """
    digest = hashlib.sha256()
    for name in classes:
        digest.update(_bytes(name) + b"\n")
    for loaded in parts:
        digest.update(f"{loaded.role} {len(loaded.part.labels)}\n".encode())
        digest.update(np.ascontiguousarray(loaded.part.labels, dtype="<i8").tobytes())
        for name in loaded.part.names or [dataset]:
            digest.update(_bytes(name) + b"\0")
        if loaded.images.contents is not None:
            digest.update(np.ascontiguousarray(loaded.images.contents, dtype="<u8").tobytes())
    return digest.hexdigest()[:32]


def notes_on(parts: Sequence[LoadedPart]) -> Iterator[str]:
    """Yield how the colours of each part's images were converted."""
    for loaded in parts:
        for note in loaded.images.notes:
            yield f"to {USES[loaded.role]}: {note}"


def images_in_two_splits(parts: Sequence[LoadedPart]) -> Iterator[str]:
    """Yield a warning for every two parts that share images, by the bytes of their files or by their pixels."""
    pairs = [*pairwise(parts)] + ([(parts[0], parts[-1])] if len(parts) > 2 else [])
    for one, other in pairs:
        if shared := _shared(one.images, other.images):
            own, theirs = next(iter(shared.items()))
            yield (
                f"{len(shared):,} of the {len(other.images.pixels):,} images to {USES[other.role]} are also among "
                f"those to {USES[one.role]} ({other.name(own)} is {one.name(theirs)}): scores on them say little"
            )


def repeated_images(loaded: LoadedPart) -> Iterator[str]:
    """Yield a warning if files of a part are the same to the byte: a part that is held out has some of them, too."""
    contents = loaded.images.contents
    if contents is None:
        return
    usable = np.delete(np.arange(len(contents)), list(loaded.images.broken))
    numbers, first, place = np.unique(contents[usable], return_index=True, return_inverse=True)
    if len(numbers) == len(usable):
        return
    originals = usable[first[place]]
    again = usable[usable != originals]
    original = int(originals[usable == again[0]][0])
    labels = loaded.part.labels if loaded.rows is None else loaded.part.labels[loaded.rows]
    otherwise = int((labels[usable] != labels[originals]).sum())
    under = f", {otherwise:,} of them under another class" if otherwise else ""
    yield (
        f"{len(again):,} of the {len(contents):,} images to {USES[loaded.role]} are there before, to the byte "
        f"({loaded.name(int(again[0]))} is {loaded.name(original)}){under}"
    )


def _shared(known: Images, asked: Images) -> dict[int, int]:
    """Return the rows of ``asked`` whose image is among ``known`` too, each with its row there."""
    if known.contents is None or asked.contents is None or known.checksums is None or asked.checksums is None:
        return {}
    shared = {
        row: other
        for row, other in _equal(known.contents, asked.contents)
        if row not in asked.broken and other not in known.broken
    }
    if known.pixels.shape[1:] == asked.pixels.shape[1:]:
        for row, other in _equal(known.checksums, asked.checksums):
            if row in shared or row in asked.broken or other in known.broken:
                continue
            if np.array_equal(asked.pixels[row], known.pixels[other]):
                shared[row] = other
    return dict(sorted(shared.items()))


def _equal(known: Digests, asked: Digests) -> Iterator[tuple[int, int]]:
    """Yield each row of ``asked`` (M,) whose number is in ``known`` (N,), with the first row there that has it."""
    numbers, first = np.unique(known, return_index=True)
    places = np.searchsorted(numbers, asked).clip(max=max(0, len(numbers) - 1))
    rows = np.flatnonzero(numbers[places] == asked) if len(numbers) else ()
    for row in rows:
        yield int(row), int(first[places[row]])


def _bytes(name: str) -> bytes:
    """Return a name as bytes, the same on machines that compose letters and on those that do not."""
    return os.fsencode(unicodedata.normalize("NFC", name))
