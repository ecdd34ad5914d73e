"""Table, report, comparison and figures say one thing of the same runs: winner, status, p and interval."""

from __future__ import annotations

import itertools
import re
import tarfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.comparison import compare
from engine.analysis.comparison_sides import sides
from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.conclusions.judgement import Judgement
from engine.analysis.conclusions.pairs import Pair, PairStatus
from engine.analysis.conclusions.sentences import sentences
from engine.analysis.results import result_of
from engine.analysis.runs_that_count import Candidate, read_candidates
from engine.config.loader import load_config
from engine.config.schema import Experiment, Figure, Statistics
from engine.events import Estimate
from engine.runs.status import Status
from engine.runs.store import Run, RunInfo, Store
from tui.report.latex_and_csv_syntax import Strong
from tui.report.results_table import ResultsTable, judge_results
from tui.report.statements import Statements

DOCS = Path(__file__).parents[3] / "docs"
SCORE = st.floats(0, 1).map(lambda value: round(value, 3))
PROJECTS = st.lists(st.lists(SCORE, min_size=1, max_size=5), min_size=2, max_size=4)


def experiments(count: int) -> dict[str, Experiment]:
    return {name: Experiment(name=name, model="vit_mini", dataset="digits") for name in "abcdefgh"[:count]}


def candidate(experiment: Experiment, seed: int, f1: float) -> Candidate:
    name = f"{experiment.name}-s{seed}"
    info = RunInfo(
        id=name,
        experiment=experiment.name,
        seed=seed,
        created=1e9 + seed,
        config=msgspec.to_builtins(experiment),
    )
    final = {"test/f1": Estimate(value=f1, low=max(0.0, f1 - 0.02), high=min(1.0, f1 + 0.02), n=2000)}
    status = Status(
        run=name, experiment=experiment.name, seed=seed, state="finished", last={"test/f1": f1}, final=final
    )
    return Candidate(Run(Path(name)), info, status)


class Project:
    """Made-up runs, and what each artefact makes of them."""

    def __init__(self, scores: Sequence[Sequence[float]], statistics: Statistics | None = None) -> None:
        self.experiments = experiments(len(scores))
        self.runs = [
            candidate(experiment, seed, score)
            for experiment, values in zip(self.experiments.values(), scores, strict=True)
            for seed, score in enumerate(values)
        ]
        self.evidence = Evidence(self.experiments, self.runs, statistics or Statistics())

    def judged(self, names: Iterable[str]) -> Judgement:
        return self.evidence.judge({name: self.evidence.choice(name, "test/f1") for name in names}, "test/f1")

    def table(self, names: Iterable[str]) -> ResultsTable:
        found = (result_of(self.experiments[name], self.runs, lambda *_: None) for name in names)
        results = [result for result in found if result is not None]
        return ResultsTable(results, judge_results(results, self.evidence))

    def said(self, *figures: Sequence[str]) -> list[list[str]]:
        made = [Figure(name=f"f{n}", y="test/f1", experiments=list(names)) for n, names in enumerate(figures)]
        statements = Statements(self.evidence, made)
        return [[str(each) for each in statements.of(place)] for place in range(len(made))]

    def compared(self, *names: str) -> tuple[str, ...]:
        shown = [run for run in self.runs if run.info.experiment in names]
        return compare(sides(shown, f"{names[0]}-s0"), self.evidence).verdicts


def bold(table: ResultsTable) -> list[str]:
    return [
        name
        for name, text in zip(table.formatted["experiment"], table.formatted["test F1"], strict=True)
        if isinstance(text, Strong)
    ]


def called_best(lines: Iterable[str]) -> list[str]:
    pattern = re.compile(r"^(?:So far \(.*?\): )?(\w+) is the best of ")
    return [found[1] for line in lines if (found := pattern.match(line))]


def of_pair(lines: Iterable[str], pair: Pair) -> list[str]:
    """Return the sentences over seeds that speak of a pair."""
    a, b = pair.better, pair.worse
    heads = (
        f"{a} beats {b} by",
        f"{a} and {b} cannot",
        f"{a} and {b} are ",
        f"{a}'s one seed is ",
        f"{b}'s one seed is ",
    )
    return [
        line
        for line in lines
        if re.sub(r"^So far \(.*?\): ", "", line).startswith(heads)
        and {a, b} <= set(re.findall(r"\b[a-h]\b", line))
    ]


@given(PROJECTS, st.none() | st.just(5), st.none() | st.floats(0.001, 0.2))
def test_bold_and_best_are_one(scores: list[list[float]], planned: int | None, margin: float | None) -> None:
    statistics = Statistics(planned_seeds=planned, margin={} if margin is None else {"test/f1": margin})
    project = Project(scores, statistics)
    names = list(project.experiments)
    judgement = project.judged(names)
    best = [judgement.best] if judgement.best else []
    assert bold(project.table(names)) == best
    assert called_best(project.said(names)[0]) == best
    if judgement.best is not None:
        table = project.table(names)
        assert table.plain["test_f1_best"] == [name == judgement.best for name in names]
        if len(names) > 2:
            assert table.plain["test_f1_rank_last"][names.index(judgement.best)] == 1


@given(st.lists(SCORE, min_size=1, max_size=5), st.lists(SCORE, min_size=1, max_size=5), PROJECTS)
def test_a_pair_is_the_same_in_report_and_comparison(
    a: list[float], b: list[float], others: list[list[float]]
) -> None:
    project = Project([a, b, *others])
    (said,) = project.said(["a", "b"])
    report = [line for line in said if "chosen from" not in line and " is the best of " not in line]
    screen = [line for line in project.compared("a", "b") if line in report]
    judgement = project.judged("ab")
    pair = judgement.pair("a", "b")
    assert pair is not None
    assert of_pair(report, pair) == of_pair(screen, pair)
    if pair.status is not PairStatus.UNJUDGED:
        (sentence,) = of_pair(report, pair)
        p = re.search(r"p (= (\d\.\d{3})|< 0.001)", sentence)
        assert p is not None
        assert float(p[2] or 0) == pytest.approx(pair.p, abs=0.0011)
        told = re.search(r" beats | is above | is below ", sentence) is not None
        assert told == pair.is_significant


@given(PROJECTS)
def test_the_raw_p_of_a_pair_does_not_depend_on_what_is_shown(scores: list[list[float]]) -> None:
    project = Project(scores)
    names = list(project.experiments)
    every = project.judged(names)
    for two in itertools.combinations(names, 2):
        one, other = every.pair(*two), project.judged(two).pair(*two)
        assert one is not None
        assert other is not None
        assert repr(one.raw) == repr(other.raw)


@given(PROJECTS)
def test_a_report_words_each_pair_once_with_one_status(scores: list[list[float]]) -> None:
    project = Project(scores)
    names = list(project.experiments)
    figures = [names, names[:2], names[::-1]]
    said = project.said(*figures)
    lines = [line for each in said for line in each]
    judgement = project.evidence.judge(
        {name: project.evidence.choice(name, "test/f1") for name in names}, "test/f1", sets=figures
    )
    for pair in judgement.pairs.values():
        assert len(of_pair(lines, pair)) <= 1
    for shown, found in zip(figures, said, strict=True):
        best = judgement.best_of(shown)
        assert called_best(found) == ([best] if best else [])


def contradictions(project: Project) -> int:
    """Return how many artefacts contradict the judgement of a project's three experiments."""
    judgement, names = project.judged("abc"), list("abc")
    best = [judgement.best] if judgement.best else []
    lines = project.said(names)[0]
    is_wrong = bold(project.table(names)) != best
    return is_wrong + contradictions_within(judgement, lines)


def contradictions_within(judgement: Judgement, lines: Sequence[str]) -> int:
    """Return how often a judgement of three experiments contradicts itself, or the sentences on it."""
    names = list("abc")
    told = {(pair.better, pair.worse) for pair in judgement.pairs.values() if pair.is_significant}
    circles = sum(
        (a, b) in told and (b, c) in told and (c, a) in told for a, b, c in itertools.permutations(names)
    )
    best = [judgement.best] if judgement.best else []
    above_all = [name for name in names if all((name, other) in told for other in names if other != name)]
    wrong = [called_best(lines) != best, bool(best) and above_all != best]
    for pair in judgement.pairs.values():
        if found := of_pair(lines, pair):
            says = re.search(r" beats | is above | is below ", found[0]) is not None
            wrong.append(len(found) > 1 or says != pair.is_significant)
    return circles + sum(wrong)


def contradictions_in_words(project: Project) -> int:
    """Return the same of the judgement and its sentences alone, without the artefacts that show them."""
    judgement = project.judged("abc")
    return contradictions_within(judgement, [str(line) for line in sentences(judgement)])


def draws(count: int) -> Iterable[Project]:
    random = np.random.default_rng(20)
    for _ in range(count):
        means = 0.5 + 0.02 * random.normal(size=3) * random.choice([0, 1, 3])
        spread = 0.01 * np.exp(0.35 * random.normal(size=3))
        seeds = random.choice([1, 2, 3, 3, 3, 5], size=3)
        yield Project(
            [
                np.clip(random.normal(mean, sd, n), 0, 1).tolist()
                for mean, sd, n in zip(means, spread, seeds, strict=True)
            ]
        )


def test_three_experiments_are_never_told_in_contradiction() -> None:
    assert sum(map(contradictions, draws(80))) == 0


@pytest.mark.slow
def test_of_a_thousand_triples_no_artefact_contradicts_the_judgement() -> None:
    assert sum(map(contradictions, draws(1000))) == 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_of_twenty_thousand_triples_none_is_told_in_contradiction() -> None:
    assert sum(map(contradictions_in_words, draws(20_000))) == 0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, list[Candidate]]:
    """The runs beside docs/results.md."""
    folder = tmp_path_factory.mktemp("replay")
    with tarfile.open(DOCS / "replay.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    config = load_config(DOCS / "replay.toml")
    runs, _ = read_candidates(Store(folder / "runs"))
    return Evidence(config.experiments, runs, config.statistics), runs


@pytest.mark.slow
def test_recorded_runs_are_told_alike_by_report_and_comparison(
    recorded: tuple[Evidence, list[Candidate]],
) -> None:
    evidence, runs = recorded
    config = load_config(DOCS / "replay.toml")
    names = dict.fromkeys(run.info.experiment for run in runs)
    for a, b in itertools.combinations(names, 2):
        figure = Figure(name="two", y="test/f1", experiments=[a, b])
        report = [str(each) for each in Statements(evidence, [figure]).of(0)]
        shown = [run for run in runs if run.info.experiment in (a, b)]
        screen = compare(sides(shown, shown[0].run.id), evidence)
        assert [line for line in report if line not in screen.verdicts] == []
        found = [result_of(config.experiments[name], runs, lambda *_: None) for name in (a, b)]
        results = [result for result in found if result is not None]
        best = bold(ResultsTable(results, judge_results(results, evidence)))
        assert best == [name for name in (a, b) if f"{name} is the best of 2 by F1" in " ".join(report)]
