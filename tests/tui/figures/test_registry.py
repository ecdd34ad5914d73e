"""Figures of every kind: the same bytes for the same runs, any name, any number, any look, whatever is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex
from PIL import Image

from tests.conftest import queued
from tests.tui.figures.kinds_lab import EVERY, NAN, Lab, all_kinds, small_print, table, texts
from tests.tui.figures.test_export_figures import HOSTILE
from tui.cli import main
from tui.figures import line_labels
from tui.figures.figure_files import FORMATS
from tui.figures.style import LOOKS, PAPER, SLIDES

DRAWN_UNLIKE = ("confusion", "curves", "scatter")
"""Kinds that stand for all in the quick tests: an image, lines and points."""
TELLING = [kind if kind in DRAWN_UNLIKE else pytest.param(kind, marks=pytest.mark.slow) for kind in EVERY]
ONE = [kind if kind == "scatter" else pytest.param(kind, marks=pytest.mark.slow) for kind in EVERY]
"""For what is of all kinds alike: points, with names that have to be placed."""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    return Lab(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    "formats", [("png",), pytest.param(FORMATS, marks=pytest.mark.slow)], ids=["png", "all"]
)
@pytest.mark.parametrize("kind", ONE)
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


@pytest.mark.parametrize(
    ("kind", "formats"),
    [
        *((kind, ("svg",)) for kind in DRAWN_UNLIKE),
        *(pytest.param(kind, FORMATS, marks=pytest.mark.slow) for kind in EVERY),
    ],
)
def test_hostile_names_are_drawn_as_text(lab: Lab, kind: str, formats: Any) -> None:
    config = lab.config(HOSTILE, table(kind, HOSTILE, f"title = {json.dumps(HOSTILE[0])}"))
    for place, name in enumerate(HOSTILE):
        lab.train(
            config, name, 0.1 + 0.1 * place, parameters=10**place, labels=("$a$", "[/x]\x1b[31m", "🚀" * 70)
        )
    assert lab.export(
        config, formats=formats
    )  # a glyph that is not there would be a warning, and so a failure
    assert "<b>" not in (lab.out / f"{kind}.svg").read_text()
    assert not any("\x1b" in text for text in texts(lab.drawn[0]))


@pytest.mark.parametrize("kind", ONE)
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
    queued(lab.store, config.experiments["waiting"], 0)
    assert lab.export(config)
    assert any(line.endswith("1 of 4 experiments, 1 run") for line in lab.said)
    assert any(line.startswith("  waiting: no ") and line.endswith("queued") for line in lab.said)
    assert "waiting" in small_print(lab.drawn[0])


def test_nothing_to_draw_is_said_with_what_would_make_it(lab: Lab) -> None:
    config = lab.config(["a"], all_kinds(["a"]))
    assert not lab.export(config)
    for kind in EVERY:
        told = lab.said[lab.said.index(f"{kind} is not drawn") :]
        assert told[2].startswith("  to make them: engine run ")
    assert not lab.out.exists()


@pytest.mark.parametrize("kind", TELLING)
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


@pytest.mark.parametrize("kind", ONE)
@pytest.mark.parametrize(
    ("style", "width"),
    [
        ("paper", "column"),
        pytest.param("slides", "page", marks=pytest.mark.slow),
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
    assert to_hex(figure.get_facecolor()) == look.ground
    if style == "paper":  # a slide that has to hold much is drawn larger, in as many pixels
        assert figure.get_size_inches()[0] == look.widths[width]
    with Image.open(lab.out / f"{kind}.png") as image:
        assert image.size[0] == pytest.approx(look.widths[width] * look.dpi, abs=1)
        if style == "slides":
            assert image.size[0] / image.size[1] == pytest.approx(16 / 9, abs=0.01)


@given(st.from_regex(r"#[0-9a-f]{6}", fullmatch=True), st.sampled_from([PAPER, SLIDES]))
def test_letters_can_be_read_on_the_ground_of_each_look(colour: str, look: Any) -> None:
    found = line_labels._parts(line_labels.readable(colour, look.ground))
    assert line_labels._contrast(found, line_labels._parts(look.ground)) > 4.3


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


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", EVERY)
def test_a_slide_that_has_to_hold_much_keeps_its_shape_and_its_size(lab: Lab, kind: str) -> None:
    names = [f"A-very-long-name-of-an-experiment-{i}" for i in range(14)]
    config = lab.config(names, table(kind, names, f'title = "{"Words " * 40}"'))
    for i, name in enumerate(names):
        lab.train(config, name, 0.3 + 0.01 * i, parameters=10**i, state="" if i % 3 == 0 else "finished")
    assert lab.export(
        config, look=SLIDES, width="column"
    )  # what does not fit would be a warning, and so a failure
    assert to_hex(lab.drawn[0].get_facecolor()) == SLIDES.ground
    with Image.open(lab.out / f"{kind}.png") as image:
        assert image.size == pytest.approx((1632, 918), abs=1)
