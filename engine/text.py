"""Text for people: numbers and names made short, and safe to show in a terminal. It imports nothing of the project."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal


def number(value: float | None) -> str:
    """Return a metric in three digits after the point, empty when there is none."""
    return "" if value is None else f"{value:.3f}"


def duration(seconds: float) -> str:
    """Return seconds as people say them: 42 s, 3:05, 2 h 10."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d}"


def printable(text: str) -> str:
    """Return text with everything replaced that a terminal would not show as a character; one line."""
    if text.isprintable():
        return text
    return text.translate({ord(c): " " for c in set(text) if not c.isprintable()})


CUT = "…"


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shorten(text: str, room: int, cut: Literal["middle", "end"] = "end") -> str:
    """Return as much of a text as goes into ``room`` cells, with an ellipsis for what is left out."""
    if cells(text) <= room:
        return text
    if room < 1:
        return ""
    back = (room - 1) // 2 if cut == "middle" else 0
    front = room - 1 - back
    if text.isascii():
        return text[:front] + CUT + text[len(text) - back :]
    head, tail = "", ""
    for letter in text:
        if cells(head + letter) > front:
            break
        head += letter
    for letter in reversed(text):
        if cells(letter + tail) > back:
            break
        tail = letter + tail
    return f"{head}{CUT}{tail}"


def nearest(name: str, known: Iterable[str]) -> str:
    """End a sentence on an unknown name: ``; did you mean 'x'?`` with the known name nearest it, or a dot."""
    import difflib  # most commands need none of it

    names = {each.lower(): each for each in known}
    match = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"; did you mean {names[match[0]]!r}?" if match else "."


def divisors(count: int, most: int = 4096) -> str:
    """End a sentence on what does not divide ``count``: ``1, 2, 4, 8 do``. Of numbers above ``most`` none is named."""
    found = [str(each) for each in range(1, min(count, most) + 1) if count % each == 0]
    return f"{', '.join(found)} {'do' if len(found) > 1 else 'does'}"


GIB = 2**30


def gib(size: float) -> str:
    """Return bytes as people say them."""
    return f"{size / GIB:.1f} GiB" if size < 10 * GIB else f"{size / GIB:.0f} GiB"


_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])")


def clean(text: str) -> str:
    """Return text as one line without terminal escapes and control characters."""
    text = _ESCAPES.sub("", text.rpartition("\r")[2] if "\r" in text.rstrip("\r") else text)
    return printable(text)


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


def loss(value: float | None) -> str:
    """Return a loss in at most five characters."""
    if value is None:
        return ""
    return f"{value:.3f}" if value < 10 else f"{value:.3g}"[:5]
