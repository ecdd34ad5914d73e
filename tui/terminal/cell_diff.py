"""The cells on the terminal, so that only those that differ are sent: a slow line carries few bytes.

Textual sends all of a widget's rows that may have changed, each piece with all of its colours. Of the cells that a live
dashboard sends so, one in twenty differs from what stands there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size, set_cell_size
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip

RESET = "\x1b[0m"
UNSEEN = frozenset("123")
"""Attributes that do not show on a space: bold, dim, italic."""
MAX_STYLES = 10_000
"""Styles of which the sequences are kept."""
BRIDGE = 4
"""Cells that stand already which are sent again rather than passed over, where that takes no more bytes."""


class TerminalCells:
    """The cells of the terminal: the text and the colours of each.

    A character that does not take one cell, and all of its segment with it, stands in the first cell of the segment.
    """

    def __init__(self) -> None:
        self.size: Size | None = None
        """The columns and rows there are; None while that is not known."""
        self._rows: dict[int, tuple[list[str | None], list[str | None]]] = {}
        self._codes: dict[Style | None, str] = {}
        self._narrow: set[str] = set()
        """Characters that take one cell."""

    def forget(self) -> None:
        """Forget the cells: the terminal may show anything."""
        self._rows.clear()
        self._codes.clear()

    def send(self, pieces: Iterable[tuple[int, int, Strip]], colours: ColorSystem) -> str:
        """Return what makes the terminal show pieces of rows, and take them for shown.

        Args:
            pieces: The row, the first cell and the cells of each.
            colours: What the terminal can show.
        """
        pen = _Pen()
        if len(self._codes) > MAX_STYLES:
            self._codes.clear()
        for y, x, strip in pieces if self.size is None else _within(self.size, pieces):
            texts, codes, simple = self._cells(strip, colours)
            end = x + len(texts)
            row, inks = self._row(y, end)
            if row[x:end] == texts and inks[x:end] == codes:
                continue
            if simple:
                for first, last in _differing(row[x:end], inks[x:end], texts, codes):
                    pen.write(y, x + first, texts[first:last], codes[first:last])
            else:
                pen.write(y, x, texts, codes)
                pen.lost()  # terminals do not agree on how wide some characters are
            row[x:end], inks[x:end] = texts, codes
        return pen.sent()

    def _row(self, y: int, end: int) -> tuple[list[str | None], list[str | None]]:
        row, inks = self._rows.setdefault(y, ([], []))
        if (more := end - len(row)) > 0:
            row.extend([None] * more)
            inks.extend([None] * more)
        return row, inks

    def _cells(self, segments: Iterable[Segment], colours: ColorSystem) -> tuple[list[str], list[str], bool]:
        """Return the texts and the colours of cells, and whether each character takes one."""
        texts: list[str] = []
        codes: list[str] = []
        simple = True
        for text, style, control in segments:
            if control or not text:
                continue
            if (code := self._codes.get(style)) is None:
                code = self._codes[style] = code_of(style, colours)
            if self._narrow.issuperset(text) or self._are_narrow(text):  # which no control character is
                texts += text
                blank = blank_of(code)
                codes += [blank if character == " " else code for character in text]
            else:
                simple = False
                text = without_controls(text)
                if width := cell_len(text):
                    texts += [text, *[""] * (width - 1)]
                    codes += [code] * width
                elif texts:  # it goes with what is before it
                    texts[-1] += text
        return texts, codes, simple

    def _are_narrow(self, text: str) -> bool:
        narrow = {
            character
            for character in text
            if character.isprintable() and get_character_cell_size(character) == 1
        }
        self._narrow |= narrow
        return narrow.issuperset(text)


def without_controls(text: str) -> str:
    """Return text in as many cells, without what a terminal would act on, reorder or hide: the last wall before it."""
    if text.isprintable():
        return text
    shown = "".join(c if c.isprintable() else " " * get_character_cell_size(c) for c in text)
    return set_cell_size(shown, cell_len(text))


def _within(size: Size, pieces: Iterable[tuple[int, int, Strip]]) -> Iterator[tuple[int, int, Strip]]:
    for y, x, strip in pieces:
        if y < size.height and x < size.width:
            beyond = x + strip.cell_length > size.width
            yield y, x, strip.crop(0, size.width - x) if beyond else strip


def _differing(
    row: Sequence[str | None], inks: Sequence[str | None], texts: Sequence[str], codes: Sequence[str]
) -> list[tuple[int, int]]:
    """Return the runs of cells to be sent: the first, and the one after the last."""
    runs: list[tuple[int, int]] = []
    for i, (old, ink, text, code) in enumerate(zip(row, inks, texts, codes, strict=True)):
        if old == text and ink == code:
            continue
        gap = i - runs[-1][1] if runs else BRIDGE + 1
        if gap == 0 or (gap <= BRIDGE and _cheap(texts, codes, runs[-1][1], i)):
            runs[-1] = runs[-1][0], i + 1
        else:
            runs.append((i, i + 1))
    return runs


def _cheap(texts: Sequence[str], codes: Sequence[str], first: int, last: int) -> bool:
    """Return whether cells between two runs are as cheap to send as to pass over: as they were in the run before."""
    code = codes[first - 1]
    looks = {code, blank_of(code)}
    return all(
        texts[i].isascii() and (codes[i] == code or (texts[i] == " " and codes[i] in looks))
        for i in range(first, last)
    )


class _Pen:
    """Where the terminal writes and in which colours, while an update is put together."""

    def __init__(self) -> None:
        self._sent: list[str] = []
        self._at: tuple[int, int] | None = None
        self._code = ""

    def write(self, y: int, x: int, texts: Sequence[str], codes: Sequence[str]) -> None:
        """Write cells of a row."""
        if self._at != (y, x):
            ahead = self._at is not None and self._at[0] == y and self._at[1] < x
            self._sent.append(f"\x1b[{x - self._at[1]}C" if ahead and self._at else f"\x1b[{y + 1};{x + 1}H")
        for text, code in zip(texts, codes, strict=True):
            if code != self._code and not (text == " " and blank_of(self._code) == code):
                self._sent.append(change(self._code, code))
                self._code = code
            self._sent.append(text)
        self._at = y, x + len(texts)

    def lost(self) -> None:
        """Take the place of the cursor for unknown."""
        self._at = None

    def sent(self) -> str:
        """Return all of it; colours are left as they were before."""
        return "".join(self._sent) + (RESET if self._code else "")


def code_of(style: Style | None, colours: ColorSystem) -> str:
    """Return the numbers of the sequence that sets a style (ECMA-48, SGR), empty for none."""
    if style is None:
        return ""
    drawn = Strip.render_style(style.clear_meta_and_links(), "x", colours)
    return drawn[2 : drawn.index("m")] if drawn.startswith("\x1b[") else ""


class _Code(NamedTuple):
    """A style's numbers by what they set."""

    attributes: frozenset[str]
    foreground: str
    background: str


@functools.lru_cache(4096)
def _parted(code: str) -> _Code:
    attributes: list[str] = []
    colours = {"3": "", "4": ""}
    numbers = iter(code.split(";") if code else ())
    for number in numbers:
        if number in ("38", "48"):
            kind = next(numbers, "")
            rest = [next(numbers, "") for _ in range(3 if kind == "2" else 1)]
            colours[number[0]] = ";".join((number, kind, *rest))
        elif number[:-1] in ("3", "9"):
            colours["3"] = number
        elif number[:-1] in ("4", "10"):
            colours["4"] = number
        else:
            attributes.append(number)
    return _Code(frozenset(attributes), colours["3"], colours["4"])


@functools.lru_cache(4096)
def blank_of(code: str) -> str:
    """Return the numbers that a space needs to look as it does in a style: mostly no more than its background."""
    parts = _parted(code)
    return parts.background if parts.attributes <= UNSEEN else code


@functools.lru_cache(4096)
def change(before: str, after: str) -> str:
    """Return the shortest sequence that turns one style into another."""
    old, new = _parted(before), _parted(after)
    if not old.attributes <= new.attributes or not after:
        return f"\x1b[0;{after}m" if after else RESET
    numbers = sorted(new.attributes - old.attributes)
    if old.foreground != new.foreground:
        numbers.append(new.foreground or "39")
    if old.background != new.background:
        numbers.append(new.background or "49")
    return f"\x1b[{';'.join(numbers)}m"
