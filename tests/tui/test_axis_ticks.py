"""Ticks of an axis are told apart by their labels, and each label says its tick."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.axis_ticks import Unit, apart, limits, linear_ticks, unit_of, unit_of_axis

UNITS = [
    unit_of(name) for name in (
        "test/f1", "train/loss", "train/lr", "gpu/memory_used", "gpu/power", "gpu/energy", "gpu/temperature",
        "train/mfu", "train/images_per_s", "time/data",
    )
] + [unit_of_axis("epoch")]  # fmt: skip
TIME = unit_of_axis("time")
PREFIXES = {"": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    letter + "iB": 1024.0 ** (i + 1) for i, letter in enumerate("KMGTPE")
}


def read(label: str, unit: Unit) -> float:
    """Return the number that a label says."""
    match = re.fullmatch(r"(-?[\d.]+(?:e-?\d+)?) ?(.*)", label)
    assert match is not None, label
    rest = match[2].removesuffix(unit.name.strip()).strip() if unit.kind != "binary" else match[2]
    return float(match[1]) * PREFIXES[rest.removesuffix("B") if rest == "B" else rest]


def read_time(label: str) -> float:
    """Return the seconds that a duration says."""
    sign, text = (-1, label[1:]) if label[0] == "-" else (1, label)
    if text[-1] in "ds":
        return sign * float(text[:-1]) * (86_400 if text[-1] == "d" else 1)
    parts = list(map(int, text.split(":")))
    return sign * sum(part * 60**i for i, part in enumerate(reversed(parts)))


EXPONENTS = st.integers(-12, 16)


@st.composite
def axes(draw: st.DrawFn, exponents: st.SearchStrategy[int]) -> tuple[float, float, int]:
    """An interval as a chart has it, whose width is at least a millionth of its place, and how many ticks it has."""
    size = 10.0 ** draw(exponents)
    low = draw(st.floats(-1, 1)) * size
    width = draw(st.floats(1e-6, 2)) * size
    return low, low + width, draw(st.integers(2, 12))


@given(st.sampled_from(UNITS), axes(EXPONENTS))
def test_labels_of_an_axis_are_distinct_and_say_their_ticks(
    unit: Unit, axis: tuple[float, float, int]
) -> None:
    ticks = linear_ticks(*limits(*apart(*axis[:2]), unit), axis[2], unit)
    check(ticks, unit.labels(ticks), [read(label, unit) for label in unit.labels(ticks)])


@given(
    st.sampled_from(UNITS),
    st.lists(st.integers(-(10**6), 10**6), min_size=2, max_size=9, unique=True),
    EXPONENTS,
)
def test_labels_of_any_ticks_are_distinct_and_say_them(unit: Unit, places: list[int], exponent: int) -> None:
    ticks = sorted(place * 10.0**exponent / 3 for place in places)
    check(ticks, unit.labels(ticks), [read(label, unit) for label in unit.labels(ticks)])


@given(axes(st.integers(-3, 8)))
def test_labels_of_durations_are_distinct_and_say_them(axis: tuple[float, float, int]) -> None:
    low, high = apart(*axis[:2])
    ticks = [tick for tick in linear_ticks(low, high, axis[2], TIME) if tick < 3e8]
    check(ticks, TIME.labels(ticks), [read_time(label) for label in TIME.labels(ticks)])


@given(st.floats(4e8, 1e10), st.floats(0.01, 1e9), st.integers(2, 8))
def test_labels_of_clock_times_are_distinct(low: float, width: float, count: int) -> None:
    ticks = linear_ticks(low, low + width, count, TIME)
    assert len({*TIME.labels(ticks)}) == len({*ticks})


def check(ticks: list[float], labels: list[str], said: list[float]) -> None:
    assert len({*labels}) == len({*ticks}), labels
    step = min((b - a for a, b in pairwise(ticks)), default=math.inf)
    for tick, value in zip(ticks, said, strict=True):
        assert abs(value - tick) <= step / 2 * (1 + 1e-6), labels


@pytest.mark.parametrize(
    ("metric", "ticks", "said"),
    [
        ("test/ece", [0, 0.025, 0.05, 0.075, 0.1], ["0.000", "0.025", "0.050", "0.075", "0.100"]),
        ("test/f1", [0.0, 0.2, 0.4], ["0.00", "0.20", "0.40"]),
        ("train/lr", [9.5e-5, 9.75e-5, 1e-4, 1.025e-4], ["9.5e-5", "9.75e-5", "1.0e-4", "1.025e-4"]),
        ("train/lr", [0.0, 1e-4, 2e-4], ["0", "1.0e-4", "2.0e-4"]),
        ("gpu/memory_used", [2.0**30, 1.25 * 2**30, 1.5 * 2**30], ["1.00 GiB", "1.25 GiB", "1.50 GiB"]),
        ("gpu/energy", [0.0, 25_000.0, 50_000.0], ["0", "25 kJ", "50 kJ"]),
    ],
)  # fmt: skip
def test_ticks_have_as_many_decimals_as_tell_them_apart(
    metric: str, ticks: list[float], said: list[str]
) -> None:
    assert unit_of(metric).labels(ticks) == said
