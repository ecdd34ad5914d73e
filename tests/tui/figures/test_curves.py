"""Curves as figures: where marks and names stand, what is printed, and where axes begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis.curves import Curve, curve_of, mean_over_seeds
from engine.text import cells
from tui.figures import curve_figure as figures
from tui.figures import line_labels
from tui.figures.axis_titles import title, y_scale
from tui.figures.curve_figure import Picture
from tui.state.chart_line import ChartLine

NAN = float("nan")


def picture(*lines: Sequence[float], metric: str = "test/f1", names: Sequence[str] = "abcdefgh") -> Picture:
    drawn = [
        ChartLine(name, "#123a2c", Curve("", np.arange(1.0, len(y) + 1), np.array(y, float)))
        for name, y in zip(names, lines, strict=False)
    ]
    return Picture("T", metric, "epoch", tuple(drawn))


def drawn(shown: Picture) -> Any:
    with figures.style():
        return figures.draw_picture(shown)


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ([[0.1, 0.2], [0.3, 0.4]], "Bands: 2 seeds, lowest to highest. Thin lines: the seeds."),
        ([[0.1, 0.2 + i / 9] for i in range(6)], "Bands: ± standard deviation of 6 seeds."),
        ([[0.1, 0.2], [0.3]], "Dashed: the mean of fewer seeds (1 of 2 seeds)."),
        ([[0.1, 0.2], [0.3, NAN]], "Crosses: seeds that diverged, where the mean ends (1 of 2)."),
    ],
)
def test_what_lines_and_bands_mean_is_printed_on_the_figure(seeds: list[list[float]], words: str) -> None:
    curves = [curve_of("", np.arange(1.0, len(y) + 1), np.array(y)) for y in seeds]
    shown = Picture("T", "test/f1", "epoch", (ChartLine("a", "#123a2c", mean_over_seeds(curves)),))
    assert words in drawn(shown).texts[-1].get_text().replace("\n", " ")


@pytest.mark.parametrize(
    ("lines", "words"),
    [(1, "N = 1 seed."), (2, "N = 1 seed each.")],
)
def test_a_figure_of_single_seeds_says_so(lines: int, words: str) -> None:
    assert drawn(picture(*[[0.1, 0.2]] * lines)).texts[-1].get_text() == words


def test_marks_stand_at_the_ends_of_epochs_alone() -> None:
    x, y, gaps = np.array([1.0, 1.25, 2.0, 2.5, 3.0]), np.full(5, 0.5), np.array([0.5, NAN, 0.5, NAN, 0.5])
    assert _marks(x, y) == [0, 2, 4]
    assert _marks(x + 0.1, y) == [0, 1, 2, 3, 4]  # no point is at one: all of the few
    assert _marks(x + 0.1, gaps) == [0, 2, 4]
    assert _marks(np.arange(99) / 9, np.full(99, 0.5)) == [*range(0, 99, 9)]
    assert _marks(np.arange(99.0), np.full(99, 0.5)) == []  # many epochs
    steps = ChartLine("a", "#123a2c", Curve("", 8 * x, y), epochs=frozenset([8.0, 16.0]))
    (axes,) = drawn(Picture("T", "test/f1", "step", (steps,))).axes
    assert axes.lines[0].get_markevery() == [0, 2]


def _marks(x: Any, y: Any, at_epochs: Any = None) -> list[int]:
    return figures._marked(y, figures._is_whole(x) if at_epochs is None else at_epochs)


def test_names_stand_at_the_ends_of_lines_where_they_fit() -> None:
    (axes,) = drawn(picture([0.1, 0.4], [0.2, 0.41], [0.9, 0.8, 0.7])).axes
    assert axes.get_legend() is None
    boxes = [text.get_window_extent() for text in axes.texts]
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c"]
    assert not any(box.count_overlaps(boxes[:i]) for i, box in enumerate(boxes))


def test_names_go_to_a_legend_where_they_do_not_fit() -> None:
    (axes,) = drawn(picture(*([0.1, 0.5 + i / 1000] for i in range(8)))).axes
    assert not axes.texts
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list("hgfedcba")
    (axes,) = drawn(picture([0.1, 0.5], names=["_" * 60])).axes
    assert len(axes.get_legend().get_texts()[0].get_text()) == figures.LONGEST_NAME


def test_lines_of_one_colour_differ_in_dashes_and_marker() -> None:
    (axes,) = drawn(picture([0.1, 0.4], [0.2, 0.6])).axes
    one, two = axes.lines
    assert one.get_color() == two.get_color()
    assert one.get_linestyle() != two.get_linestyle()
    assert one.get_markerfacecolor() != two.get_markerfacecolor()
    seeds = picture([0.1, 0.4], [0.2, 0.6])
    lines = (replace(line, mark=f"▲{seed}") for seed, line in enumerate(seeds.lines))
    (axes,) = drawn(replace(seeds, lines=tuple(lines))).axes
    assert {line.get_marker() for line in axes.lines} == {figures.SHAPES["▲"]}
    assert len({line.get_linestyle() for line in axes.lines}) == 2


def test_axes_begin_where_it_is_honest() -> None:
    memory = drawn(picture([3 * 2.0**30, 3.5 * 2.0**30], metric="gpu/memory_peak")).axes[0]
    assert memory.get_ylim()[0] == 0
    assert memory.get_ylabel() == "GPU memory allocated, peak (GiB)"
    f1 = drawn(picture([0.97, 0.999])).axes[0]
    assert 0.9 < f1.get_ylim()[0] < f1.get_ylim()[1] <= 1
    assert f1.get_ylabel() == "Test F1 (macro)"
    assert all(float(tick.get_text()) == int(tick.get_text()) for tick in f1.get_xticklabels())


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("gpu/1/memory_used", "GPU 1 memory used"),
        ("train/lr", "Learning rate"),
        ("val/loss", "Validation loss"),
        ("my/own_metric", "my/own_metric"),
        ("loss", "loss"),
    ],
)
def test_metrics_have_names(metric: str, name: str) -> None:
    assert title(metric) == name


def test_units_stand_in_the_title_of_the_axis() -> None:
    assert y_scale("gpu/power", []).title == "GPU power (W)"
    assert y_scale("cpu/memory_process", [np.array([NAN, 5e6])]).title == "CPU memory of the process (MiB)"
    assert y_scale("train/images_per_s", []).title == "Throughput (images/s)"


@settings(max_examples=50)
@given(st.lists(st.floats(-50, 150), max_size=12), st.floats(0.1, 20))
def test_spread_names_keep_their_order_their_distance_and_the_frame(
    places: list[float], height: float
) -> None:
    found = line_labels.spread(places, height, 0, 100)
    if found is None:
        assert height * len(places) > 100
        return
    assert all(height / 2 - 1e-6 <= place <= 100 - height / 2 + 1e-6 for place in found)
    order = sorted(range(len(places)), key=lambda i: places[i])
    gaps = np.diff([found[i] for i in order])
    assert (gaps >= height - 1e-6).all()


@settings(max_examples=30)
@given(st.lists(st.text(max_size=60), unique=True, max_size=6))
def test_short_names_are_short_and_different(names: list[str]) -> None:
    short = line_labels.shorten_all(names, 12)
    assert all(cells(name) <= 12 for name in short)
    assert len(set(short)) == len(short)


@settings(max_examples=50)
@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True))
def test_letters_are_dark_enough_to_read(colour: str) -> None:
    dark = line_labels.readable(colour)
    parts = [int(dark[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    assert line_labels._contrast(parts) > 4.3
