from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.analysis.curves import Curve
from engine.runs.status import Status
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, settle, toasts
from tui.curve_palette import Sign
from tui.figures.figure_files import ExportError
from tui.figures.view_figure import ChartView, default_path, export_view, paths_of, picture_of, without_count
from tui.screens.export_dialog import ExportScreen, _with_endings
from tui.state.snapshot import Project
from tui.widgets.chart.chart_grid import ChartGrid
from tui.widgets.completing_input import CompletingInput

X = np.arange(1.0, 9.0)


def view(
    runs: list[str], *, zoom: tuple[float, float] | None = None, log_y: bool = False, n: int = 1
) -> ChartView:
    band = {"low": X / 10 - 0.5, "high": X / 10 + 0.1} if n > 1 else {}
    curves = tuple(
        Curve(run, X, X / 10, raw=X / 9 if n == 1 else None, n=n, band="range" if n > 1 else None, **band)
        for run in runs
    )
    return ChartView(
        curves={"test/f1": curves},
        names=dict.fromkeys(runs, ""),
        signs=dict.fromkeys(runs, Sign("#E52848", "▼")),
        statuses={run: Status(run=run, experiment=run[:9], state="running", epoch=2) for run in runs},
        axis="epoch",
        smoothing=0.5 if n == 1 else 0.0,
        zoom=zoom,
        log_y=log_y,
    )


VIEWS = [(None, False, 1), ((2.0, 5.0), True, 1), ((2.5, 4.0), True, 3)]


@pytest.mark.parametrize(
    ("kind", "zoom", "log_y", "n"),
    [
        ("png", *VIEWS[-1]),
        *(pytest.param("png", *each, marks=pytest.mark.slow) for each in VIEWS[:-1]),
        *(pytest.param(kind, *each, marks=pytest.mark.slow) for kind in ("svg", "pdf") for each in VIEWS),
    ],
)
def test_a_view_is_drawn(
    project: Project, write_run: Write, kind: str, zoom: tuple[float, float] | None, log_y: bool, n: int
) -> None:
    run = write_run("ViT-small")
    path = Path("out") / f"a.{kind}"
    assert export_view(view([run.id], zoom=zoom, log_y=log_y, n=n), path, project.runs) == [path]
    data = path.read_bytes()
    assert data.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[kind])
    assert run.id.encode() in data


def test_the_curve_has_its_colour_of_the_screen(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    export_view(view([run.id]), Path("a.png"), project.runs)
    pixels = np.asarray(Image.open("a.png").convert("RGB")).reshape(-1, 3)
    assert (np.abs(pixels.astype(int) - (0xE5, 0x28, 0x48)).sum(axis=1) < 6).sum() > 100


def test_a_title_is_words_and_the_small_print_says_of_which_seeds() -> None:
    statuses = {
        f"{name}{seed}": Status(run=f"{name}{seed}", experiment=name, seed=seed, state="finished")
        for name in ("a", "b", "c")
        for seed in range(3)
    }
    mean = Curve("a2", X, X, n=3, seeds=np.stack([X, X, X]))
    shown = dataclasses.replace(view([]), statuses=statuses, folds={"a2": ("a0", "a1", "a2")})
    views = [
        dataclasses.replace(shown, curves={"test/f1": curves})
        for curves in ([mean], [mean, Curve("b1", X, X)], [Curve(f"{name}0", X, X) for name in "abc"])
    ]
    pictures = [picture_of(each, "test/f1") for each in views]
    assert [(picture.title, *picture.notes) for picture in pictures] == [
        ("Test F1 (macro): a", "Seeds 0, 1, 2."),
        ("Test F1 (macro): a and b", "a: seeds 0, 1, 2; b: seed 1."),
        ("Test F1 (macro) of 3 experiments", "Seed 0."),
    ]


@pytest.mark.parametrize(("name", "left"), [("ViT ×3", "ViT"), ("×12", ""), ("a ×b", "a ×b"), ("s2", "s2")])
def test_names_on_paper_have_their_n_beside_them(name: str, left: str) -> None:
    assert without_count(name) == left


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(ExportError, match=r"has to end in \.png, \.svg, \.pdf"):
        paths_of(view(["a"]), Path("a.gif"))
    with pytest.raises(ExportError, match="nothing in the charts"):
        paths_of(view(["a"], zoom=(20.0, 30.0)), Path("a.png"))


def test_names_of_files() -> None:
    assert default_path(view(["ViT-small"])) == Path("images/ViT-small-test-f1.png")
    assert default_path(view(["a", "b"])) == Path("images/test-f1.png")
    assert _with_endings("a.png", 5) == ["a.svg", "a.pdf", "a.png"]
    assert _with_endings("a", 1) == ["a.png", "a.svg", "a.pdf"]


@pytest.mark.slow
def test_the_app_and_the_command_open_without_matplotlib() -> None:
    heavy = ("torch", "matplotlib", "sklearn")
    modules = "tui.app, tui.figures.view_figure, tui.figures.export_figures"
    script = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# ---- on the screen


async def ask(pilot: AppPilot, path: str) -> None:
    await pilot.press("E")
    pilot.app.screen.query_one(CompletingInput).value = path
    await pilot.press("enter")
    await settle(pilot)


@pytest.mark.slow
async def test_e_draws_the_charts_there_are(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    write_run("BiT-small")
    async with opened(project) as pilot:
        await pilot.press("space", "down", "space", "down", "plus")
        await settle(pilot)
        metrics = [chart.metric for chart in board(pilot).query_one(ChartGrid).charts]
        await ask(pilot, "images/all.svg")
        await settle(pilot)
        count = len(metrics)
        assert f"Written: {count} files, images/all-*.svg\nimages/all-test-f1.svg\n" in toasts(pilot)
        (answer,) = [each for each in board(pilot).app.message_log.said if each.text.startswith("Written")]  # type: ignore[attr-defined]
        assert answer.line == f"Written: {count} files, images/all-*.svg; M says more"
        found = sorted(path.name for path in Path("images").iterdir())
        assert found == sorted(f"all-{metric.replace('/', '-').replace('_', '-')}.svg" for metric in metrics)


@pytest.mark.slow
async def test_what_is_there_is_written_over_after_a_second_enter(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    Path("a.png").write_text("mine")
    async with opened(project) as pilot:
        await pilot.press("z")
        await settle(pilot)
        await ask(pilot, "a.png")
        assert isinstance(pilot.app.screen, ExportScreen)
        assert Path("a.png").read_text() == "mine"
        await pilot.press("enter")
        await settle(pilot)
        await settle(pilot)
        assert Path("a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
async def test_without_a_run_there_is_nothing_to_export(project: Project) -> None:
    async with opened(project) as pilot:
        await pilot.press("E")
        assert "The charts show no run." in toasts(pilot)
