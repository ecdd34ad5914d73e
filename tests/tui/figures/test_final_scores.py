"""Bars and scatters: what stands in them is what the engine's statistics say of the runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text

from engine.analysis.results import Score
from engine.analysis.statistics.seed_intervals import share_over_seeds
from engine.catalog.figure_kinds import COSTS
from tests.tui.figures.kinds_lab import NAN, Lab, small_print, table
from tui.curve_palette import assign
from tui.figures import cost_scatter
from tui.figures.final_scores import Scored, best_first
from tui.figures.score_bars import lanes
from tui.figures.style import LOOKS, PAPER


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


def test_a_bar_is_as_long_as_the_mean_and_its_line_is_the_engines_interval(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("bars", ["a", "b"]))
    for name, scores in (("a", (0.2, 0.3, 0.5)), ("b", (0.6, 0.7, 0.75))):
        for seed, score in enumerate(scores):
            lab.train(config, name, score, seed=seed)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["b", "a"]  # the best first
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # from the top
    results = [lab.result(config, name).scores["test/f1"] for name in ("b", "a")]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([score.mean for score in results])
    assert [bar.get_x() for bar in axes.patches] == [0, 0]
    for bars, score in zip(axes.collections, results, strict=True):
        assert score.interval[:2] == share_over_seeds(score.values)
        assert bars.get_segments()[0][:, 0] == pytest.approx(score.interval[:2])
    dots = [line.get_xdata() for line in axes.lines if line.get_label() == "seeds"]
    assert [sorted(each) for each in dots] == [pytest.approx(sorted(score.values)) for score in results]
    assert [text.get_text() for text in axes.texts] == ["0.683", "0.333"]
    assert "mean over N = 3 seeds" in small_print(lab.drawn[0])
    colours = assign(config.experiments)
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [colours["b"], colours["a"]]


def test_one_seed_has_the_interval_that_its_run_told_and_says_what_it_is(lab: Lab) -> None:
    config = lab.config(["a", "bare"], table("bars", ["a", "bare"]))
    lab.train(config, "a", 0.5, interval=(0.45, 0.56))
    lab.train(config, "bare", 0.4)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    (bars,) = axes.collections
    assert bars.get_segments()[0][:, 0] == pytest.approx([0.45, 0.56])
    assert bars.get_linestyle() != [(0.0, None)]  # not solid, as one over seeds is
    assert [line.get_xdata().tolist() for line in axes.lines if line.get_label() == "seeds"] == [[0.5], [0.4]]
    assert "final value, N = 1 seed." in small_print(lab.drawn[0])
    assert "over test images." in small_print(lab.drawn[0])


def test_experiments_of_different_numbers_of_seeds_say_theirs(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("bars", ["a", "b"]))
    lab.train(config, "a")
    lab.train(config, "b", 0.4)
    lab.train(config, "b", 0.6, seed=1)
    assert lab.export(config)
    assert [tick.get_text() for tick in lab.drawn[0].axes[0].get_yticklabels()] == ["a (N = 1)", "b (N = 2)"]


def test_bars_begin_at_zero_and_their_values_stand_within_the_figure(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("bars", ["a", "b"]).replace("test/f1", "own/gain"))
    lab.train(config, "a", own__gain=-3.0)
    lab.train(config, "b", own__gain=97.123)
    assert lab.export(config)
    figure = lab.drawn[0]
    (axes,) = figure.axes
    assert axes.get_xlim()[0] < -3
    assert [bar.get_width() for bar in axes.patches] == [-3.0, pytest.approx(97.123)]
    for text in axes.texts:
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [("gpu/energy", 602_000.0, "602k"), ("test/f1", 0.5, "0.500"), ("gpu/memory_used", 3 * 2.0**30, "3.00"),
     ("train/images_per_s", 44.2, "44.2")],
)  # fmt: skip
def test_a_value_is_written_as_the_axis_has_it(lab: Lab, metric: str, value: float, text: str) -> None:
    config = lab.config(["a"], table("bars", ["a"]).replace("test/f1", metric))
    lab.train(config, "a", **({"f1": value} if metric == "test/f1" else {metric.replace("/", "__"): value}))
    assert lab.export(config)
    assert [each.get_text() for each in lab.drawn[0].axes[0].texts] == [text]


@given(st.lists(st.integers(0, 40).map(float), min_size=1, max_size=12))
def test_no_dot_of_a_row_lies_on_another(places: list[float]) -> None:
    offsets = lanes(np.array(places), 3.0)
    for number, place in enumerate(places):
        here = [at for at, offset in zip(places, offsets, strict=True) if offset == offsets[number]]
        assert sum(abs(place - at) < 3.0 for at in here) == 1
    assert (np.abs(offsets) <= 0.34).all()  # within the row


@pytest.mark.parametrize(("metric", "order"), [("test/f1", "ba"), ("test/loss", "ab"), ("own/x", "ab")])
def test_the_best_bar_is_at_the_top(metric: str, order: str) -> None:
    scored = [
        Scored(name, "#000000", Score((value,)), None)  # type: ignore[arg-type]
        for name, value in (("a", 1.0), ("b", 2.0))
    ]
    assert "".join(part.name for part in best_first(scored, metric)) == order


# ---- scatter


def test_a_point_stands_at_score_and_cost_with_the_interval_as_its_line(lab: Lab) -> None:
    config = lab.config(["a", "b", "c"], table("scatter", ["a", "b", "c"]))
    for name, size, scores in (
        ("a", 1_000_000, (0.29, 0.30, 0.31)),
        ("b", 3_000_000, (0.54, 0.55, 0.56)),
        ("c", 90_000_000, (0.39, 0.40, 0.41)),
    ):
        for seed, score in enumerate(scores):
            lab.train(config, name, score, seed=seed, parameters=size)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    seeds = [line for line in axes.lines if line.get_label() == "seeds"]
    assert seeds[0].get_xydata().tolist() == [[1.0, 0.29], [1.0, 0.3], [1.0, 0.31]]
    points = [line for line in axes.lines if line.get_label() != "seeds"]
    assert [tuple(line.get_xydata()[0]) for line in points] == [
        pytest.approx(each) for each in ((1.0, 0.3), (3.0, 0.55), (90.0, 0.4))
    ]
    assert axes.get_xscale() == "log"  # over a factor of ten
    assert axes.get_xlabel() == "Parameters (M)"
    front, *lines = axes.collections
    for bars, name in zip(lines, "abc", strict=True):
        interval = lab.result(config, name).scores["test/f1"].interval
        assert bars.get_segments()[0][:, 1] == pytest.approx(interval[:2])
    hollow = [to_hex(line.get_markerfacecolor()) == PAPER.ground for line in points]
    assert not any(hollow)
    sizes = [line.get_markersize() for line in points]
    assert sizes == [5.0, 5.0, 2.6]  # c is dominated: b is cheaper and told to be better
    (shaded,) = [path.vertices for path in front.get_paths()]  # a line would run through intervals
    assert {(1.0, 0.3), (3.0, 0.3), (3.0, 0.55)} <= {(round(x, 9), round(y, 9)) for x, y in shaded}
    assert shaded.min(axis=0).tolist() == [1.0, axes.get_ylim()[0]]
    assert shaded.max(axis=0).tolist() == [axes.get_xlim()[1], pytest.approx(0.55)]
    assert "Pareto front" in small_print(lab.drawn[0])


def test_what_seeds_leave_open_is_hollow_and_nothing_is_shaded(lab: Lab) -> None:
    config = lab.config(["a", "b", "c"], table("scatter", ["a", "b", "c"]))
    for name, size, scores in (
        ("a", 1_000_000, (0.29, 0.30, 0.31)),
        ("b", 3_000_000, (0.54, 0.55, 0.56)),
        ("c", 90_000_000, (0.53, 0.54, 0.58)),
    ):
        for seed, score in enumerate(scores):
            lab.train(config, name, score, seed=seed, parameters=size)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    points = [line for line in axes.lines if line.get_label() != "seeds"]
    hollow = [to_hex(line.get_markerfacecolor()) == PAPER.ground for line in points]
    assert hollow == [False, False, True]
    assert not [each for each in axes.collections if each.get_label() == "front"]


def test_measured_costs_have_the_range_of_their_seeds(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("scatter", ["a", "b"], 'x = "images-per-s"'))
    for name, speed, score in (("a", 100.0, 0.3), ("b", 50.0, 0.5)):
        for seed in range(3):
            images = {"train__images_per_s": speed + seed}
            lab.train(config, name, score + seed / 100, seed=seed, **images)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    ranges = [
        segments[0][:, 0].tolist()
        for each in axes.collections
        if isinstance(each, LineCollection)
        and (segments := each.get_segments())[0][0, 1] == segments[0][1, 1]
    ]
    assert ranges == [[100.0, 102.0], [50.0, 52.0]]


def test_a_narrow_range_of_costs_has_a_linear_axis(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("scatter", ["a", "b"]))
    lab.train(config, "a", parameters=1_000_000)
    lab.train(config, "b", parameters=9_000_000)
    assert lab.export(config)
    assert lab.drawn[0].axes[0].get_xscale() == "linear"


@pytest.mark.parametrize(
    ("axis", "place", "title"),
    [
        ("parameters", 0.002, "Parameters (M)"),
        ("gpu-memory", 1.0, "GPU memory (GiB)"),
        ("images-per-s", 100.0, "Throughput (images/s)"),
        ("gpu-hours", 120 / 3600, "GPU-hours"),
        ("energy", 1.0, "Energy (kJ)"),
        ("time", 130.0, "Training time (s)"),
    ],
)
def test_every_cost_is_what_the_table_of_results_has(lab: Lab, axis: str, place: float, title: str) -> None:
    config = lab.config(["a"], table("scatter", ["a"], f'x = "{axis}"'))
    lab.train(config, "a", parameters=2000)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    (point,) = axes.lines
    assert point.get_xdata()[0] == pytest.approx(place)
    assert axes.get_xlabel() == title


def test_host_memory_is_of_runs_without_a_gpu(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("scatter", ["a", "b"], 'x = "host-memory"'))
    lab.train(config, "a", device="cpu", gpu__memory_peak=NAN, cpu__memory_process=3 * 2.0**30)
    lab.train(config, "b")
    assert lab.export(config)
    (point,) = lab.drawn[0].axes[0].lines
    assert point.get_xdata()[0] == pytest.approx(3)
    assert "  b is not shown: no run of it has measured host-memory." in lab.said


def test_every_cost_that_may_be_asked_for_can_be_drawn() -> None:
    assert set(cost_scatter.COSTS) == set(COSTS)


def test_an_experiment_without_the_cost_is_named_and_the_rest_is_drawn(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("scatter", ["a", "b"], 'x = "gpu-hours"'))
    lab.train(config, "a")
    lab.train(config, "b", device="cpu")
    assert lab.export(config)
    assert "  b is not shown: no run of it has measured gpu-hours." in lab.said
    assert not any("to make them" in line for line in lab.said)  # they would lack it again
    assert "b is not shown" in small_print(lab.drawn[0])


def overlapping(figure: Any) -> list[tuple[str, str]]:
    boxes = [(each.get_text(), Text.get_window_extent(each)) for each in figure.axes[0].texts]
    return [
        (a, b)
        for i, (a, one) in enumerate(boxes)
        for b, two in boxes[:i]
        if one.shrunk(0.97, 0.8).overlaps(two)
    ]


@pytest.mark.parametrize(
    ("style", "width"),
    [
        ("slides", "page"),
        pytest.param("paper", "column", marks=pytest.mark.slow),
        pytest.param("paper", "page", marks=pytest.mark.slow),
        pytest.param("slides", "column", marks=pytest.mark.slow),
    ],
)
def test_names_beside_points_do_not_overlap(lab: Lab, style: Any, width: Any) -> None:
    names = [f"ViT-B-{i}-32x32" for i in range(9)]
    config = lab.config(names, table("scatter", names))
    for i, name in enumerate(names):
        lab.train(config, name, 0.5 + 0.004 * (i % 3), parameters=1000 + 10 * i)
    assert lab.export(config, look=LOOKS[style], width=width)
    figure = lab.drawn[0]
    written = [text.get_text() for text in figure.axes[0].texts]
    listed = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
    assert names in (written, sorted(listed))
    assert not overlapping(figure)
