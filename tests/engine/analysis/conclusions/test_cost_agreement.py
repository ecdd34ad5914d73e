"""What seeds took is one number wherever it is told, the median, and a ratio is that of the numbers beside it."""

from __future__ import annotations

import re

import msgspec
import pytest

from engine.analysis.comparison import Table, compare
from engine.analysis.comparison_sides import Side
from engine.analysis.conclusions.costs import TRAINING_TIME, cost_of, cost_sentences
from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.results import result_of
from engine.analysis.runs_that_count import Candidate, choose
from engine.config.schema import Experiment
from engine.events import Metrics, Start
from engine.runs.metadata import RunMetadata, RunSummary
from engine.runs.recorder import Recorder
from engine.runs.store import Store
from tui.report.comparison_table import comparison_text
from tui.report.results_table import ResultsTable, judge_results
from tui.views.run_list_columns import find_column
from tui.views.run_list_row import Row
from tui.widgets.runs.run_overview import facts

SECONDS = {"slow": (1000.0, 1010.0, 3000.0), "quick": (200.0, 700.0, 210.0)}
"""What the seeds took: of each experiment one was held up, so that means and medians are far apart."""
EFFORT = ("images/s", "training time", "energy")


def experiment(name: str) -> Experiment:
    return Experiment(
        name=name, model="vit_mini", dataset="digits", image_size=8, patch_size=4, seeds=[0, 1, 2]
    )


@pytest.fixture
def candidates(store: Store) -> list[Candidate]:
    made = []
    for name, seconds in SECONDS.items():
        for seed, taken in enumerate(seconds):
            run = store.create(experiment(name), seed=seed)
            recorder = Recorder(run)
            recorder.emit(
                Start(
                    time=1.0,
                    run=run.id,
                    attempt=1,
                    seed=seed,
                    experiment=name,
                    epochs=1,
                    device="H200",
                    host="h",
                )
            )
            values = {
                "test/f1": 0.5 + seed / 100,
                "train/images_per_s": 1e6 / taken,
                "gpu/energy": 100 * taken,
            }
            recorder.emit(Metrics(time=2.0, run=run.id, step=1, epoch=1.0, values=values))
            recorder.end("finished", "done")
            recorder.close()
            recorder.status.trained_s = taken
            made.append(Candidate(run, run.info(), recorder.status))
    return made


def of(name: str, candidates: list[Candidate]) -> list[Candidate]:
    return [each for each in candidates if each.status.experiment == name]


@pytest.fixture
def table(candidates: list[Candidate]) -> Table:
    sides = [
        Side(name, {}, choose(experiment(name), of(name, candidates), "test/f1"))
        for name in ("quick", "slow")
    ]
    return compare(sides, Evidence({}, candidates))


def numbers(text: str) -> list[float]:
    """Return the numbers of a text, times in seconds."""
    found = re.findall(r"(?:(\d+):)?([\d,]+\.?\d*)", text)
    return [60 * int(minutes or 0) + float(rest.replace(",", "")) for minutes, rest in found]


def test_a_ratio_is_that_of_the_numbers_beside_it(table: Table, candidates: list[Candidate]) -> None:
    rows = dict(table.measured)
    compared = [rows[name] for name in EFFORT if rows[name][1].interval]
    assert compared, "costs whose ranges are apart"
    for quick, slow in compared:
        (ratio,), (low, high) = numbers(slow.delta), numbers(slow.interval)
        assert ratio == pytest.approx(numbers(slow.value)[0] / numbers(quick.value)[0], abs=0.01)
        (least, most), (least_slow, most_slow) = numbers(quick.range), numbers(slow.range)
        assert (low, high) == pytest.approx((least_slow / most, most_slow / least), abs=0.01)
    costs = [cost_of(side.name, side.choice, TRAINING_TIME) for side in table.sides]
    (sentence,) = cost_sentences("training time", costs)
    told = cost_sentences("training time", costs[::-1])
    assert told == [sentence]
    assert sentence == "quick has 0.21 times (0.07 to 0.70) the training time of slow."
    assert rows["training time"][0].value == "3:30"
    assert rows["training time"][1].value == "16:50"


def test_tables_lists_and_comparisons_tell_one_number(table: Table, candidates: list[Candidate]) -> None:
    rows = dict(table.measured)
    for side, cells in zip(table.sides, zip(*(rows[name] for name in EFFORT), strict=True), strict=True):
        seeds = of(side.name, candidates)
        result = result_of(experiment(side.name), seeds, lambda *_: None)
        assert result is not None
        metadata = RunMetadata(msgspec.to_builtins(experiment(side.name)))
        row = Row(
            "r", side.name, seeds[0].run.id, "e", "finished", seeds=3,
            facts=tuple(RunSummary(each.status, metadata) for each in seeds),
        )  # fmt: skip
        speed, taken, energy = (numbers(cell.value)[0] for cell in cells)
        assert result.images_per_s == pytest.approx(speed, abs=0.5)
        assert result.train_s == pytest.approx(taken, abs=0.5)
        assert result.joules == pytest.approx(1000 * energy, abs=50)
        for name, value in (("train/images_per_s", speed), ("gpu/energy", 1000 * energy)):
            column = find_column(name)
            assert column is not None
            assert float(column.text(row).replace("k", "e3").replace(",", "")) == pytest.approx(
                value, rel=0.01
            )
        assert (
            dict(facts(seeds[0].status, None, {}, row=row))["speed"] == f"{speed:,.0f} images/s, median of 3"
        )
        shown = ResultsTable([result], judge_results([result], Evidence({}, candidates)))
        assert numbers(shown.formatted["images/s"][0])[0] == speed
        assert any("median over seeds" in note for note in shown.footnotes)
    text = comparison_text(table, "CSV")
    assert "3:30 (3:20 to 11:40),16:50 (16:40 to 50:00),× 4.81 (1.43 to 15.00)" in text
