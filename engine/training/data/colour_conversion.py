"""Any image to 8 bits of red, green and blue, so that what it shows is still seen.

No image alone decides what lies below its transparent parts, or which value is white where pixels have more than
8 bits. A set decides them once, by all its images: white below, unless what is drawn would vanish, and
as many bits as its brightest pixel has. Free of torch, as decoding is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

BACKGROUNDS = (255, 0, 128)
"""Grey levels to draw on, in the order in which they are tried."""
SEEN_APART = 64
"""Grey levels by which what is drawn has to differ from what it is drawn on."""
Range = tuple[float, float]
"""The values that become black and white."""
INTEGERS: Range = (0, 65535)
FLOATS: Range = (0.0, 1.0)


@dataclass(frozen=True)
class Conversion:
    """What a set has decided; None where none of its images needs it."""

    background: int | None = None
    integers: Range | None = None
    floats: Range | None = None

    def is_as_decoded_with(self, given: Conversion) -> bool:
        """Return whether images decoded with ``given``, or what is usual, are as they are with this."""
        pairs = (
            (self.background, given.background, BACKGROUNDS[0]),
            (self.integers, given.integers, INTEGERS),
            (self.floats, given.floats, FLOATS),
        )
        return all(
            own is None or own == (usual if before is None else before) for own, before, usual in pairs
        )


UNDECIDED = Conversion()


@dataclass
class Seen:
    """What images hold that a set decides about."""

    drawn: list[int] = field(default_factory=list)
    """The mean grey level of what is drawn on each image with transparent parts."""
    clear: int = 0
    """Images that are transparent all over."""
    deep: int = 0
    """Images of more than 8 bits a pixel."""
    integers: Range | None = None
    """The least and the greatest pixel of those in whole numbers."""
    floats: Range | None = None
    turned: int = 0
    """Images that were turned as their EXIF data say."""

    def add(self, other: Seen) -> None:
        """Take in what others hold."""
        self.drawn += other.drawn
        self.clear += other.clear
        self.deep += other.deep
        self.turned += other.turned
        self.integers = _both(self.integers, other.integers)
        self.floats = _both(self.floats, other.floats)

    @property
    def is_decided_about(self) -> bool:
        """Whether any image's pixels depend on what its set decides."""
        return bool(self.drawn or self.clear or self.deep)

    def conversion(self, given: Conversion) -> Conversion:
        """Return how these images become 8 bits, as another set has ``given`` it where it has decided."""
        background, integers, floats = given.background, given.integers, given.floats
        if background is None and (self.drawn or self.clear):
            background = background_of(self.drawn)
        if integers is None and self.integers is not None:
            integers = integer_range(*self.integers)
        if floats is None and self.floats is not None:
            floats = float_range(*self.floats)
        return Conversion(background, integers, floats)


def background_of(drawn: Sequence[int]) -> int:
    """Return the grey level on which nearly all of what is drawn, (N,) grey levels, is seen: white where that will do.

    Nearly all: a twentieth of the images may be of any colour.
    """
    if not drawn:
        return BACKGROUNDS[0]
    levels = np.asarray(drawn, dtype=np.float64)
    contrasts = {level: float(np.quantile(abs(levels - level), 0.05)) for level in BACKGROUNDS}
    return next(
        (level for level, contrast in contrasts.items() if contrast >= SEEN_APART),
        max(contrasts, key=contrasts.__getitem__),
    )


def integer_range(least: float, greatest: float) -> Range:
    """Return the range of as many bits as the greatest value has, at least 8; with values below 0 their own."""
    if least < 0:
        return least, max(greatest, least + 1)
    return 0, 2 ** max(8, int(greatest).bit_length()) - 1


def float_range(least: float, greatest: float) -> Range:
    """Return 0 to 1 or 0 to 255 for values that are within it, else the range that there is."""
    if least < 0:
        return least, max(greatest, least + 1e-6)
    return 0.0, next((top for top in (1.0, 255.0) if greatest <= top), greatest)


def to_rgb(image: Image.Image, conversion: Conversion, seen: Seen) -> Image.Image:
    """Return an image in RGB, or in L if it is grey, and add to ``seen`` what its set has to decide about."""
    if image.mode.startswith("I"):
        values = np.asarray(image).astype(np.int64 if image.mode == "I" else np.int32)
        return Image.fromarray(from_integers(values, conversion, seen))
    if image.mode == "F":
        return Image.fromarray(_from_floats(np.asarray(image), conversion, seen))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        return _composited(image, conversion, seen)
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def from_integers(values: np.ndarray[Any, Any], conversion: Conversion, seen: Seen) -> np.ndarray[Any, Any]:
    """Return an image's whole numbers of more than 8 bits as uint8, in the range that its set has decided on."""
    seen.deep += 1
    seen.integers = _both(seen.integers, (float(values.min()), float(values.max())))
    low, high = map(int, conversion.integers or INTEGERS)
    grey: np.ndarray[Any, Any] = ((values.clip(low, high) - low) * 256 // (high - low + 1)).astype(np.uint8)
    return grey


def _from_floats(values: np.ndarray[Any, Any], conversion: Conversion, seen: Seen) -> np.ndarray[Any, Any]:
    finite = values[np.isfinite(values)]
    seen.deep += 1
    if finite.size:
        seen.floats = _both(seen.floats, (float(finite.min()), float(finite.max())))
    low, high = conversion.floats or FLOATS
    known = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    grey: np.ndarray[Any, Any] = (
        ((known.clip(low, high) - low) * (255 / (high - low))).round().astype(np.uint8)
    )
    return grey


def _composited(image: Image.Image, conversion: Conversion, seen: Seen) -> Image.Image:
    """Return an image that may have transparent parts on a background."""
    whole = image.convert("RGBA")
    alpha = whole.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return whole.convert("RGB")
    level = BACKGROUNDS[0] if conversion.background is None else conversion.background
    if alpha.getextrema() == (0, 0):
        seen.clear += 1
    else:
        seen.drawn.append(_drawn_level(whole))
    below = Image.new("RGBA", whole.size, (level, level, level, 255))
    below.alpha_composite(whole)
    return below.convert("RGB")


def _drawn_level(image: Image.Image) -> int:
    """Return the mean grey level of what is drawn on an image in RGBA, a large one's by some of its pixels."""
    apart = max(1, max(image.size) // 1024)
    pixels = np.asarray(image)[::apart, ::apart].astype(np.float64)
    red, green, blue, alpha = np.moveaxis(pixels, -1, 0)
    weight = float(alpha.sum())
    grey = 0.299 * red + 0.587 * green + 0.114 * blue  # as Pillow has it
    return round(float((grey * alpha).sum()) / weight) if weight else BACKGROUNDS[0]


def _both(one: Range | None, other: Range | None) -> Range | None:
    """Return the range that two ranges lie in."""
    if one is None or other is None:
        return one or other
    return min(one[0], other[0]), max(one[1], other[1])


def described(seen: Seen, conversion: Conversion) -> list[str]:
    """Return in sentences what became of a set's images that are not plain colours of 8 bits."""
    said = []
    if count := len(seen.drawn) + seen.clear:
        below = {255: "white", 0: "black"}.get(conversion.background or 0, "grey")
        empty = f" ({seen.clear:,} of them show nothing)" if seen.clear else ""
        said.append(f"{_images(count)} with transparent parts, drawn on {below}{empty}")
    if seen.deep:
        spans = (span for span in (conversion.integers, conversion.floats) if span is not None)
        ranges = dict.fromkeys(_span(*span) for span in spans)
        said.append(
            f"{_images(seen.deep)} of more than 8 bits, scaled from {' and '.join(ranges) or 'nothing'}"
        )
        if exceeded := _exceeded(seen, conversion):
            said.append(exceeded)
    if seen.turned:
        said.append(f"{_images(seen.turned)} turned upright as EXIF says")
    return said


def _exceeded(seen: Seen, conversion: Conversion) -> str:
    """Say that values lie outside the range that another split has given."""
    pairs = ((seen.integers, conversion.integers), (seen.floats, conversion.floats))
    if any(own and span and (own[0] < span[0] or own[1] > span[1]) for own, span in pairs):
        return "some of their pixels are outside that range, which is that of the images to train on, and were cut off"
    return ""


def _span(low: float, high: float) -> str:
    if low == 0 and high > 1 and math.log2(high + 1).is_integer():
        return f"{int(math.log2(high + 1))} bits"
    return f"{low:g} to {high:g}"


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"
