"""A whole attempt in this process: whatever happens, the run says how it ended."""

from __future__ import annotations

import errno
import os
import re
import signal

import msgspec
import pytest
import torch
from msgspec.structs import replace

from engine.config.schema import Experiment
from engine.errors import DeviceError
from engine.events import Checkpoint, End, Log, Start, decode
from engine.models import create_model
from engine.runner.attempt import train_run
from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.stop_request import FAILED, FINISHED, STOPPED
from engine.system.files import tail
from engine.training import build_trainer, checkpoint
from engine.training.cost import explain
from engine.training.device import pick_device
from engine.training.failure_advice import out_of_memory
from engine.training.learner import Learner


@pytest.fixture
def attempt(store, tiny):
    """Train a tiny run with changes to its end: ``attempt(lr=1e-3)`` returns the code, the run and its events."""

    def attempt(run=None, device="cpu", **changes):
        run = run or store.create(msgspec.structs.replace(tiny, **changes), seed=0)
        code = train_run(run, device=device)
        return code, run, [decode(line) for line in tail(run.events, 0)[0]]

    return attempt


def kinds(events, kind):
    return [event for event in events if isinstance(event, kind)]


def assert_failed(code, run, events, words):
    assert code == FAILED
    assert isinstance(events[-1], End)
    assert events[-1].state == status_of(run).state == "failed"
    assert words in events[-1].reason
    assert events[-1].error.traceback
    assert not run_lock.is_held(run)


def test_a_run_trains_to_its_end(attempt):
    code, run, events = attempt()
    assert (code, status_of(run).state) == (FINISHED, "finished")
    assert waiting_entry(run) is None
    assert [event.kind for event in kinds(events, Checkpoint)].count("last") == 2
    said = [event.message for event in kinds(events, Log)]
    assert "digits: 90 to train, 10 to validate, 360 to test" in said
    assert any(message.startswith("best.pt is chosen by 10 validation images") for message in said)


def test_a_device_that_is_not_there(attempt):
    assert_failed(*attempt(device="cuda:7"), "there is no cuda:7")


@pytest.mark.parametrize("name", ["gpu", "cuda:x", "cuda:-1", "cpu:x", "mps:0", ""])
def test_a_device_that_is_none(name):
    with pytest.raises(DeviceError, match="it is auto, cpu, cuda, cuda:N or mps"):
        pick_device(name)


def test_a_gpu_of_apples(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="no GPU of Apple's here; `--device cpu` trains without"):
        pick_device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("mps") == torch.device("mps")
    with pytest.raises(DeviceError, match="gpus = 2, but mps is one device"):
        pick_device("mps", ranks=2)


def test_precision_and_determinism_are_in_its_start_and_its_log(attempt):
    code, _, events = attempt(precision="fp16", deterministic=True, checkpointing=True, epochs=1)
    assert code == FINISHED
    assert [event.precision for event in kinds(events, Start)] == ["fp16"]
    (line,) = [event.message for event in kinds(events, Log) if event.message.startswith("fp16 autocast")]
    assert ", deterministic, attention by " in line
    assert not torch.are_deterministic_algorithms_enabled()


def test_why_there_is_no_gpu_is_said_once(attempt, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    _, _, events = attempt(device="auto", epochs=1)
    (why,) = [event.message for event in kinds(events, Log) if "CPU" in event.message]
    assert why.startswith("training on the CPU (")


def test_a_dataset_that_is_not_there(attempt, tmp_path):
    assert_failed(*attempt(dataset=f"folder:{tmp_path}/none"), "none cannot be read")


def test_a_name_that_is_no_unicode_does_not_stop_the_failure_from_being_said(attempt, folder):
    broken = os.fsencode(folder / "test" / "dog") + b"/caf\xe9.png"
    with open(broken, "wb") as file:  # noqa: PTH123  a path of bytes
        file.write(b"no image")
    assert_failed(
        *attempt(dataset=f"folder:{folder}", subset_per_class=None), "1 of 11 images cannot be decoded"
    )


def test_a_loss_that_is_no_number(attempt):
    code, run, events = attempt(lr=1e30, clip_norm=0.0, log_every=100)
    assert_failed(code, run, events, "at step 3 (learning rate")
    assert events[-1].error.type == "Diverged"
    assert list(run.checkpoints.iterdir()) == []


def test_a_disk_that_gets_full_keeps_the_last_good_checkpoint(attempt, monkeypatch):
    sync, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(handle)

    monkeypatch.setattr("engine.training.trainer.PATIENCE_S", 0)
    monkeypatch.setattr(os, "fsync", full)
    code, run, events = attempt()
    assert_failed(code, run, events, "No space left on device")
    assert checkpoint.load(run.checkpoints / "last.pt", torch.device("cpu"))["epoch"] == 1
    monkeypatch.undo()
    code, run, events = attempt(run)
    assert code == FINISHED
    assert [(start.attempt, start.step) for start in kinds(events, Start)] == [(1, 0), (2, 3)]


def test_a_damaged_checkpoint_is_refused_and_left_alone(attempt, store, tiny):
    run = store.create(tiny, seed=0)
    (run.checkpoints / "last.pt").write_bytes(b"PK\x03\x04 not really")
    code, run, events = attempt(run)
    assert_failed(code, run, events, "last.pt cannot be read")
    assert (run.checkpoints / "last.pt").read_bytes() == b"PK\x03\x04 not really"


def test_a_damaged_configuration(attempt, run):
    info = msgspec.json.decode((run.path / "run.json").read_bytes())
    info["config"]["lr"] = "fast"
    (run.path / "run.json").write_bytes(msgspec.json.encode(info))
    assert_failed(*attempt(run), "it cannot be trained here")


def test_weights_begin_as_the_run_says(attempt, tmp_path):
    torch.manual_seed(3)
    model = create_model("vit_mini", num_classes=10, image_size=8, patch_size=4)
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    code, run, events = attempt(pretrained=str(tmp_path / "weights.pt"), lr=1e-12, epochs=1)
    assert code == FINISHED
    assert kinds(events, Start)[0].init == str(tmp_path / "weights.pt")
    trained = checkpoint.load(run.checkpoints / "last.pt", torch.device("cpu"))["model"]
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(trained[name], tensor, atol=1e-6, rtol=1e-6)


def test_pretrained_weights_that_are_not_there_are_missed_before_the_data(attempt, tmp_path):
    gone = {"pretrained": str(tmp_path / "none.pt"), "dataset": f"folder:{tmp_path / 'neither'}"}
    assert_failed(*attempt(**gone), "none.pt")


VIT = Experiment(name="x", model="vit_b", image_size=224, patch_size=16, batch_size=512)


@pytest.mark.slow
def test_out_of_memory_names_a_batch_that_fits_and_how_to_go_on_with_it():
    total = 80 * 2**30
    said = out_of_memory("vit-s0", VIT, total, 79 * 2**30)
    assert said.startswith("out of GPU memory at batch_size = 512: 79.0 GiB of 80.0 GiB used, ")
    size = int(re.search(r"batch_size = (\d+) should fit", said)[1])
    assert f"`engine resume vit-s0 --set batch_size={size}` goes on with it" in said
    assert "the same 512 images a step" in said
    assert 512 % size == 0
    assert explain("vit_b", 224, 16, size, 10).memory.total < total
    assert explain("vit_b", 224, 16, 512, 10).memory.total < 85 * 2**30 or size < 512


@pytest.mark.slow
def test_out_of_memory_on_several_gpus_speaks_of_the_whole_batch():
    total = 80 * 2**30
    one, two = (
        out_of_memory("vit-s0", replace(VIT, batch_size=512 * gpus, gpus=gpus), total, total)
        for gpus in (1, 2)
    )
    sizes = [int(re.search(r"batch_size = (\d+) should fit", said)[1]) for said in (one, two)]
    assert sizes[1] == 2 * sizes[0]
    assert "batch_size = 1024" in two


@pytest.mark.slow
def test_out_of_memory_where_nothing_fits():
    said = out_of_memory("vit-s0", replace(VIT, model="vit_l"), 2 * 2**30, 2**30)
    needed = "one image does not fit: a smaller model, image_size or a larger GPU is needed"
    assert said.endswith(f"{needed}; checkpointing = true keeps fewer activations, and takes longer")
    tried = replace(VIT, model="vit_l", checkpointing=True)
    assert out_of_memory("vit-s0", tried, 2 * 2**30, 2**30).endswith(needed)


def test_running_out_of_memory_ends_the_run_with_the_cure(attempt, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Learner, "step", full)
    code, run, events = attempt()
    assert_failed(code, run, events, "out of GPU memory at batch_size = 32")
    monkeypatch.undo()
    assert train_run(run, device="cpu", settings=["batch_size=8"]) == FINISHED
    last = [event for line in tail(run.events, 0)[0] if isinstance(event := decode(line), Start)][-1]
    assert (last.config["batch_size"], last.config["accumulate"]) == (8, 4)


def test_a_stop_is_heard_while_images_are_decoded(attempt, monkeypatch):
    def slow(experiment, seed, say, device):
        os.kill(os.getpid(), signal.SIGTERM)
        say("decoding, 3 days left")
        raise AssertionError("it went on")

    monkeypatch.setattr(build_trainer, "load_dataset", slow)
    code, run, events = attempt()
    assert (code, status_of(run).state) == (STOPPED, "stopped")
    assert events[-1].reason == "stopped by SIGTERM before it had its images"
