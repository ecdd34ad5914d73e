"""Image files to rows of pixels. Free of torch, so that the processes that decode start at once and stay small."""

from __future__ import annotations

import multiprocessing
import os
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from engine.system.files import write_all
from engine.system.process import end_when_told_by

Pixels = np.ndarray[Any, np.dtype[np.uint8]]


class ImageSizeMismatch(Exception):  # noqa: N818  it names what was met
    """An image is not of the size that all were thought to share."""


@dataclass(frozen=True)
class DecodeTask:
    """Some of the images of a set: which, and where their pixels go.

    ``start`` is the row of the first one. With ``fit``, images are scaled and cut to squares of ``size`` pixels;
    without it they have to be such squares already. ``into`` is a file and the place in it of row 0; without it
    the pixels are returned.
    """

    root: Path
    names: Sequence[str]
    start: int
    size: int
    fit: bool
    into: tuple[Path, int] | None


@dataclass(frozen=True)
class DecodeResult:
    """What became of a task; the rows of images that cannot be decoded are black, and told with the reason."""

    start: int
    checksum: int
    broken: dict[int, str]
    pixels: Pixels | None


def decode(task: DecodeTask) -> DecodeResult:
    """Decode the images of a task.

    Raises:
        ImageSizeMismatch: One has another size than they were thought to share.
        OSError: The pixels cannot be written.
    """
    pixels = np.zeros((len(task.names), 3, task.size, task.size), dtype=np.uint8)
    broken = {}
    for i, name in enumerate(task.names):
        try:
            pixels[i] = _decode_one(task.root / name, task.size, fit=task.fit)
        except ImageSizeMismatch:
            raise
        except Exception as error:  # noqa: BLE001  decoders raise anything at all over a damaged file
            broken[task.start + i] = _reason(error)
    if task.into is not None:
        path, offset = task.into
        with path.open("r+b", buffering=0) as file:
            file.seek(offset + task.start * 3 * task.size**2)
            # a full disk is an OSError here, where a mapping would end the process
            write_all(file.fileno(), pixels.data.cast("B"))
    return DecodeResult(task.start, zlib.crc32(pixels.data), broken, pixels if task.into is None else None)


def square_side(file: Path) -> int | None:
    """Return the side of an image in pixels, 0 if it is not square, None if it cannot be decoded."""
    try:
        height, width, _ = _open(file, None).shape
    except Exception:  # noqa: BLE001  decoders raise anything at all over a damaged file
        return None
    return height if height == width else 0


def serve_parent() -> None:
    """Prepare a process that decodes: it ends when its parent says so or ends itself, and at no other's signal.

    The parent starts it with the stop signals blocked.
    """
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid is not None:
        end_when_told_by(parent.pid)
        threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _decode_one(file: Path, size: int, *, fit: bool) -> Pixels:
    """Return an image (3, size, size) of 8 bits a channel."""
    pixels = _open(file, size if fit else None)  # (size, size, 3)
    if pixels.shape[:2] != (size, size):
        raise ImageSizeMismatch
    return pixels.transpose(2, 0, 1)


def _open(file: Path, size: int | None) -> Pixels:
    """Return an image (H, W, 3), of a moving one the first frame; cut to a square of ``size`` pixels if given."""
    with Image.open(file) as image:
        if size is not None:
            image.draft(None, (2 * size, 2 * size))  # a JPEG far too large is decoded at half, a quarter, …
        rgb = _rgb(image)
        return np.asarray(rgb if size is None else _fit(rgb, size))


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # of 16 bits, which PIL would cut off at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image.convert("RGB")


def _fit(image: Image.Image, size: int) -> Image.Image:
    """Scale an image so that its shorter side is ``size``, and cut the middle square out of it."""
    if image.size == (size, size):
        return image
    scale = size / min(image.size)
    width, height = (max(size, round(side * scale)) for side in image.size)
    scaled = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    return scaled.crop((left, top, left + size, top + size))


def _reason(error: Exception) -> str:
    """Say what is wrong with an image, without its name."""
    if isinstance(error, UnidentifiedImageError):
        return "no image, or a damaged one"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
