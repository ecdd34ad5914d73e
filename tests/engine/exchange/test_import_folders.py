"""Folders as people have them: every log of a training is a run, and what is no log is counted and told."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.exchange.import_sources import find_sources, natural
from engine.exchange.log_file_names_and_endings import says_nothing
from engine.exchange.log_recognition import heading_says_places
from engine.runs.store import Store
from tests.engine.exchange.event_files import event_file, scalar
from tests.engine.exchange.imported import experiments_of, points_of, runs_of, take
from tui.cli import main

CURVE = "epoch,loss\n1,1.0\n2,0.5\n"


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return tmp_path / "there"


def put(path: Path, text: str = CURVE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_logs_of_a_folder_are_runs_and_the_rest_is_counted(here, there):
    for i in (0, 2, 10):
        put(there / f"version_{i}" / "metrics.csv", CURVE.replace("0.5", f"0.{i}"))
    put(there / "version_0" / "hparams.yaml")
    put(there / "data" / "labels.csv", "path,label\na.png,cat\n")
    put(there / "data" / "train.csv", "id,text\n1,hello\n")
    put(there / "notes.txt", "it went well\n")
    put(there / "args.json", json.dumps({"epochs": 3, "global_step": 7, "lr": 0.1}))
    for i in range(3):
        put(there / "data" / f"{i}.png")
    put(there / ".cache" / "metrics.csv")
    put(there / "venv" / "pyvenv.cfg")
    said = take(here, there)
    assert set(runs_of(here)) == {"version_0", "version_2", "version_10"}
    assert [line.partition(":")[0] for line in said[:3]] == ["version_0", "version_2", "version_10"]
    (passed,) = (line for line in said if line.startswith(f"{there}: passed over "))
    assert set(passed.removeprefix(f"{there}: passed over ").split(", ")) == {
        "3 .png files", "2 .csv files without a step or an epoch", "1 .yaml file", "1 hidden folder",
        "1 .txt file without a step or an epoch", "1 .json file without a step or an epoch",
        "1 virtual environment",
    }  # fmt: skip


def test_a_folder_without_measurements_says_what_it_holds(there, tmp_path):
    put(there / "a.png")
    put(there / "b.png")
    done = CliRunner().invoke(main, ["import", str(there), "--runs", str(tmp_path / "here")])
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        f"{there}: passed over 2 .png files",
        f"{there} holds no measurements",
    ]


def test_one_log_that_cannot_be_used_stops_no_other(there, tmp_path):
    put(there / "a" / "metrics.csv")
    put(there / "b" / "metrics.csv", "")
    done = CliRunner().invoke(main, ["import", str(there), "--runs", str(tmp_path / "here")])
    assert done.exit_code == 1
    assert "1 run imported, 1 left" in done.output
    assert f"left: {there / 'b' / 'metrics.csv'} is empty" in done.output


def test_several_paths_come_in_at_once(there, tmp_path):
    paths = [str(put(there / f"{name}.csv")) for name in "ab"]
    arguments = ["import", *paths, "--name", "net", "--runs", str(tmp_path / "here")]
    assert CliRunner().invoke(main, [*arguments, "--dry-run"]).exit_code == 0
    assert not (tmp_path / "here").exists()
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert experiments_of(Store(tmp_path / "here")) == {"net": [0, 1]}


def test_a_percentage_becomes_a_share(there, tmp_path):
    path = put(there / "summary.csv", "epoch,eval_top1\n0,50.0\n")
    arguments = [
        "import",
        str(path),
        "--rename",
        "eval_top1%=test/accuracy",
        "--runs",
        str(tmp_path / "here"),
    ]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    (run,) = Store(tmp_path / "here").runs()
    assert points_of(run) == {"test/accuracy": [(0, 0.5)]}


def test_one_training_with_several_logs_is_one_run(here, there):
    put(there / "yolo" / "results.csv")
    event_file(there / "yolo", [scalar("loss", 1, 1.0), scalar("loss", 2, 0.5)])
    put(there / "lightning" / "version_0" / "metrics.csv")
    event_file(there / "lightning" / "version_0" / "tb", [scalar("loss", 2, 0.5)])
    said = take(here, there)
    assert set(runs_of(here)) == {"yolo", "lightning"}
    assert {run.info().imported.format for run in here.runs()} == {"csv"}
    assert f"{there}: passed over 2 logs beside others of their runs" in said


def test_the_last_state_of_a_trainer_is_its_run(here, there):
    rows = [{"step": step, "epoch": step / 10, "loss": 1 / step} for step in (5, 10, 15)]
    for i, last in enumerate((500, 1500), 1):
        text = json.dumps({"log_history": rows[: i + 1], "global_step": last})
        put(there / "bert" / f"checkpoint-{last}" / "trainer_state.json", text)
    event_file(there / "bert" / "runs" / "Nov29_10-00-00_host", [scalar("train/loss", 5, 0.2)])
    sources = find_sources(there).sources
    assert len(sources) == 3
    said = take(here, there)
    assert experiments_of(here) == {"bert": [0]}
    (passed,) = (line for line in said if line.startswith(f"{there}: passed over "))
    assert "1 trainer_state.json of an earlier checkpoint" in passed
    assert "1 log beside another of its run" in passed


def test_logs_of_splits_are_one_run(here, there):
    put(there / "net" / "train_log.csv")
    put(there / "net" / "val_log.csv", "epoch,loss,val/acc\n1,2.0,0.5\n")
    take(here, there)
    (run,) = here.runs()
    assert points_of(run) == {
        "train/loss": [(1, 1.0), (2, 0.5)], "val/loss": [(1, 2.0)], "val/acc": [(1, 0.5)],
    }  # fmt: skip


def test_what_this_program_exported_or_trained_is_no_log(here, there, store, write):
    run = write()
    put(
        there / "export" / "runs.csv", "run,experiment,seed,state,reason,created,step,epoch\na,b,0,x,,1,2,3\n"
    )
    put(there / "export" / "results.csv", "experiment,data,seeds,test_f1_mean\na,digits,3,0.9\n")
    (there / "runs").mkdir()
    run.path.rename(there / "runs" / run.id)
    said = take(here, there)
    assert here.runs() == []
    assert any("1 run of vitui, which --runs shows" in line for line in said)


def test_a_compressed_log_is_called_as_without(here, there):
    for name, folder in (("metrics.csv.gz", there / "net"), ("long.csv.gz", there)):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(CURVE.encode()))
    take(here, there)
    assert experiments_of(here) == {"long": [0], "net": [0]}


def test_only_what_is_asked_for_is_read(here, there):
    put(there / "a" / "metrics.csv")
    event_file(there / "b", [scalar("loss", 2, 0.5)])
    said = take(here, there, kind="tensorboard")
    assert set(runs_of(here)) == {"b"}
    assert f"{there}: passed over 1 of another format than tensorboard" in said


def test_a_folder_that_cannot_be_read_is_said(here, there, monkeypatch):
    put(there / "a" / "metrics.csv")
    put(there / "b" / "metrics.csv")
    scandir = os.scandir

    def refuse(path: object) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "scandir", refuse)
    said = take(here, there)
    assert set(runs_of(here)) == {"a"}
    assert f"left: {there / 'b'} cannot be read: Permission denied" in said


HEADS = {
    "epoch,loss\n": True, "id;Step;loss\n": True, "\n\n# x\nglobal_step\tloss\n": True, "trainer/global_step,a\n": True,
    '{"epoch": 1, "loss": 2}\n{"epoch": 2}\n': True, '[{"iter": 1}]': True, '{"log_history": []}': True,
    "id,label\n": False, "step 0: train loss 4.28\n": False, '{"epochs": 3}\n': False, "": False, "\x00\xff": False,
    '{"acc": [0.5, 0.6], "val_loss": [1.0]}': True, '{"labels": [1, 2]}': False, '{"lr": 1}\n{"lr": 2}\n': False,
}  # fmt: skip


@pytest.mark.parametrize(("text", "is_log"), HEADS.items())
def test_how_a_file_begins_says_whether_it_is_a_log(text, is_log, tmp_path):
    assert heading_says_places(put(tmp_path / "x.txt", text)) is is_log


def test_names_that_tools_give_to_every_log_say_nothing():
    assert all(
        map(
            says_nothing,
            ("metrics", "Results", "train_log", "trainer_state", "log", "scalars", "val", "curves"),
        )
    )
    assert not any(map(says_nothing, ("resnet50", "run1", "metrics_resnet", "trained")))
    assert sorted(["v10", "v9", "a"], key=natural) == ["a", "v9", "v10"]


def test_a_blob_without_a_name_is_read_through_the_link_that_names_it(here, there):
    blob = put(there / "blobs" / "0a1b2c")
    for name in ("net/metrics.csv", "net/again/results.csv"):
        (there / "snapshots" / name).parent.mkdir(parents=True, exist_ok=True)
        (there / "snapshots" / name).symlink_to(blob)
    said = take(here, there)
    assert set(runs_of(here)) == {"snapshots/net"}
    assert any("1 other file" in line and "1 link to what is met anyway" in line for line in said)


def test_logs_in_folders_of_splits_are_one_run(here, there):
    put(there / "net" / "train" / "progress.csv")
    put(there / "net" / "eval" / "progress.csv", "epoch,loss\n1,2.0\n")
    put(there / "alone" / "train" / "progress.csv")
    take(here, there)
    assert {name: points_of(run) for name, run in runs_of(here).items()} == {
        "net": {"train/loss": [(1, 1.0), (2, 0.5)], "val/loss": [(1, 2.0)]},
        "alone/train": {"loss": [(1, 1.0), (2, 0.5)]},
    }


def test_dvclive_writes_a_file_a_metric(here, there):
    for name in ("train/loss", "eval/loss", "lr"):
        put(
            there / "net" / "dvclive" / "plots" / "metrics" / f"{name}.tsv",
            f"step\t{Path(name).name}\n0\t1.0\n1\t0.5\n",
        )
    put(there / "net" / "dvclive" / "metrics.json", '{"train": {"loss": 0.5}, "step": 1}')
    take(here, there)
    assert {name: set(points_of(run)) for name, run in runs_of(here).items()} == {
        "net": {"train/loss", "eval/loss", "lr"}
    }


def test_folders_within_one_another_are_read_once(here, there):
    event_file(there / "net" / "train", [scalar("loss", 1, 1.0)])
    event_file(there / "net" / "val", [scalar("loss", 1, 1.0)])
    put(there / "other" / "metrics.csv")
    take(here, there, there / "net" / "train", there / "other", there / "other" / "metrics.csv")
    assert set(runs_of(here)) == {"net", "other"}


def test_names_of_any_bytes_stop_nothing(here, there):
    folder = there / os.fsdecode(b"b\xff\x1b[31m")
    put(folder / "metrics.csv")
    put(there / "z" / "metrics.csv")
    said = take(here, there)
    assert len(here.runs()) == 2
    assert all(line.isprintable() for line in said)


def test_settings_that_would_fill_a_runs_file_find_no_place(here, there):
    put(there / "mlruns" / "1" / "0a" / "meta.yaml", "run_id: 0a\n")
    put(there / "mlruns" / "1" / "0a" / "metrics" / "loss", "1795000000000 0.5 1\n")
    put(there / "mlruns" / "1" / "0a" / "params" / "long", "x" * 10_000)
    put(there / "mlruns" / "1" / "0a" / "params" / "lr", "0.1")
    take(here, there)
    assert here.runs()[0].info().config["options"] == {"lr": 0.1}


def test_standard_input_is_no_folder(tmp_path):
    arguments = ["import", "-", "--format", "wandb", "--runs", str(tmp_path)]
    done = CliRunner().invoke(main, arguments, input="x")
    assert (done.exit_code, "standard input is a table or JSON" in done.output) == (2, True)
