"""Figures of each kind, drawn from runs: what stands in them is what the runs and the engine's statistics say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from matplotlib.text import Text
from PIL import Image

from engine.config import Config, load_config
from engine.events import Confusion, End, Metrics, Start
from engine.intervals import over_seeds
from engine.kinds import COSTS, KINDS
from engine.recorder import Recorder
from engine.results import result_of
from engine.scores import by_class
from engine.selection import read_candidates
from engine.store import Run, Store
from tests.tui.test_export import HEAD, HOSTILE
from tui import labels
from tui.cli import main
from tui.drawing import kinds, scatter
from tui.drawing.look import LOOKS, PAPER, SLIDES
from tui.export import export_figures
from tui.figures import FORMATS
from tui.palette import assign

NAN = float("nan")
EVERY = sorted(KINDS)
ANIMALS = ("bird", "cat", "dog")
NEEDED = {"bars": 'y = "test/f1"', "scatter": 'y = "test/f1"', "curves": 'y = "test/f1"'}
PHASES = {"time/data": 0.001, "time/forward": 0.01, "time/backward": 0.02, "time/optimizer": 0.004}


class Lab:
    """Experiments, runs of them written by the engine's own recorder, and the figures drawn of them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.store, self.out = folder, Store(folder / "runs"), folder / "images"
        self.said: list[str] = []
        self.drawn: list[Any] = []
        watched = {
            name: dataclasses.replace(kind, draw=self._watch(kind.draw)) for name, kind in kinds.KINDS.items()
        }
        monkeypatch.setattr("tui.export.KINDS", watched)

    def _watch(self, draw: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any) -> Any:
            self.drawn.append(draw(*args))
            return self.drawn[-1]

        return watched

    def config(self, experiments: Sequence[str], figures: str) -> Config:
        tables = "".join(f"[experiments.{json.dumps(name, ensure_ascii=False)}]\n" for name in experiments)
        (self.folder / "experiments.toml").write_text(HEAD + tables + figures, encoding="utf-8")
        return load_config(self.folder / "experiments.toml")

    def train(
        self, config: Config, name: str, f1: float = 0.5, *, seed: int = 0, matrix: Any = None, device: str = "cuda:0",
        parameters: int = 1000, state: Any = "finished", interval: tuple[float, float] | None = None,
        labels: Sequence[str] = ANIMALS, **values: float,
    ) -> Run:  # fmt: skip
        run = self.store.create(config.experiments[name], seed)
        recorder = Recorder(run)
        recorder.emit(
            Start(
                time=1.79e9, run=run.id, experiment=name, seed=seed, device=device, epochs=2, parameters=parameters,
                steps_per_epoch=10, config={"evaluate_every": 1, "gpus": 1},
            )
        )  # fmt: skip
        for epoch, score in ((1, f1 / 2), (2, f1)):
            measured = {"test/f1": score, "train/images_per_s": 100.0, "gpu/energy": 500.0 * epoch,
                        "gpu/memory_peak": 2.0**30, "cpu/memory_process": 2.0**30, "time/evaluation": 0.05}  # fmt: skip
            measured |= PHASES | {key.replace("__", "/"): value for key, value in values.items()}
            when = 1.79e9 + 60 * epoch
            recorder.emit(Metrics(time=when, run=run.id, step=10 * epoch, epoch=epoch, values=dict(measured)))
            counts = np.asarray([[8, 1, 1], [2, 6, 2], [0, 0, 10]] if matrix is None else matrix) * epoch
            recorder.emit(
                Confusion(
                    time=when, run=run.id, step=10 * epoch, epoch=epoch, split="test", labels=list(labels),
                    matrix=counts.tolist(),
                )
            )  # fmt: skip
        if state:
            summary = (
                {"test/f1": {"value": f1, "low": interval[0], "high": interval[1], "n": 30}}
                if interval
                else {}
            )
            recorder.emit(End(time=1.79e9 + 130, run=run.id, state=state, duration_s=130.0, summary=summary))
        recorder.close()
        return run

    def export(self, config: Config, *names: str, formats: Sequence[Any] = ("png",), **how: Any) -> bool:
        self.said, self.drawn = [], []
        return export_figures(config, self.store, names, self.out, formats, say=self.said.append, **how)

    def result(self, config: Config, name: str, metric: str = "test/f1") -> Any:
        return result_of(config.experiments[name], read_candidates(self.store)[0], lambda *_: None, (metric,))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


def table(kind: str, experiments: Sequence[str], more: str = "") -> str:
    listed = json.dumps(experiments, ensure_ascii=False)
    return f'[figures.{kind}]\nkind = "{kind}"\n{NEEDED.get(kind, "")}\nexperiments = {listed}\n{more}\n'


def all_kinds(experiments: Sequence[str]) -> str:
    return "".join(table(kind, experiments) for kind in EVERY)


def texts(figure: Any) -> list[str]:
    return [each.get_text() for each in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def small_print(figure: Any) -> str:
    return figure.texts[-1].get_text().replace("\n", " ").replace("\N{NO-BREAK SPACE}", " ")


# ---- bars


def test_a_bar_is_as_long_as_the_mean_and_its_line_is_the_engines_interval(lab: Lab) -> None:
    config = lab.config(["b", "a"], table("bars", ["b", "a"]))
    for name, scores in (("a", (0.2, 0.3, 0.5)), ("b", (0.6, 0.7, 0.75))):
        for seed, score in enumerate(scores):
            lab.train(config, name, score, seed=seed)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["b", "a"]  # the order of the figure
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # from the top
    results = [lab.result(config, name).scores["test/f1"] for name in ("b", "a")]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([score.mean for score in results])
    assert [bar.get_x() for bar in axes.patches] == [0, 0]
    for bars, score in zip(axes.collections, results, strict=True):
        assert score.interval[:2] == over_seeds(score.values)
        assert bars.get_segments()[0][:, 0] == pytest.approx(score.interval[:2])
    dots = [line.get_xdata() for line in axes.lines if len(line.get_xdata()) == 3]
    assert [sorted(each) for each in dots] == [pytest.approx(sorted(score.values)) for score in results]
    assert [text.get_text() for text in axes.texts] == ["0.683", "0.333"]
    assert "mean over N = 3 seeds" in small_print(lab.drawn[0])
    colours = assign(config.experiments)
    assert [to_hex(bar.get_facecolor()).upper() for bar in axes.patches] == [colours["b"], colours["a"]]


def test_one_seed_has_the_interval_that_its_run_told_and_says_what_it_is(lab: Lab) -> None:
    config = lab.config(["a", "bare"], table("bars", ["a", "bare"]))
    lab.train(config, "a", 0.5, interval=(0.45, 0.56))
    lab.train(config, "bare", 0.4)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    (bars,) = axes.collections
    assert bars.get_segments()[0][:, 0] == pytest.approx([0.45, 0.56])
    assert "one seed (N = 1)" in small_print(lab.drawn[0])
    assert "bootstrap over test images" in small_print(lab.drawn[0])


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


# ---- scatter


def test_a_point_stands_at_score_and_cost_with_the_interval_as_its_line(lab: Lab) -> None:
    config = lab.config(["a", "b", "c"], table("scatter", ["a", "b", "c"]))
    for name, size, scores in (
        ("a", 1_000_000, (0.2, 0.4)),
        ("b", 3_000_000, (0.5, 0.6)),
        ("c", 90_000_000, (0.3, 0.5)),
    ):
        for seed, score in enumerate(scores):
            lab.train(config, name, score, seed=seed, parameters=size)
    assert lab.export(config)
    (axes,) = lab.drawn[0].axes
    points = [line for line in axes.lines if line.get_label() != "front"]
    assert [tuple(line.get_xydata()[0]) for line in points] == [
        pytest.approx(each) for each in ((1.0, 0.3), (3.0, 0.55), (90.0, 0.4))
    ]
    assert axes.get_xscale() == "log"  # over a factor of ten
    assert axes.get_xlabel() == "Parameters (M)"
    for bars, name in zip(axes.collections, "abc", strict=True):
        interval = lab.result(config, name).scores["test/f1"].interval
        assert bars.get_segments()[0][:, 1] == pytest.approx(interval[:2])
    hollow = [to_hex(line.get_markerfacecolor()) == PAPER.ground for line in points]
    assert hollow == [False, False, True]
    front = next(line for line in axes.lines if line.get_label() == "front")
    assert front.get_xydata().tolist() == [
        [1.0, pytest.approx(0.3)],
        [3.0, pytest.approx(0.3)],
        [3.0, pytest.approx(0.55)],
    ]
    assert "Pareto front" in small_print(lab.drawn[0])


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
    (point,) = [line for line in axes.lines if line.get_label() != "front"]
    assert point.get_xdata()[0] == pytest.approx(place)
    assert axes.get_xlabel() == title


def test_host_memory_is_of_runs_without_a_gpu() -> None:
    assert set(scatter.COSTS) == set(COSTS)


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


@pytest.mark.parametrize("width", ["column", "page"])
@pytest.mark.parametrize("style", ["paper", "slides"])
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


points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=9)


@given(points, st.booleans(), st.booleans())
def test_the_front_is_what_no_other_point_beats(
    found: list[tuple[int, int]], low_x: bool, low_y: bool
) -> None:
    def beats(one: tuple[int, int], other: tuple[int, int]) -> bool:
        gains = [(b - a if low else a - b) for a, b, low in zip(one, other, (low_x, low_y), strict=True)]
        return min(gains) >= 0 and max(gains) > 0

    best = scatter.front([x for x, _ in found], [y for _, y in found], low_x=low_x, low_y=low_y)
    assert best.tolist() == [not any(beats(other, each) for other in found) for each in found]


def test_less_is_better_of_losses_times_and_memory() -> None:
    low = ["test/loss", "loss", "test/ece", "time/forward", "gpu/0/memory_peak", "gpu/energy"]
    assert all(map(scatter.less_is_better, low))
    assert not any(map(scatter.less_is_better, ["test/f1", "own/score", "train/images_per_s"]))


# ---- confusion


def test_a_heat_map_sums_the_last_matrices_of_the_seeds_and_its_rows_are_whole(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("confusion", ["a", "b"]))
    first, second = [[8, 2, 0], [1, 9, 0], [0, 5, 5]], [[4, 4, 2], [3, 7, 0], [0, 0, 10]]
    lab.train(config, "a", matrix=first)
    lab.train(config, "a", matrix=second, seed=1)
    lab.train(config, "b", matrix=second)
    assert lab.export(config)
    a, b = lab.drawn[0].axes
    counts = np.array(first) + np.array(second)
    shown = np.asarray(a.images[0].get_array())
    np.testing.assert_allclose(shown, 100 * counts / counts.sum(axis=1, keepdims=True))
    for axes in (a, b):
        np.testing.assert_allclose(np.asarray(axes.images[0].get_array()).sum(axis=1), 100)
    numbers = {text.get_text() for text in a.texts}
    assert numbers == {f"{value:.0f}" for value in shown.ravel() if value >= 0.5}
    assert [tick.get_text() for tick in a.get_yticklabels()] == list(ANIMALS)
    assert "N = 2" in small_print(lab.drawn[0])


def test_a_class_without_images_is_a_row_of_nothing(lab: Lab) -> None:
    config = lab.config(["a"], table("confusion", ["a"]) + table("classes", ["a"]))
    lab.train(config, "a", matrix=[[0, 0, 0], [0, 9, 1], [0, 0, 10]])
    assert lab.export(config)
    assert np.asarray(lab.drawn[0].axes[0].images[0].get_array())[0].tolist() == [0, 0, 0]
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


# ---- all of them


@pytest.mark.parametrize(
    "formats", [("png",), pytest.param(FORMATS, marks=pytest.mark.slow)], ids=["png", "all"]
)
@pytest.mark.parametrize("kind", EVERY)
def test_the_same_runs_make_the_same_bytes_and_another_run_changes_only_its_figures(
    lab: Lab, kind: str, formats: Any
) -> None:
    other = table(kind, ["b"]).replace(f"figures.{kind}", "figures.other")
    config = lab.config(["a", "b"], table(kind, ["a"]) + other)
    lab.train(config, "a")
    lab.train(config, "b")
    assert lab.export(config, formats=formats)
    first = {path.name: path.read_bytes() for path in lab.out.iterdir()}
    assert len(first) == 2 * len(formats)
    lab.train(config, "b", 0.9, seed=1, matrix=[[9, 1, 0], [0, 9, 1], [1, 1, 8]], time__forward=0.5)
    assert lab.export(config, formats=formats)
    changed = {path.name for path in lab.out.iterdir() if path.read_bytes() != first[path.name]}
    assert changed == {f"other.{each}" for each in formats}


@pytest.mark.parametrize("kind", EVERY)
def test_hostile_names_are_drawn_as_text(lab: Lab, kind: str) -> None:
    config = lab.config(HOSTILE, table(kind, HOSTILE, f"title = {json.dumps(HOSTILE[0])}"))
    for place, name in enumerate(HOSTILE):
        lab.train(
            config, name, 0.1 + 0.1 * place, parameters=10**place, labels=("$a$", "[/x]\x1b[31m", "🚀" * 70)
        )
    assert lab.export(
        config, formats=FORMATS
    )  # a glyph that is not there would be a warning, and so a failure
    assert "<b>" not in (lab.out / f"{kind}.svg").read_text()
    assert not any("\x1b" in text for text in texts(lab.drawn[0]))


@pytest.mark.parametrize("kind", EVERY)
def test_missing_runs_are_named_and_damaged_ones_do_not_stop_the_rest(lab: Lab, kind: str) -> None:
    config = lab.config(
        ["a", "waiting", "damaged", "empty"], table(kind, ["a", "waiting", "damaged", "empty"])
    )
    torn, damaged, empty = (lab.train(config, name) for name in ("a", "damaged", "empty"))
    with torn.events.open("ab") as events:
        events.write(
            b'\xff\xfe not json\n{"event":"confusion","step":9,"epoch":9,"split":"test","labels":[],"matrix":[['
        )
    (damaged.path / "run.json").write_bytes(b"\x00")
    empty.events.write_bytes(b"")
    (empty.path / "status.json").unlink(missing_ok=True)
    lab.store.create(config.experiments["waiting"], 0, queued=True)
    assert lab.export(config)
    assert any(line.endswith("1 of 4 experiments, 1 run") for line in lab.said)
    assert any(line.startswith("  waiting: no ") and line.endswith("queued") for line in lab.said)
    assert "waiting" in small_print(lab.drawn[0])


@pytest.mark.parametrize("kind", EVERY)
def test_nothing_to_draw_is_said_with_what_would_make_it(lab: Lab, kind: str) -> None:
    config = lab.config(["a"], table(kind, ["a"]))
    assert not lab.export(config)
    assert f"{kind} is not drawn" in lab.said
    assert lab.said[-1].startswith("  to make them: engine run ")
    assert not lab.out.exists()


@pytest.mark.parametrize("kind", EVERY)
def test_any_number_can_be_drawn_or_is_left_out(lab: Lab, kind: str) -> None:
    names = ["nan", "huge", "low", "nothing", "two"]
    config = lab.config(names, table(kind, names))
    for name, value in zip(names, (NAN, 1e308, -1e308, 0.0), strict=False):
        lab.train(config, name, value, parameters=0, time__forward=value, time__backward=value)
    lab.train(config, "two", 0.5, seed=0)
    big = [[2**52, 0, 0], [0, 2**52, 0], [0, 0, 1]]
    lab.train(config, "two", 1e99, seed=1, matrix=big, time__data=1e99)
    assert lab.export(config)


def test_a_score_that_is_no_number_is_left_out_and_named(lab: Lab) -> None:
    config = lab.config(["a", "b"], table("bars", ["a", "b"]))
    lab.train(config, "a", 0.5)
    lab.train(config, "a", NAN, seed=1)
    lab.train(config, "b", NAN)
    assert lab.export(config)
    assert "  a: test/f1 of seed 1 is no usable number and is left out." in lab.said
    assert "  b: no usable test/f1, its newest run finished on cuda:0" in lab.said
    assert "No usable test/f1: b." in small_print(lab.drawn[0])


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize(
    ("style", "width"),
    [
        ("paper", "column"),
        ("slides", "page"),
        pytest.param("paper", "page", marks=pytest.mark.slow),
        pytest.param("slides", "column", marks=pytest.mark.slow),
    ],
)
def test_every_kind_has_every_look(lab: Lab, kind: str, style: Any, width: Any) -> None:
    names = [f"ViT-B-{i}-32x32-with-a-name" for i in range(6)]
    config = lab.config(names, table(kind, names))
    for i, name in enumerate(names):
        lab.train(config, name, 0.3 + 0.05 * i, parameters=10**i)
    look = LOOKS[style]
    assert lab.export(config, look=look, width=width)
    (figure,) = lab.drawn
    inches = figure.get_size_inches()
    assert inches[0] == look.widths[width]
    assert to_hex(figure.get_facecolor()) == look.ground
    with Image.open(lab.out / f"{kind}.png") as image:
        assert image.size[0] == round(inches[0] * look.dpi)
        if style == "slides":
            assert image.size[0] / image.size[1] == pytest.approx(16 / 9, abs=0.01)


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True), st.sampled_from([PAPER, SLIDES]))
def test_letters_can_be_read_on_the_ground_of_each_look(colour: str, look: Any) -> None:
    found = labels._parts(labels.readable(colour, look.ground))
    assert labels._contrast(found, labels._parts(look.ground)) > 4.3


def test_the_command_takes_style_and_width(lab: Lab) -> None:
    config = lab.config(["a"], table("bars", ["a"]))
    lab.train(config, "a")
    places = ["--config", str(config.path), "--runs", str(lab.store.root), "--out", str(lab.out)]
    done = CliRunner().invoke(main, ["export", "--style", "slides", "--width", "page", *places])
    assert done.exit_code == 0, done.output
    with Image.open(lab.out / "bars.png") as image:
        assert image.size == (2400, 1350)
    for wrong in (["--table"], ["--to", "csv"]):
        done = CliRunner().invoke(main, ["export", "--style", "slides", *wrong, *places])
        assert done.exit_code == 2
        assert "--style" in done.output


def test_the_report_shows_every_kind(lab: Lab) -> None:
    config = lab.config(["a", "b"], all_kinds(["a", "b"]))
    for name in "ab":
        lab.train(config, name, 0.5)
        lab.train(config, name, 0.6, seed=1)
    out = lab.folder / "report"
    done = CliRunner().invoke(
        main, ["report", "--config", str(config.path), "--runs", str(lab.store.root), "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert f"{len(EVERY)} of {len(EVERY)} figures" in done.output
    text = (out / "report.md").read_text()
    assert all((out / f"{kind}.png").exists() and f"]({kind}.png)" in text for kind in EVERY)
    assert "![Confusion on test: a, b](confusion.png)" in text
    assert "![test/f1 against parameters: a, b](scatter.png)" in text


@pytest.mark.parametrize("kind", EVERY)
def test_a_slide_that_has_to_hold_much_keeps_its_shape_and_its_size(lab: Lab, kind: str) -> None:
    names = [f"A-very-long-name-of-an-experiment-{i}" for i in range(14)]
    config = lab.config(names, table(kind, names, f'title = "{"Words " * 40}"'))
    for i, name in enumerate(names):
        lab.train(config, name, 0.3 + 0.01 * i, parameters=10**i, state="" if i % 3 == 0 else "finished")
    assert lab.export(
        config, look=SLIDES, width="column"
    )  # what does not fit would be a warning, and so a failure
    with Image.open(lab.out / f"{kind}.png") as image:
        assert image.size == pytest.approx((1632, 918), abs=1)
