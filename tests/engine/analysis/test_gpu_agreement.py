"""A run on two GPUs is told alike wherever it is told: by what its GPUs hold and take, never by the host's memory."""

from __future__ import annotations

import msgspec
import pytest

from engine.analysis.comparison import compare
from engine.analysis.comparison_sides import Side
from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.results import Result, result_of
from engine.analysis.runs_that_count import Candidate, choose
from engine.config.schema import Experiment
from engine.events import Metrics, Start
from engine.query.fields import Subject, find_key
from engine.query.parser import parse
from engine.queue.memory_estimates import MEASURED_MARGIN, MemoryEstimates
from engine.runs.metadata import RunMetadata, RunSummary
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from engine.text import GIB
from tui.report.results_table import ResultsTable, judge_results
from tui.state.run_page_record import Record
from tui.views.run_list_columns import find_column
from tui.views.run_list_row import Row
from tui.views.run_page_facts import sections
from tui.widgets.chart.metric_order import order
from tui.widgets.runs.run_overview import facts

EXPERIMENT = Experiment(name="e", model="vit_mini", dataset="digits", image_size=8, patch_size=4, gpus=2)
MEASURED = {
    "test/f1": 0.5, "cpu/memory_process": 4.0 * GIB, "train/loss": 1.0,
    "gpu/0/memory_process": 30.0 * GIB, "gpu/1/memory_process": 31.0 * GIB,
    "gpu/0/memory_used": 40.0 * GIB, "gpu/1/memory_used": 41.0 * GIB,
    "gpu/0/memory_peak": 28.0 * GIB, "gpu/1/memory_peak": 27.0 * GIB,
    "gpu/0/energy": 40_000.0, "gpu/1/energy": 60_000.0,
}  # fmt: skip


@pytest.fixture
def candidate(store: Store) -> Candidate:
    """A finished run on two GPUs, as its own process recorded it."""
    run = store.create(EXPERIMENT, seed=0)
    recorder = Recorder(run)
    recorder.emit(Start(time=1.0, run=run.id, attempt=1, experiment="e", epochs=1, device="2 x H200"))
    recorder.emit(Metrics(time=2.0, run=run.id, step=1, epoch=1.0, values=MEASURED))
    recorder.end("finished", "done")
    recorder.close()
    return Candidate(run, run.info(), recorder.status)


def column(name: str, candidate: Candidate) -> str:
    found = find_column(name)
    assert found is not None
    fact = RunSummary(candidate.status, RunMetadata(msgspec.to_builtins(EXPERIMENT)))
    return found.text(Row("r", "e", "r", "e", "finished", facts=(fact,)))


def test_columns(candidate: Candidate) -> None:
    assert column("memory", candidate) == "31G"
    assert column("peak", candidate) == column("gpu/memory_peak", candidate) == "28G"
    assert column("gpu/energy", candidate) == "1e+05"


def test_filters(candidate: Candidate) -> None:
    subject = Subject(candidate.status, lambda: msgspec.to_builtins(EXPERIMENT))
    assert parse("gpu/memory_peak=28GiB gpu/energy=100k best:gpu/memory_process=31GiB").matches(subject)
    key = find_key("highest:gpu/memory_peak")
    assert key is not None
    assert key.value(subject) == 28 * GIB


def test_comparison(candidate: Candidate) -> None:
    side = Side("e", {}, choose(EXPERIMENT, [candidate], "test/f1"))
    table = dict(compare([side], Evidence({}, [candidate])).measured)
    assert table["memory, most"][0].value == "28 GiB"
    assert table["energy"][0].value == "100.0 kJ"


def test_results(candidate: Candidate) -> None:
    result = result_of(EXPERIMENT, [candidate], lambda *_: None)
    assert isinstance(result, Result)
    assert (result.gpu_memory, result.host_memory, result.joules) == (28 * GIB, None, 100_000)
    shown = ResultsTable([result], judge_results([result], Evidence({}, [candidate]))).formatted
    assert (shown["GPU memory"], shown["energy"]) == (["28.00 GiB"], ["100.0 kJ"])
    assert "host memory" not in shown


def test_facts(candidate: Candidate) -> None:
    assert dict(facts(candidate.status, None, {}))["memory"] == "31 GiB  peak 31 GiB"
    (result,) = (
        each for each in sections(candidate.status, {}, Record(candidate.run.id)) if each.title == "Result"
    )
    assert dict(result.facts)["memory"] == "31 GiB, peak 31 GiB"


def test_charts() -> None:
    first = order(list(MEASURED))[:5]
    assert [name for name in first if "memory" in name] == ["gpu/0/memory_process", "gpu/1/memory_process"]


def test_estimates(candidate: Candidate, store: Store) -> None:
    queued: Run = store.create(EXPERIMENT, seed=1)
    assert MemoryEstimates(store).of(queued) == int(MEASURED_MARGIN * 28 * GIB + GIB)
