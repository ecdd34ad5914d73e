"""What an object that a program printed says as an event, and what of it cannot be used, with the reason.

Programs print what they have: 2.0 for a whole number, NaN for a loss without bounds. A value that is no number
is left out and the others stay; an event is refused where its place or its kind cannot be told.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from engine.events import LARGEST_COUNT, LATEST, Checkpoint, Confusion, Event, Log, Metrics, as_unicode
from engine.text import nearest, shorten

SAYABLE: dict[str, type[Event]] = {
    "metrics": Metrics,
    "confusion": Confusion,
    "checkpoint": Checkpoint,
    "log": Log,
}
"""The events that a program may print; start and end are the engine's to say."""
NOT_FINITE = frozenset({"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"})
"""Words for a value that is not finite, in any case."""
SHOWN = 60
"""Characters of a name or a value that are shown in a reason."""


class Refusal(NamedTuple):
    """What cannot be used."""

    what: str
    """Its kind, in the plural."""
    why: str
    """A sentence on this one."""


class Said(NamedTuple):
    """What an object says."""

    event: Event | None
    """None where nothing of it can be used."""
    refused: tuple[Refusal, ...] = ()


class _Unusable(Exception):  # noqa: N818  it says what is the case
    """An event cannot be used; the message says why."""


def event_of(fields: Mapping[str, Any], run: str, step: int, epoch: float) -> Said:
    """Return the event that an object is.

    Args:
        fields: The object; it has an ``event``.
        run: The id of the run.
        step: The step of the last measurements, where it says none.
        epoch: Their epoch, where it says none.
    """
    name = fields["event"]
    if name in ("start", "end"):
        return _refused(
            "start and end events", f"its program printed the event {name!r}, which vitui alone writes"
        )
    if not isinstance(name, str) or name not in SAYABLE:
        known = f"{nearest(str(name)[:SHOWN], SAYABLE)} Known: {', '.join(SAYABLE)}"
        return _refused("unknown events", f"its program printed the unknown event {_shown(name)}{known}")
    try:
        placed = {
            "time": _time(fields.get("time")),
            "run": run,
            "step": _step(fields.get("step"), step),
            "epoch": _epoch(fields.get("epoch"), epoch),
        }
        if name == "metrics":
            return _metrics(fields.get("values"), placed)
        plain = {
            key: _plain(value) for key, value in fields.items() if key not in placed and value is not None
        }
        try:
            return Said(msgspec.convert(placed | plain, SAYABLE[name]))
        except UnicodeEncodeError:  # bytes that are no UTF-8, in a text that is compared
            return Said(msgspec.convert(placed | as_unicode(plain), SAYABLE[name]))
    except _Unusable as error:
        why = str(error)
    except (msgspec.ValidationError, OverflowError, RecursionError) as error:
        what, _, where = str(error).replace("`", "").partition(" - at $.")
        why = f"{where or 'a field'}: {what[:1].lower()}{what[1:]}"
    return _refused(f"{name} events", f"a {name} event of its program is not recorded: {why}")


def _metrics(values: Any, placed: Mapping[str, Any]) -> Said:
    if not isinstance(values, dict):
        found = "it has no values" if values is None else f"values is {_shown(values)}"
        raise _Unusable(f'{found}: numbers by name are needed, as in "values": {{"train/loss": 0.5}}')
    taken: dict[str, float | None] = {}
    refused = []
    for name, value in values.items():
        number, is_number = _number(value)
        if is_number:
            taken[name] = number
        else:
            why = f"its program printed {_shown(value)} as {shorten(name, SHOWN)!r}, which is no number"
            refused.append(Refusal("values", f"{why}: it is left out"))
    event = Metrics(values=taken, **placed) if taken or not values else None
    return Said(event, tuple(refused))


def _number(value: Any) -> tuple[float | None, bool]:
    """Return a value as a number, None where it is not finite, and whether it is one at all."""
    if value is None or (isinstance(value, str) and value.strip().lower() in NOT_FINITE):
        return None, True
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, False
    try:
        number = float(value)
    except OverflowError:
        return None, True
    return (number if math.isfinite(number) else None), True


def _time(value: Any) -> float:
    """Return when it happened: what it says where that can be, else now."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LATEST:
        return float(value)
    return time.time()


def _step(value: Any, last: int) -> int:
    if value is None:
        return last
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST_COUNT:
        raise _Unusable(f"step is {_shown(value)}, and has to be a whole number from 0 on")
    return value


def _epoch(value: Any, last: float) -> float:
    if value is None:
        return last
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LARGEST_COUNT:
        raise _Unusable(f"epoch is {_shown(value)}, and has to be a number from 0 on")
    return float(value)


def _plain(value: Any) -> Any:
    """Return a value with whole numbers for those that are written as 2.0."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _shown(value: Any) -> str:
    """Return the beginning of a value as JSON has it."""
    text = (
        repr(value)
        if not isinstance(value, dict | list)
        else f"a {'table' if isinstance(value, dict) else 'list'}"
    )
    return shorten(text, SHOWN)


def _refused(what: str, why: str) -> Said:
    return Said(None, (Refusal(what, why),))
