"""CIFAR-10 and CIFAR-100, downloaded by torchvision and verified by their MD5."""

from __future__ import annotations

import http.client
import math
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.datasets import CIFAR10, CIFAR100
from torchvision.datasets.utils import check_integrity

from engine.system import lock
from engine.training.data.image_decoder import Pixels
from engine.training.data.source import DataError, Images, Say, Source

DATA_DIR = Path("data")
"""Where downloads are kept, below the working folder."""
SILENCE = 30.0
"""Seconds without a byte after which a download is given up."""


def cifar_source(name: str, say: Say) -> Source:
    """Return a dataset by its name, downloading it if it is not in ``DATA_DIR``.

    Raises:
        DataError: It is not there, or damaged, and cannot be downloaded.
    """
    kind = {"cifar10": CIFAR10, "cifar100": CIFAR100}[name]
    train = _ready(kind) or _fetch(name, kind, say)
    test = kind(DATA_DIR, train=False)
    return Source(
        train_labels=np.array(train.targets, dtype=np.int64),
        test_labels=np.array(test.targets, dtype=np.int64),
        classes=tuple(train.classes),
        train_images=lambda chosen: Images(_channels_first(train.data[chosen])),
        test_images=lambda: Images(_channels_first(test.data)),
    )


def _ready(kind: Any) -> Any | None:
    """Return the training split if all of the dataset is there and right."""
    try:
        return kind(DATA_DIR, train=True)
    except RuntimeError:  # what torchvision says of files that lack or differ
        return None


def _fetch(name: str, kind: Any, say: Say) -> Any:
    """Download what is missing, one run at a time, and return the training split."""
    archive = DATA_DIR / kind.filename
    state = _state(archive, kind)
    try:
        DATA_DIR.mkdir(parents=True, exist_ok=True)
        with lock.hold(DATA_DIR / f".{name}.lock", math.inf), _impatient():
            if (ready := _ready(kind)) is not None:
                return ready
            if not check_integrity(archive, kind.tgz_md5):
                say(f"downloading {kind.url} to {DATA_DIR.resolve()}")
            return kind(DATA_DIR, train=True, download=True)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException) as error:
        raise DataError(
            f"{name} {state}, and cannot be downloaded ({error}); "
            f'put {archive.name} (md5 {kind.tgz_md5}) into {DATA_DIR.resolve()}, or use dataset = "folder:PATH"'
        ) from None


def _state(archive: Path, kind: Any) -> str:
    """Say what of the dataset is there."""
    if archive.exists():
        return f"is damaged: {archive} has another md5 than it should"
    if (folder := DATA_DIR / kind.base_folder).exists():
        return f"is incomplete or damaged in {folder}"
    return f"is not in {DATA_DIR.resolve()}"


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
