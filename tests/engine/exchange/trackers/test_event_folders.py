"""Folders of event files: one training is one run, whichever folders it has, and a bad file stops no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.exchange.trackers.event_folders import EventFolder, Peek, trainings
from engine.runs.store import Store
from tests.engine.exchange.conftest import NOW
from tests.engine.exchange.event_files import event_file, scalar, session
from tests.engine.exchange.imported import experiments_of, points_of, runs_of, take


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


@pytest.fixture
def tb(tmp_path: Path) -> Path:
    return tmp_path / "experiments"


def test_a_session_of_hparams_joins_its_run_with_its_settings(here, tb):
    event_file(tb / "run1", [scalar("loss", 0, 1.0), scalar("loss", 1, 0.5)])
    event_file(tb / "run1" / "1795866693.08", [session({"lr": 0.1}), scalar("hparam/accuracy", 0, 0.75)])
    take(here, tb)
    (run,) = here.runs()
    assert points_of(run) == {"loss": [(0, 1.0), (1, 0.5)], "hparam/accuracy": [(0, 0.75)]}
    assert run.info().config["options"] == {"lr": 0.1}


def test_a_session_says_again_what_its_run_has_measured(here, tb):
    event_file(tb / "run1", [scalar("accuracy", step, step / 8) for step in range(1, 5)])
    event_file(tb / "run1" / "best", [session({"lr": 0.1}), scalar("accuracy", 0, 0.5)])
    said = take(here, tb)
    (run,) = here.runs()
    assert points_of(run)["accuracy"] == [(step, step / 8) for step in range(1, 5)]
    assert "  left out: 1, accuracy: the run itself has measured it" in said


def test_a_run_with_settings_below_another_stays_a_run(here, tb):
    event_file(tb, [scalar("loss", 0, 1.0)])
    event_file(tb / "second", [session({"lr": 0.1}), scalar("loss", 0, 2.0), scalar("loss", 1, 1.5)])
    take(here, tb)
    assert set(runs_of(here)) == {"experiments", "second"}


@pytest.mark.parametrize("validation", ["validation", "val", "valid", "eval", "Validation"])
def test_folders_of_splits_are_one_run(validation, here, tb):
    event_file(tb / "net" / "train", [scalar("epoch_loss", 0, 1.0), scalar("epoch_loss", 1, 0.5)])
    event_file(tb / "net" / validation, [scalar("epoch_loss", 0, 1.5), scalar("epoch_loss", 1, 1.25)])
    take(here, tb)
    (run,) = here.runs()
    assert run.info().experiment == "net"
    assert points_of(run) == {
        "train/epoch_loss": [(0, 1.0), (1, 0.5)],
        "val/epoch_loss": [(0, 1.5), (1, 1.25)],
    }


def test_an_evaluation_below_its_run_joins_it_and_a_split_alone_is_a_run(here, tb):
    event_file(tb / "net", [scalar("loss", 10, 1.0)])
    event_file(tb / "net" / "eval", [scalar("loss", 10, 2.0)])
    event_file(tb / "alone" / "train", [scalar("loss", 10, 3.0)])
    take(here, tb)
    found = {name: points_of(run) for name, run in runs_of(here).items()}
    assert found == {
        "net": {"loss": [(10, 1.0)], "val/loss": [(10, 2.0)]}, "alone/train": {"loss": [(10, 3.0)]},
    }  # fmt: skip


def test_curves_of_one_tag_are_one_run(here, tb):
    event_file(tb / "net", [scalar("lr", 1, 0.5)])
    for curve in ("train", "val"):
        event_file(tb / "net" / f"epoch_loss_{curve}", [scalar("epoch/loss", 1, len(curve))])
    take(here, tb)
    (run,) = here.runs()
    assert points_of(run) == {"lr": [(1, 0.5)], "epoch/loss/train": [(1, 5)], "epoch/loss/val": [(1, 3)]}


def test_points_without_a_place_are_left_out_and_said(here, tb):
    event_file(tb / "a", [scalar("loss", step, 1.0) for step in (-1, 0, 1)])
    event_file(tb / "b", [scalar("loss", 0, 1.0, time=1e12)])
    event_file(tb / "c", [scalar("loss", 0, 1.0)])
    said = take(here, tb)
    assert points_of(runs_of(here)["a"]) == {"loss": [(0, 1.0), (1, 1.0)]}
    assert any(line.startswith("  left out: 1, loss: -1 is no step") for line in said)
    assert set(runs_of(here)) == {"a", "c"}
    assert any(line.startswith("  left out: 1, loss: 1e+12 is no time") for line in said)


def test_a_file_that_is_none_stops_no_other(here, tb):
    event_file(tb / "b", [scalar("loss", 0, 1.0)])
    event_file(tb / "c", [scalar("loss", 0, 1.0)])
    for folder in ("a", "c"):
        (tb / folder).mkdir(exist_ok=True)
        (tb / folder / "events.out.tfevents.bak").write_bytes(b"garbage garbage garbage")
    said = take(here, tb)
    assert set(runs_of(here)) == {"b", "c"}
    left = [line for line in said if line.startswith("left: ")]
    assert {line.split()[1] for line in left} == {str(tb / each / "events.out.tfevents.bak") for each in "ac"}
    assert said[-1] == "2 runs imported, 2 left"


def test_the_epoch_may_be_of_a_split(here, tb):
    events = [scalar("train/loss", step, 1.0) for step in (10, 20)]
    event_file(tb, [*events, scalar("train/epoch", 10, 0.5), scalar("train/epoch", 20, 1.0)])
    said = take(here, tb)
    (run,) = here.runs()
    assert points_of(run) == {"train/loss": [(10, 1.0), (20, 1.0)]}
    assert "epoch" not in " ".join(said)


def test_a_second_file_that_begins_again_replaces_and_is_said(here, tb):
    first = event_file(tb / "net", [scalar("loss", step, 1.0) for step in range(9)])
    event_file(
        tb / "net", [scalar("loss", step, 2.0, NOW + 100) for step in (5, 6)], "events.out.tfevents.2.host"
    )
    said = take(here, tb)
    (run,) = here.runs()
    assert points_of(run)["loss"] == [*((step, 1.0) for step in range(5)), (5, 2.0), (6, 2.0)]
    assert any(
        "events.out.tfevents.2.host begins again at step 5: it replaces 4 values" in line for line in said
    )
    take(here, first)
    assert sorted(len(points_of(each)["loss"]) for each in here.runs()) == [7, 9]


def test_files_of_one_folder_that_measure_different_things_are_one_run(here, tb):
    event_file(tb / "net", [scalar("loss", step, 1.0) for step in range(3)])
    event_file(tb / "net", [scalar("accuracy", step, 0.5) for step in range(3)], "events.out.tfevents.2.host")
    said = take(here, tb)
    assert not any("begins again" in line for line in said)
    assert {name: len(each) for name, each in points_of(here.runs()[0]).items()} == {"loss": 3, "accuracy": 3}


def test_metrics_on_two_scales_are_asked_about(here, tb):
    batches = [scalar("Loss/train", step, 1.0, NOW + step) for step in range(30)]
    epochs = [scalar("Loss/valid", epoch, 1.0, NOW + 10 * epoch) for epoch in range(1, 4)]
    event_file(tb, batches + epochs)
    said = take(here, tb, steps_per_epoch=10)
    assert "  Loss/valid: ends at step 3, the others at 29: are these epochs?" in said


def test_a_metric_of_the_beginning_alone_is_on_no_other_scale(here, tb):
    warmup = [scalar("warmup/lr", step, 1.0, NOW + step) for step in range(4)]
    event_file(tb, [*warmup, *(scalar("loss", step, 1.0, NOW + step) for step in range(40))])
    assert not any("are these epochs" in line for line in take(here, tb))


def test_links_are_followed_once_under_their_real_name(here, tb):
    file = event_file(tb / "blobs", [scalar("loss", 0, 1.0)])
    (tb / "links" / "run1").mkdir(parents=True)
    (tb / "links" / "run1" / file.name).symlink_to(file)
    (tb / "again").symlink_to(tb / "blobs")
    (tb / "loop").symlink_to(tb)
    (tb / "dead").symlink_to(tb / "nothing")
    said = take(here, tb)
    assert set(runs_of(here)) == {"blobs"}
    assert f"{tb}: passed over 3 links to what is met anyway, 1 link that leads nowhere" in said


@pytest.mark.parametrize("link", ["file", "folder"])
def test_what_lies_elsewhere_is_read_through_a_link(link, here, tmp_path):
    cache = tmp_path / "cache" / "0a1b"
    file = event_file(cache, [scalar("loss", 0, 1.0)])
    folder = tmp_path / "snapshots" / "main" / "net"
    folder.parent.mkdir(parents=True)
    if link == "file":
        folder.mkdir()
        (folder / file.name).symlink_to(file)
    else:
        folder.symlink_to(cache)
    take(here, tmp_path / "snapshots")
    assert experiments_of(here) == {"main/net": [0]}


def test_an_export_of_this_program_comes_back_in_folders(here, tb):
    event_file(tb / "tiny-s3-20261124-191700-0a1b", [scalar("loss", 0, 1.0)])
    shutil.copytree(tb, tb.parent / "more" / "tb")
    take(here, tb, tb.parent / "more")
    assert experiments_of(here) == {"tiny": [3]}


def test_a_folder_is_a_part_of_the_run_above_it_or_a_run():
    def at(name: str) -> Path:
        return Path("/tb") / name

    files = {
        at(name): [at(name) / "f"] for name in ("net", "net/eval", "net/x", "a/train", "a/test", "b/train")
    }
    runs = trainings(files, lambda _: Peek())
    assert {str(path): [(str(each.path), each.prefix) for each in parts] for path, parts in runs.items()} == {
        "/tb/net": [("/tb/net", ""), ("/tb/net/eval", "val")],
        "/tb/net/x": [("/tb/net/x", "")],
        "/tb/a": [("/tb/a/test", "test"), ("/tb/a/train", "train")],
        "/tb/b/train": [("/tb/b/train", "")],
    }
    assert EventFolder(at("a/val"), (), prefix="val").metric("val/loss") == "val/loss"
