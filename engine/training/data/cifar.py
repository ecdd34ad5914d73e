"""CIFAR-10 and CIFAR-100, downloaded by torchvision and verified by their MD5."""

from __future__ import annotations

import http.client
import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
from torchvision.datasets import CIFAR10, CIFAR100
from torchvision.datasets.utils import check_integrity

from engine.errors import PASSING
from engine.system import lock
from engine.training.data.image_cache import data_folder
from engine.training.data.image_decoder import Pixels
from engine.training.data.source import DataError, DataSource, Images, Indices, Part, Say

HERE = Path("data")
"""Below the working folder: where a data set is used from that lies there already."""
SILENCE = 30.0
"""Seconds without a byte after which a download is given up."""


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
    archive = folder / kind.filename
    state = _state(archive, kind, folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with lock.hold(folder / f".{name}.lock", math.inf), _impatient():
            if (ready := _ready(kind, folder)) is not None:
                return ready
            if not check_integrity(archive, kind.tgz_md5):
                say(f"downloading {kind.url} to {folder.resolve()}")
            return kind(folder, train=True, download=True)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException) as error:
        raise DataError(
            f"{name} {state}, and cannot be downloaded ({error}); "
            f'put {archive.name} (md5 {kind.tgz_md5}) into {folder.resolve()}, or use dataset = "folder:PATH"',
            transient=_may_pass(error),
        ) from None


def _may_pass(error: Exception) -> bool:
    """Return whether a download may succeed later: all but one that finds no place in the folder for its file."""
    network = isinstance(error, URLError | ConnectionError | TimeoutError)
    return network or not isinstance(error, OSError) or error.errno in PASSING


def _state(archive: Path, kind: Any, folder: Path) -> str:
    """Say what of the dataset is there."""
    if archive.exists():
        return f"is damaged: {archive} has another md5 than it should"
    if (unpacked := folder / kind.base_folder).exists():
        return f"is incomplete or damaged in {unpacked}"
    return f"is not in {folder.resolve()}"


@contextmanager
def _impatient() -> Iterator[None]:
    """Let connections fail that stay silent; torchvision sets no limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _channels_first(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))  # (N, 3, 32, 32)
