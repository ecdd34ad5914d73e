"""What experiments.toml may say of figures of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.catalog.figure_kinds import COSTS, KINDS
from engine.config.loader import Config, parse_config
from engine.config.validate import ConfigError

HEAD = '[experiments.a]\nmodel = "bit_mini"\n[figures.f]\nexperiments = ["a"]\n'


def load(text: str) -> Config:
    return parse_config(HEAD + text, Path("e.toml"))


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return [str(each) for each in caught.value.mistakes]


def test_a_figure_is_of_curves_against_epochs_where_it_says_nothing() -> None:
    figure = load('y = "test/f1"').figures["f"]
    assert (figure.kind, figure.x) == ("curves", "epoch")


@pytest.mark.parametrize(
    ("kind", "y"), [("confusion", "test/f1"), ("classes", "test/f1"), ("steptime", "time/forward")]
)
def test_some_kinds_need_no_metric(kind: str, y: str) -> None:
    figure = load(f'kind = "{kind}"').figures["f"]
    assert (figure.kind, figure.y, figure.x) == (kind, y, "")


@pytest.mark.parametrize("kind", ["curves", "bars", "scatter"])
def test_the_others_need_one(kind: str) -> None:
    (only,) = mistakes(f'kind = "{kind}"')
    assert (
        only
        == f"e.toml:3:1: y of figure 'f': it is missing; a figure of kind '{kind}' needs a metric, such as 'test/f1'"
    )


def test_an_unknown_kind_is_named_with_its_place_and_the_nearest() -> None:
    (only,) = mistakes('kind = "barz"\ny = "test/f1"\nsmoothing = 0.5')
    assert only == (
        "e.toml:5:8: kind of figure 'f': there is no kind 'barz'; did you mean 'bars'? "
        "Known: curves, bars, scatter, confusion, classes, steptime"
    )


def test_a_kind_is_a_string() -> None:
    (only,) = mistakes("kind = 3\ny = 'a'")
    assert "5:8: kind of figure 'f': found 3 (a whole number)" in only


@pytest.mark.parametrize(
    ("line", "takers"),
    [
        ("smoothing = 0.5", "curves"),
        ("x = 'epoch'", "curves and scatter"),
    ],
)
@pytest.mark.parametrize("kind", ["bars", "confusion", "classes", "steptime"])
def test_a_key_of_other_kinds_is_a_mistake_that_names_them(kind: str, line: str, takers: str) -> None:
    key = line.partition(" ")[0]
    (only,) = mistakes(f'kind = "{kind}"\ny = "test/f1"\n{line}')
    assert only.startswith("e.toml:7:")
    assert only.endswith(f"{key} of figure 'f': a figure of kind '{kind}' has none; it is a key of {takers}")


@pytest.mark.parametrize("axis", COSTS)
def test_a_scatter_is_against_a_cost(axis: str) -> None:
    assert load(f'kind = "scatter"\ny = "test/f1"\nx = "{axis}"').figures["f"].x == axis
    (only,) = mistakes('kind = "scatter"\ny = "test/f1"\nx = "paramters"')
    assert "7:5: x of figure 'f'" in only
    assert "did you mean 'parameters'? Known: parameters, gpu-memory," in only


def test_axes_of_one_kind_are_none_of_another() -> None:
    assert "has no axis 'parameters'" in mistakes('y = "test/f1"\nx = "parameters"')[0]
    assert "has no axis 'epoch'" in mistakes('kind = "scatter"\ny = "test/f1"\nx = "epoch"')[0]


@pytest.mark.parametrize("kind", ["confusion", "classes"])
def test_a_matrix_is_of_a_split(kind: str) -> None:
    assert load(f'kind = "{kind}"\ny = "val/f1"').figures["f"].y == "val/f1"
    (only,) = mistakes(f'kind = "{kind}"\ny = "loss"')
    assert "a metric of the split that is shown, such as 'test/f1'" in only


def test_every_mistake_of_a_figure_is_told_once() -> None:
    found = mistakes('kind = "bars"\nsmoothing = 7\nx = 3\nhue = "a"')
    assert len(found) == 4  # y, smoothing, x and the unknown key
    assert sum("smoothing" in each.split(":")[3] for each in found) == 1


def test_every_kind_says_what_its_first_axis_is() -> None:
    assert all(bool(kind.axes) == ("x" in kind.keys) for kind in KINDS.values())
