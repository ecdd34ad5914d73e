"""What tells imported runs apart: names, seeds and doubles, as tools lay their files out, over several calls too."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.exchange.run_names_from_paths import significant, split_seed
from engine.runs.store import Store
from tests.engine.exchange.imported import experiments_of, points_of, runs_of, take


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


def log(path: Path, score: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"epoch,test/f1\n1,{score / 2}\n2,{score}\n")
    return path


def test_seeds_go_on_from_those_that_the_experiment_has(here, tmp_path):
    logs = [log(tmp_path / "lightning_logs" / f"version_{i}" / "metrics.csv", 0.5 + i / 10) for i in range(4)]
    for each in logs[:2]:
        take(here, each, name="resnet")
    assert experiments_of(here) == {"resnet": [0, 1]}
    take(here, *logs[2:], name="resnet")
    assert experiments_of(here) == {"resnet": [0, 1, 2, 3]}
    take(here, log(tmp_path / "seed7" / "metrics.csv", 0.1), name="resnet")
    take(here, log(tmp_path / "more" / "metrics.csv", 0.2), name="resnet")
    assert experiments_of(here) == {"resnet": [0, 1, 2, 3, 7, 8]}


def test_the_same_numbers_in_another_file_are_another_run_and_said(here, tmp_path):
    first, second = (log(tmp_path / f"version_{i}" / "metrics.csv") for i in range(2))
    take(here, first, name="resnet")
    said = take(here, second, name="resnet")
    assert experiments_of(here) == {"resnet": [0, 1]}
    (run, _) = sorted(here.runs(), key=lambda each: each.info().seed)
    assert f"  its numbers are those of {run.id}, which comes from another file" in said


def test_a_copy_of_a_folder_is_the_same_file(here, tmp_path):
    log(tmp_path / "project" / "version_0" / "metrics.csv")
    take(here, tmp_path / "project")
    shutil.copytree(tmp_path / "project", tmp_path / "backup" / "project")
    said = take(here, tmp_path / "backup" / "project")
    assert experiments_of(here) == {"version_0": [0]}
    assert any("passed over, it is here as" in line for line in said)


@pytest.mark.parametrize("first", ["a", "a/train/x", "a/train/x/summary.csv"])
def test_a_file_comes_in_once_from_whichever_folder_it_is_reached(first, here, tmp_path):
    log(tmp_path / "a" / "train" / "x" / "summary.csv")
    take(here, tmp_path / first)
    for other in (".", "a", "a/train", "a/train/x", "a/train/x/summary.csv"):
        take(here, tmp_path / other)
    assert len(here.runs()) == 1


def test_a_file_that_is_named_twice_comes_in_once(here, tmp_path):
    path = log(tmp_path / "a" / "metrics.csv")
    (tmp_path / "link.csv").symlink_to(path)
    take(here, path, tmp_path / "a", tmp_path / "link.csv")
    assert experiments_of(here) == {"a": [0]}


LAYOUTS = {
    ("a/metrics.csv", "b/results.csv"): {"a": [0], "b": [0]},
    ("net/seed_1/progress.csv", "net/seed_2/progress.csv"): {"net": [1, 2]},
    ("net/s0/history.csv", "net/s1/history.csv"): {"net": [0, 1]},
    ("net_seed3/lightning_logs/version_0/metrics.csv",): {"net": [3]},
    ("seed=4,lr=0.1/metrics.csv",): {"lr=0.1": [4]},
    ("seed0/metrics.csv", "seed1/metrics.csv"): {"all": [0, 1]},
    ("vit-s16/metrics.csv", "vit-s32/metrics.csv"): {"vit-s16": [0], "vit-s32": [0]},
    ("x/version_0/metrics.csv", "y/version_0/metrics.csv"): {"x": [0], "y": [0]},
    ("x/version_0/metrics.csv", "x/version_1/metrics.csv"): {"x/version_0": [0], "x/version_1": [0]},
    ("one.csv", "two.csv", "metrics.csv"): {"one": [0], "two": [0], "all": [0]},
    ("a/metrics.csv", "a/other.csv"): {"a": [0], "a/other": [0]},
    ("net/vis_data/scalars.csv",): {"net": [0]},
    ("metrics.csv",): {"all": [0]},
}


@pytest.mark.parametrize(("files", "experiments"), LAYOUTS.items())
def test_runs_are_called_after_the_folders_that_say_something(files, experiments, here, tmp_path):
    for i, name in enumerate(files):
        log(tmp_path / "all" / name, 0.5 + i / 10)
    take(here, tmp_path / "all")
    assert experiments_of(here) == experiments


def test_two_files_of_one_name_are_told_apart_by_more_of_their_paths(here, tmp_path):
    paths = [log(tmp_path / each / "version_0" / "metrics.csv", i / 10) for i, each in enumerate("xy")]
    take(here, *paths)
    assert experiments_of(here) == {"x/version_0": [0], "y/version_0": [0]}


def test_a_file_of_the_name_of_an_experiment_is_a_seed_of_it_and_said(here, tmp_path):
    take(here, log(tmp_path / "x" / "version_0" / "metrics.csv"))
    said = take(here, log(tmp_path / "y" / "version_0" / "metrics.csv", 0.9))
    assert experiments_of(here) == {"version_0": [0, 1]}
    assert "  version_0 has runs here already: this is its seed 1; `--name` calls it otherwise" in said


def test_a_seed_that_is_taken_is_said(here, tmp_path):
    take(here, log(tmp_path / "a" / "seed1" / "metrics.csv"), name="net")
    said = take(here, log(tmp_path / "b" / "seed1" / "metrics.csv", 0.9), name="net")
    assert experiments_of(here) == {"net": [1, 1]}
    assert any(line.startswith("  it says seed 1, which net-s1-") for line in said)


def test_renamed_metrics_can_be_laid_over_trained_ones(here, tmp_path):
    path = tmp_path / "summary.csv"
    path.write_text("epoch,eval_top1,eval_loss\n0,50.0,1.5\n1,62.5,1.25\n")
    renames = [
        ("eval_top1", "test/accuracy", 0.01),
        ("eval_loss", "test/loss", 1.0),
        ("eval_top5", "test/top5", 1.0),
    ]
    said = take(here, path, renames=renames)
    (run,) = here.runs()
    assert points_of(run) == {"test/accuracy": [(0, 0.5), (1, 0.625)], "test/loss": [(0, 1.5), (1, 1.25)]}
    assert "left: --rename: no metric is called 'eval_top5'; did you mean 'eval_top1'?" in said


def test_a_renamed_metric_takes_no_name_that_another_has(here, tmp_path):
    path = tmp_path / "summary.csv"
    path.write_text("epoch,a,b\n0,1,2\n")
    said = take(here, path, renames=[("a", "b", 1.0)])
    assert points_of(here.runs()[0]) == {"a": [(0, 1)], "b": [(0, 2)]}
    assert "  a is not called b: another metric is" in said


def test_a_metric_that_is_called_a_percentage_is_one(here, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("epoch,acc%,top5\n1,50.0,25.0\n")
    take(here, path, renames=[("acc", "test/accuracy", 0.01), ("top5", "test/top5", 0.01)])
    assert points_of(here.runs()[0]) == {"test/accuracy": [(1, 0.5)], "test/top5": [(1, 0.25)]}


def test_renaming_changes_nothing_about_which_run_it_is(here, tmp_path):
    path = log(tmp_path / "a" / "metrics.csv")
    take(here, path)
    take(here, path, renames=[("test/f1", "test/accuracy", 1.0)])
    assert experiments_of(here) == {"a": [0]}


def test_a_dry_run_says_what_would_come_in_and_writes_nothing(here, tmp_path):
    paths = [log(tmp_path / f"version_{i}" / "metrics.csv", i / 10) for i in range(2)]
    said = take(here, *paths, name="resnet", dry=True)
    assert said == [
        f"version_0: would be seed 0 of resnet, 2 values of test/f1, from {paths[0]}",
        f"version_1: would be seed 1 of resnet, 2 values of test/f1, from {paths[1]}",
        "2 runs would come in; nothing was written",
    ]
    assert not here.root.exists()


def test_what_is_read_from_a_pipe_is_a_run_each_time(here):
    for _ in range(2):
        take(here, Path("-"), name="net", stdin=b"epoch,loss\n1,0.5\n")
    assert experiments_of(here) == {"net": [0, 1]}
    assert set(runs_of(here)) == {"standard input"}


SEEDS = {
    "resnet_seed1": (("resnet",), 1),
    "resnet-seed-12-a": (("resnet-a",), 12),
    "s3": ((), 3),
    "Seed_0": ((), 0),
    "random_seed=5": ((), 5),
    "seed": (("seed",), None),
    "reseed1": (("reseed1",), None),
    "version_1": (("version_1",), None),
    "seed123456789012": (("seed123456789012",), None),
}


@pytest.mark.parametrize(("name", "found"), SEEDS.items())
def test_a_path_says_a_seed_by_that_word_alone(name, found):
    assert split_seed([name]) == found


def test_folders_for_logs_say_nothing():
    assert significant(["net", "tb_logs"]) == ("net",)
    assert significant(["out", "runs", "Nov29_10-00-00_host"]) == ("out",)
    assert significant(["logs"]) == ()


def test_two_trainings_in_one_file_are_seeds_of_its_experiment(here, tmp_path):
    path = tmp_path / "yolo" / "results.csv"
    path.parent.mkdir()
    path.write_text("epoch,val_loss\n1,1.0\n2,0.9\n3,0.8\n1,1.5\n2,1.3\n")
    take(here, path)
    assert experiments_of(here) == {"yolo": [0, 1]}
    assert set(runs_of(here)) == {"yolo", "yolo-2"}
