"""Text from runs made safe to show, and numbers made short."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from rich.cells import cell_len

from engine.listing import printable

Line = list[tuple[str, str]]
"""Words on one line, each with its tone: name, quiet, busy, good, wait or bad."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")


def clean(text: str) -> str:
    """Return text as one line without terminal escapes and control characters."""
    text = _ESCAPES.sub("", text.rpartition("\r")[2] if "\r" in text.rstrip("\r") else text)
    return printable(text)


def shorten(text: str, width: int, *, end: bool = False) -> str:
    """Return text in exactly ``width`` cells: padded, or with its middle left out, where names differ least.

    Args:
        end: Whether the end is left out instead, as in a sentence.
    """
    text = clean(text)
    if cell_len(text) > width:
        if width < 2:
            return "…"[:width]
        head, tail = "", ""
        front = width - 1 if end else (width - 1) // 2
        back = width - 1 - front
        for c in text:
            if cell_len(head + c) > front:
                break
            head += c
        for c in reversed(text):
            if cell_len(c + tail) > back:
                break
            tail = c + tail
        text = f"{head}…{tail}"
    return text + " " * (width - cell_len(text))


def without_common_start(names: Sequence[str]) -> list[str]:
    """Return the names without the words that all begin with, as long as a letter is left to begin each."""
    parts = [name.split("-") for name in names]
    common = 0
    while len(set(names)) > 1 and all(len(each) > common + 1 for each in parts):
        if len({each[common] for each in parts}) > 1:
            break
        common += 1
    while common and not all(each[common][:1].isalpha() for each in parts):
        common -= 1
    return ["-".join(each[common:]) for each in parts]


def size(value: float | None) -> str:
    """Return bytes in at most five characters: 940M, 3.1G."""
    if value is None:
        return ""
    for unit, scale in (("T", 2**40), ("G", 2**30), ("M", 2**20), ("K", 2**10)):
        if value >= scale:
            shown = value / scale
            return f"{shown:.1f}{unit}" if shown < 10 else f"{shown:.0f}{unit}"
    return f"{value:.0f}B"


def score(value: float | None) -> str:
    """Return a score between 0 and 1 as .969."""
    if value is None:
        return ""
    shown = f"{value:.3f}"
    return shown[1:] if shown.startswith("0.") else shown


def bar(share: float, width: int) -> str:
    """Return a bar of exactly ``width`` cells that shows a share to half a cell; empty for what is not finite."""
    halves = round(max(0.0, min(share, 1.0)) * width * 2) if math.isfinite(share) else 0
    full, rest = divmod(halves, 2)
    return ("━" * full + "╸" * rest).ljust(width)


def loss(value: float | None) -> str:
    """Return a loss in at most five characters."""
    if value is None:
        return ""
    return f"{value:.3f}" if value < 10 else f"{value:.3g}"[:5]
