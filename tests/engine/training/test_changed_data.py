"""A run goes on with the images that it was trained on, wherever they lie now; with others only where that is said."""

from __future__ import annotations

import shutil
import time

import msgspec
import pytest
from PIL import Image

from engine.events import Data, Log, Metrics, Start, decode
from engine.runner.attempt import train_run
from engine.runs import stop_request
from engine.runs.control_listener import INTERVAL_S
from engine.runs.liveness import status_of
from engine.runs.resume_settings import DATA_CHANGED
from engine.runs.stop_request import FAILED, FINISHED, STOPPED
from engine.system.files import tail
from engine.training import checkpoint
from engine.training.changed_data import facts_to_go_on_with
from engine.training.data.unsplit_dataset import DataError

pytestmark = pytest.mark.xdist_group("engine")


def events_of(run, kind):
    return [event for event in map(decode, tail(run.events, 0)[0]) if isinstance(event, kind)]


def stop_after_one_epoch(run, settings=()):
    """Ask at the start, and let the training begin once its listener has heard."""

    def ask(event, _line):
        if isinstance(event, Start):
            stop_request.ask(run, "stop-after-epoch")
            time.sleep(2 * INTERVAL_S)

    return train_run(run, ask, "cpu", settings=settings)


@pytest.fixture
def stopped(store, tiny, folder, monkeypatch, tmp_path):
    """A run on the fixture's folder that was stopped after its first epoch of 8 steps."""
    monkeypatch.setenv("VITUI_CACHE", str(tmp_path / "cache"))
    changes = {
        "dataset": f"folder:{folder}",
        "epochs": 3,
        "batch_size": 5,
        "val_fraction": 0.05,
        "subset_per_class": None,
    }
    run = store.create(msgspec.structs.replace(tiny, **changes), seed=0)
    assert stop_after_one_epoch(run) == STOPPED
    return run


def add_images(folder, name, count):
    (folder / name).mkdir(exist_ok=True)
    for i in range(count):
        Image.new("RGB", (8, 8), (100, i, 0)).save(folder / name / f"new{i}.png")


@pytest.mark.slow
def test_its_start_tells_of_its_images_and_others_are_refused(stopped, folder):
    (start,) = events_of(stopped, Start)
    assert (start.data.train, start.data.val, start.data.test) == (38, 2, 10)
    assert start.data.classes == ["cat", "dog"]
    assert len(start.data.digest) == 32
    assert start.data.changes == []
    add_images(folder / "train", "cat", 20)
    assert train_run(stopped, device="cpu") == FAILED
    reason = status_of(stopped).reason
    assert reason.startswith(
        "the images are others than at step 8: 38 → 57 to train, 2 → 3 to validate; `engine resume "
    )
    assert "--data-changed` goes on with them" in reason


@pytest.mark.slow
def test_a_new_class_has_to_begin_anew(stopped, folder):
    for part in ("train", "test"):
        add_images(folder / part, "emu", 4)
    assert train_run(stopped, device="cpu", settings=[DATA_CHANGED]) == FAILED
    assert "the classes are others than at step 8: 38 → 41 to train" in status_of(stopped).reason
    assert "class emu is new" in status_of(stopped).reason


@pytest.mark.slow
def test_it_goes_on_with_other_images_where_that_is_said_and_tells_it_for_ever(stopped, folder):
    add_images(folder / "train", "cat", 20)
    add_images(folder / "train", "dog", 20)
    assert stop_after_one_epoch(stopped, [DATA_CHANGED]) == STOPPED
    assert train_run(stopped, device="cpu") == FINISHED  # the images are those of the last checkpoint now
    told = "at step 8: 38 → 76 to train, 2 → 4 to validate"
    assert [start.data.changes for start in events_of(stopped, Start)] == [[], [told], [told]]
    warned = [
        log.message for log in events_of(stopped, Log) if log.message.startswith("other images at step 8")
    ]
    assert len(warned) == 2
    evaluated = [
        (event.step, event.epoch) for event in events_of(stopped, Metrics) if "val/f1" in event.values
    ]
    assert evaluated == [(8, 1.0), (24, 2.0), (40, 3.0)]  # each epoch once, of 8 steps and then of 16
    status = status_of(stopped)
    assert (status.step, status.epoch) == (40, 3.0)
    rates = [event.values["train/lr"] for event in events_of(stopped, Metrics) if "train/lr" in event.values]
    assert rates[-1] < 0.1 * max(rates)  # the schedule ends with the last epoch


@pytest.mark.slow
def test_fewer_images_keep_the_epoch_too(stopped, folder):
    for file in [*(folder / "train" / "cat").iterdir()][:10] + [*(folder / "train" / "dog").iterdir()][:10]:
        file.unlink()
    assert train_run(stopped, device="cpu", settings=[DATA_CHANGED]) == FINISHED
    evaluated = [
        (event.step, event.epoch) for event in events_of(stopped, Metrics) if "val/f1" in event.values
    ]
    assert evaluated == [(8, 1.0), (12, 2.0), (16, 3.0)]


@pytest.mark.slow
def test_the_same_images_in_another_place_are_the_same(stopped, store, folder, tmp_path):
    shutil.move(folder, tmp_path / "moved")
    info = msgspec.json.decode((stopped.path / "run.json").read_bytes())
    info["config"]["dataset"] = f"folder:{tmp_path / 'moved'}"
    (stopped.path / "run.json").write_bytes(msgspec.json.encode(info))
    assert train_run(stopped, device="cpu") == FINISHED


@pytest.mark.slow
def test_a_checkpoint_of_an_older_version_goes_on_as_before(stopped, folder):
    last = stopped.checkpoints / "last.pt"
    state = checkpoint.load(last, "cpu")
    del state["data"], state["epochs_from"]
    checkpoint.save(last, state)
    add_images(folder / "train", "cat", 1)
    assert train_run(stopped, device="cpu") == FINISHED


def test_differences_are_told_in_words():
    kept = Data(digest="a", train=10, val=2, test=5, classes=["a", "b"])
    same = msgspec.structs.replace(kept, digest="b")
    with pytest.raises(DataError, match="at step 7: as many, of other names or contents; `engine resume r"):
        facts_to_go_on_with(kept, same, 7, "r", accepted=False)
    gone = msgspec.structs.replace(kept, digest="b", classes=["a", "c", "d"])
    with pytest.raises(DataError, match="classes c, d are new, class b is gone; the model tells"):
        facts_to_go_on_with(kept, gone, 7, "r", accepted=True)
    accepted = facts_to_go_on_with(
        msgspec.structs.replace(kept, changes=["before"]), same, 7, "r", accepted=True
    )
    assert accepted.changes == ["before", "at step 7: as many, of other names or contents"]
