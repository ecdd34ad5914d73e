"""Heat maps, classes and the time of steps: what stands in them is what the runs measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.confusion_scores import by_class
from tests.tui.figures.kinds_lab import ANIMALS, Lab, small_print, table, texts
from tui.figures import confusion_heat_map


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


def test_a_heat_map_sums_the_last_matrices_of_the_seeds_and_its_rows_are_whole(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("confusion", ["a", "b"]))
    first, second = [[8, 2, 0], [1, 9, 0], [0, 5, 5]], [[4, 4, 2], [3, 7, 0], [0, 0, 10]]
    lab.train(config, "a", matrix=first)
    lab.train(config, "a", matrix=second, seed=1)
    lab.train(config, "b", matrix=second)
    assert lab.export(config)
    a, b, scale = lab.drawn[0].axes
    assert scale.get_yticklabels()[-1].get_text() == "100 %"
    written = texts(lab.drawn[0])
    assert written.count("Taken for") == written.count("True class") == 1
    counts = np.array(first) + np.array(second)
    shown = np.asarray(a.images[0].get_array())
    np.testing.assert_allclose(shown, 100 * counts / counts.sum(axis=1, keepdims=True))
    for axes in (a, b):
        np.testing.assert_allclose(np.asarray(axes.images[0].get_array()).sum(axis=1), 100)
    numbers = {text.get_text() for text in a.texts}
    assert numbers == {f"{value:.0f}" for value in shown.ravel()}
    assert [tick.get_text() for tick in a.get_yticklabels()] == list(ANIMALS)
    assert "N = 2" in small_print(lab.drawn[0])


def test_a_class_without_images_is_a_row_of_nothing(lab: Lab) -> None:
    config = lab.config(["a"], table("confusion", ["a"]) + table("classes", ["a"]))
    lab.train(config, "a", matrix=[[0, 0, 0], [0, 9, 1], [0, 0, 10]])
    assert lab.export(config)
    assert np.asarray(lab.drawn[0].axes[0].images[0].get_array())[0].tolist() == [0, 0, 0]
    assert len(lab.drawn[0].axes[0].texts) == 6  # nothing is said of a class without images
    assert [tick.get_text() for tick in lab.drawn[1].axes[0].get_yticklabels()] == ["dog", "cat"]


def test_many_classes_are_shown_by_colour_alone_with_what_it_means(lab: Lab) -> None:
    many = [f"class {i}" for i in range(100)]
    config = lab.config(["a"], table("confusion", ["a"]) + table("classes", ["a"]))
    lab.train(config, "a", matrix=9 * np.eye(100, dtype=int) + 1, labels=many)
    assert lab.export(config)
    heat, bar = lab.drawn[0].axes
    assert not heat.texts
    assert bar.get_yticklabels()[-1].get_text() == "100 %"
    assert 5 < len(heat.get_yticklabels()) < 60  # as many names as there is room for
    assert sum(len(axes.get_yticklabels()) for axes in lab.drawn[1].axes) == 100


def test_a_seed_with_other_classes_or_none_is_left_out_and_named(lab: Lab) -> None:
    config = lab.config(["a"], table("confusion", ["a"]))
    lab.train(config, "a")
    lab.train(config, "a", seed=1, labels=("x", "y", "z"))
    lab.train(config, "a", seed=2, matrix=np.zeros((3, 3), dtype=int))
    assert lab.export(config)
    assert "  a: seed 1 has other classes and is left out." in lab.said
    assert "  a: seed 2 has no confusion matrix of test and is left out." in lab.said


def test_runs_without_matrices_are_named_for_what_they_lack(lab: Lab) -> None:
    config = lab.config(["a"], table("confusion", ["a"], 'y = "val/f1"'))
    lab.train(config, "a", val__f1=0.5)
    assert not lab.export(config)
    assert "  a: no usable confusion matrix of val, its newest run finished on cuda:0" in lab.said


# ---- classes


def test_dots_are_the_means_of_f1_over_seeds_and_the_best_class_is_first(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("classes", ["a", "b"]))
    first, second = [[8, 2, 0], [1, 9, 0], [0, 5, 5]], [[2, 4, 4], [3, 7, 0], [0, 0, 10]]
    lab.train(config, "a", matrix=first)
    lab.train(config, "a", matrix=second, seed=1)
    lab.train(config, "b", matrix=second)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    a = (by_class(first).f1 + by_class(second).f1) / 2
    b = by_class(second).f1
    order = np.argsort(-(a + b))
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [ANIMALS[place] for place in order]
    np.testing.assert_allclose(axes.lines[0].get_xdata(), a[order])
    np.testing.assert_allclose(axes.lines[1].get_xdata(), b[order])
    lowest, highest = np.sort([by_class(first).f1, by_class(second).f1], axis=0)[:, order]
    ranges, none = (lines.get_segments() for lines in axes.collections)
    np.testing.assert_allclose(np.array(ranges)[:, :, 0].T, [lowest, highest])
    assert not any(map(len, none))  # one seed has none
    assert axes.lines[0].get_marker() != axes.lines[1].get_marker()
    (legend,) = lab.drawn[0].legends
    assert [text.get_text() for text in legend.get_texts()] == ["a (N = 2)", "b (N = 1)"]


# ---- steptime


def test_a_bar_of_phases_adds_up_and_an_evaluation_is_shared_out(lab: Lab) -> None:
    config = lab.config(["a"], table("steptime", ["a"]))
    lab.train(config, "a")
    lab.train(config, "a", seed=1, time__forward=0.03)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(
        [1, 20, 20, 4, 5]
    )  # 50 ms over 10 steps
    assert [bar.get_x() for bar in axes.patches] == pytest.approx([0, 1, 21, 41, 45])
    assert "50 ms" in texts(lab.drawn[0])
    (legend,) = lab.drawn[0].legends
    named = [text.get_text() for text in legend.get_texts()]
    assert named == ["data", "forward", "backward", "optimizer", "evaluation"]


def test_phases_of_ones_own_program_are_shown_too(lab: Lab) -> None:
    config = lab.config(["a"], table("steptime", ["a"]))
    lab.train(config, "a", time__augment=0.5)
    assert lab.export(config)
    assert "augment" in texts(lab.drawn[0])
    assert lab.drawn[0].axes[0].patches[-1].get_width() == pytest.approx(500)


@pytest.mark.parametrize(
    ("spent", "total", "axis"),
    [(0.03, "70 ms", "ms"), (2.0, "4.01 s", "s"), (9.0, "18 s", "s"), (120.0, "4 min", "min")],
)
def test_a_step_is_told_in_milliseconds_or_seconds_within_the_figure(
    lab: Lab, spent: float, total: str, axis: str
) -> None:
    config = lab.config(["a"], table("steptime", ["a"]))
    lab.train(config, "a", time__forward=spent, time__backward=spent)
    lab.train(config, "a", seed=1, time__forward=spent, time__backward=spent)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    assert axes.texts[0].get_text() == total
    assert axes.get_xlabel() == f"Time of a step ({axis})"
    assert axes.texts[0].get_window_extent().x1 <= axes.bbox.x1
    assert "N = 2 seeds" in small_print(lab.drawn[0])


@given(st.text("ab- ", min_size=1, max_size=40), st.integers(4, 20))
def test_a_title_has_at_most_two_lines_of_the_width(name: str, width: int) -> None:
    name = name.strip()
    (found,) = confusion_heat_map._titles(
        [confusion_heat_map.Summed(name, "#000000", (), np.zeros((0, 0), np.int64), 1)], width
    )
    lines = found.split("\n")
    assert len(lines) <= 2
    assert all(len(line) <= width for line in lines)
    if len(name) <= 2 * width:
        assert "".join(lines).replace(" ", "") == name.replace(" ", "")
