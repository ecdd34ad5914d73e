"""What other tools read is what the runs have measured."""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from engine.config.schema import Experiment
from engine.events import End, Metrics, Start, encode
from engine.exchange.exported_measurements import COLUMNS
from engine.exchange.exporting import export_runs
from engine.exchange.optional_packages import ExchangeError
from engine.history.reader import History
from engine.query.parser import FilterError
from engine.runs.store import Run, Store
from engine.text import csv_text
from tests.engine.exchange.conftest import NOW
from tests.hostile_texts import acted_on

if TYPE_CHECKING:
    import pandas as pd

pytestmark = pytest.mark.xdist_group(
    "tables"
)  # pandas and polars take half a second to import: in one process is enough


def say(_line: str) -> None:
    """Nobody listens."""


def assert_as_the_history(table: pd.DataFrame, run: Run) -> None:
    """A long table has the points of a run's history, and no others."""
    history = History(run.path)
    history.update()
    mine = table[table["run"] == run.id]
    assert set(mine["metric"]) == set(history.metrics)
    for name, points in mine.groupby("metric"):
        for x in ("step", "epoch"):
            places, values = history.series(name, x)
            np.testing.assert_array_equal(points[x], places)
            np.testing.assert_array_equal(points["value"], values)


def read(path: Path) -> pd.DataFrame:
    import pandas as pd

    match path.suffix:
        case ".csv":
            return pd.read_csv(path)
        case ".jsonl":
            return pd.DataFrame(json.loads(line) for line in path.read_text().splitlines())
    return pd.read_parquet(path)


@pytest.mark.parametrize(("kind", "end"), [("csv", "csv"), ("json", "jsonl"), ("parquet", "parquet")])
def test_tables_hold_every_run_as_its_history_does(kind, end, store, write, out):
    runs = [write(seed=0), write(seed=1, again=12), write(seed=2, end=False)]
    assert export_runs(store, kind, out, say=say)
    table = read(out / f"metrics.{end}")
    assert tuple(table.columns) == COLUMNS
    assert list(table["run"].unique()) == [run.id for run in runs]
    for run in runs:
        assert_as_the_history(table, run)
    found = read(out / f"runs.{end}")
    assert list(found["run"]) == [run.id for run in runs]
    assert list(found["seed"]) == [0, 1, 2]
    assert list(found["config.batch_size"]) == [32, 32, 32]
    assert list(found["config.lr"]) == [5e-4] * 3
    assert sorted(path.name for path in out.iterdir()) == [f"metrics.{end}", f"runs.{end}"]


def test_pandas_and_polars_read_parquet_and_csv_alike(store, write, out):
    import pandas as pd
    import polars as pl

    write(seed=0)
    write(seed=3, again=5)
    for kind in ("csv", "parquet"):
        export_runs(store, kind, out, say=say)
    parquet = pl.read_parquet(out / "metrics.parquet")
    assert pl.read_csv(out / "metrics.csv").equals(parquet, null_equal=True)
    pd.testing.assert_frame_equal(
        pd.read_parquet(out / "metrics.parquet"), read(out / "metrics.csv"), check_dtype=False
    )
    assert dict(parquet.schema) == {
        "run": pl.String, "experiment": pl.String, "seed": pl.Int64, "step": pl.Int64, "epoch": pl.Float64,
        "time": pl.Float64, "metric": pl.String, "value": pl.Float64,
    }  # fmt: skip
    assert parquet.filter(pl.col("value").is_nan()).height == 2
    runs = pl.read_parquet(out / "runs.parquet")
    assert runs["seed"].to_list() == [0, 3]
    assert runs["config.model"].to_list() == ["vit_mini"] * 2


def test_tensorboard_reads_each_run_with_its_steps_and_times(store, write, out):
    runs = [write(seed=0), write(seed=1, again=12)]
    export_runs(store, "tensorboard", out, say=say)
    for run in runs:
        history = History(run.path)
        history.update()
        read = EventAccumulator(str(out / run.id), size_guidance={"scalars": 0}).Reload()
        assert set(read.Tags()["scalars"]) == {*history.metrics, "epoch"}
        for name in history.metrics:
            scalars = read.Scalars(name)
            steps, values = history.series(name)
            assert [each.step for each in scalars] == list(steps)
            np.testing.assert_array_equal([each.value for each in scalars], values.astype(np.float32))
    first = EventAccumulator(str(out / runs[0].id)).Reload().Scalars("train/loss")[0]
    assert first.wall_time == pytest.approx(NOW + 0.3, abs=1e-6)


def test_what_an_attempt_measured_after_the_step_it_was_resumed_from_is_left_out(store, write, out):
    run = write(again=12)
    export_runs(store, "csv", out, say=say)
    loss = read(out / "metrics.csv").query("metric == 'train/loss'")
    assert list(loss["step"]) == list(range(1, 21))
    assert loss["time"].is_monotonic_increasing
    assert_as_the_history(read(out / "metrics.csv"), run)


def test_attempts_before_the_last_end_where_the_earliest_later_one_begins(store, tiny, out):
    run = store.create(tiny, 0)
    lines = []
    for attempt, (begin, end) in enumerate([(0, 9), (6, 8), (3, 5)], 1):
        lines.append(encode(Start(time=NOW + attempt, run=run.id, attempt=attempt, step=begin)))
        lines += [
            encode(
                Metrics(time=NOW + attempt, run=run.id, step=step, epoch=step, values={"a/b": float(attempt)})
            )
            for step in range(begin + 1, end + 1)
        ]
    run.events.write_bytes(b"".join(lines))
    export_runs(store, "csv", out, say=say)
    table = read(out / "metrics.csv")
    assert list(zip(table["step"], table["value"], strict=True)) == [(1, 1), (2, 1), (3, 1), (4, 3), (5, 3)]
    assert_as_the_history(table, run)


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "tensorboard"])
def test_files_that_are_there_are_replaced_only_by_force(kind, store, write, out):
    write()
    export_runs(store, kind, out, say=say)
    files = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    write(seed=1)
    with pytest.raises(ExchangeError, match="there already: `--force`"):
        export_runs(store, kind, out, say=say)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == files
    assert export_runs(store, kind, out, force=True, say=say)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} != files


def test_a_folder_with_event_files_of_another_program_is_left_alone(store, write, out):
    run = write()
    (out / run.id).mkdir(parents=True)
    (out / run.id / "events.out.tfevents.1.host").write_bytes(b"")
    with pytest.raises(ExchangeError, match="not this run's"):
        export_runs(store, "tensorboard", out, force=True, say=say)


def test_a_filter_says_which_runs(store, write, out):
    write(seed=0)
    run = write(seed=1)
    said: list[str] = []
    assert export_runs(store, "csv", out, "seed=1", say=said.append)
    assert set(read(out / "metrics.csv")["run"]) == {run.id}
    assert not export_runs(store, "csv", out, "seed=7", say=said.append)
    assert said[-1].endswith("fits: seed=7")
    with pytest.raises(FilterError):
        export_runs(store, "csv", out, "nope=1", say=say)


def test_half_written_and_hostile_runs_are_written_as_far_as_they_are_runs(store, write, out):
    torn, hostile = write(seed=0), write(seed=1)
    whole = torn.events.read_bytes()
    torn.events.write_bytes(whole[: len(whole) // 2])
    name = '=cmd|" /x\x1b[31m,\r\n\0[/x]'
    with hostile.events.open("ab") as file:
        file.write(b"\xff\xfe{]\n" + b"[" * 100_000 + b"\n")
        file.write(encode(Metrics(time=NOW, run=hostile.id, step=99, epoch=1.0, values={name: 1.0})))
    (hostile.path / "run.json").write_bytes(b"{")
    said: list[str] = []
    for kind in ("csv", "json", "parquet"):
        assert export_runs(store, kind, out, say=said.append)
    for end in ("csv", "jsonl", "parquet"):
        table = read(out / f"metrics.{end}")
        assert_as_the_history(table, torn)
        assert table["metric"].iloc[-1] == (csv_text(name) if end == "csv" else name)
        assert end == "parquet" or acted_on((out / f"metrics.{end}").read_text()) == []
    assert all(line.isprintable() for line in said)
    assert export_runs(store, "tensorboard", out / "tb", say=say)
    assert name in EventAccumulator(str(out / "tb" / hostile.id)).Reload().Tags()["scalars"]


@pytest.mark.slow
def test_memory_is_bounded_by_a_chunk_however_long_a_run_is(store, tiny, out):
    def peak(steps: int) -> int:
        root = store.root / str(steps)
        run = Store(root).create(tiny, 0)
        with run.events.open("wb") as file:
            file.write(encode(Start(time=NOW, run=run.id)))
            for step in range(steps):
                values = {"train/loss": 1 / (step + 1), "train/accuracy": 0.5}
                file.write(
                    encode(Metrics(time=NOW + step, run=run.id, step=step, epoch=step / 10, values=values))
                )
            file.write(encode(End(time=NOW + steps, run=run.id, state="finished")))
        tracemalloc.start()
        export_runs(Store(root), "csv", out / str(steps), say=say)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(12_000) < 1.3 * peak(4_000) + 200_000


@pytest.mark.parametrize(("kind", "package"), [("parquet", "pyarrow"), ("tensorboard", "tensorboard")])
def test_a_package_that_is_missing_is_asked_for_by_its_extra(kind, package, store, write, out):
    write()
    script = f"""
import sys
sys.modules["{package}"] = None
from tui.cli import main
main(["export", "--to", "{kind}", "--runs", {str(store.root)!r}, "--out", {str(out)!r}])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 2
    assert f"pip install 'vitui[{kind}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()


def test_neither_format_is_loaded_before_it_is_asked_for():
    script = """
import sys, tui.cli, engine.exchange.exporting, engine.exchange.importing
sys.exit(", ".join({"tensorboard", "pyarrow", "pandas", "google.protobuf", "numpy"} & set(sys.modules)) or None)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_experiment_of_another_version_leaves_what_has_another_type_empty(store, tiny, write, out):
    import polars as pl

    run = write()
    info = json.loads((run.path / "run.json").read_bytes())
    info["config"] |= {"lr": "a lot", "epochs": 1e3, "new": 1, "model": ["x"], "batch_size": 2**70}
    (run.path / "run.json").write_text(json.dumps(info))
    export_runs(store, "parquet", out, say=say)
    row = pl.read_parquet(out / "runs.parquet").row(0, named=True)
    assert (row["config.lr"], row["config.epochs"], row["config.batch_size"]) == (None, None, None)
    assert row["config.model"] == '["x"]'


def test_an_experiment_is_what_the_columns_of_settings_are_made_of():
    from engine.exchange.table_writer import RUN_TYPES

    assert RUN_TYPES["config.lr"] is float
    assert RUN_TYPES["config.patch_size"] is int
    assert RUN_TYPES["config.optimizer"] is str
    missing = set(Experiment.__struct_fields__) - {name.removeprefix("config.") for name in RUN_TYPES}
    assert missing == {"name", "seeds", "notes"} | ({"tags"} - set(RUN_TYPES))
