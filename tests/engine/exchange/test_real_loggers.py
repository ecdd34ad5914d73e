"""What the real libraries write is imported whole, and tabled beside a run that was trained here."""

from __future__ import annotations

import csv
import io
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.history.reader import History
from engine.runs.store import Run, Store
from tests.engine.exchange.imported import experiments_of, points_of, runs_of, take
from tests.engine.logger_libraries import python_with
from tests.tui.figures.test_export_figures import Lab
from tui.cli import main

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).with_name("real_loggers.py")
Written = Callable[[str, str], Path]


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Have a library log into a folder, in a process of its own."""

    def write(what: str, module: str) -> Path:
        python = python_with(module)
        out = tmp_path / what
        out.mkdir()
        environment = {
            **os.environ, "KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": "",
            "WANDB_DIR": str(out), "WANDB_CONFIG_DIR": str(tmp_path), "WANDB_CACHE_DIR": str(tmp_path),
        }  # fmt: skip
        command = [python, "-W", "ignore", str(SCRIPT), what, str(out)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return out

    return write


def epochs_of(run: Run, metric: str) -> list[float]:
    history = History(run.path)
    history.update()
    return history.series(metric, "epoch")[0].tolist()


def test_lightning(here, written):
    out = written("lightning", "pytorch_lightning")
    said = take(here, out / "csv", name="csv")
    said += take(here, out / "tb", name="tb")
    assert experiments_of(here) == {"csv": [0, 1], "tb": [0, 1]}
    for run in here.runs():
        found = points_of(run)
        assert set(found) - {"hp_metric"} == {"lr-SGD", "train_loss_step", "train_loss_epoch", "val_loss"}
        assert [step for step, _ in found["val_loss"]] == [7, 15, 23]
        assert (
            epochs_of(run, "val_loss") == epochs_of(run, "train_loss_epoch") == [1, 2, 3]
        )  # as many as are done
        assert epochs_of(run, "train_loss_step")[:4] == [0.25, 0.5, 0.75, 1.0]
    of_tb = [run for run in here.runs() if run.info().experiment == "tb"]
    of_csv = [run for run in here.runs() if run.info().experiment == "csv"]
    for one, other in zip(of_tb, of_csv, strict=True):
        (_, mine), (_, theirs) = points_of(one)["val_loss"][-1], points_of(other)["val_loss"][-1]
        assert mine == pytest.approx(theirs, rel=1e-6)
    assert not any("no epochs" in line or "left" in line for line in said)


def test_keras(here, written):
    out = written("keras", "keras")
    take(here, out)
    found = {name: points_of(run) for name, run in runs_of(here).items()}
    assert set(found) == {"net", "dumped"}
    for run in found.values():
        assert set(run) == {"accuracy", "loss", "val_accuracy", "val_loss"}
        assert [step for step, _ in run["val_loss"]] == [0, 1, 2]
    for (_, mine), (_, theirs) in zip(found["net"]["val_loss"], found["dumped"]["val_loss"], strict=True):
        assert mine == pytest.approx(theirs)


def test_hugging_face(here, written):
    out = written("transformers", "transformers")
    take(here, out)
    assert experiments_of(here) == {"bert": [0]}
    (run,) = here.runs()
    found = points_of(run)
    assert found["loss"] == [(5 * i, 1 / i) for i in range(1, 5)]
    assert found["eval_accuracy"] == [(10, 0.4), (20, 0.8)]
    assert epochs_of(run, "eval_accuracy") == [1.0, 2.0]


def test_wandb(here, written):
    out = written("wandb", "wandb")
    said = take(here, out)
    assert experiments_of(here) == {"net": [0, 1]}
    for seed, run in enumerate(runs_of(here)[f"net-{i}"] for i in range(2)):
        found = points_of(run)
        assert found["train/loss"] == [(step, (seed + 1) / (step + 1)) for step in range(20)]
        assert len(found["bad"]) == 20
        assert epochs_of(run, "train/loss") == pytest.approx([(step + 1) / 5 for step in range(20)])
        assert run.info().config["options"] == {"lr": 0.1}
    assert "  left out: 20, of note: no numbers" in said


def test_torch_summary_writer(here, written):
    out = written("tensorboard", "tensorboard")
    take(here, out)
    assert experiments_of(here) == {"run1": [0]}
    (run,) = here.runs()
    found = points_of(run)
    assert {name: len(points) for name, points in found.items()} == {
        "Loss/train": 10, "acc/train": 10, "acc/val": 10, "hparam/accuracy": 1,
    }  # fmt: skip
    assert run.info().config["options"] == {"lr": 0.1, "optimizer": "sgd", "amp": True}


def test_it_is_tabled_beside_a_trained_run(written, tmp_path):
    out = written("transformers", "transformers")
    lab = Lab(tmp_path)
    config = lab.config(["trained"], "")
    lab.train(config, "trained", [0.5], test__accuracy=[0.75])
    runs = ["--runs", str(lab.store.root)]
    renamed = ["import", str(out), "--rename", "eval_accuracy=test/accuracy", *runs]
    assert CliRunner().invoke(main, renamed).exit_code == 0
    table = [
        "export",
        "--table",
        "--format",
        "csv",
        "--out",
        str(tmp_path),
        "--config",
        str(config.path),
        *runs,
    ]
    done = CliRunner().invoke(main, table)
    assert done.exit_code == 0, done.output
    rows = csv.DictReader(io.StringIO((tmp_path / "results.csv").read_text()))
    assert {row["experiment"]: row["test_accuracy_mean"] for row in rows} == {
        "trained": "0.75",
        "bert": "0.8",
    }
