"""Old findings put back one at a time: some test of agreement fails with each of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.analysis import curves, runs_that_count
from engine.analysis.conclusions.judgement import Judgement
from engine.analysis.results import Result
from engine.analysis.statistics.significance import ALPHA
from engine.events import End, decode
from engine.queue import retry
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import Status
from engine.runs.store import Run
from engine.system.files import last_lines
from tests.engine.analysis import test_agreement, test_curve_agreement
from tests.engine.analysis.agreement_folder import CONTESTS, NAMES, Folder, make_folder
from tests.engine.analysis.agreement_read import Read
from tests.engine.analysis.agreement_views import NUMBERS, RUNS
from tests.engine.analysis.agreement_winners import WINNERS
from tests.engine.queue import test_forecast, test_retry
from tests.engine.queue.test_retry import attempt as attempt
from tui.report.results_table import ResultsTable

pytestmark = pytest.mark.slow
Patch = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make_folder(tmp_path_factory.mktemp("mutations"))


@pytest.fixture
def read(written: Folder) -> Read:
    """The folder, of which nothing has been read yet."""
    return Read(replace(written))


def check_runs(read: Read) -> None:
    answers = {name: view(read) for name, view in RUNS.items() if name not in ("drawn figure", "report")}
    for name in NAMES:
        right = read.answer({name: [run.id for run in read.folder.right[name].runs]})[name]
        assert {
            view: answer[name] for view, answer in answers.items() if answer.get(name, right) != right
        } == {}


def check_numbers(read: Read) -> None:
    numbers = {name: view(read) for name, view in NUMBERS.items()}
    for name in NAMES:
        test_agreement.test_every_place_tells_the_same_numbers(read, numbers, name)


def check_winners(read: Read) -> None:
    for contest in CONTESTS:
        for view in WINNERS:
            test_agreement.test_every_place_tells_the_same_winner(read, contest, view)


def test_without_a_finding_all_agree(read: Read) -> None:
    check_runs(read)
    check_numbers(read)
    check_winners(read)


def test_bold_without_correction(read: Read, monkeypatch: Patch) -> None:
    """C1."""

    def is_best(table: ResultsTable, row: Result, metric: str) -> bool:
        judgement: Judgement = table.judgements[metric, row.data]
        others = [name for name in table._names(metric, row.data) if name != row.experiment]
        pairs = [judgement.pair(row.experiment, other) for other in others]
        return bool(pairs) and all(
            pair is not None and pair.better == row.experiment and pair.raw.p < ALPHA for pair in pairs
        )

    monkeypatch.setattr(ResultsTable, "_is_best", is_best)
    with pytest.raises(AssertionError):
        check_winners(read)


def test_a_mean_of_the_seeds_that_survived(tmp_path: Path, monkeypatch: Patch) -> None:
    """C2."""
    whole = curves.mean_over_seeds

    def survivors(members: Sequence[curves.Curve], *more: Any) -> curves.Curve:
        there = [curve.within(-np.inf, _last_finite(curve)) for curve in members]
        return whole(there, *more)

    monkeypatch.setattr(curves, "mean_over_seeds", survivors)
    folder = "three, one not finite from epoch 4"
    with pytest.raises(AssertionError):
        test_curve_agreement.test_screen_figure_and_export_agree(tmp_path, folder, 0.0)
    (tmp_path / "alone").mkdir()
    with pytest.raises(AssertionError):
        test_curve_agreement.test_the_mean_ends_where_a_seed_diverged_and_goes_on_where_one_has_ended(
            tmp_path / "alone"
        )


def _last_finite(curve: curves.Curve) -> float:
    return float(curve.x[np.isfinite(curve.y)][-1])


def test_the_memory_of_the_host_for_a_run_on_two_gpus(read: Read, monkeypatch: Patch) -> None:
    """C3."""
    monkeypatch.setattr("engine.catalog.metrics.value_of", lambda values, name: values.get(name))
    with pytest.raises(AssertionError):
        check_numbers(read)


@pytest.mark.parametrize(
    "place", ["engine.analysis.runs_that_count.age", "tui.views.run_list_tree.runs_that_count"]
)
def test_the_newest_run_by_when_it_was_started(read: Read, monkeypatch: Patch, place: str) -> None:
    """C4, in the one rule, and in the list alone."""

    def by_start(run: runs_that_count.RunFacts) -> tuple[float, str]:
        return run.status.started or 0.0, run.status.run

    def count_by_start(*args: Any) -> runs_that_count.Choice[Any]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(runs_that_count, "age", by_start)
            return runs_that_count.runs_that_count(*args)

    monkeypatch.setattr(place, by_start if place.endswith("age") else count_by_start)
    with pytest.raises(AssertionError):
        check_runs(read)


def test_what_is_hopeless_by_the_name_of_its_class(
    attempt: Callable[..., Run], monkeypatch: Patch
) -> None:  # fmt: skip
    """C5."""

    def for_good(run: Run) -> bool:
        ends = (event for line in reversed(last_lines(run.events)) if isinstance(event := decode(line), End))
        end = next(ends, None)
        return (
            end is not None and end.error is not None and end.error.type in ("CheckpointError", "DataError")
        )

    monkeypatch.setattr(retry, "_failed_for_good", for_good)
    with pytest.raises(AssertionError):
        test_retry.test_it_waits_for_another_attempt(attempt, "failed", "CheckpointError")


def test_a_forecast_by_the_names_of_devices(monkeypatch: Patch) -> None:
    """C6."""

    def by_name(
        live: Collection[Status], entries: Mapping[str, QueueEntry], _devices: object
    ) -> dict[str, tuple[str, ...]]:
        return {status.run: tuple(entries[status.run].devices.values()) for status in live}

    monkeypatch.setattr("engine.queue.forecast._given", by_name)
    with pytest.raises(AssertionError):
        test_forecast.test_a_busy_slice_of_a_gpu_is_busy()
