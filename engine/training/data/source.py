"""A dataset before it is cut into splits: its labels, and functions that load its images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.errors import UserError
from engine.training.data.image_decoder import Pixels

Indices = np.ndarray[Any, np.dtype[np.int64]]
Say = Callable[[str], None]


class DataError(UserError):
    """A dataset cannot be used; the message says why and what would help."""


def ignore(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Images:
    """Images (N, 3, H, W) uint8, in memory or in a mapped file; rows that could not be decoded, with the reason."""

    pixels: Pixels
    broken: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataSource:
    """A dataset before it is cut; images are decoded when they are asked for, those to train on by their indices."""

    train_labels: Indices
    test_labels: Indices
    classes: tuple[str, ...]
    train_images: Callable[[Indices], Images]
    test_images: Callable[[], Images]
    flips: bool = True
    test_names: tuple[str, ...] = ()
    """The names of the test images' files within the dataset; empty where the dataset is one file."""
