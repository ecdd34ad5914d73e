"""Text from runs made safe to show, and numbers made short."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from engine.text import cells, clean
from engine.text import shorten as text_of_cells

Line = list[tuple[str, str]]
"""Words on one line, each with its tone: name, quiet, busy, good, wait or bad."""


def shorten(text: str, width: int, *, end: bool = False) -> str:
    """Return text in exactly ``width`` cells: padded, or with its middle left out, where names differ least.

    Args:
        text: Anybody's text; it is made safe to show.
        width: How many cells it fills.
        end: Whether the end is left out instead, as in a sentence.
    """
    text = text_of_cells(clean(text), width, "end" if end else "middle")
    return text + " " * (width - cells(text))


_CURE = re.compile(r"; did you mean '[^'\n]{1,60}'\?")


def message_line(text: str, width: int) -> str:
    """Return a message in exactly ``width`` cells; where its end has no room, ``; did you mean 'lr'?`` stays."""
    text = clean(text)
    if cells(text) > width and (cure := _CURE.search(text)) is not None and cells(cure[0]) < width // 2:
        more = cure.end() < len(text)
        before = text_of_cells(text[: cure.start()], width - cells(cure[0]) - more, "end")
        text = before + text[cure.start() :]
    return shorten(text, width, end=True)


def without_common_start(names: Sequence[str]) -> list[str]:
    """Return the names without the words that all begin with, as long as a letter is left to begin each."""
    parts = [name.split("-") for name in names]
    common = 0
    while len(set(names)) > 1 and all(len(words) > common + 1 for words in parts):
        if len({words[common] for words in parts}) > 1:
            break
        common += 1
    while common and not all(words[common][:1].isalpha() for words in parts):
        common -= 1
    return ["-".join(words[common:]) for words in parts]


def told_apart(names: Sequence[str], width: int, dots: str = "…") -> list[str]:
    """Return names in at most ``width`` cells each, the middle left out; of those that would look alike what differs.

    Args:
        names: Names that are safe to show.
        width: The cells for each.
        dots: What stands for text left out.
    """
    shown = [text_of_cells(name, width, "middle", dots) for name in names]
    for text in {text for text in shown if shown.count(text) > 1}:
        places = [at for at, own in enumerate(shown) if own == text]
        alike = [names[at] for at in places]
        common = next(
            (at for at, letters in enumerate(zip(*alike, strict=False)) if len(set(letters)) > 1), 0
        )
        if len(set(alike)) == 1 or not common or width <= len(dots):
            continue
        ends = told_apart([name[common:] for name in alike], width - len(dots), dots)
        for at, end in zip(places, ends, strict=True):
            shown[at] = dots + end
    return shown


def bar(share: float, width: int) -> str:
    """Return a bar of exactly ``width`` cells that shows a share to half a cell; empty for what is not finite."""
    halves = round(max(0.0, min(share, 1.0)) * width * 2) if math.isfinite(share) else 0
    full, rest = divmod(halves, 2)
    return ("━" * full + "╸" * rest).ljust(width)


MISTAKE = 400
"""Cells of what is said about a mistake."""


def mistake(text: str) -> str:
    """Return what is wrong with a typed text as it is drawn with each key: it may quote all that was typed."""
    return text_of_cells(clean(text), MISTAKE)


def without_known(mistake: str) -> str:
    """Return what is wrong without the list of all that is known, where the nearest is named."""
    return mistake.partition(" Known: ")[0] if "did you mean" in mistake else mistake


_PLACE = re.compile(r"([^\n]*?):(\d+):\d+: ")


def mistake_place(mistakes: str) -> tuple[str, int]:
    """Return the name of the file and the line of the first of some mistakes in it; 0 where no line is named."""
    if (found := _PLACE.match(mistakes)) is None:
        return "experiments.toml", 0
    return clean(Path(found[1]).name), int(found[2])


LONGEST_SEARCH = 1000
"""Characters of a search that count: Python keeps what it has made of each regular expression."""


def searched(text: str, flags: int = 0) -> tuple[re.Pattern[str], str]:
    """Return what finds a text that was typed as a regular expression, and why it is taken as it stands if it is.

    Args:
        text: The text, which may not be a whole expression yet.
        flags: Those of ``re``.
    """
    text = text[:LONGEST_SEARCH]
    try:
        return re.compile(text, flags), ""
    except (re.error, OverflowError, RecursionError) as error:
        return re.compile(re.escape(text), flags), f"{error}: taken as plain text"
