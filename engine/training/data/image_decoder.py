"""Image files to rows of pixels. Free of torch, so that the processes that decode start at once and stay small."""

from __future__ import annotations

import functools
import hashlib
import io
import math
import multiprocessing
import os
import stat
import threading
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path, PurePath
from typing import IO, Any

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from engine.system.files import write_all
from engine.system.process import end_when_told_by
from engine.training.data.colour_conversion import UNDECIDED, Conversion, Seen, to_rgb
from engine.training.data.sixteen_bit_colours import at_8_bits, byte_order

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
UNREAD = frozenset({"EPS", "WMF", "IPTC", "BUFR", "GRIB", "HDF5", "MPEG"})
"""Formats that Pillow names and cannot read by itself; for some it would start another program."""
USUAL_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "PPM")
"""Formats that Pillow has at hand: only where an image is of none of them are the others looked at."""
USUAL_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".ppm"})
READ_WHOLE = 16 * 2**20
"""Bytes up to which a file is read once, for its digest and its pixels."""
ORIENTATION = 0x0112
"""The EXIF tag, and below what of Pillow's ``info`` may have it, and what turns an image upright by its value."""
MAY_SAY_ORIENTATION = frozenset({"exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif"})
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageSizeMismatch(Exception):  # noqa: N818  it names what was met
    """An image is not of the size that all were thought to share."""


@dataclass(frozen=True)
class DecodeTask:
    """Some of the images of a set: which, and where their pixels go.

    ``start`` is the row of the first one. With ``fit``, images are scaled and cut to squares of ``size`` pixels;
    without it they have to be such squares already. ``into`` is a file and the place in it of row 0; without it
    the pixels are returned. ``conversion`` is what the set has decided about colours.
    """

    root: Path
    names: Sequence[str]
    start: int
    size: int
    fit: bool
    into: tuple[Path, int] | None
    conversion: Conversion = UNDECIDED


@dataclass(frozen=True)
class DecodeResult:
    """What became of a task; the rows of images that cannot be decoded are black, and told with the reason.

    ``checksums`` has a CRC-32 of each row's pixels, ``contents`` 64 bits of the SHA-256 of each file, 0 where it
    cannot be read.
    """

    task: DecodeTask
    checksums: list[int]
    contents: list[int]
    broken: dict[int, str]
    seen: Seen
    pixels: Pixels | None


def decode(task: DecodeTask) -> DecodeResult:
    """Decode the images of a task.

    Raises:
        ImageSizeMismatch: One has another size than they were thought to share.
        OSError: The pixels cannot be written.
    """
    pixels = np.zeros((len(task.names), 3, task.size, task.size), dtype=np.uint8)
    broken, contents, seen = {}, [0] * len(task.names), Seen()
    for i, name in enumerate(task.names):
        try:
            file, contents[i] = _opened(task.root / name)
            pixels[i] = _decode_one(file, task, seen)
        except ImageSizeMismatch:
            raise
        except Exception as error:  # noqa: BLE001  decoders raise anything at all over a damaged file
            broken[task.start + i] = _reason(error)
    if task.into is not None:
        path, offset = task.into
        with path.open("r+b", buffering=0) as cache:
            cache.seek(offset + task.start * 3 * task.size**2)
            # a full disk is an OSError here, where a mapping would end the process
            write_all(cache.fileno(), pixels.data.cast("B"))
    checksums = [zlib.crc32(row.data) for row in pixels]
    return DecodeResult(task, checksums, contents, broken, seen, pixels if task.into is None else None)


def square_side(file: Path) -> int | None:
    """Return the side of an image in pixels, 0 if it is not square, None if it cannot be decoded."""
    try:
        image = _image(_opened(file)[0], None, UNDECIDED, Seen())
        width, height = to_rgb(image, UNDECIDED, Seen()).size
    except Exception:  # noqa: BLE001  decoders raise anything at all over a damaged file
        return None
    return height if height == width else 0


def is_image(name: str) -> bool:
    """Return whether a file's name is that of an image that is read: by all suffixes that Pillow has for it."""
    suffix = PurePath(name).suffix.lower()
    return suffix in USUAL_SUFFIXES or suffix in _suffixes()


@functools.cache
def _suffixes() -> frozenset[str]:
    formats = {*_formats(), "MPO"}  # which is a JPEG to open
    return frozenset(suffix for suffix, kind in Image.registered_extensions().items() if kind in formats)


@functools.cache
def _formats() -> tuple[str, ...]:
    """Return all formats that are read; to know them takes a tenth of a second."""
    Image.init()
    return tuple(sorted(Image.OPEN.keys() - UNREAD))


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


def _opened(path: Path) -> tuple[IO[bytes], int]:
    """Return an image's file and 64 bits of its SHA-256; a pipe or device is refused, not waited for.

    Raises:
        OSError: It cannot be read, or is no file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if kind := _other_kind(status.st_mode):
            raise OSError(f"it is {kind}")
        if status.st_size <= READ_WHOLE:
            data = os.read(descriptor, status.st_size + 1)
            return io.BytesIO(data), _short(hashlib.sha256(data))
    finally:
        os.close(descriptor)
    file = path.open("rb")
    digest = hashlib.file_digest(file, "sha256")
    file.seek(0)
    return file, _short(digest)


def _other_kind(mode: int) -> str:
    """Return what stands in a file's place, in words; empty for a regular file."""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # of which the system says that it is none to read
        return ""
    kinds = (
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    return next((name for is_kind, name in kinds if is_kind(mode)), "")


def _short(digest: Any) -> int:
    return int.from_bytes(digest.digest()[:8], "little")


def _decode_one(file: IO[bytes], task: DecodeTask, seen: Seen) -> Pixels:
    """Return an image (3, size, size) of 8 bits a channel."""
    image = _image(file, task.size if task.fit else None, task.conversion, seen)
    if task.fit:
        rgb = _fit(image, task.size, task.conversion, seen)
    elif image.size != (task.size, task.size):
        raise ImageSizeMismatch
    else:
        rgb = to_rgb(image, task.conversion, seen)
    pixels = np.asarray(rgb)  # (size, size), or (size, size, 3)
    return pixels.transpose(2, 0, 1) if pixels.ndim == 3 else pixels[None]


def _image(file: IO[bytes], size: int | None, conversion: Conversion, seen: Seen) -> Image.Image:
    """Return an image as it is in its file, upright; of a moving one the first frame.

    With ``size``, a JPEG far too large is decoded at half, a quarter, …
    """
    image = _open(file)
    if size is not None:
        image.draft(None, (2 * size, 2 * size))
    order = byte_order(image)
    image.load()  # a TIFF turns itself upright here
    whole: Image.Image = image
    if order:
        whole = at_8_bits(image, order, lambda: _open(file), conversion, seen)
    if (turn := UPRIGHT.get(_orientation(image))) is None:
        return whole
    seen.turned += 1
    return whole.transpose(turn)


def _open(file: IO[bytes]) -> ImageFile:
    file.seek(0)
    try:
        return Image.open(file, formats=USUAL_FORMATS)
    except UnidentifiedImageError:
        file.seek(0)
        return Image.open(file, formats=_formats())


def _orientation(image: Image.Image) -> Any:
    if not MAY_SAY_ORIENTATION & image.info.keys():
        return 1
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001  EXIF data may be damaged where the image is not
        return 1


def _fit(image: Image.Image, size: int, conversion: Conversion, seen: Seen) -> Image.Image:
    """Return an image scaled so that its shorter side is ``size``, and of that the middle square.

    No more is scaled than the square, and of a long image no more is looked at: it may be a thousand times as long.
    """
    scale = size / min(image.size)
    spans = [_middle(side, size, scale) for side in image.size]
    reach = math.ceil(1 / scale) + 1  # as far as the filter looks beyond the square
    region = [
        (max(0, math.floor(low) - reach), min(side, math.ceil(high) + reach))
        for (low, high), side in zip(spans, image.size, strict=True)
    ]
    (left, right), (top, bottom) = region
    if 2 * (right - left) * (bottom - top) < image.width * image.height:
        image = image.crop((left, top, right, bottom))
        spans = [(low - begin, high - begin) for (low, high), (begin, _) in zip(spans, region, strict=True)]
    rgb = to_rgb(image, conversion, seen)
    if rgb.size == (size, size):
        return rgb
    (left_edge, right_edge), (top_edge, bottom_edge) = spans
    box = (left_edge, top_edge, min(right_edge, rgb.width), min(bottom_edge, rgb.height))
    return rgb.resize((size, size), Image.Resampling.BILINEAR, box=box)


def _middle(side: int, size: int, scale: float) -> tuple[float, float]:
    """Return where the middle ``size`` pixels of a scaled side begin and end, in pixels of the side as it is."""
    scaled = max(size, round(side * scale))
    begin = (scaled - size) // 2
    return begin * side / scaled, (begin + size) * side / scaled


def _reason(error: Exception) -> str:
    """Say what is wrong with an image, without its name."""
    if isinstance(error, UnidentifiedImageError):
        return "no image, or a damaged one"
    if isinstance(error, Image.DecompressionBombError):
        return f"of more than the {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels that are decoded"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
