"""The low bytes of colours of 16 bits, which Pillow leaves out: dark ones would have only a few levels without them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from engine.training.data.colour_conversion import Conversion, Seen, from_integers

OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
"""By the byte order of colours in a file: the order in which their low bytes are taken for the high ones."""
ALL_IN_HIGH_BYTES = 128
"""From this high byte on, an image has as many levels as 8 bits have."""


def byte_order(image: Image.Image) -> str:
    """Return ``B``, ``L`` or ``N`` for an image, not loaded yet, whose colours have 16 bits each; empty for others."""
    tiles: list[Any] = getattr(image, "tile", [])
    if image.mode not in ("RGB", "RGBA") or len(tiles) != 1:
        return ""
    name = _raw_mode(tiles[0])
    return name[-1] if name[:-1] in ("RGB;16", "RGBA;16") and name[-1] in OTHER_BYTE else ""


def at_8_bits(
    image: Image.Image, order: str, again: Callable[[], Image.Image], conversion: Conversion, seen: Seen
) -> Image.Image:
    """Return a loaded image of 16-bit colours at 8 bits, as its set has decided.

    Args:
        image: The image, with the high bytes.
        order: Its byte order.
        again: Opens it once more.
        conversion: What the set has decided.
        seen: Takes what it decides by.
    """
    high = np.asarray(image).astype(np.int32)
    colours = high[..., :3] * 256 + 255
    if colours.max() < ALL_IN_HIGH_BYTES * 256:
        with again() as low:
            low.tile = [_with_raw_mode(tile, f"{image.mode};16{OTHER_BYTE[order]}") for tile in low.tile]  # type: ignore[attr-defined]
            low.load()
            colours += np.asarray(low)[..., :3].astype(np.int32) - 255
    grey = from_integers(colours, conversion, seen)
    return Image.fromarray(np.concatenate([grey, high[..., 3:].astype(np.uint8)], axis=-1))


def _raw_mode(tile: Any) -> str:
    arguments = tile[3]
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _with_raw_mode(tile: Any, name: str) -> Any:
    codec, extents, offset, arguments = tile
    changed = (name, *arguments[1:]) if isinstance(arguments, tuple) else name
    plain = (codec, extents, offset, changed)
    return type(tile)(*plain) if hasattr(tile, "_fields") else plain
