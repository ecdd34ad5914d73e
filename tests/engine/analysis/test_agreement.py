"""One folder of runs, asked in every place that says something of an experiment: all have to say the same.

A place is a function of ``agreement_views`` or ``agreement_winners``; an awkward thing is one of ``agreement_cases``.
"""

from __future__ import annotations

import re

import pytest

from tests.engine.analysis.agreement_folder import CONTESTS, NAMES, Folder, make_folder
from tests.engine.analysis.agreement_places import EXEMPT, PLACES, all_places
from tests.engine.analysis.agreement_read import Answers, Read, Said
from tests.engine.analysis.agreement_views import NUMBERS, PARTIAL, RUNS
from tests.engine.analysis.agreement_winners import OF_REPORT, WINNERS

pytestmark = pytest.mark.xdist_group("agreement")
"""One process makes the folder once."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make_folder(tmp_path_factory.mktemp("agreement"))


@pytest.fixture(scope="module")
def read(folder: Folder) -> Read:
    return Read(folder)


@pytest.fixture(scope="module")
def answers(read: Read) -> dict[str, Answers]:
    """Which runs count, as each place says it."""
    return {name: view(read) for name, view in RUNS.items()}


@pytest.fixture(scope="module")
def numbers(read: Read) -> dict[str, Said]:
    """The numbers that each place tells."""
    return {name: view(read) for name, view in NUMBERS.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_place_says_the_same_seeds_and_runs(read: Read, answers: dict[str, Answers], name: str) -> None:
    right = read.answer({name: [run.id for run in read.folder.right[name].runs]})[name]
    said = {view: answer[name] for view, answer in answers.items() if name in answer}
    assert said == dict.fromkeys(said, right)
    assert said.keys() >= RUNS.keys() - PARTIAL
    assert ("rerun" in said) == read.folder.right[name].own


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_place_says_what_is_not_counted(read: Read, name: str) -> None:
    before, _, behind = read.section("all").partition("### Results")
    texts = {
        "comparison": [read.comparisons[name].sides[0].left_out],
        "table": [line for line in read.said_of_tables if f"  {name}:" in line],
        "figure": [line for line in before.splitlines() if line.startswith(f"- {name}: ")],
        "plot": [line for line in read.plotted_legend if line.startswith(f"{name}: ")],
        "report": [line for line in behind.splitlines() if line.startswith(f"- {name}: ")],
    }
    counts = {view: re.findall(r"[^,;:.]*not counted", " ".join(lines)) for view, lines in texts.items()}
    expected = list(read.folder.right[name].notes)
    for view, said in counts.items():
        assert list(dict.fromkeys(text.strip() for text in said)) == expected, view


@pytest.mark.parametrize("name", NAMES)
def test_every_place_tells_the_same_numbers(read: Read, numbers: dict[str, Said], name: str) -> None:
    right = read.folder.numbers(name)._asdict()
    said = {
        (view, key): (value, right[key])
        for view, told in numbers.items()
        for key, value in told.get(name, {}).items()
        if not value.agrees(right[key])
    }
    assert said == {}


def test_every_place_tells_all_numbers_that_it_has(numbers: dict[str, Said]) -> None:
    """What is not told at all cannot disagree."""
    of_seeds = {"mean", "sd"}
    everything = of_seeds | {"memory", "energy"}
    scores_only = ("overview", "charts", "figure curves", "figure bars", "ls", "logs", "run facts", "plot")
    for view, told in numbers.items():
        wanted = of_seeds if view in scores_only else everything
        assert (view, told["two_gpus"].keys()) == (view, wanted)
        assert (view, told["every_seed_was_run_twice"].keys()) == (view, wanted)


@pytest.mark.parametrize("view", WINNERS)
@pytest.mark.parametrize("contest", CONTESTS)
def test_every_place_tells_the_same_winner(read: Read, contest: str, view: str) -> None:
    right = CONTESTS[contest].best_in_report if view in OF_REPORT else CONTESTS[contest].best
    assert WINNERS[view](read, contest) == right


def test_every_place_that_shows_runs_is_asked_or_says_why_not() -> None:
    assert PLACES.keys() & EXEMPT.keys() == set()
    assert PLACES.keys() | EXEMPT.keys() == all_places()
    assert {view for views in PLACES.values() for view in views} == {*RUNS, *NUMBERS, *WINNERS}
