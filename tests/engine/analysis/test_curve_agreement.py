"""One folder of runs: the app, a figure of experiments.toml and the export of a view show the same curve of seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from engine.analysis.curves import Curve
from engine.analysis.runs_that_count import read_candidates
from engine.config.loader import load_config
from engine.events import Metrics, Start
from engine.runs.recorder import Recorder
from engine.runs.store import Store
from tui.feed.feed import Feed
from tui.figures.make_figure import Library
from tui.figures.view_figure import ChartView, lines_of
from tui.state.snapshot import Project, Watch

NAN = float("nan")
CONFIG = """
[defaults]
model = "vit_mini"
dataset = "digits"
image_size = 16
patch_size = 4
[experiments.a]
[figures.f]
y = "test/f1"
experiments = ["a"]
"""
EPOCHS = np.arange(1.0, 9.0)
Points = Mapping[float, float]


def seed(top: float, until: int = 8, every: float = 1.0, lost_from: float = np.inf) -> Points:
    places = np.arange(every, until + 1e-9, every)
    return {x: NAN if x >= lost_from else top * (1 - math.exp(-x / 2)) for x in places.tolist()}


FOLDERS: dict[str, Sequence[Points]] = {
    "one seed": [seed(0.8)],
    "two seeds": [seed(0.8), seed(0.9)],
    "three, one not finite from epoch 4": [seed(0.8), seed(0.9, lost_from=4), seed(0.7)],
    "three, one that ended at epoch 4": [seed(0.8), seed(0.9, until=4), seed(0.7)],
    "eight seeds": [seed(0.5 + i / 20) for i in range(8)],
    "unequal grids": [seed(0.8), seed(0.9, every=0.5), seed(0.7, every=2.0)],
    "an infinity in the middle": [seed(0.8), seed(0.9) | {3.0: np.inf}],
}


def write(project: Project, seeds: Sequence[Points]) -> list[str]:
    """Record runs as the engine does; return their names."""
    project.config.write_text(CONFIG)
    experiment, store = load_config(project.config).experiments["a"], Store(project.runs)
    names = []
    for number, points in enumerate(seeds):
        run = store.create(experiment, number)
        recorder = Recorder(run)
        recorder.emit(Start(time=1.79e9, run=run.id, experiment="a", seed=number, device="cpu", epochs=8))
        for step, (epoch, value) in enumerate(points.items()):
            recorder.emit(
                Metrics(
                    time=1.79e9 + 60 * epoch, run=run.id, step=step, epoch=epoch, values={"test/f1": value}
                )
            )
        recorder.end("finished", "")
        recorder.close()
        names.append(run.id)
    return names


def on_the_screen(project: Project, runs: Sequence[str], smoothing: float) -> Curve:
    feed = Feed(project, lambda _: None)
    feed.look_at(Watch(tuple(runs), runs[0], smoothing=smoothing, folds=(tuple(runs),)))
    changed = feed.tick()
    assert changed is not None
    (curve,) = changed.snapshot.curves["test/f1"]
    return curve


def on_paper(project: Project, smoothing: float) -> Curve:
    if smoothing:
        project.config.write_text(CONFIG + f"smoothing = {smoothing}\n")
    config, store = load_config(project.config), Store(project.runs)
    library = Library(config, store, read_candidates(store)[0])
    (entry,) = library.entries(config.figures["f"])
    assert entry.part is not None
    curve: Curve = entry.part.curve
    return curve


def as_exported(curve: Curve) -> Curve:
    view = ChartView(curves={"test/f1": [curve]}, names={curve.run: "a"}, signs={}, statuses={}, axis="epoch")
    (line,) = lines_of(view, "test/f1")
    return line.curve


@pytest.mark.parametrize("smoothing", [0.0, 0.6])
@pytest.mark.parametrize("folder", FOLDERS)
def test_screen_figure_and_export_agree(tmp_path: Path, folder: str, smoothing: float) -> None:
    project = Project(tmp_path, tmp_path / "experiments.toml", tmp_path / "runs")
    runs = write(project, FOLDERS[folder])
    screen, paper = on_the_screen(project, runs, smoothing), on_paper(project, smoothing)
    for other in (paper, as_exported(screen)):
        for name in ("x", "y", "raw", "low", "high", "partial"):
            a, b = getattr(screen, name), getattr(other, name)
            assert (a is None) == (b is None), name
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=name)
        for name in ("n", "band", "lost", "crosses", "missing"):
            assert getattr(screen, name) == getattr(other, name), name


def test_the_mean_ends_where_a_seed_diverged_and_goes_on_where_one_has_ended(tmp_path: Path) -> None:
    lost, ended = (
        on_the_screen(project, write(project, FOLDERS[folder]), 0.0)
        for folder in ("three, one not finite from epoch 4", "three, one that ended at epoch 4")
        for project in [Project(tmp_path / folder, tmp_path / f"{folder}.toml", tmp_path / folder)]
    )
    assert np.isfinite(lost.y).tolist() == [True] * 3 + [False] * 5
    assert (lost.crosses[0][0], lost.missing) == (3.0, "1 diverged")
    assert np.isfinite(ended.y).all()
    assert np.isfinite(ended.low).tolist() == [True] * 4 + [False] * 4
    assert ended.missing == "2 of 3 seeds"
