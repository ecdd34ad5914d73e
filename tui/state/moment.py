"""A moment of the past in words: how one is typed, and how it is written."""

from __future__ import annotations

import datetime as dt
import re
import time

from engine.errors import UserError
from engine.query.units import read_number

FORMS = "14:05, 27 nov 14:05, 2026-11-27T14:05 or -2h"
"""Forms that are right, for who typed another."""
MAX_TYPED = 60
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DAY = re.compile(r"(\d{1,2})\s+([a-z]{3,9})\.?(?:\s+(\d{4}))?(?:,?\s+(\d{1,2}:\d{2}(?::\d{2})?))?")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip


class MomentError(UserError):
    """What was typed is no moment, or one that is still to come."""


def moment_of(text: str, now: float) -> float:
    """Return the moment that a text means, in seconds since the epoch; its days and hours are this machine's.

    Without a day it is the last time that a clock said so, without a year the last time that it was that day.

    Raises:
        MomentError: It is none, or still to come; says which forms are right.
    """
    typed = " ".join(text[:MAX_TYPED].split()).lower()
    try:
        moment = _ago(typed, now) or _at_clock(typed, now) or _on_day(typed, now) or _of_iso(typed)
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None or moment < 0:
        raise MomentError(f"{text[:MAX_TYPED]!r} is no moment; right are {FORMS}")
    if moment > now:
        raise MomentError(f"{day_and_time(moment, now)} is still to come; right are {FORMS}")
    return moment


def _ago(typed: str, now: float) -> float | None:
    seconds = read_number(typed[1:].replace(" ", ""), "seconds") if typed.startswith("-") else None
    return None if seconds is None or not 0 <= seconds <= now else now - seconds


def _at_clock(typed: str, now: float) -> float | None:
    if _CLOCK.fullmatch(typed) is None:
        return None
    today = dt.datetime.fromtimestamp(now).astimezone()
    then = _stamp(today.date(), typed)
    return then if then <= now else _stamp(today.date() - dt.timedelta(days=1), typed)


def _on_day(typed: str, now: float) -> float | None:
    if (match := _DAY.fullmatch(typed)) is None:
        return None
    day, month, year, clock = match.groups()
    number = next((at for at, name in enumerate(_MONTHS, 1) if name.startswith(month)), None)
    if number is None:
        return None
    this_year = dt.datetime.fromtimestamp(now).astimezone().year
    then = _stamp(dt.date(int(year or this_year), number, int(day)), clock or "00:00")
    if then > now and year is None:
        then = _stamp(dt.date(this_year - 1, number, int(day)), clock or "00:00")
    return then


def _of_iso(typed: str) -> float | None:
    if re.match(r"\d{4}-\d{2}-\d{2}", typed) is None:
        return None
    return dt.datetime.fromisoformat(typed.upper()).timestamp()


def _stamp(day: dt.date, clock: str) -> float:
    of_day = dt.time.fromisoformat(clock.zfill(len("00:00") + 3 * (clock.count(":") > 1)))
    return dt.datetime.combine(day, of_day).timestamp()


def day_and_time(moment: float, now: float, *, weekday: bool = False, seconds: bool = False) -> str:
    """Return a moment as people write it: 27 Nov 14:05, with the year where it is another one than now.

    Args:
        moment: Seconds since the epoch.
        now: Seconds since the epoch.
        weekday: Whether the day of the week is said.
        seconds: Whether the seconds are said.
    """
    then = time.localtime(moment)
    name = f"{time.strftime('%a', then)} " if weekday else ""
    year = "" if then.tm_year == time.localtime(now).tm_year else f" {then.tm_year}"
    clock = time.strftime("%H:%M:%S" if seconds else "%H:%M", then)
    return f"{name}{then.tm_mday} {time.strftime('%b', then)}{year}{',' * weekday} {clock}"


def beside(moment: float, other: float, now: float) -> str:
    """Return a moment as it is written beside another: 14:05:31, with the date where that is another day.

    Args:
        moment: Seconds since the epoch.
        other: The moment that a reader has in mind.
        now: Seconds since the epoch.
    """
    then = time.localtime(moment)
    if time.strftime("%F", then) == time.strftime("%F", time.localtime(other)):
        return time.strftime("%H:%M:%S", then)
    return day_and_time(moment, now, seconds=True)


def iso(moment: float) -> str:
    """Return a moment as `--at` takes it: 2026-11-27T14:05, with seconds where it has some."""
    then = time.localtime(moment)
    return time.strftime("%Y-%m-%dT%H:%M:%S" if then.tm_sec else "%Y-%m-%dT%H:%M", then)
