"""CIFAR-10 and CIFAR-100, downloaded and verified by their MD5, and read by torchvision."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.datasets import CIFAR10, CIFAR100

from engine.system import lock
from engine.training.data.download import fetch, may_pass
from engine.training.data.image_cache import data_folder
from engine.training.data.image_decoder import Pixels
from engine.training.data.unsplit_dataset import DataError, DataSource, Images, Indices, Part, Say

HERE = Path("data")
"""Below the working folder: where a data set is used from that lies there already."""


def cifar_source(name: str, say: Say) -> DataSource:
    """Return a dataset by its name, downloading it if it is not there yet.

    Raises:
        DataError: It is not there, or damaged, and cannot be downloaded.
    """
    kind = {"cifar10": CIFAR10, "cifar100": CIFAR100}[name]
    folder = _folder(kind)
    train = _ready(kind, folder) or _fetch(name, kind, folder, say)
    test = kind(folder, train=False)
    return DataSource(
        train=_part(train),
        test=_part(test),
        classes=tuple(train.classes),
    )


def _part(split: Any) -> Part:
    def load(chosen: Indices) -> Images:
        return Images(_channels_first(split.data[chosen]))

    return Part(np.array(split.targets, dtype=np.int64), load)


def _folder(kind: Any) -> Path:
    """Return the folder that a dataset is in, or goes to: ``$VITUI_DATA``, ``HERE`` where it lies, else the cache's.

    Raises:
        DataError: The user has no home folder for a cache.
    """
    lies_here = (HERE / kind.base_folder).exists() or (HERE / kind.filename).exists()
    if lies_here and not os.environ.get("VITUI_DATA"):
        return HERE
    try:
        return data_folder()
    except OSError as error:
        raise DataError(str(error)) from None


def _ready(kind: Any, folder: Path) -> Any | None:
    """Return the training split if all of the dataset is there and right."""
    try:
        return kind(folder, train=True)
    except RuntimeError:  # what torchvision says of files that lack or differ
        return None


def _fetch(name: str, kind: Any, folder: Path, say: Say) -> Any:
    """Download what is missing, one run at a time, and return the training split."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{name} cannot be downloaded ({error.strerror}); put {kind.filename} (md5 {kind.tgz_md5}) into "
            f"{folder.resolve()}",
            transient=may_pass(error),
        ) from None
    try:
        with lock.hold(folder / f".{name}.lock", math.inf):
            if (ready := _ready(kind, folder)) is not None:
                return ready
            archive, unpacked = folder / kind.filename, folder / kind.base_folder
            is_half = unpacked.exists() and not archive.exists()
            lacking = f"{name} is incomplete or damaged in {unpacked}; it" if is_half else name
            fetch(kind.url, archive, kind.tgz_md5, say, lacking)
            return kind(folder, train=True, download=True)  # which unpacks what has been fetched
    except (OSError, RuntimeError, EOFError) as error:
        raise DataError(
            f"{name} cannot be unpacked ({error}); put {kind.filename} (md5 {kind.tgz_md5}) into {folder.resolve()}",
            transient=may_pass(error),
        ) from None


def _channels_first(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))  # (N, 3, 32, 32)
