"""What experiments.toml may say in [statistics], and how each mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.editor import clone, set_values
from engine.config.loader import Config, parse_config
from engine.config.schema import Statistics
from engine.config.validate import ConfigError

HEAD = '[experiments.a]\nmodel = "bit_mini"\n'
TABLE = '\n[statistics] # for all\nmargin = { "test/f1" = 0.01, "test/loss" = 1 } # less is none\nplanned_seeds = 5\n'


def load(text: str) -> Config:
    return parse_config(HEAD + text, Path("e.toml"))


def mistakes(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return [str(each) for each in caught.value.mistakes]


def test_margins_and_planned_seeds_are_read() -> None:
    assert load(TABLE).statistics == Statistics(margin={"test/f1": 0.01, "test/loss": 1.0}, planned_seeds=5)


def test_without_the_table_nothing_is_known_and_nothing_is_planned() -> None:
    assert load("").statistics == Statistics(margin={}, planned_seeds=None)


def test_a_margin_may_be_of_a_metric_that_only_a_figure_shows() -> None:
    figure = '[figures.f]\ny = "test/dice"\nexperiments = ["a"]\n'
    assert load(figure + '[statistics.margin]\n"test/dice" = 0.1\n').statistics.margin == {"test/dice": 0.1}


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        (
            "[statistics]\nmargins = {}",
            "4:1",
            "unknown key 'margins' in [statistics]; did you mean 'margin'?",
        ),
        (
            "[statistics]\nmargin = 0.01",
            "4:10",
            "margin in [statistics]: found 0.01 (a number); it has to be a table",
        ),
        ("[statistics]\nplanned_seeds = 1", "4:17", "it has to be a whole number from 2 to 10000"),
        ("[statistics]\nplanned_seeds = 2.5", "4:17", "found 2.5 (a number)"),
        ("[statistics]\nplanned_seeds = true", "4:17", "found True (a boolean)"),
        (
            '[statistics.margin]\n"test/fl" = 0.1',
            "4:1",
            "there is no such metric; did you mean 'test/f1'? Known: test/f1, test/accuracy",
        ),
        (
            '[statistics]\nmargin = { "test/f1" = 0 }',
            "4:1",
            "margin of 'test/f1' in [statistics]: found 0 (a whole number); it has to be a number above 0",
        ),
        ('[statistics.margin]\n"test/f1" = -0.1', "4:13", "it has to be a number above 0"),
        ('[statistics.margin]\n"test/f1" = nan', "4:13", "it has to be a number above 0"),
        ('[statistics.margin]\n"test/f1" = inf', "4:13", "it has to be a number above 0"),
        ('[statistics.margin]\n"test/f1" = "small"', "4:13", "found 'small' (a string)"),
        ('[statistics.margin]\n"test/f1" = true', "4:13", "found True (a boolean)"),
        ("[statistik]", "3:1", "unknown section [statistik]; did you mean 'statistics'?"),
    ],
)
def test_each_mistake_is_named_with_its_place_and_what_is_right(text: str, place: str, said: str) -> None:
    (only,) = mistakes(text)
    assert only.startswith(f"e.toml:{place}: ")
    assert said in only


def test_a_table_that_is_none_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"e.toml:1:14: \[statistics\] has to be a table, not 3"):
        parse_config(f"statistics = 3\n{HEAD}", Path("e.toml"))


def test_all_mistakes_are_named_at_once() -> None:
    found = mistakes('[statistics]\nplanned_seeds = 0\nmargin = { "test/f2" = 1, "test/f1" = -1 }\nmore = 1')
    assert len(found) == 4


def test_a_change_of_an_experiment_keeps_the_table_with_its_comments() -> None:
    text = set_values(clone(HEAD + TABLE, "a", "b"), "a", {"epochs": 3})
    assert TABLE in text
    assert parse_config(text, Path("e.toml")).statistics.planned_seeds == 5
