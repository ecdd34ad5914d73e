"""A dataset before it is cut into splits: its labels, and functions that load its images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.errors import UserError
from engine.training.data.colour_conversion import UNDECIDED, Conversion
from engine.training.data.image_decoder import Pixels

Indices = np.ndarray[Any, np.dtype[np.int64]]
Digests = np.ndarray[Any, np.dtype[np.uint64]]
Say = Callable[[str], None]


class DataError(UserError):
    """A dataset cannot be used; the message says why and what would help."""


def ignore(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Images:
    """Images (N, 3, H, W) uint8, in memory or in a mapped file; rows that could not be decoded, with the reason.

    Of images that are files each, ``contents`` (N,) has 64 bits of the digest of each file, 0 where it cannot be read,
    ``checksums`` (N,) a CRC-32 of each row's pixels, ``conversion`` what they have decided about colours, and ``notes``
    what a user should know of them.
    """

    pixels: Pixels
    broken: dict[int, str] = field(default_factory=dict)
    contents: Digests | None = None
    checksums: Digests | None = None
    conversion: Conversion = UNDECIDED
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """The images of a split before any are decoded: their classes (N,), and functions that load those asked for.

    ``names`` are those of the images' files within the dataset; empty where the dataset is one file. ``where`` is what
    the split is called in messages.
    """

    labels: Indices
    load: Callable[[Indices], Images]
    names: Sequence[str] = ()
    where: str = ""


@dataclass(frozen=True)
class DataSource:
    """A dataset before it is cut. Without ``val``, a part of ``train`` is held out to validate."""

    train: Part
    test: Part
    classes: tuple[str, ...]
    val: Part | None = None
    flips: bool = True
    notes: tuple[str, ...] = ()
    """What a user should know of how it was read: what was left out, and which part is which split."""
