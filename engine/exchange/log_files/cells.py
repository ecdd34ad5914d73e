"""What a cell of a table says: a number in one of the ways that programs and spreadsheets write it, a time, or a word.

::

    0.5  1e-3  nan  93.2%  1,234.5  1.234,5  0,5  tensor(0.5, device='cuda:0')  04:39  2025-01-02 10:11:12  3/10  N/A
"""

from __future__ import annotations

import datetime
import math
import re
from enum import IntEnum

LONGEST = 200
"""Characters beyond which a cell is a word."""
QUOTES = "'\""
"""What stands around cells that were quoted twice, or in another way than CSV's."""
NOTHING = frozenset({
    "", "na", "n/a", "<na>", "#n/a", "#na", "none", "null", "nil", "nat", "-", "--", "–", "—", "?", ".", "missing",
    "undefined", "not available", "n.a.", "\\n",
})  # fmt: skip
"""Words for a value that is not there, in small letters."""


class Says(IntEnum):
    """What kind of value a cell holds."""

    NOTHING = 0
    NUMBER = 1
    DECIMAL_COMMA = 2
    """A number, written with a comma before its fraction for certain."""
    COMMA = 3
    """``1,234``: thousands, or a fraction; the value is that of thousands."""
    PERCENT = 4
    DURATION = 5
    """A number of seconds, written ``04:39``."""
    COUNTED = 6
    """The first number of ``3/10`` or ``epoch 3``."""
    MOMENT = 7
    """A date and time as seconds since the epoch, UTC."""
    ZONELESS = 8
    """The same, where it does not say its time zone."""
    WORD = 9


NUMERIC = frozenset({Says.NUMBER, Says.DECIMAL_COMMA, Says.COMMA, Says.PERCENT, Says.DURATION})
"""What a metric can be."""
MOMENTS = frozenset({Says.MOMENT, Says.ZONELESS})
_WORD = (Says.WORD, math.nan)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d{1,4})?", re.ASCII)
_GROUPED = re.compile(
    r"([+-]?)(\d{1,3})([,.'’ \u00a0\u2009\u202f])(\d{3}(?:\3\d{3})*)(?:([.,])(\d+))?", re.ASCII
)
_WRAPPED = re.compile(
    r"(?:[A-Za-z_][\w.]{0,40}\(\s*\[{0,4}|\[{1,4})\s*([^\s,\[\]()]{1,40})\s*\]{0,4}\s*(?:,[^\[\]]*)?\)?",
    re.ASCII,
)
_TENSORFLOW = re.compile(r"<tf\.Tensor:[^<>]{0,100}\bnumpy=([^\s<>]{1,40})>", re.ASCII)
_C_NAN = re.compile(r"[+-]?(?:nan\(\w*\)|1\.#(?:qnan|snan|ind)\d*)", re.ASCII | re.IGNORECASE)
_C_INF = re.compile(r"([+-]?)(?:1\.#inf\d*|∞)", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d{1,5}) days?, )?(?:(\d{1,6}):)?(\d{1,4}):([0-5]\d(?:[.,]\d{1,9})?)", re.ASCII)
_COUNTED = re.compile(
    r"\[?(?:epoch|step|iter(?:ation)?)?[\s:#]*(\d{1,15}(?:\.\d{1,9})?)\s*(?:(?:/|of)\s*\d{1,15}\s*)?\]?",
    re.ASCII | re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}.*", re.ASCII)
_COMPACT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)[_ T-](\d\d)[-:.]?(\d\d)[-:.]?(\d\d)", re.ASCII)
"""As names of folders have it: ``20250102_101112``, ``2025-01-02_10-11-12``."""
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(.*)", re.ASCII)


def read_cell(text: str) -> tuple[Says, float]:
    """Return what a cell says, and its number; NaN for what is none."""
    try:
        if "_" not in text:  # in numbers Python's own way alone, which no other program means
            return Says.NUMBER, float(text)
    except ValueError:
        pass
    text = text.strip()
    if len(text) > LONGEST:
        return _WORD
    if text.casefold() in NOTHING:
        return Says.NOTHING, math.nan
    if len(text) > 2 and text[0] == text[-1] and text[0] in QUOTES:
        return read_cell(text[1:-1])
    if text.endswith("%"):
        says, value = read_cell(text[:-1])
        return (Says.PERCENT, value) if says in (Says.NUMBER, Says.DECIMAL_COMMA) else _WORD
    for read in (_unusual_number, _commas, _wrapped, _time):
        if (found := read(text)) is not None:
            return found
    return _WORD


def read_json_value(value: object) -> tuple[Says, float]:
    """Return what a value of a JSON file says, and its number; a list of one says what that says."""
    if isinstance(value, float | int) and not isinstance(value, bool):
        return Says.NUMBER, float(value)
    if value is None:
        return Says.NOTHING, math.nan
    if isinstance(value, str):
        return read_cell(value)
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], list):
        return read_json_value(value[0])
    return _WORD


def _unusual_number(text: str) -> tuple[Says, float] | None:
    """Return what is not finite as C writes it, and numbers with a real minus sign."""
    if "#" in text or "(" in text or "∞" in text:
        if _C_NAN.fullmatch(text):
            return Says.NUMBER, math.nan
        if (match := _C_INF.fullmatch(text)) is not None:
            return Says.NUMBER, -math.inf if match[1] == "-" else math.inf
    if text.startswith("\N{MINUS SIGN}"):
        says, value = read_cell(f"-{text[1:]}")
        return (says, value) if says in NUMERIC else None
    return None


def _commas(text: str) -> tuple[Says, float] | None:
    """Return a number with thousands apart, or a comma before its fraction."""
    if (match := _GROUPED.fullmatch(text)) is not None:
        sign, first, mark, groups, point, fraction = match.groups()
        if point == mark:
            return None
        is_single = len(groups) == 3 and point is None
        if not (is_single and mark == "," and first.startswith("0")):
            digits = sign + first + groups.replace(mark, "")
            value = float(f"{digits}.{fraction or 0}")
            if is_single and mark == ",":
                return Says.COMMA, value
            return Says.DECIMAL_COMMA if point == "," else Says.NUMBER, value
    if _DECIMAL_COMMA.fullmatch(text):
        return Says.DECIMAL_COMMA, float(text.replace(",", "."))
    return None


def _time(text: str) -> tuple[Says, float] | None:
    """Return a duration, a count such as ``3/10``, or a date with or without a time."""
    if (match := _DURATION.fullmatch(text)) is not None:
        days, hours, minutes, seconds = match.groups(default="0")
        whole = (int(days) * 24 + int(hours)) * 60 + int(minutes)
        return Says.DURATION, whole * 60 + float(seconds.replace(",", "."))
    if (match := _COUNTED.fullmatch(text)) is not None:
        return Says.COUNTED, float(match[1])
    if (match := _COMPACT.fullmatch(text)) is not None:
        return _moment("{}-{}-{} {}:{}:{}".format(*match.groups()), False)
    if (match := _DAY_FIRST.fullmatch(text)) is not None:
        return _moment(f"{match[3]}-{int(match[2]):02}-{int(match[1]):02}{match[4]}", False)
    if _DATE.fullmatch(text):
        return _moment(text.replace("/", "-").removesuffix(" UTC"), text.endswith("UTC"))
    return None


def _moment(text: str, is_utc: bool) -> tuple[Says, float] | None:
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
            return Says.MOMENT if is_utc else Says.ZONELESS, moment.timestamp()
        return Says.MOMENT, moment.timestamp()
    except (ValueError, OverflowError):
        return None


def _wrapped(text: str) -> tuple[Says, float] | None:
    """Return the number of ``tensor(0.5, …)``, ``np.float32(0.5)``, ``[0.5]``."""
    match = _WRAPPED.fullmatch(text) or _TENSORFLOW.fullmatch(text)
    if match is None:
        return None
    try:
        return Says.NUMBER, float(match[1].replace("_", "x"))
    except ValueError:
        return None
