"""The chart as a reader sees it, and as the screens use it."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.message import Message

from engine.analysis.curves import Curve, Outcome, curve_of, mean_over_seeds
from tui.axis_ticks import PLAIN, limits, linear_ticks, log_limits, unit_of, unit_of_axis
from tui.curve_palette import MARKERS, PALETTE
from tui.state.chart_line import ChartLine
from tui.text import told_apart
from tui.widgets.chart import chart_picture as plots
from tui.widgets.chart.chart import Chart
from tui.widgets.chart.chart_border import Setting
from tui.widgets.chart.chart_picture import Plot
from tui.widgets.chart.dot_spans import Window
from tui.widgets.chart.inks_and_glyphs import Ink
from tui.widgets.chart.legend import LegendEntry, fit, legend_row, named_rows, plain
from tui.widgets.chart.plotext_frame import frame_for

NAN = float("nan")


def curve(
    y: Sequence[float], label: str = "ViT-B-32x32-16-7", x: Sequence[float] | None = None, **more: Any
) -> ChartLine:
    xs = np.arange(len(y), dtype=float) if x is None else np.array(x, float)
    look = {name: more.pop(name) for name in ("mark", "pinned", "place", "live") if name in more}
    colour = more.pop("colour", PALETTE[0])
    return ChartLine(label, colour, Curve(label, xs, np.array(y, float), **more), **look)


def seeds(*values: Sequence[float], **more: Any) -> ChartLine:
    curves = [
        curve_of(f"seed-{i}", np.arange(len(y), dtype=float), np.array(y)) for i, y in enumerate(values)
    ]
    return ChartLine(f"a ×{len(values)}", PALETTE[0], mean_over_seeds(curves, **more))


def text(curves: Sequence[ChartLine], width: int = 60, height: int = 16, **setting: Any) -> str:
    metric, cursor = setting.pop("metric", "test/f1"), setting.pop("cursor", None)
    drawing = Plot(curves, Setting(metric, width, height, **setting))
    strips = drawing.draw(cursor, [Style()] * (len(Ink) + 3 * len(curves)))
    assert len(strips) == height
    assert all(cell_len(strip.text) == width for strip in strips)
    return "\n".join(strip.text for strip in strips)


# ---- what is drawn


def test_a_chart_has_its_metric_axes_curves_and_their_values() -> None:
    shown = text(
        [curve([0.1, 0.4, 0.5, 0.6], "ViT"), curve([0.1, 0.2, 0.3, 0.35], "BiT", colour=PALETTE[1])],
        x_label="epoch",
    )
    assert "╭─ test/f1 ─" in shown
    assert "─ epoch ─╮" in shown
    assert ".40┤" in shown
    assert "╰─ ●.600 ▲.350 ─" in shown
    assert "ViT" not in shown
    assert any("⠀" < character <= "⣿" for character in shown)


def test_values_stand_in_the_order_of_the_list_and_say_which_still_move() -> None:
    lines = [
        curve([0.1, 0.3], "third", mark="■", place=2),
        curve([0.1, 0.4], "first", mark="●", place=0, live=True),
        curve([0.1, NAN], "none", mark="◆", place=3),
        curve([0.1, 0.5], "second", mark="▲", place=1),
    ]
    assert "╰─ ●.400» ▲.500 ■.300 ◆.100 ─" in text(lines)
    assert "+- A=.400> B=.500 C=.300 D=.100 -" in text(lines, ascii_only=True)
    assert "╰─ ●.40» ▲.50 ■.30 ◆.10 ─" in text(lines, 27)
    assert "╰─ ●.400» ▲.500 +2 ─" in text(lines, 22)
    assert "■.300" in text([dataclasses.replace(lines[0], pinned=True), *lines[1:]], 21).splitlines()[-1]


def test_what_was_measured_once_says_so_beside_lines() -> None:
    lines = [curve([0.1, 0.3], "line", mark="●", place=0), curve([0.2], "point", mark="▲", place=1)]
    assert "╰─ ●.300 ▲.200 once ─" in text(lines, 30)
    assert "╰─ ●.300 ▲.200 ─" in text(lines, 20)  # no digit and no curve gives way to it
    assert "once" not in text(lines[1:], 30)
    assert "▲.200» ─" in text([lines[0], curve([0.2], "point", mark="▲", place=1, live=True)], 30)


def test_spreads_are_told_where_they_fit() -> None:
    line = seeds([0.4, 0.48], [0.4, 0.5], [0.4, 0.52])
    assert "●.500±.020" in text([line], 44)
    assert "±" not in text([line], 43)
    assert "±" not in text([line] * 5, 44).splitlines()[-1]


NAMES = st.lists(st.text("ab-3", max_size=12), max_size=5, unique=True)


@given(NAMES, st.integers(1, 9), st.integers(6, 60), st.integers(1, 3), st.booleans())
def test_the_legend_fits_and_counts_what_it_leaves_out(
    names: list[str], digits: int, room: int, rows: int, spread: bool
) -> None:
    entries = [LegendEntry("●", "8" * digits, 0, "±1", "»", name, strong=not name) for name in names]
    for shown in ([legend_row(entries, room, spread=spread)], named_rows(entries, room, rows)):
        assert len(shown) <= rows
        assert all(row.width <= room for row in shown) or len(names) == 0 or room < digits + 12
        assert sum(len(row.entries) + row.left_out for row in shown) in (len(entries), 0)


def test_names_are_told_where_a_chart_is_alone_on_rows_of_their_own() -> None:
    names = ("ViT-B-32x32-32-7", "ViT-B-32x32-16-7", "BiT-M-R50x1-32x32-7")
    lines = [curve([0.1, 0.2], name, mark=MARKERS[i], place=i) for i, name in enumerate(names)]
    wide = text(lines, 100, 20, named=True).splitlines()
    assert "● ViT-B-32x32-32-7 .200  ▲ ViT-B-32x32-16-7 .200  ■ BiT-M-R50x1-32x32-7 .200" in wide[-1]
    narrow = text(lines, 62, 9, named=True).splitlines()[-1]
    assert "● ViT-B…32-7 .200" in narrow
    high = text(lines, 50, 20, named=True).splitlines()
    assert "● ViT-B-32x32-32-7 .200" in high[-3]
    assert "■ BiT-M-R50x1-32x32-7 .200" in high[-1]
    assert not any("⠀" < letter <= "⣿" for row in high[-3:] for letter in row)


@given(st.lists(st.text("abc", min_size=1, max_size=20), min_size=1, max_size=5, unique=True))
def test_names_that_are_cut_stay_apart(names: list[str]) -> None:
    cut = told_apart(names, 14)
    assert all(cell_len(name) <= 14 for name in cut)
    assert len({*cut}) == len(names)


def test_two_signs_in_one_cell_stand_side_by_side() -> None:
    shown = text([curve([0.1, 0.5], mark="●"), curve([0.4, 0.5], mark="▲")])
    assert "●▲│" in shown


def test_signs_of_two_cells_stand_in_the_picture_side_by_side_and_along_the_way() -> None:
    marks = ("●0", "●1", "▲0")
    lines = [curve([0.1, 0.1 + i // 2, 0.5], mark=mark, place=i) for i, mark in enumerate(marks)]
    shown = text(lines)
    assert "●0●1▲0│" in shown
    assert "╰─ ●0=.500 ●1=.500 ▲0=.500 ─" in shown
    along = text(lines, colourless=True, ascii_only=True, cursor=2.0)
    assert all(along.count(mark) > 2 for mark in ("A0", "A1", "B0"))
    assert "A0=.500 A1=.500 B0=.500" in along
    for width in (1, 2, 12, 15):
        text(lines, width, 9, colourless=True)
    crowd = [curve([0.1, 0.5], mark=f"{'●▲■'[i % 3]}{i // 3}", place=i) for i in range(24)]
    inside = "\n".join(text(crowd).splitlines()[1:-1])
    assert re.findall(r"[●▲■](?![0-7])", inside) == []  # none is half covered by another
    assert len(set(re.findall(r"[●▲■][0-7]", inside))) > 3


def test_the_value_is_the_one_at_the_sign() -> None:
    line = curve([0.1, 0.2, 0.3, 0.9])
    assert "●.300" in text([line], view=(0.0, 2.2))
    smoothed = curve([0.1, 0.3], raw=np.array([0.1, 0.9]))
    assert "╰─ ●~.300 ─" in text([smoothed], smoothing=0.6)


@pytest.mark.parametrize(
    ("width", "log_y", "named", "way"),
    [(60, False, False, "test/f1 smoothed .95 "), (60, True, True, "test/f1 log smoothed .95 "),
     (24, False, False, "test/f1 ~.95 "), (29, True, False, "test/f1 log ~.95 "), (11, False, False, "1 ~.95 ")],
)  # fmt: skip
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_frame_says_that_its_curves_are_smoothed(
    width: int, log_y: bool, named: bool, way: str, ascii_only: bool
) -> None:
    lines = [curve([0.2, 0.3], raw=np.array([0.1, 0.9])), curve([0.2, 0.4], "raw", colour=PALETTE[1])]
    shown = text(
        lines, width, smoothing=0.95, log_y=log_y, named=named, ascii_only=ascii_only, x_label="epoch"
    )
    first, last = shown.splitlines()[0], shown.splitlines()[-1]
    assert way in first
    if width > 11:  # what was measured is said as it is, what was made of it by smoothing is not
        assert "~.30" in last
        assert ("B=.40" if ascii_only and not named else ".40") in last
        assert "~.40" not in last
        assert "~" not in text(lines[1:], width, log_y=log_y, ascii_only=ascii_only)
        assert "~" not in text(lines[:1], width, view=(5.0, 6.0)).splitlines()[-1]  # no value there


@pytest.mark.parametrize(
    ("values", "room", "said"),
    [
        (["1.624", "1.484", "0.919", "0.870"], 31, "1.624 1.484 0.919 0.870"),
        (["1.624", "1.484", "0.919", "0.870"], 26, "1.62 1.48 0.919 0.870"),
        (["1.624", "1.484", "0.919", "0.870"], 22, "1.6 1.5 0.92 0.87"),
        (["1.624", "1.622", "1.621"], 18, "1.62 1.62 1.62"),  # alike in three digits: three are enough
        (["1.624", "1.622", "1.621"], 16, "1.624 1.622 +1"),
        ([".281", ".284", ".287"], 15, ".281 .284 +1"),  # in two digits they would be alike
        (["21.8k", "3.10G", "–", "5.0e-4"], 25, "21.8k 3.10G – 5.0e-4"),
        (["21.8k", "3.10G", "–", "5.0e-4"], 22, "22k 3.1G – 5.0e-4"),
        (["123.456", "-.5004"], 11, "123 -.500"),
    ],
)
def test_values_lose_digits_before_one_is_left_out(values: list[str], room: int, said: str) -> None:
    row = legend_row([LegendEntry("●", value, 0) for value in values], room, spread=True)
    told = [value for _, _, value in row.entries] + [f"+{row.left_out}"] * bool(row.left_out)
    assert told == said.split()
    assert row.width <= room


@pytest.mark.parametrize("curves", [[], [curve([NAN, NAN])], [curve([float("inf")])]])
def test_no_data_says_so(curves: list[ChartLine]) -> None:
    assert "no data yet" in text(curves)


@pytest.mark.parametrize(("axis", "words"), [("samples", "no samples"), ("epoch", "no epochs")])
def test_an_axis_that_no_run_has_is_named_with_the_way_out(axis: str, words: str) -> None:
    assert f"{words}: x for another axis" in text([curve([])], x_label=axis)


def test_a_log_axis_without_positive_values_says_so() -> None:
    assert "nothing above zero" in text([curve([0, -1])], log_y=True)


def test_a_view_without_points_says_so() -> None:
    assert "nothing in this range" in text([curve([1, 2, 3])], view=(10.0, 20.0))


def test_a_log_axis_has_powers_for_ticks() -> None:
    shown = text([curve([1e-4, 1e-2, 1.0])], metric="train/loss", log_y=True)
    assert "0.01┤" in shown
    assert " log " in shown.splitlines()[0]


@pytest.mark.parametrize(
    ("metric", "values", "said"),
    [
        ("train/loss", [1.9, 2.2], ["2.20", "2.15", "2.10", "2.05", "2.00", "1.95", "1.90"]),
        ("train/loss", [0.003, 2.0], ["2", "1", "0.5", "0.2", "0.1", "0.05", "0.02", "0.01", "0.005"]),
        ("gpu/memory_used", [0.9 * 2**30, 4.7 * 2**30], ["4 GiB", "2 GiB", "1 GiB"]),
    ],
)
def test_a_log_axis_has_the_limits_of_its_data(metric: str, values: list[float], said: list[str]) -> None:
    rows = text([curve(values)], 60, 24, metric=metric, log_y=True).splitlines()
    assert [row[1:].partition("┤")[0].strip() for row in rows if "┤" in row] == said
    assert any("⠀" < letter <= "⣿" or letter == "●" for letter in rows[1])
    assert any("⠀" < letter <= "⣿" for letter in rows[20])


@pytest.mark.parametrize(
    ("values", "bottom"), [([0.003, 2.0], 0), ([0.0, 1e-8], 0), ([1.9, 2.3], None), ([-0.1, 0.5], None)]
)
def test_zero_is_at_the_bottom_where_nothing_is_below(values: list[float], bottom: float | None) -> None:
    shown = text([curve(values)], 60, 16, metric="train/grad_norm").splitlines()
    assert ("▁" in shown[-4]) == (bottom == 0)
    assert "_" in text([curve([0, 1])], 60, 16, metric="train/grad_norm", ascii_only=True)


def test_small_charts_drop_axis_before_curves() -> None:
    curves = [curve([0.1, 0.5, 0.6]), curve([0.3, 0.2, 0.1], "BiT")]
    small = text(curves, 24, 7, x_label="epoch")
    assert "┬" not in small
    assert "0–2 epoch ─╮" in small
    tiny = text(curves, 14, 4)
    assert "┤" not in tiny
    for width in range(1, 30):
        for height in range(1, 12):
            text(curves, width, height)


def test_nothing_is_drawn_over_a_curve() -> None:
    rng = np.random.default_rng(0)
    curves = [curve(list(rng.uniform(0, 1, 400)), f"run-{i}", colour=PALETTE[i]) for i in range(4)]
    inside = [row[7:-1] for row in text(curves, 80, 20, cursor=200.0, named=True).splitlines()[1:-4]]
    assert not {letter for row in inside for letter in row if not "⠀" <= letter <= "⣿"} - {*" ┈│", *MARKERS}


def test_a_cursor_reads_what_every_curve_had_by_then() -> None:
    curves = [curve([0.1, 0.2, 0.9], "a"), curve([0.5, 0.4], "b", colour=PALETTE[1])]
    shown = text(curves, cursor=1.9, x_label="epoch")
    assert "epoch 1 ─╮" in shown.splitlines()[0]
    assert "●.200 ▲.400" in shown
    assert shown.count("●") == shown.count("▲") == 2  # at the cursor and in the border, no longer at the end
    assert "▲–" in text(curves, cursor=2.0, x_label="epoch")


def test_seeds_are_read_with_their_standard_deviation() -> None:
    three = [[0.4, 0.48], [0.4, 0.5], [0.4, 0.52]]
    assert ".500±.020" in text([seeds(*three)])
    assert ".500±.020" in text([seeds(*three)], cursor=1.0)
    fast = seeds(*([100 * value for value in seed] for seed in three))
    assert "●50.0±2.00" in text([fast], metric="train/images_per_s")


@pytest.mark.parametrize(
    ("count", "width", "words"),
    [
        (3, 90, "band: 3 seeds, lowest to highest"),
        (3, 46, "band: lowest to highest"),
        (8, 90, "band: ± standard deviation of 8 seeds"),
        (8, 30, "± sd"),
    ],
)
def test_what_a_band_means_is_said_beside_the_axis(count: int, width: int, words: str) -> None:
    shown = text([seeds(*([0.1, 0.3 + i / 50] for i in range(count)))], width, x_label="epoch")
    assert f" {words} ─╯" in shown


def test_bands_of_one_chart_mean_the_same() -> None:
    few, many = (seeds(*([0.1, 0.3 + i / 50] for i in range(count))) for count in (2, 8))
    assert "band: seeds, lowest to highest" in text([few, many], 90)
    assert "± " not in text([few, many], 90).splitlines()[-1]


def test_where_a_seed_diverged_stands_a_cross() -> None:
    lost = text([seeds([0.2, 0.3, 0.4, NAN, NAN], [0.2, 0.4, 0.5, 0.6, 0.7])])
    assert lost.count("✗") == 1
    assert "✗" not in text([seeds([0.2, 0.3, 0.4], [0.2, 0.4, 0.5])])
    assert "x" in text([seeds([0.2, NAN], [0.2, 0.4])], ascii_only=True)


def test_the_mean_of_fewer_seeds_is_dashed() -> None:
    steady = [0.5] * 41
    whole, short = (seeds(steady, steady[:size]) for size in (41, 21))
    rows = [
        max(text([line]).splitlines(), key=lambda row: sum(c > "⠀" for c in row)) for line in (whole, short)
    ]
    drawn = [[character > "⠀" for character in row[8:-6]] for row in rows]
    assert all(drawn[0])
    middle = len(drawn[1]) // 2
    assert all(drawn[1][: middle - 2])
    assert {*drawn[1][middle + 2 :: 2]} | {*drawn[1][middle + 3 :: 2]} == {True, False}


def test_without_colour_every_curve_wears_its_mark_along_the_way() -> None:
    curves = [curve(list(np.linspace(0, 1 - i / 4, 50)), f"c{i}", colour=PALETTE[i]) for i in range(3)]
    plain_text, marked = text(curves), text(curves, colourless=True)
    for mark in MARKERS[:3]:
        assert marked.count(mark) > plain_text.count(mark)


def test_ascii_has_nothing_else() -> None:
    curves = [curve([0.1, 0.5, 0.3], "a"), curve([0.2, 0.1, 0.4], "b", colour=PALETTE[1])]
    assert text(curves, ascii_only=True, cursor=1.0).isascii()


def test_a_seam_is_a_vertical_line() -> None:
    assert "┊" in text([curve([0.1, 0.2, 0.3], seams=(1.0, 99.0, NAN))])


@pytest.mark.parametrize(
    "label",
    [
        "[bold red]x[/]",
        "[/x]",
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07a",
        "a\nb\tc",
        "模型一号" * 10,
        "🙂👩‍👩‍👧‍👦",
        "e\u0301",
        "\u202egnp.exe",
        "\ud800",
        "\x9b2J",
        "",
        "x" * 5000,
    ],
)
def test_hostile_labels_are_text(label: str) -> None:
    shown = text([curve([1, 2, 3], label), curve([3, 2, 1], label, colour=PALETTE[1])], metric="a\x1b[2Jb")
    assert not any(ord(character) < 32 and character != "\n" for character in shown)
    assert "\u202e" not in shown
    text([curve([1, 2], label)], 30, 8, x_label=label, cursor=1.0)


def test_text_is_cut_in_the_middle_by_cells() -> None:
    assert fit("ViT-B-32x32-16-7", 9) == "ViT-…16-7"
    assert cell_len(fit("模型一号模型二号", 9)) <= 9
    assert plain("\x1b[1;31mloss\x1b[0m [/x]") == "loss [/x]"


any_float = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=150, deadline=None)
@example([[(0.0, 0.0), (2e-83, 0.0)]], False, "epoch", "test/f1", None, 1e225, (2, 2))
@example([[(0.0, 0.0)]], False, "epoch", "test/f1", (7e295, -1.7976931348623157e308), None, (20, 9))
@example([[(0.0, 0.0)]], False, "time", "test/f1", (1.7e308, -1.7e308), None, (60, 20))
@given(
    columns=st.lists(st.lists(st.tuples(any_float, any_float), max_size=8), max_size=4),
    log_y=st.booleans(),
    x_label=st.sampled_from(["epoch", "time", "step", "GPU-hours"]),
    metric=st.sampled_from(["test/f1", "train/loss", "gpu/memory_used", "gpu/energy", "train/lr"]),
    view=st.none() | st.tuples(any_float, any_float),
    cursor=st.none() | any_float,
    size=st.tuples(st.integers(1, 90), st.integers(1, 30)),
)
def test_no_chart_ever_raises(
    columns: list[list[tuple[float, float]]],
    log_y: bool,
    x_label: str,
    metric: str,
    view: tuple[float, float] | None,
    cursor: float | None,
    size: tuple[int, int],
) -> None:
    curves = []
    for pairs in columns:
        x, y = [a for a, _ in pairs], [b for _, b in pairs]
        curves.append(curve(
            y, "run", x, raw=np.array(y[::-1], float), low=np.array(y, float), high=np.array(x),
            partial=np.array(y, float) > 1, crosses=tuple(pairs),
        ))  # fmt: skip
    text(curves, *size, log_y=log_y, x_label=x_label, metric=metric, view=view, cursor=cursor)


# ---- numbers


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("test/f1", 0.6123, "0.612"),
        ("train/loss", 2.345, "2.35"),
        ("train/lr", 5e-4, "5.0e-4"),
        ("gpu/memory_used", 3.1 * 2**30, "3.1 GiB"),
        ("gpu/1/memory_used", 512, "512 B"),
        ("cpu/memory_process", 700 * 2**20, "700 MiB"),
        ("gpu/utilization", 87, "87.0 %"),
        ("gpu/power", 412, "412 W"),
        ("gpu/temperature", 71, "71.0 °C"),
        ("gpu/energy", 1.2e6, "1.20 MJ"),
        ("train/images_per_s", 5210, "5.21k img/s"),
        ("train/loss", NAN, "–"),
    ],
)
def test_values_are_said_in_their_unit(metric: str, value: float, said: str) -> None:
    assert unit_of(metric).format(value) == said


def test_ticks_of_one_axis_share_a_scale() -> None:
    memory = unit_of("gpu/memory_used")
    low, high = limits(0, 3.1 * 2**30, memory)
    assert memory.labels(linear_ticks(low, high, 4, memory)) == ["0 GiB", "1 GiB", "2 GiB", "3 GiB"]
    assert limits(3, 97, unit_of("gpu/utilization")) == (0, 100)
    time = unit_of_axis("time")
    assert time.labels(linear_ticks(0, 4000, 4, time)) == ["0:00", "30:00", "1:00:00"]
    assert time.labels(linear_ticks(1.7e9, 1.7e9 + 7200, 4, time)) == ["22:30", "23:00", "23:30", "00:00"]


@given(a=st.floats(allow_nan=False), b=st.floats(allow_nan=False))
def test_limits_are_apart_and_hold_the_data(a: float, b: float) -> None:
    low, high = sorted((max(min(a, 1e300), -1e300), max(min(b, 1e300), -1e300)))
    bottom, top = limits(low, high, unit_of("train/loss"))
    slack = max(abs(low), abs(high)) * 1e-9
    assert np.isfinite([bottom, top]).all()
    assert bottom < top
    assert bottom <= low + slack
    assert top >= high - slack
    if low > 0:
        bottom, top = log_limits(low, high)
        assert 0 < bottom < top


# ---- the widget


class Charts(App[None]):
    CSS = "Chart { width: 60; height: 16; }"

    def __init__(self) -> None:
        super().__init__()
        self.said: list[Message] = []

    def compose(self) -> ComposeResult:
        yield Chart("test/f1", id="one")

    def on_chart_cursor_moved(self, message: Chart.CursorMoved) -> None:
        self.said.append(message)

    def on_chart_view_changed(self, message: Chart.ViewChanged) -> None:
        self.said.append(message)

    def on_chart_clicked(self, message: Chart.Clicked) -> None:
        self.said.append(message)


def lines(chart: Chart) -> str:
    return "\n".join(chart.render_line(y).text for y in range(chart.size.height))


LONGER = [curve([0.1, 0.4, 0.5, 0.9], "ViT"), curve([0.1, 0.2, 0.3, 0.5], "BiT", colour=PALETTE[1])]
TWO = [curve([0.1, 0.4, 0.5, 0.6], "ViT"), curve([0.1, 0.2, 0.3, 0.35], "BiT", colour=PALETTE[1])]


async def test_a_chart_is_drawn_once_until_something_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Setting] = []
    first = plots.Plot.__init__

    def count(self: Plot, curves: Sequence[ChartLine], setting: Setting, *rest: Any) -> None:
        drawn.append(setting)
        first(self, curves, setting, *rest)

    monkeypatch.setattr(plots.Plot, "__init__", count)
    app = Charts()
    async with app.run_test(size=(80, 24)) as pilot:
        chart = app.query_one(Chart)
        chart.show(TWO)
        await pilot.pause()
        drawn.clear()
        before = lines(chart)
        chart.refresh()
        await pilot.pause()
        assert lines(chart) == before
        chart.cursor = 2.0
        await pilot.pause()
        assert lines(chart) != before
        assert not drawn  # a cursor is laid over what is there
        chart.cursor = None
        chart.show([dataclasses.replace(each) for each in TWO])
        await pilot.pause()
        assert lines(chart) == before
        assert not drawn  # the same arrays, colours and names
        chart.show(TWO[:1])
        chart.show(LONGER)
        await pilot.pause()
        assert lines(chart) != before
        assert len(drawn) == 1
        chart.log_y = True
        await pilot.pause()
        assert len(drawn) == 2


async def test_only_rows_that_look_different_are_painted(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Charts()
    async with app.run_test(size=(80, 24)) as pilot:
        chart = app.query_one(Chart)
        chart.show(TWO)
        await pilot.pause()
        before = [chart.render_line(y) for y in range(chart.size.height)]
        painted: list[Region] = []
        monkeypatch.setattr(chart, "refresh", lambda *regions, **_: painted.extend(regions))
        chart.show([TWO[0], dataclasses.replace(TWO[1], pinned=True)])  # over the other curve, and bold
        await pilot.pause()
        changed = [y for y, strip in enumerate(before) if strip != chart.render_line(y)]
        assert [region.y for region in painted] == changed
        assert 0 < len(changed) < chart.size.height


async def test_curves_that_grew_keep_their_room_whichever_is_in_front() -> None:
    app = Charts()
    async with app.run_test(size=(80, 24)) as pilot:
        chart = app.query_one(Chart)
        ends = []
        longer = [curve([0.1] * 100, "ViT"), curve([0.2] * 100, "BiT")]
        for shown in (TWO, longer, longer[::-1]):
            chart.show(shown)
            await pilot.pause()
            assert chart._plot is not None
            ends.append(chart._plot.limits)
        assert ends == [(0.0, 3.0), (0.0, pytest.approx(99 * 1.04)), ends[1]]


async def test_a_chart_follows_its_size_and_theme() -> None:
    app = Charts()
    async with app.run_test(size=(80, 24)) as pilot:
        chart = app.query_one(Chart)
        assert "no data yet" in lines(chart)
        chart.show(TWO)
        for width, height in ((24, 7), (60, 16), (79, 23), (12, 4), (3, 2)):
            chart.styles.width, chart.styles.height = width, height
            await pilot.pause()
            assert {chart.render_line(y).cell_length for y in range(chart.size.height)} == {width}
        dark = list(chart.render_line(0))
        app.theme = "textual-light"
        await pilot.pause()
        assert list(chart.render_line(0)) != dark


async def test_the_wheel_zooms_and_dragging_pans() -> None:
    app = Charts()
    async with app.run_test(size=(80, 24)) as pilot:
        chart = app.query_one(Chart)
        chart.show(TWO)
        await pilot.pause()
        at = dict.fromkeys(("delta_x", "delta_y", "button"), 0) | dict.fromkeys(
            ("shift", "meta", "ctrl"), False
        )
        chart.post_message(events.MouseScrollUp(chart, 30, 8, **at))
        await pilot.pause()
        assert chart.view is not None
        assert chart.view[1] - chart.view[0] == pytest.approx(3 / 1.25)
        chart.post_message(events.MouseScrollDown(chart, 30, 8, **at))
        await pilot.pause()
        assert chart.view is None
        app.said.clear()
        chart.zoom(2.0)
        await pilot.pause()
        assert chart.view == (0.75, 2.25)
        chart.zoom(4.0, at=0.75)
        assert chart.view == (0.75, 1.125)
        chart.pan(-10)
        assert chart.view == (0.0, 0.375)
        chart.zoom(0.01)
        await pilot.pause()
        assert chart.view is None
        assert [type(message) for message in app.said] == [Chart.ViewChanged] * 4
        chart.view = (1.0, 2.0)
        app.said.clear()
        await pilot.mouse_down(chart, offset=(30, 8))
        await pilot.hover(chart, offset=(40, 8))
        await pilot.mouse_up(chart, offset=(40, 8))
        await pilot.pause()
        assert isinstance(app.said[0], Chart.ViewChanged)
        assert chart.view is not None
        assert chart.view[0] < 1.0
        assert chart.view[1] - chart.view[0] == pytest.approx(1.0)


async def test_the_mouse_moves_a_cursor_that_is_on() -> None:
    app = Charts()
    async with app.run_test(size=(80, 24)) as pilot:
        chart = app.query_one(Chart)
        chart.show(TWO)
        await pilot.hover(chart, offset=(30, 8))
        assert not app.said
        chart.cursor = 0.0
        await pilot.hover(chart, offset=(31, 8))
        await pilot.pause()
        moved = app.said[-1]
        assert isinstance(moved, Chart.CursorMoved)
        assert moved.chart is chart
        assert moved.x == chart.cursor
        assert moved.x in (1, 2)  # where it was measured
        chart.cursor = 0.0
        app.said.clear()
        await pilot.click(chart, offset=(50, 8))
        await pilot.pause()
        assert chart.cursor == 3  # also where the terminal tells of no moves
        assert {Chart.Clicked, Chart.CursorMoved} <= set(map(type, app.said))


async def test_a_click_says_so() -> None:
    app = Charts()
    async with app.run_test(size=(80, 24)) as pilot:
        chart = app.query_one(Chart)
        await pilot.click(chart, offset=(30, 8))
        await pilot.pause()
        assert isinstance(app.said[-1], Chart.Clicked)
        assert not chart.can_focus


@pytest.mark.slow
def test_the_frame_is_the_same_in_every_process() -> None:
    code = (
        "from tui.widgets.chart.plotext_frame import draw_frame\n"
        "x = tuple((6 * i, f'{1 + i / 4:.2f}') for i in range(5))\n"
        "print(draw_frame(25, 6, x, ((0, '0.80'), (4, '0.60'))).rows)"
    )
    drawn = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(6)
    }
    assert len(drawn) == 1


def test_times_are_seconds_and_utilisation_percent() -> None:
    assert unit_of("time/backward").format(0.018).endswith(" s")
    assert unit_of("train/mfu").format(41.5).endswith(" %")


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [(1, 2, ["1", "2"]), (0.8, 3.1, ["1", "2", "3"]), (1.2, 1.8, ["1.2", "1.4", "1.6", "1.8"])],
)
def test_epochs_are_counted_whole_where_two_of_them_can_be_seen(
    left: float, right: float, said: list[str]
) -> None:
    frame = frame_for(Window(left, right, 0, 1), 40, 12, PLAIN, "epoch")
    assert frame is not None
    assert frame.rows[-1].split() == said


def test_what_came_of_seeds_is_told_whatever_the_last_point_is() -> None:
    told = curve([0.1, 0.3], "seeds", outcome=Outcome(0.6, 0.05, 0.9))
    shown = text([told, curve([0.2, 0.4], "alone", colour=PALETTE[1])])
    assert "╰─ ●.600±.050 ▲.400 ─" in shown
    assert "●.100 " in text([told], view=(0.0, 0.5))
