"""Runs of MLflow's file store, in the layout that its documentation has, and what may be wrong in one."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from pathlib import Path

import pytest

from engine.exchange.optional_packages import ExchangeError
from engine.exchange.trackers.mlflow_reader import plain_value
from engine.runs.store import Store
from tests.engine.exchange.imported import experiments_of, points_of, runs_of, take

MS = 1_795_000_000_000


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


def mlflow_run(
    root: Path, run: str, name: str, metrics: dict[str, str], params: dict[str, str] | None = None,
    parent: str = "", stage: str = "active",
) -> Path:  # fmt: skip
    folder = root / "mlruns" / "123" / run
    files = {f"metrics/{metric}": text for metric, text in metrics.items()}
    files |= {f"params/{param}": text for param, text in (params or {}).items()}
    files |= {
        "meta.yaml": f"artifact_uri: file:///x\nlifecycle_stage: {stage}\nrun_id: {run}\nrun_name: '{name}'\n",
        "tags/mlflow.runName": name, "artifacts/model/metrics.csv": "epoch,loss\n1,1\n",
    }  # fmt: skip
    if parent:
        files["tags/mlflow.parentRunId"] = parent
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    (root / "mlruns" / "123" / "meta.yaml").write_text("experiment_id: '123'\nname: digits\n")
    return folder


def curve(values: list[float]) -> str:
    return "".join(f"{MS + 1000 * step} {value} {step}\n" for step, value in enumerate(values))


def test_a_run_has_its_name_metrics_times_and_params(here, tmp_path):
    mlflow_run(
        tmp_path, "0a" * 16, "bold-fox", {"val/loss": curve([1.0, 0.5]), "epoch": curve([0, 1])},
        {"lr": "0.1", "seed": "7", "optimizer": "sgd"},
    )  # fmt: skip
    said = take(here, tmp_path / "mlruns")
    run = runs_of(here)["bold-fox"]
    assert points_of(run) == {"val/loss": [(0, 1.0), (1, 0.5)]}
    assert run.info().config["options"] == {"lr": 0.1, "optimizer": "sgd"}
    assert experiments_of(here) == {"bold-fox": [7]}
    assert not any("epoch" in line for line in said)


def test_a_run_below_another_is_called_after_both_and_runs_of_one_name_are_seeds(here, tmp_path):
    mlflow_run(tmp_path, "0a" * 16, "sweep", {"loss": curve([1.0])})
    for i in range(2):
        mlflow_run(tmp_path, f"0{i}" * 16, "trial", {"loss": curve([i / 4])}, parent="0a" * 16)
    take(here, tmp_path)
    assert experiments_of(here) == {"sweep": [0], "sweep/trial": [0, 1]}


def test_runs_of_one_name_are_seeds_in_the_order_in_which_they_began(here, tmp_path):
    for run, start in (("0a", 30), ("0b", 4), ("0c", 200)):
        folder = mlflow_run(tmp_path, run * 16, "net", {"loss": curve([start])})
        with (folder / "meta.yaml").open("a") as file:
            file.write(f"start_time: {start}\n")
    take(here, tmp_path)
    runs = sorted(here.runs(), key=lambda each: each.info().seed)
    assert [points_of(run)["loss"][0][1] for run in runs] == [4, 30, 200]


def test_points_without_steps_are_counted_and_odd_lines_said(here, tmp_path):
    text = f"{MS} 1.0 0\n{MS + 1000} 0.5 0\n"
    odd = f"{MS} nan 0\n{MS} 0.25 1 digits 0a1b\nno line\n{MS} 0.125 -3\n"
    mlflow_run(tmp_path, "0a" * 16, "a", {"loss": text, "acc": odd})
    said = take(here, tmp_path / "mlruns" / "123" / ("0a" * 16))
    found = points_of(runs_of(here)["a"])
    assert found["loss"] == [(0, 1.0), (1, 0.5)]
    assert [step for step, _ in found["acc"]] == [0, 1]
    assert "  loss was logged without steps: its points are counted" in said
    assert "  left out: 1, of acc: line 3 is no time, value and step" in said
    assert any(line.startswith("  left out: 1, of acc: -3 is no step") for line in said)


def test_what_was_deleted_and_logged_models_are_left(here, tmp_path):
    mlflow_run(tmp_path, "0a" * 16, "gone", {"loss": curve([1.0])}, stage="deleted")
    mlflow_run(tmp_path, "0b" * 16, "kept", {"loss": curve([1.0])})
    model = tmp_path / "mlruns" / "123" / "models" / "m-1"
    (model / "metrics").mkdir(parents=True)
    (model / "meta.yaml").write_text("model_id: m-1\n")
    said = take(here, tmp_path)
    assert set(runs_of(here)) == {"kept"}
    assert any(line.startswith("left: ") and "was deleted in MLflow" in line for line in said)


def test_a_run_without_metrics_holds_none(here, tmp_path):
    folder = mlflow_run(tmp_path, "0a" * 16, "a", {})
    (folder / "metrics").mkdir()
    said = take(here, tmp_path)
    assert "a: passed over, it holds no measurements" in said
    assert said[-1] == f"{tmp_path} holds no measurements"


def test_a_metric_that_cannot_be_read_stops_no_other(here, tmp_path):
    folder = mlflow_run(tmp_path, "0a" * 16, "a", {"loss": curve([1.0])})
    (folder / "metrics" / "link").symlink_to("/dev/zero")
    take(here, tmp_path)
    assert set(points_of(runs_of(here)["a"])) == {"loss"}


def test_params_are_numbers_where_they_are():
    found = [plain_value(text) for text in ("3", "1e-3", "True", "sgd", "nan", "inf", "1_000")]
    assert found == [3, 0.001, True, "sgd", "nan", "inf", "1_000"]


def test_what_cannot_be_used_at_all_is_an_error(here, tmp_path):
    mlflow_run(tmp_path, "0a" * 16, "gone", {"loss": curve([1.0])}, stage="deleted")
    with pytest.raises(ExchangeError, match="was deleted in MLflow"):
        take(here, tmp_path)


def test_a_database_holds_the_same(here, tmp_path):
    path = tmp_path / "mlflow.db"
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.executescript(
            "CREATE TABLE runs (run_uuid, name, lifecycle_stage, start_time);"
            "CREATE TABLE metrics (run_uuid, key, value, timestamp, step, is_nan);"
            "CREATE TABLE params (run_uuid, key, value); CREATE TABLE tags (run_uuid, key, value);"
        )
        runs = [("a", "sweep", "active", 1), ("b", "trial", "active", 2), ("c", "gone", "deleted", 3)]
        runs += [("d", "sweep", "active", 4)]
        database.executemany("INSERT INTO runs VALUES (?, ?, ?, ?)", runs)
        points = [(run, "loss", 0.5 / step, MS + step, step, 0) for run in "abcd" for step in (1, 2)]
        points += [("a", "acc", 0.0, MS, 1, 1), ("a", "odd", 1.0, "x", 1, 0)]
        points += [("a", "gap", -1.7976931348623157e308, MS, 1, 0)]
        database.executemany("INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)", points)
        database.execute("INSERT INTO params VALUES ('b', 'seed', '4')")
        database.execute("INSERT INTO tags VALUES ('b', 'mlflow.parentRunId', 'a')")
    said = take(here, tmp_path)
    assert experiments_of(here) == {"sweep": [0, 1], "sweep/trial": [4]}
    found = points_of(runs_of(here)["sweep (a)"])
    assert found["loss"] == [(1, 0.5), (2, 0.25)]
    assert math.isnan(found["acc"][0][1])
    assert math.isnan(found["gap"][0][1])  # as all that is not finite
    assert "  left out: 1, of odd: no time, value and step" in said


@pytest.mark.parametrize("data", [b"", b"SQLite format 3\0", b"SQLite format 3\0" + bytes(4000), b"garbage"])
def test_what_is_no_database_of_it_is_counted(data, here, tmp_path):
    (tmp_path / "mlflow.db").write_bytes(data)
    assert take(here, tmp_path)[0] == f"{tmp_path}: passed over 1 .db file"
