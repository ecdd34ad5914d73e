"""Text in ASCII alone: each other character is replaced by a similar one, in as many cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from itertools import accumulate, pairwise

from rich.cells import get_character_cell_size

_ALIKE = {
    "-": "▄─━╸╺┄┅┈┉╌╍═–—‒−▔⎯", "|": "│┃┆┇┊┋╎╏║▏▎▍▌▐▕▋▊▉", "+": "┌┐└┘├┤┬┴┼╭╮╯╰╔╗╚╝╠╣╦╩╬┏┓┗┛┣┫┳┻╋╪╫▆",
    "_": "▁", ".": "▂·•∙", ":": "▃░", "=": "▅▒‖", "*": "●▇★✱", "#": "█■", "o": "○◌◯◎°", "~": "±", "v": "✓✔▼▽▾↓",
    "x": "×✕", "X": "✗✘", ">": "▸▶→»⇥", ")": "›", "(": "‹", "&": "✎", "<": "◂◀←«⏎↵⇤", "^": "▲△▴↑⌃", "%": "▓◆◇☆□",
    "P": "⚑⚐", "S": "⇧", "/": "≠", "'": "‘’▀′", '"': "“”″", "n": "≈", "?": "\N{REPLACEMENT CHARACTER}", "u": "µ",
    " ": "\N{NO-BREAK SPACE}\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}",
}  # fmt: skip
_WAITS = re.compile(r"(?<!\S)…(?= |\d)")
"""The sign of what waits: dots by themselves, and not those at the end of a text that is cut."""
_WITHIN_WORD = re.compile(r"[\w.-]…[\w.-]", re.ASCII)
"""Dots for the middle of a word."""
_CRUMB = re.compile(r"(?<=\S) › (?=\S)")
"""What leads from one place to the next, which is not the sign of what starts."""
ALIKE: Mapping[str, str] = {letter: plain for plain, letters in _ALIKE.items() for letter in letters}
"""What stands for the characters that the screen is drawn with; states and marks stay apart."""
WIDE: Mapping[str, str] = {"±": "+-", "≈": "=?", "≠": "!=", "…": ".."}
"""What stands for signs that no single character is like, where a blank nearby can be given up for the second one."""
_FRAMES = frozenset("│┃|")
"""What a blank is not taken from beyond."""


def asked_for(environment: Mapping[str, str]) -> bool:
    """Return whether the environment asks for ASCII: VITUI_ASCII, or a locale that is not UTF-8.

    Python itself sets LC_CTYPE to C.UTF-8 where the locale is C; that is no sign of a terminal that shows UTF-8.
    """
    if (setting := environment.get("VITUI_ASCII", "")) != "":
        return setting not in ("0", "no", "false")
    names = [environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if names[1] in ("C.UTF-8", "C.utf8", "UTF-8") and names[2] in ("C", "POSIX"):
        names[1] = ""
    locale = next(filter(None, names), "")
    return bool(locale) and "utf8" not in locale.lower().replace("-", "")


def plain(text: str) -> str:
    """Return text in ASCII, in as many cells as it took."""
    return text if text.isascii() else plain_line((text,))[0]


@lru_cache(4096)
def plain_line(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the texts of one line in ASCII, together in as many cells as they took.

    A sign of ``WIDE`` takes its second cell from the nearest two blanks, of which one is left. Dots within a word take
    it from the letter before them, so that nothing beside the word moves.
    """
    line = _CRUMB.sub(" > ", _WAITS.sub(":", "".join(texts))).replace(" ‹ ", " < ")
    letters = [_plain(letter) for letter in line]
    blanks = (
        [at for at in range(len(line) - 1) if line[at] == line[at + 1] == " "]
        if any(letter in WIDE for letter in line)
        else []
    )
    for at, letter in enumerate(line):
        if (wide := WIDE.get(letter)) is None:
            continue
        if letter == "…" and _WITHIN_WORD.fullmatch(line[max(0, at - 1) : at + 2]):
            letters[at - 1], letters[at] = "", wide
            continue
        for blank in sorted(blanks, key=lambda blank: abs(blank - at)):
            if not _FRAMES.intersection(line[min(at, blank) : max(at, blank)]):
                letters[at], letters[blank] = wide, ""
                blanks.remove(blank)
                break
    ends = [0, *accumulate(map(len, texts))]
    return tuple("".join(letters[start:end]) for start, end in pairwise(ends))


def _plain(letter: str) -> str:
    if letter.isascii():
        return letter
    if (alike := ALIKE.get(letter)) is not None:
        return alike
    if 0x2800 <= ord(letter) <= 0x28FF:
        return ascii_shape(ord(letter) - 0x2800)
    size = get_character_cell_size(letter)
    base = unicodedata.normalize("NFKD", letter)[:1]
    return (base if base.isascii() and base.isprintable() else "?") + "?" * (size - 1) if size else ""


def ascii_shape(pattern: int) -> str:
    """The ASCII character closest to one of the 256 braille patterns."""
    left = [row for row, bit in enumerate((1, 2, 4, 64)) if pattern & bit]
    right = [row for row, bit in enumerate((8, 16, 32, 128)) if pattern & bit]
    if not left and not right:
        return " "
    if len(left) + len(right) >= 7:
        return "#"
    if left and right:
        slope = sum(right) / len(right) - sum(left) / len(left)
        if abs(slope) > 1:
            return "\\" if slope > 0 else "/"
    elif len(left) + len(right) >= 3:
        return "|"
    middle = sum(left + right) / len(left + right)
    return "'" if middle < 0.75 else "-" if middle < 2.25 else "."
