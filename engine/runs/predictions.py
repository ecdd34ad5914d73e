"""What a run's last model takes the images of the test split for: ``predictions.npy``, and ``predictions.json`` beside.

The array (N,) has the guessed classes in the order of the split. The JSON says which images these are, ``digest``, and
their true classes, ``labels``. It is written last, so that whoever finds it finds the array that belongs to it.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from engine.system.files import DAMAGED, read_small, write_atomic

Classes = NDArray[np.int64]
ARRAY, IMAGES = "predictions.npy", "predictions.json"
MOST_CLASSES = 2**16
"""A file with a class beyond so many is damaged."""


class TestSplit(msgspec.Struct, kw_only=True, frozen=True):
    """predictions.json: which images were guessed."""

    digest: str
    """Of the labels and the names of the files: runs with the same digest guessed the same images in the same order."""
    labels: list[int]
    """The true classes (N,)."""


class Predictions(msgspec.Struct, frozen=True):
    """Guessed and true classes, both (N,), of the images that ``digest`` stands for."""

    guesses: Classes
    labels: Classes
    digest: str


def digest_of(labels: Classes, names: Iterable[str]) -> str:
    """Return what stands for some images.

    Args:
        labels: Their true classes (N,), in their order.
        names: The names of their files within the dataset, or the dataset's own where its images have none.
    """
    digest = hashlib.sha256(np.ascontiguousarray(labels, dtype="<i8").tobytes())
    for name in names:
        digest.update(os.fsencode(name) + b"\0")
    return f"sha256:{digest.hexdigest()}"


def save(folder: Path, predictions: Predictions) -> None:
    """Keep the predictions in a run's folder, in place of older ones.

    Raises:
        OSError: They cannot be written; the run then has none.
    """
    (folder / IMAGES).unlink(missing_ok=True)
    most = int(predictions.guesses.max(initial=0))
    array = io.BytesIO()
    np.save(array, predictions.guesses.astype(np.min_scalar_type(most)), allow_pickle=False)
    write_atomic(folder / ARRAY, array.getvalue())
    images = TestSplit(digest=predictions.digest, labels=predictions.labels.tolist())
    write_atomic(folder / IMAGES, msgspec.json.encode(images))


def load(folder: Path) -> Predictions | None:
    """Return the predictions in a run's folder; None where there are none, or they are damaged."""
    try:
        images = msgspec.json.decode(read_small(folder / IMAGES), type=TestSplit)
        guesses: Any = np.load(io.BytesIO(read_small(folder / ARRAY)), allow_pickle=False)
        labels = np.array(images.labels, dtype=np.int64)
    except (*DAMAGED, ValueError, OverflowError, EOFError, MemoryError):
        return None
    if not isinstance(guesses, np.ndarray) or guesses.dtype.kind != "u" or guesses.shape != labels.shape:
        return None
    if not len(labels) or labels.min() < 0 or max(labels.max(), guesses.max()) >= MOST_CLASSES:
        return None
    return Predictions(guesses.astype(np.int64), labels, images.digest)
