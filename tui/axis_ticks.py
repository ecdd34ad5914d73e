"""Numbers on axes: what a metric is measured in, where its ticks go, and how they are written.

Everything here takes any float and raises on none: limits come out finite and apart, labels come out short.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from engine.catalog import metrics

BIGGEST = 1e300
"""Values beyond this are drawn as if they were this."""

USUAL_RATE = 1e-3
"""How far the axis of a rate goes that has only been zero: where a learning rate that warms up is likely to go."""

_DECIMAL = (1.0, 2.0, 2.5, 5.0, 10.0)
_BINARY = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0)
_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_CLOCK = 3e8  # seconds: a time later than this is a date, an earlier one a duration


@dataclass(frozen=True, slots=True)
class Unit:
    """How the values of one metric are written.

    Attributes:
        name: What stands behind a number, with its space: `" W"`, or nothing.
        kind: `plain`, `fraction` (two decimals or more), `power` (1.0e-4), `binary` (KiB, MiB), `si` (kJ, MJ),
            `count` (5.2k), `time`.
        floor: The axis starts here, where the metric has a natural zero.
        ceiling: The axis goes no higher than this unless a value does.
    """

    name: str = ""
    kind: str = "plain"
    floor: float | None = None
    ceiling: float | None = None

    def format(self, value: float) -> str:
        """Return one value by itself, as a reader would say it: `0.612`, `3.1 GiB`, `412 W`."""
        if not math.isfinite(value):
            return "–"
        size = abs(value)
        if self.kind == "binary":
            scale, prefix = _binary_prefix(size)
            decimals = 0 if scale == 1 or size >= 100 * scale else 1
            return f"{value / scale:.{decimals}f} {prefix}"
        if self.kind == "time":
            return _moment(value, 1.0)
        if self.kind == "fraction" and (size == 0 or 1e-3 <= size < 1e3):
            return f"{value:.3f}"
        if self.kind == "power":
            return _power(value) if size else "0"
        if self.kind in ("si", "count") and size >= 1e3:
            scale, prefix = _si_prefix(size)
            number = _significant(value / scale, 3)
            return (
                f"{number} {prefix}{self.name.strip()}" if self.kind == "si" else number + prefix + self.name
            )
        return _significant(value, 3) + self.name

    def exact(self, value: float) -> str:
        """Return one position on an axis, without a prefix: `1,560`, `5`, `3.20`, `12:30`."""
        if self.kind == "time" or not (value == 0 or 1e-2 <= abs(value) < 1e9):
            return self.format(value)
        if abs(value - round(value)) < 1e-9 * max(1.0, abs(value)):
            return f"{round(value):,}"
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"

    def labels(self, ticks: Sequence[float]) -> list[str]:
        """Return the labels of an axis's ticks, all in the same scale and with as many decimals as tell them apart."""
        if not ticks:
            return []
        biggest = max(abs(tick) for tick in ticks)
        step = min((abs(b - a) for a, b in pairwise(ticks) if b != a), default=biggest)
        if self.kind == "binary":
            scale, prefix = _binary_prefix(biggest)
            return [f"{text} {prefix}" for text in _fixed([tick / scale for tick in ticks], step / scale)]
        if self.kind == "time":
            return _moments(ticks, step)
        if biggest and (self.kind == "power" or not 1e-4 <= biggest < 1e15 or not step >= biggest * 1e-9):
            return _powers(ticks, step)
        if biggest >= 1e4:
            scale, prefix = _si_prefix(biggest)
            texts = _fixed([tick / scale for tick in ticks], step / scale)
            return [
                text + self._suffix(prefix) if tick else "0" for tick, text in zip(ticks, texts, strict=True)
            ]
        least = 2 if self.kind == "fraction" else 0
        return [text + self._suffix("") for text in _fixed(ticks, step, least)]

    def log_labels(self, ticks: Sequence[float]) -> list[str]:
        """Return the labels of a logarithmic axis's ticks, each in its own scale."""
        if self.kind == "binary":
            return [self.format(tick).replace(".0 ", " ") for tick in ticks]
        return [f"{tick:g}" if 1e-3 <= abs(tick) < 1e4 else _power(tick, digits=0) for tick in ticks]

    def _suffix(self, prefix: str) -> str:
        """Return what stands behind a number: `k`, ` kJ`, ` W`. A unit too long for every tick is left to the title."""
        if self.kind == "si" and self.name:
            return f" {prefix}{self.name.strip()}"
        return prefix + (self.name if self.kind != "count" else "")


FRACTION = Unit(kind="fraction")
PLAIN = Unit()
_WRITTEN: Mapping[metrics.Unit, tuple[str, str]] = {
    "fraction": ("", "fraction"), "plain": ("", "plain"), "rate": ("", "power"), "bytes": ("", "binary"),
    "seconds": (" s", "plain"), "images/s": (" img/s", "count"), "joules": (" J", "si"), "watts": (" W", "plain"),
    "percent": (" %", "plain"), "celsius": (" °C", "plain"),
}  # fmt: skip
"""How a unit is written on an axis: its name and its kind."""


def unit_of(metric: str) -> Unit:
    """Return the unit of a metric, from its name: `test/f1`, `gpu/memory_used`, `gpu/1/power`."""
    kind = metrics.metric_of(metric).kind
    name, written = _WRITTEN[kind.unit]
    return Unit(name, written, kind.floor, kind.ceiling)


def unit_of_axis(label: str) -> Unit:
    """Return the unit of an x axis, from its label: times are durations or, when large, clock times."""
    word = label.strip().lower()
    return Unit(kind="time") if word.startswith(("time", "wall")) else Unit(kind="count")


def places_on(axis: str) -> str:
    """Return what a run lacks that has no place on an x axis: `epochs`, `GPU-hours`."""
    words = {"step": "steps", "epoch": "epochs", "time": "times", "gpu-hours": "GPU-hours"}
    return words.get(axis, axis)


def limits(low: float, high: float, unit: Unit, *, ticks: int = 5) -> tuple[float, float]:
    """Return an interval a little wider than the data, ending on round numbers so that it seldom changes.

    Args:
        low: The smallest value of the data; any float but NaN.
        high: The largest value of the data, at least ``low``.
        unit: The unit of the data; its floor and ceiling hold where the data keep to them.
        ticks: About how many ticks the axis gets: the ends lie on halves of their step.

    Returns:
        The two ends, finite and apart.
    """
    low, high = max(low, -BIGGEST), min(high, BIGGEST)
    if unit.floor is not None and unit.floor <= low:
        low = unit.floor
    if unit.ceiling is not None and high <= unit.ceiling and unit.floor is not None and low >= unit.floor:
        return unit.floor, unit.ceiling
    least = 0.0 if low >= 0 else -BIGGEST
    most = 1.0 if unit.kind == "fraction" and low >= 0 and high <= 1 else BIGGEST
    if low == high == 0 and unit.kind == "power":
        high = USUAL_RATE
    low, high = apart(low, high)
    step = nice_step(high - low, ticks, unit) / 2
    bottom, top = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return apart(max(bottom, least), min(top, most))  # room around a single value ends where values do


def log_limits(low: float, high: float) -> tuple[float, float]:
    """Return an interval around positive data that ends on 1, 2 or 5 times a power of ten."""
    low, high = max(low, 1e-300), min(max(high, 1e-300), BIGGEST)
    steps = [m * 10.0**e for e in range(_decade(low) - 1, _decade(high) + 2) for m in (1, 2, 5)]
    bottom = max((s for s in steps if s <= low * (1 + 1e-9)), default=low)
    top = min((s for s in steps if s >= high * (1 - 1e-9)), default=high)
    return (bottom, top) if bottom < top else (bottom / 2, top * 2)


def apart(low: float, high: float) -> tuple[float, float]:
    """Return the same interval, or one around it where its width is within rounding."""
    size = max(abs(low), abs(high))
    if high - low > max(size * 1e-12, 1e-280):
        return low, high
    margin = max(size * 0.05, 1e-6) if size else 1.0
    return low - margin, high + margin


def x_ends(first: float, last: float) -> tuple[float, float]:
    """Return the ends of an x axis from the first place to the last; of a single place, from zero to it."""
    if apart(first, last) == (first, last):
        return first, last
    left, right = (0.0, last) if last > 0 else apart(first, last)
    return (max(left, 0.0) if first >= 0 else left), right


def nice_step(width: float, count: int, unit: Unit) -> float:
    """Return the round step that puts about `count` ticks on an interval of some width."""
    rough = max(
        min(width, sys.float_info.max) / max(count, 1), 1e-290
    )  # a window may be wider than any number
    if unit.kind == "time":
        fitting = [step for step in _SECONDS if step >= rough * 0.999]
        if rough >= 1 and fitting:
            return float(fitting[0])
        if rough > 86400:
            return 86400 * nice_step(rough / 86400, 1, PLAIN)
    if unit.kind == "binary" and rough >= 1:
        scale = 1024.0 ** math.floor(math.log(rough, 1024))
        return scale * next((m for m in _BINARY if m * scale >= rough * 0.999), 1024.0)
    scale = 10.0 ** _decade(rough)
    return scale * next(m for m in (*_DECIMAL, 100.0) if m * scale >= rough * 0.999)


def linear_ticks(low: float, high: float, count: int, unit: Unit, *, whole: bool = False) -> list[float]:
    """Return round numbers within an interval.

    Args:
        low: Where the interval begins.
        high: Where it ends.
        count: About how many numbers there are at most.
        unit: The unit of the numbers: times and bytes have round numbers of their own.
        whole: Whether only whole numbers count as round.

    Returns:
        The ticks from left to right; none where the interval holds far too many.
    """
    step = nice_step(high - low, count, unit)
    if whole:
        step = max(1.0, step if step != 2.5 else 5.0)
    first, last = math.ceil(low / step - 1e-6), math.floor(high / step + 1e-6)
    if last <= first and count < 8:
        return linear_ticks(low, high, count + 2, unit, whole=whole)  # one tick says nothing about scale
    if last - first > 4 * count + 4:
        return []
    return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float, count: int, unit: Unit = PLAIN) -> list[float]:
    """Return round numbers within an interval for a logarithmic axis.

    Args:
        low: Where the interval begins.
        high: Where it ends.
        count: How many numbers there are at most.
        unit: The unit of the numbers.

    Returns:
        Powers of ten, with twos and fives between where there is room; powers of two for bytes.
    """
    if unit.kind == "binary" and low >= 1:
        powers = range(math.ceil(math.log2(low) - 1e-9), math.floor(math.log2(high) + 1e-9) + 1)
        return [2.0**power for power in powers[:: math.ceil(len(powers) / max(count, 1)) or 1]]
    exponents = range(_decade(low), _decade(high) + 1)
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        ticks = [m * 10.0**e for e in exponents for m in mantissas]
        ticks = [tick for tick in ticks if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(ticks) <= count:
            return ticks
    return ticks[:: math.ceil(len(ticks) / max(count, 1))]


def _decade(value: float) -> int:
    return math.floor(math.log10(value) + 1e-12)


def _whole(value: float, part: float) -> bool:
    return abs(value / part - round(value / part)) < 1e-6


def _decimals(values: Sequence[float], step: float) -> int:
    """Return how many decimals tell values apart that lie a step apart; up to two more that make them exact.

    Negative for steps of ten and more: so many digits before the point are of no use.
    """
    least = math.ceil(-math.log10(min(step, BIGGEST)) - 1e-9)
    for decimals in range(least, least + 3):
        if all(_whole(value, 10.0**-decimals) for value in values):
            return decimals
    return least + 1


def _fixed(values: Sequence[float], step: float, least: int = 0) -> list[str]:
    """Return values in the same number of decimals, as many as tell apart what lies a step apart."""
    decimals = max(least, _decimals(values, step) if step > 0 else 0)
    texts = [f"{value:.{decimals}f}" for value in values]
    return [text.lstrip("-") if float(text) == 0 else text for text in texts]


def _powers(ticks: Sequence[float], step: float) -> list[str]:
    """Return values in powers of ten, each with as many digits as tell it from one a step away, and at least one."""
    decimals = _decimals(ticks, step) if step > 0 else 0
    return [_power(tick, max(1, min(_decade(abs(tick)) + decimals, 17))) if tick else "0" for tick in ticks]


def _significant(value: float, digits: int) -> str:
    size = abs(value)
    if size and not 1e-3 <= size < 1e6:
        return _power(value)
    decimals = max(digits - 1 - (_decade(size) if size else 0), 0)
    return f"{value:.{min(decimals, digits)}f}"


def _power(value: float, digits: int = 1) -> str:
    """Return a value in powers of ten, with at most so many digits behind the point: 1.0e-4, 9.75e-5."""
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    if digits > 1:
        mantissa = (
            mantissa[:3] + mantissa[3:].rstrip("0") if value > 0 else mantissa[:4] + mantissa[4:].rstrip("0")
        )
    return f"{mantissa}e{int(exponent)}"


def _binary_prefix(size: float) -> tuple[float, str]:
    level = 0
    while size >= 1024 * 0.9995 and level < 6:
        size, level = size / 1024, level + 1
    return 1024.0**level, ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")[level]


def _si_prefix(size: float) -> tuple[float, str]:
    level = min(max(_decade(size) // 3, 0), 4)
    return 1000.0**level, ("", "k", "M", "G", "T")[level]


def _moments(ticks: Sequence[float], step: float) -> list[str]:
    """Return the times of one axis as text; clock times that span several days or years have those in them."""
    if min(ticks) <= _CLOCK or not max(ticks) < 2e11:
        return [_moment(tick, step) for tick in ticks]
    form = "%d %b" if step >= 86400 else "%H:%M" if step >= 60 else "%H:%M:%S"
    moments = [datetime.fromtimestamp(tick, UTC) for tick in ticks]
    days = (max(ticks) - min(ticks)) / 86400
    if days >= 365:
        form = "%d %b %Y" if step >= 86400 else f"%d %b %Y {form}"
    elif days >= 1 and step < 86400:
        form = f"%d %b {form}"
    texts = [moment.strftime(form) for moment in moments]
    if step >= 1:
        return texts
    parts = _fixed([tick % 1 for tick in ticks], step)
    return [text + part[1:] for text, part in zip(texts, parts, strict=True)]


def _moment(seconds: float, step: float) -> str:
    """Return a duration, or a clock time in UTC, to the precision of a step."""
    if not abs(seconds) < 2e11:
        return _power(seconds)
    if seconds > _CLOCK:
        moment = datetime.fromtimestamp(seconds, UTC)
        return moment.strftime("%d %b" if step >= 86400 else "%H:%M" if step >= 60 else "%H:%M:%S")
    sign, rest = ("-" if seconds < 0 else ""), abs(seconds)
    if step >= 86400:
        return f"{sign}{rest / 86400:.15g}d"
    if step < 1:
        return f"{sign}{_fixed([rest], step)[0]}s"
    hours, rest = divmod(round(rest), 3600)
    minutes, whole = divmod(rest, 60)
    return f"{sign}{hours}:{minutes:02}:{whole:02}" if hours else f"{sign}{minutes}:{whole:02}"
