"""Figures from runs: what is drawn, what is said, and that the same data makes the same bytes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from engine.analysis.runs_that_count import read_candidates
from engine.config.loader import Config, load_config
from engine.config.validate import ConfigError
from engine.events import Metrics, Start
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from tests.conftest import queued
from tui.cli import main
from tui.figures import curve_figure as figures
from tui.figures.curve_figure import Picture
from tui.figures.export_figures import export_figures
from tui.figures.figure_files import FORMATS, ExportError
from tui.figures.make_figure import Library, make
from tui.figures.style import PAPER

NAN = float("nan")
FEW_PIXELS = dataclasses.replace(PAPER, dpi=100)
"""Paper, of which a ninth of the pixels is painted: what stands where is the same."""
HEAD = '[defaults]\nmodel = "vit_mini"\ndataset = "digits"\nimage_size = 16\npatch_size = 4\nepochs = 4\n'


class Lab:
    """Experiments, runs of them written by the engine's own recorder, and what an export says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "runs")
        self.out = folder / "images"
        self.said: list[str] = []

    def config(self, experiments: Sequence[str], figures: str) -> Config:
        tables = "".join(f"[experiments.{json.dumps(name, ensure_ascii=False)}]\n" for name in experiments)
        (self.folder / "experiments.toml").write_text(HEAD + tables + figures, encoding="utf-8")
        return load_config(self.folder / "experiments.toml")

    def train(
        self, config: Config, name: str, f1: Sequence[float] = (0.2, 0.4, 0.5, 0.55), *, seed: int = 0,
        state: Any = "finished", **more: Sequence[float],
    ) -> Run:  # fmt: skip
        run = self.store.create(config.experiments[name], seed)
        recorder = Recorder(run)
        recorder.emit(Start(time=1.79e9, run=run.id, experiment=name, seed=seed, device="cpu", epochs=4))
        for epoch in range(len(f1)):
            values = {"test/f1": f1[epoch]} | {
                key.replace("__", "/"): value[epoch] for key, value in more.items()
            }
            recorder.emit(
                Metrics(
                    time=1.79e9 + epoch * 60, run=run.id, step=9 * epoch, epoch=epoch + 1, values=dict(values)
                )
            )
        if state:
            recorder.end(state, "")
        recorder.close()
        return run

    def export(self, config: Config, *names: str, formats: Sequence[Any] = ("png",)) -> bool:
        self.said = []
        return export_figures(
            config, self.store, names, self.out, formats, look=FEW_PIXELS, say=self.said.append
        )

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Picture]:
    """The pictures that were drawn."""
    pictures: list[Picture] = []
    draw: Callable[..., Any] = figures.draw_picture

    def watch(picture: Picture, *rest: Any) -> Any:
        pictures.append(picture)
        return draw(picture, *rest)

    monkeypatch.setattr(figures, "draw_picture", watch)
    return pictures


def figure(name: str, experiments: Sequence[str], more: str = "") -> str:
    listed = json.dumps(experiments, ensure_ascii=False)
    return f'[figures.{name}]\ntitle = "T"\ny = "test/f1"\nexperiments = {listed}\n{more}\n'


@pytest.mark.slow
def test_every_format_is_written_carries_its_origin_and_repeats_byte_by_byte(lab: Lab) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    runs = [lab.train(config, name, seed=seed) for name in "ab" for seed in (0, 1)]
    assert lab.export(config, formats=FORMATS)
    first = {path.name: path.read_bytes() for path in lab.out.iterdir()}
    assert set(first) == {"f.png", "f.svg", "f.pdf"}
    mpl.rcParams["lines.linewidth"] = 9  # the user's own style stays outside
    try:
        assert lab.export(config, formats=FORMATS)
    finally:
        mpl.rcdefaults()
    assert {path.name: path.read_bytes() for path in lab.out.iterdir()} == first
    with Image.open(lab.out / "f.png") as image:
        info = image.info
    assert info["Software"].startswith("vitui ")
    origin = json.loads(info["Source"])
    assert sorted(origin["runs"]) == sorted(run.id for run in runs)
    assert origin["date"] == info["Creation Time"]
    for kind in ("f.svg", "f.pdf"):
        assert all(run.id.encode() in first[kind] for run in runs)
    assert lab.said[0] == f"{lab.out / 'f.png'}: 2 of 2 experiments, 4 runs"


def test_a_figure_without_runs_is_named_with_the_command_that_makes_them(lab: Lab) -> None:
    config = lab.config(["a b", "c"], figure("one", ["a b"]) + figure("two", ["a b", "c"]))
    assert not lab.export(config)
    assert not lab.out.exists()
    places = f"--config {config.path} --runs {lab.store.root}"
    assert "one is not drawn" in lab.said
    assert f"  to make them: engine run {places} 'a b'" in lab.said
    assert f"  to make them: engine submit {places} 'a b' c" in lab.said


def test_a_figure_that_lacks_some_is_drawn_and_says_so(lab: Lab, seen: list[Picture]) -> None:
    config = lab.config(["a", "b", "waiting"], figure("f", ["a", "b", "waiting"]))
    lab.train(config, "a")
    queued(lab.store, config.experiments["waiting"], 0)
    assert lab.export(config)
    assert seen[0].notes == ("No runs yet: b.", "No test/f1 yet, newest run queued: waiting.")
    assert "  waiting: no test/f1 yet, its newest run is queued" in lab.said
    assert lab.said[-1].endswith(" b")


def test_a_figure_is_made_of_files_and_notes_which_the_export_writes_and_says(lab: Lab) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]) + figure("none", ["b"]))
    lab.train(config, "a")
    library = Library(config, lab.store, read_candidates(lab.store)[0])
    drawn = make(config.figures["f"], library, ("png", "svg"), FEW_PIXELS)
    assert (drawn.experiments_shown, drawn.experiments_total, drawn.runs) == (1, 2, 1)
    lab.export(config, "f", formats=("png", "svg"))
    assert {kind: (lab.out / f"f.{kind}").read_bytes() for kind in ("png", "svg")} == drawn.files
    assert [line.strip() for line in lab.said if line.startswith("  ")] == list(drawn.notes)
    nothing = make(config.figures["none"], library, ("png",))
    assert (nothing.files, nothing.experiments_shown, nothing.notes[0]) == ({}, 0, "b: no runs yet")


def test_what_was_trained_how_is_in_the_small_print(lab: Lab, seen: list[Picture]) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    short = msgspec.structs.replace(config.experiments["b"], epochs=2, subset_per_class=100)
    config = msgspec.structs.replace(config, experiments=config.experiments | {"b": short})
    for name in "ab":
        lab.train(config, name)
    assert lab.export(config)
    assert seen[0].notes == (
        "Schedules end at different epochs: 4 epochs (a); 2 epochs (b).",
        "Trained on all images (a); 100 images a class (b).",
    )
    assert len(lab.said) == 1  # it is nothing to mend


def test_seeds_become_a_mean_with_a_band(lab: Lab, seen: list[Picture]) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    lab.train(config, "a", (0.1, 0.2), seed=0)
    lab.train(config, "a", (0.3, NAN), seed=1)
    lab.train(config, "b", (0.5, 0.6), seed=0)
    lab.export(config)
    a, b = (line.curve for line in seen[0].lines)
    assert (a.n, a.band, b.n, b.band) == (2, "range", 1, None)
    np.testing.assert_allclose(a.y, [0.2, NAN])  # the mean of who is left is no mean
    np.testing.assert_allclose(a.low, [0.1, NAN])
    np.testing.assert_allclose(a.high, [0.3, NAN])


def test_what_the_reader_has_to_know_is_said_and_printed_on_the_figure(lab: Lab, seen: list[Picture]) -> None:
    config = lab.config(["old", "live", "mixed"], figure("f", ["old", "live", "mixed"]))
    lab.train(config, "old")
    lab.train(config, "live", (0.1, 0.2), state="")
    lab.train(config, "mixed")
    lab.train(config, "mixed", (0.1,), seed=1, state="stopped")
    text = config.path.read_text().replace('[experiments."old"]\n', '[experiments."old"]\nlr = 2e-3\n')
    config.path.write_text(text)
    assert lab.export(load_config(config.path))
    notes = (
        "old is shown by runs with another configuration: lr 0.001 instead of 0.002.",
        "live has not finished: crashed at epoch 2.",
        "mixed is shown without seed 1: stopped at epoch 1.",
    )
    assert seen[0].notes == notes
    assert [f"  {note}" for note in notes] == lab.said[1:]


def test_runs_with_other_settings_are_said_to_be_left_out(lab: Lab, seen: list[Picture]) -> None:
    config = lab.config(["a"], '[figures.f]\ny = "test/f1"\nexperiments = ["a"]\n')
    other = msgspec.structs.replace(config.experiments["a"], lr=0.5)
    lab.train(config, "a")
    lab.train(msgspec.structs.replace(config, experiments={"a": other}), "a")
    assert lab.export(config)
    assert "a: 1 run with other settings not shown (lr 0.5); `vitui` compares them" in lab.text
    assert not any("other settings" in note for note in seen[0].notes)


@pytest.mark.usefixtures("unpainted")
def test_half_written_and_damaged_runs_do_not_stop_the_rest(lab: Lab) -> None:
    config = lab.config(["a", "b"], figure("f", ["a", "b"]))
    torn, damaged = lab.train(config, "a"), lab.train(config, "b")
    with torn.events.open("ab") as events:
        events.write(b'\xff\xfe not json\n{"event":"metrics","step":')
    (damaged.path / "run.json").write_bytes(b"\x00")
    assert lab.export(config)
    assert f"passed over: {damaged.id}" in lab.text
    assert "1 of 2 experiments, 1 run" in lab.text


def test_a_metric_that_was_never_finite_is_no_line(lab: Lab) -> None:
    config = lab.config(["a"], figure("f", ["a"]))
    lab.train(config, "a", (NAN, NAN))
    assert not lab.export(config)
    assert "  a: no usable test/f1, its newest run finished on cpu" in lab.said


@pytest.mark.usefixtures("unpainted")
def test_of_all_figures_those_that_wait_for_runs_are_no_failure(lab: Lab) -> None:
    figures_of = figure("made", ["a"]) + figure("waits", ["b"]) + figure("partly", ["a", "b"])
    config = lab.config(["a", "b"], figures_of)
    assert not lab.export(config)  # nothing
    lab.train(config, "a")
    lab.train(config, "b", (NAN,), state="stopped")
    assert lab.export(config)
    assert {path.name for path in lab.out.iterdir()} == {"made.png", "partly.png"}
    assert lab.said[-1] == "1 of 3 figures waits for runs: waits"
    assert not lab.export(config, "waits")
    assert not lab.export(config, "made", "waits")
    lab.train(config, "b", (NAN,))  # now it should have something to show
    assert not lab.export(config)
    assert "wait" not in lab.said[-1]


@pytest.mark.usefixtures("unpainted")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["export"], 0), (["export", "made"], 0), (["export", "waits"], 1), (["export", "wrong"], 2),
     (["report"], 0), (["report", "made"], 0), (["report", "waits"], 1), (["report", "wrong"], 2)],
)  # fmt: skip
def test_exit_codes(lab: Lab, arguments: list[str], code: int) -> None:
    config = lab.config(["a", "b"], figure("made", ["a"]) + figure("waits", ["b"]))
    lab.train(config, "a")
    places = ["--out", str(lab.out), "--config", str(config.path), "--runs", str(lab.store.root)]
    done = CliRunner().invoke(main, [*arguments, *places])
    assert done.exit_code == code, done.output


def test_nothing_at_all_is_exit_code_1(lab: Lab) -> None:
    config = lab.config(["a"], "")
    places = ["--out", str(lab.out), "--config", str(config.path), "--runs", str(lab.store.root)]
    assert CliRunner().invoke(main, ["export", *places]).exit_code == 1
    assert CliRunner().invoke(main, ["report", *places]).exit_code == 1


HOSTILE = ["$x^2$ \\frac{1}{2}", "[/x] [red]no", "🚀 日本 ⃝ א", "_" + "very long " * 11, "%s {0} <b>&amp;"]


@pytest.mark.parametrize(
    "values", [[0.5], [1e308, -1e308, 1e300, 3], [0.0, 0.0], [1.0, 1.0], [NAN, 0.5, NAN, 0.4]]
)
def test_any_numbers_can_be_drawn(lab: Lab, values: list[float]) -> None:
    extra = "smoothing = 0.5\nx = 'time'"
    config = lab.config(["a"], figure("f", ["a"], extra))
    lab.train(config, "a", values)
    lab.train(config, "a", values, seed=1)
    assert lab.export(config)


@pytest.mark.usefixtures("unpainted")
def test_an_unknown_figure_is_answered_with_the_nearest(lab: Lab) -> None:
    config = lab.config(["a"], figure("f1_vit", ["a"]) + figure("loss", ["a"]))
    with pytest.raises(
        ConfigError, match=r"no figure 'f1_vitt'; did you mean 'f1_vit'\? Known: f1_vit, loss"
    ) as caught:
        lab.export(config, "loss", "f1_vitt", "zzz")
    assert len(caught.value.mistakes) == 2
    assert not lab.export(config, "loss")
    assert "f1_vit is" not in lab.text


def test_what_cannot_be_written_is_said_and_leaves_nothing_behind(lab: Lab) -> None:
    config = lab.config(["a"], figure("f", ["a"]))
    lab.train(config, "a")
    (lab.out / "f.png").mkdir(parents=True)
    with pytest.raises(ExportError, match=r"f\.png cannot be written: Is a directory"):
        lab.export(config)
    assert [path.name for path in lab.out.iterdir()] == ["f.png"]
    lab.out = config.path / "below"
    with pytest.raises(ExportError, match="Not a directory"):
        lab.export(config)
