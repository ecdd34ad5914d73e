"""The colours of curves, measured: contrast with their grounds, and how far apart readers see them."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from textual.theme import Theme

from tests.conftest import ROOT
from tui.curve_palette import (
    ASCII_MARKERS,
    MARKERS,
    PAIRS,
    PALETTE,
    PALETTES,
    Sign,
    assign,
    markers_for,
    numbered,
    pair,
    shown_in,
)
from tui.terminal.themes import THEMES
from tui.widgets.chart.chart import FAINT

Array = NDArray[np.float64]

SIGHT = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900),
    ),
}  # fmt: skip
"""Machado, Oliveira and Fernandes 2009, table 1, at full strength; for linear RGB."""
APART = 9.7
NOT_FAILURE = 10.0
LEAST = {"vitui-dark": 4.5, "vitui-light": 4.5, "vitui-contrast": 7.0}


def linear(colour: str) -> Array:
    channels = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: Array, other: Array) -> float:
    low, high = sorted(float(rgb @ (0.2126, 0.7152, 0.0722)) for rgb in (one, other))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Array) -> Array:
    """Return CIE L*a*b* under D65."""
    to_xyz = (
        (0.4124564, 0.3575761, 0.1804375),
        (0.2126729, 0.7151522, 0.072175),
        (0.0193339, 0.119192, 0.9503041),
    )
    xyz = np.array(to_xyz) @ rgb / (0.95047, 1.0, 1.08883)
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def difference(one: Array, other: Array) -> float:
    """Return CIEDE2000 as Sharma, Wu and Dalal 2005 write it."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1 + 0.5 * (1 - np.sqrt(mean**7 / (mean**7 + 25**7)))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    light, c = (l1 + l2) / 2, (c1 + c2) / 2
    h = (h1 + h2) / 2 + (180 if abs(h1 - h2) > 180 else 0)
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.2, 4, -63))
    t = 1 + sum(size * np.cos(np.radians(times * h + shift)) for size, times, shift in waves)
    sl, sc, sh = (
        1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2),
        1 + 0.045 * c,
        1 + 0.015 * c * t,
    )
    turned = -2 * np.sqrt(c**7 / (c**7 + 25**7)) * np.sin(np.radians(60 * np.exp(-(((h - 275) / 25) ** 2))))
    parts = (l2 - l1) / sl, (c2 - c1) / sc, hue / sh
    return float(np.sqrt(sum(part**2 for part in parts) + turned * parts[1] * parts[2]))


def test_the_difference_is_that_of_its_paper() -> None:
    """Pairs 1, 7 and 25 of the paper's test data."""
    for one, other, told in (
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ):
        assert difference(np.array(one, float), np.array(other, float)) == pytest.approx(told, abs=1e-4)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_colours_are_read_on_their_ground_and_bands_seen(theme: Theme) -> None:
    ground = linear(theme.background or "")
    for colour in PALETTES[theme.name]:
        assert contrast(linear(colour), ground) >= LEAST[theme.name], colour
        band = linear(mixed(theme.background or "", colour, FAINT))
        assert contrast(band, ground) >= 2, colour


def mixed(one: str, other: str, share: float) -> str:
    """Return a hex colour with so much of another in it."""
    parts = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(low + (high - low) * share):02x}" for low, high in parts)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_words_are_read_on_every_ground_and_under_the_cursor(theme: Theme) -> None:
    """Grey is part of the colour of words and tells so in the styles; under the cursor words are not grey."""
    words = theme.foreground or ""
    grounds = [theme.background or "", theme.surface or "", theme.panel or ""]
    tones = [words, *(getattr(theme, name) for name in ("primary", "success", "accent", "warning", "error"))]
    styles = "".join(
        path.read_text() for path in (ROOT / "tui").rglob("*") if path.suffix in (".py", ".tcss")
    )
    greys = {int(part) / 100 for part in re.findall(r"[ -]color: \$foreground (\d+)%", styles)}
    greys -= {part for part in greys if part < 0.45}  # rules and frames, not words
    cursors = {int(part) / 100 for part in re.findall(r"--cursor { background: \$primary (\d+)%", styles)}
    assert greys
    assert cursors
    for ground in grounds:
        read = tones + [mixed(ground, words, part) for part in greys]
        assert min(contrast(linear(ink), linear(ground)) for ink in read) >= 4.5
    for part in cursors:
        row = mixed(grounds[0], theme.primary, part)
        assert min(contrast(linear(ink), linear(row)) for ink in tones) >= 4.5


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_any_two_are_told_apart_and_none_is_failure(theme: Theme, sight: str) -> None:
    seen = [lab(np.clip(np.array(SIGHT[sight]) @ linear(colour), 0, 1)) for colour in PALETTES[theme.name]]
    assert min(difference(one, other) for one, other in itertools.combinations(seen, 2)) >= APART
    if sight == "all":
        failure = lab(linear(theme.error or ""))
        assert min(difference(one, failure) for one in seen) >= NOT_FAILURE


def test_there_are_144_pairs_before_one_comes_again() -> None:
    assert len({pair(number) for number in range(PAIRS)}) == PAIRS == 144
    assert [pair(number).mark for number in range(12)] == list(MARKERS)
    assert pair(12) == Sign(PALETTE[0], MARKERS[5])
    assert pair(-1) == pair(PAIRS - 1)
    assert [pair(number).drawn(ascii_only=True) for number in range(12)] == list(ASCII_MARKERS)
    assert Sign(PALETTE[0], "▲7").drawn(ascii_only=True) == "B7"
    assert Sign(PALETTE[0], "▲7").drawn(ascii_only=False) == "▲7"


@given(
    st.lists(st.text(max_size=3), max_size=20),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=9),
)
def test_what_has_a_pair_keeps_it_and_what_is_new_takes_a_free_one(
    names: list[str], kept: dict[str, int]
) -> None:
    numbers = numbered(names, kept)
    assert {name: numbers[name] for name in kept if name in numbers} == {
        name: number for name, number in kept.items() if name in names
    }
    new = [number for name, number in numbers.items() if name not in kept]
    assert len({*new}) == len(new)
    assert not {*new} & {*kept.values()}
    assert numbered([*names, "more"], kept | numbers).items() >= numbers.items()


def test_a_colour_is_its_own_in_each_theme() -> None:
    assert assign(["a", "b", "a"]) == {"a": PALETTE[0], "b": PALETTE[1]}
    dark = PALETTES["vitui-dark"]
    assert shown_in(PALETTE[3], "vitui-dark") == shown_in(PALETTE[3], "nord") == dark[3]
    assert shown_in(dark[3], "solarized-light", dark=False) == PALETTE[3]
    assert shown_in("#888888", "vitui-dark") == "#888888"


def test_marks_go_with_colours_and_differ() -> None:
    assert markers_for(PALETTE) == list(MARKERS)
    assert len(set(markers_for([PALETTE[0]] * len(MARKERS)))) == len(MARKERS)
    assert markers_for([PALETTES["vitui-dark"][2], "#888888"]) == ["■", "▲"]
