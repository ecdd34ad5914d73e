"""A screen of a terminal as a picture, and what is wrong with it that can be counted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyte
from PIL import Image, ImageDraw, ImageFont
from pyte.screens import Char

FONTS = Path("/usr/share/fonts/truetype/dejavu")
WIDTH, HEIGHT = 8, 17
"""Pixels of a cell."""
NAMED = {
    "black": "000000", "red": "cd3131", "green": "0dbc79", "brown": "e5e510", "blue": "2472c8", "magenta": "bc3fbc",
    "cyan": "11a8cd", "white": "e5e5e5",
}  # fmt: skip
LEAST_CONTRAST = 4.5
_DOTS = (
    (0x01, 0, 0),
    (0x02, 0, 1),
    (0x04, 0, 2),
    (0x08, 1, 0),
    (0x10, 1, 1),
    (0x20, 1, 2),
    (0x40, 0, 3),
    (0x80, 1, 3),
)
_FONT = {
    bold: ImageFont.truetype(str(FONTS / f"DejaVuSansMono{'-Bold' * bold}.ttf"), 13) for bold in (False, True)
}


class Style(NamedTuple):
    """How a cell is drawn: two colours of six hexadecimal digits, and its weight."""

    ink: str
    ground: str
    bold: bool


def style_of(cell: Char) -> Style:
    """Return how a cell of the emulator looks, on a terminal that is black."""
    ink, ground = (
        NAMED.get(colour.removeprefix("bright"), colour) if colour != "default" else usual
        for colour, usual in ((cell.fg, "cccccc"), (cell.bg, "000000"))
    )
    return Style(ground, ink, cell.bold) if cell.reverse else Style(ink, ground, cell.bold)


def stretches(screen: pyte.Screen) -> Iterator[tuple[int, int, str, Style]]:
    """Yield column, row, text and style of each stretch of cells that look alike."""
    for row in range(screen.lines):
        cells = [(column, screen.buffer[row][column]) for column in range(screen.columns)]
        for style, group in itertools.groupby(cells, key=lambda each: style_of(each[1])):
            listed = list(group)
            yield listed[0][0], row, "".join(cell.data for _, cell in listed), style


def draw(screen: pyte.Screen) -> Image.Image:
    """Return the picture of a screen."""
    image = Image.new("RGB", (screen.columns * WIDTH, screen.lines * HEIGHT))
    pen = ImageDraw.Draw(image)
    for column, row, text, style in stretches(screen):
        x, y = column * WIDTH, row * HEIGHT
        pen.rectangle((x, y, x + len(text) * WIDTH - 1, y + HEIGHT - 1), fill=f"#{style.ground}")
    for column, row, text, style in stretches(screen):
        for place, sign in enumerate(text):
            _draw_sign(pen, (column + place) * WIDTH, row * HEIGHT, sign, style)
    return image


def _draw_sign(pen: ImageDraw.ImageDraw, x: int, y: int, sign: str, style: Style) -> None:
    if sign == " ":
        return
    if 0x2800 <= ord(sign) < 0x2900:  # the font has none
        for bit, across, down in _DOTS:
            if (ord(sign) - 0x2800) & bit:
                left, top = x + 1 + 4 * across, y + 1 + 4 * down
                pen.rectangle((left, top, left + 1, top + 1), fill=f"#{style.ink}")
        return
    pen.text((x, y), sign, fill=f"#{style.ink}", font=_FONT[style.bold])


def _light(colour: str) -> float:
    parts = (int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(style: Style) -> float:
    """Return the contrast of ink and ground, from 1 to 21 (WCAG 2.2)."""
    high, low = sorted((_light(style.ink), _light(style.ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def faults(screen: pyte.Screen, *, ascii_only: bool) -> list[str]:
    """Return what can be counted of a screen: words that can hardly be read, signs that are not ASCII."""
    found = {
        f"{contrast(style):.1f}:1 {text.strip()!r} #{style.ink} on #{style.ground}"
        for _, _, text, style in stretches(screen)
        if re.search(r"[^\W_]", text) and contrast(style) < LEAST_CONTRAST
    }
    if ascii_only and (strange := {sign for line in screen.display for sign in line if ord(sign) > 126}):
        found.add(f"not ASCII: {' '.join(sorted(strange))}")
    return sorted(found)


def sheet(rows: Sequence[Sequence[Image.Image]], gap: int = 12) -> Image.Image:
    """Return pictures beside and below each other."""
    width = max(sum(each.width + gap for each in row) for row in rows)
    image = Image.new("RGB", (width, sum(max(each.height for each in row) + gap for row in rows)), "#777777")
    y = 0
    for row in rows:
        x = 0
        for each in row:
            image.paste(each, (x, y))
            x += each.width + gap
        y += max(each.height for each in row) + gap
    return image
