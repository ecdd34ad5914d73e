"""Text for people: numbers and names made short, and safe to show in a terminal. It imports nothing of the project."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Literal


def number(value: float | None, digits: int = 3) -> str:
    """Return a metric with digits after the point, in powers of ten beyond a billion, empty when there is none."""
    if value is None:
        return ""
    return f"{value:.{digits}f}" if abs(value) < 1e9 else f"{value:.3g}"


YEAR_S = 365 * 86_400
AGES = "over a year"
"""What is said of times beyond ``YEAR_S``, the absurd ones of a damaged file included."""


def duration(seconds: float, *, fine: bool = False) -> str:
    """Return seconds as people say them: 42 s, 3:05, 2 h 10, over a year.

    Args:
        fine: Whether less than ten seconds are told in two digits: 0.42 s.
    """
    if not seconds <= YEAR_S:
        return AGES
    if fine and seconds < 10:
        return f"{seconds:.2g} s"
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d}"


def span(seconds: float, digits: int = 0) -> str:
    """Return a time in its largest unit: 40 s, 12 min, 5 h, 3 d, over a year.

    Args:
        digits: How many digits stand after the point at most, of what is no round number.
    """
    if not seconds <= YEAR_S:
        return AGES
    for unit, scale in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= scale:
            return f"{round(seconds / scale, digits):.15g} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def ordinal(number: int) -> str:
    """Return a place in an order: 1st, 2nd, 3rd, 4th, 11th."""
    ends = {1: "st", 2: "nd", 3: "rd"} if number % 100 not in (11, 12, 13) else {}
    return f"{number}{ends.get(number % 10, 'th')}"


def milliseconds(value: float) -> str:
    """Return a time of milliseconds in three digits: 0.42 ms, 50 ms, 9.44 s; from three minutes on as ``span`` does."""
    if value < 1000:
        return f"{value:.3g} ms"
    return f"{value / 1000:.3g} s" if value < 180_000 else span(value / 1000, 1)


def count(value: float) -> str:
    """Return a large number in at most five characters: 999, 21.8k, 85.7M."""
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if value >= scale:
            scaled = value / scale
            return f"{scaled:.1f}{unit}" if scaled < 100 else f"{number(scaled, 0)}{unit}"
    return f"{value:g}"


_PRINTABLE_ASCII = bytes(range(0x20, 0x7F))


def is_printable(text: str, *, lines: bool = False) -> bool:
    """Return ``text.isprintable()``, of long ASCII texts in a fifth of the time.

    Args:
        text: A text.
        lines: That it may have ends of lines.
    """
    if len(text) > 200 and text.isascii():
        return not text.encode().translate(None, _PRINTABLE_ASCII + b"\n" * lines)
    return (text.replace("\n", "") if lines else text).isprintable()


def printable(text: str) -> str:
    """Return text with everything replaced that a terminal would not show as a character; one line."""
    if text.isprintable():
        return text
    return text.translate({ord(c): " " for c in set(text) if not c.isprintable()})


def printable_lines(text: str) -> str:
    """Return text with everything replaced that a terminal would not show as a character, but for the ends of lines."""
    return "\n".join(map(printable, text.split("\n")))


def visible(text: str) -> str:
    """Return text in which every character can be seen: those that a terminal would not show are escaped; one line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def command_line(words: Iterable[object]) -> str:
    """Return a command that a run holds, as a shell takes it; nothing in it is hidden from who reads it."""
    return visible(shlex.join(map(str, words)))


def escaped_json(line: str) -> str:
    """Return JSON that says the same in characters that a terminal shows: all others are escaped; one line."""
    if is_printable(line):
        return line
    return line.translate(
        {ord(c): _json_escape(c) if c > "\x7e" else " " for c in set(line) if not c.isprintable()}
    )


def _json_escape(c: str) -> str:
    """Return a character as JSON escapes it, by its UTF-16 units."""
    units = c.encode("utf-16-be", errors="surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


def json_line(record: object) -> str:
    """Return a record as JSON that can be printed: a struct, a dataclass, or what JSON knows."""
    import msgspec

    data = msgspec.json.encode(record)  # of ASCII it escapes all that is not shown but DEL
    return data.decode() if data.isascii() and b"\x7f" not in data else escaped_json(data.decode())


CUT = "…"


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shorten(text: str, room: int, cut: Literal["middle", "end"] = "end", dots: str = CUT) -> str:
    """Return as much of a text as goes into ``room`` cells, with an ellipsis for what is left out.

    Args:
        text: One line.
        room: How many cells there are.
        cut: What is left out: the middle of names, which differ least there, or the end of sentences.
        dots: The ellipsis.
    """
    if cells(text) <= room:
        return text
    if room <= len(dots):
        return dots[: max(room, 0)]
    room -= len(dots)
    back = room // 2 if cut == "middle" else 0
    front = room - back
    if text.isascii():
        return text[:front] + dots + text[len(text) - back :]
    head, tail = "", ""
    for letter in text:
        if cells(head + letter) > front:
            break
        head += letter
    for letter in reversed(text):
        if cells(letter + tail) > back:
            break
        tail = letter + tail
    return f"{head}{dots}{tail}"


def closest(name: str, allowed: Iterable[str], likeness: float = 0.5) -> str | None:
    """Return the known name nearest an unknown one; None where none is as much like it, from 0 to 1."""
    import difflib  # most commands need none of it

    names = {name.lower(): name for name in allowed}
    match = difflib.get_close_matches(name.lower(), names, n=1, cutoff=likeness)
    return names[match[0]] if match else None


def nearest(name: str, allowed: Iterable[str]) -> str:
    """End a sentence on an unknown name: ``; did you mean 'x'?`` with the known name nearest it, or a dot."""
    return did_you_mean(closest(name, allowed))


def did_you_mean(name: str | None) -> str:
    """End a sentence on an unknown name by the one that may be meant; by a dot for None."""
    return "." if name is None else f"; did you mean {name!r}?"


def divisors(count: int, most: int = 4096) -> str:
    """End a sentence on what does not divide ``count``: ``1, 2, 4, 8 do``. Of numbers above ``most`` none is named."""
    divisors = [str(divisor) for divisor in range(1, min(count, most) + 1) if count % divisor == 0]
    return f"{', '.join(divisors)} {'do' if len(divisors) > 1 else 'does'}"


GIB = 2**30


def gib(size: float, digits: int | None = None) -> str:
    """Return bytes of memory as people say them: 3.1 GiB, 34 GiB; with ``digits`` after the point where given."""
    if digits is None:
        digits = 1 if size < 10 * GIB else 0
    if size > 2**60:
        return f"{size / GIB:.3g} GiB"
    return f"{size / GIB:,.{digits}f} GiB"


def disk_size(size: float) -> str:
    """Return bytes of files as people say them: 340 kB, 1.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if size >= 10 or unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB" if size < 1e6 else f"{size:.3g} TB"


_FORMULA = re.compile(r"'*\s*[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?inf", re.ASCII)


def csv_text(text: str) -> str:
    """Return a text as it is written into a cell of a CSV file: printable, and no formula of a spreadsheet.

    What a spreadsheet would compute begins with an apostrophe; numbers stay numbers.
    """
    text = printable(text)
    return f"'{text}" if _is_formula(text) else text


def text_of_csv(cell: str) -> str:
    """Return the text that ``csv_text`` made a cell of; a cell that another program wrote stays as it is."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell[1:]) else cell


def _is_formula(text: str) -> bool:
    """Return whether a spreadsheet takes a text for a formula, or it looks like one that was made a text."""
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None


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
            scaled = value / scale
            return f"{scaled:.1f}{unit}" if scaled < 10 else f"{number(scaled, 0)}{unit}"
    return f"{value:.0f}B"


def binary_size(value: float) -> str:
    """Return bytes of memory with their unit, or a difference of two: 940 MiB, 3.1 GiB, -2.1 GiB."""
    digits = size(abs(value))
    unit = "B" if digits.endswith("B") else f"{digits[-1]}iB"
    return f"{'-' if value < 0 else ''}{digits[:-1]} {unit}"


def score(value: float | None) -> str:
    """Return a score between 0 and 1 as .969."""
    if value is None:
        return ""
    digits = number(value)
    return digits[1:] if digits.startswith("0.") else digits


def percent(share: float) -> str:
    """Return a share between 0 and 1 in whole percent, without the sign; what is some but not all never as 0 or 100.

    What would be has a digit more: 0.3, 99.7; or is <0.1.
    """
    whole = f"{100 * share:.0f}"
    if (whole != "0" or share <= 0) and (whole != "100" or share >= 1):
        return whole
    return "<0.1" if 0 < share < 0.0005 else f"{min(100 * share, 99.9):.1f}"


def loss(value: float | None) -> str:
    """Return a loss in at most five characters."""
    if value is None:
        return ""
    return f"{value:.3f}" if value < 10 else f"{value:.3g}"[:5]


LONGEST, MOST, DEEPEST = 200, 24, 3
"""Characters of a setting that are shown, entries of a list, and tables in tables."""


def setting_text(value: object, none: str = "", *, longest: int = LONGEST, depth: int = 0) -> str:
    """Return a value of a configuration as text that can be shown on one line; the beginning of a large one.

    Args:
        value: As TOML or JSON has it: ``true``, ``0.001``, ``0,1,2``, ``drop_path=0.1,pool=mean``.
        none: What stands for None and for what is empty.
        longest: Characters of a string that are shown.
        depth: How many lists and tables it stands in.
    """
    if value is None or value == "" or (isinstance(value, Mapping | list | tuple) and not value):
        return none
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping | list | tuple) and depth == DEEPEST:
        return CUT
    if isinstance(value, Mapping):
        pairs = islice(value.items(), MOST)
        parts = [
            f"{clean(str(key)[:longest])}={setting_text(item, none, depth=depth + 1)}" for key, item in pairs
        ]
        return ",".join(parts)
    if isinstance(value, list | tuple):
        return ",".join(setting_text(item, none, depth=depth + 1) for item in value[:MOST])
    return clean(str(value)[:longest])


class Strong(str):
    """A text that stands out, where a format can make it."""

    __slots__ = ()


def markdown(text: str) -> str:
    """Return a text as it is written in Markdown: letters, digits and some marks as they are; one line."""
    return re.sub(r"([!-/:-@\[-`{-~])", _marked, printable(text))


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Return a table for Markdown with tables (GitHub's); the columns ``right`` stand at their right edge."""
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    written = [list(map(_markdown_cell, head)), rule, *(list(map(_markdown_cell, row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in written)


def _markdown_cell(text: str) -> str:
    return f"**{markdown(text)}**" if isinstance(text, Strong) else markdown(text)


def _marked(match: re.Match[str]) -> str:
    """Escape a mark that could mean something in Markdown where it stands."""
    mark, before, after = match[0], match.string[: match.start()], match.string[match.end() :]
    if mark in ".)":
        quiet = not (before.strip().isdigit() and not after[:1].strip())  # else it would begin a list
    elif mark in "-/":
        quiet = before[-1:].isalnum() and after[:1].isalnum()
    elif mark == "=":
        quiet = bool(before.strip())  # else it could underline a heading
    elif mark == ":":
        quiet = after[:1] == " " or (
            before[-1:].isdigit() and after[:1].isdigit()
        )  # else it could make a link
    else:
        quiet = mark in ",;'%("
    return mark if quiet else f"\\{mark}"
