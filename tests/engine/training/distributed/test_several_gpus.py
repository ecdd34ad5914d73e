"""Two processes train one run as one would: the same numbers, an exact resume, and no process left behind."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.events import End, Log, Start, decode
from engine.history.reader import History
from engine.runs.current_state import status_of
from engine.runs.store import Store
from engine.training import checkpoint
from engine.training.collectives import Joined

EXPERIMENTS = """
[defaults]
model = "bit_mini"
dataset = "digits"
image_size = 8
batch_size = 29
accumulate = 2
subset_per_class = 10
val_fraction = 0.1
log_every = 1
lr = 0.01
ema = 0.9

[experiments.one]
epochs = 3

[experiments.two]
epochs = 3
gpus = 2

[experiments.long]
epochs = 5000
gpus = 2
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """90 images an epoch: batches of 29, 29, 29 and 3 in two steps; a rank may have none of a batch of one."""
    (tmp_path / "experiments.toml").write_text(EXPERIMENTS)
    return tmp_path


def joined(rank: int, size: int) -> Joined:
    ranks = object.__new__(Joined)  # without the others, which it does not need to share
    ranks.rank, ranks.size = rank, size
    return ranks


@given(st.integers(1, 50), st.integers(1, 9))
def test_each_image_of_a_batch_counts_in_one_rank(images: int, size: int):
    batch = torch.arange(images) + 100
    shares = [joined(rank, size).share(batch) for rank in range(size)]
    assert torch.equal(torch.cat([indices[:counted] for indices, counted in shares]), batch)
    assert all(len(indices) >= 1 and counted in (0, len(indices)) for indices, counted in shares)
    assert max(counted for _, counted in shares) - min(counted for _, counted in shares) <= 1


def the_run(lab, name="runs"):
    (run,) = Store(lab / name).runs()
    return run


def curves(run):
    history = History(run.path)
    history.update()
    names = [name for name in history.metrics if name.startswith(("train/", "test/", "val/", "ema/"))]
    return {name: history.series(name) for name in names if name != "train/images_per_s"}


def events(run):
    return [decode(line) for line in run.events.read_bytes().splitlines()]


def ranks_of(lab) -> list[int]:
    """The processes that belong to a run in a folder, apart from the one that holds it."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
            where = (entry / "cwd").readlink()
        except OSError:
            continue
        if b"engine.training." in words and where == lab:
            found.append(int(entry.name))
    return found


def ranks_alone(lab) -> list[int]:
    return [
        pid
        for pid in ranks_of(lab)
        if b"training.distributed.rank_process" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


@pytest.mark.slow
def test_two_processes_learn_what_one_learns(engine, lab):
    for name in ("one", "two"):
        done = engine("run", name, "--device", "cpu", "--runs", name, "--set", "augment=none")
        assert done.returncode == 0, done.stderr
    one, two = (curves(the_run(lab, name)) for name in ("one", "two"))
    assert one.keys() == two.keys()
    for name, (steps, values) in one.items():
        assert steps.tolist() == two[name][0].tolist()
        # sums in another order; what is normalised by the group makes more of that
        assert values == pytest.approx(two[name][1], rel=2e-2, abs=2e-2), name
    for name in ("train/loss", "test/loss"):
        assert one[name][1] == pytest.approx(two[name][1], rel=1e-3)
    run = the_run(lab, "two")
    (start,) = [event for event in events(run) if isinstance(event, Start)]
    assert start.device.startswith("2 x cpu")
    assert not ranks_of(lab)


@pytest.mark.slow
def test_a_stopped_run_goes_on_bit_for_bit(engine, lab, until):
    options = ("--device", "cpu", "--set", "epochs=60", "--set", "mixup=0.2", "--set", "log_every=20",
               "--set", "evaluate_every=20")  # fmt: skip
    assert engine("run", "two", *options, "--runs", "whole").returncode == 0
    process = engine.start("run", "two", *options, "--runs", "parts")
    until(lambda: Store(lab / "parts").runs() and status_of(the_run(lab, "parts")).step >= 20)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 3
    run = the_run(lab, "parts")
    status = status_of(run)
    assert (status.state, status.step < 120) == ("stopped", True)
    assert status.reason.startswith("stopped by SIGTERM at epoch ")
    assert engine("resume", run.id, "--device", "cpu", "--runs", "parts").returncode == 0
    one, two = (
        checkpoint.load(each.checkpoints / "last.pt", torch.device("cpu"))
        for each in (the_run(lab, "whole"), run)
    )
    assert one["step"] == two["step"] == 120
    for part in ("model", "average"):
        assert all(torch.equal(tensor, two[part][name]) for name, tensor in one[part].items())


@pytest.mark.slow
def test_a_rank_that_dies_fails_the_run_and_leaves_no_orphan(engine, lab, until):
    process = engine.start("run", "long", "--device", "cpu")
    until(lambda: Store(lab / "runs").runs() and status_of(the_run(lab)).step > 5)
    os.kill(max(ranks_alone(lab)), signal.SIGKILL)
    assert process.wait(60) == 1
    end = events(the_run(lab))[-1]
    assert isinstance(end, End)
    assert end.error.type == "RankKilled"
    assert "was killed by SIGKILL" in end.reason
    until(lambda: not ranks_of(lab), 10)


@pytest.mark.slow
def test_a_killed_run_leaves_no_orphan_and_resumes_on_one(engine, lab, until):
    process = engine.start("run", "long", "--device", "cpu")
    until(lambda: Store(lab / "runs").runs() and status_of(the_run(lab)).epoch > 3)
    assert len(ranks_of(lab)) == 3
    process.kill()
    until(lambda: not ranks_of(lab), 10)
    run = the_run(lab)
    until(lambda: status_of(run).state == "crashed", 10)  # its last thread lets the lock go
    resumed = engine.start("resume", run.id, "--device", "cpu", "--set", "gpus=1")
    until(lambda: status_of(run).attempt == 2 and status_of(run).step > status_of(run).first_step)
    assert engine("stop", run.id, "--timeout", "30").returncode == 0
    assert resumed.wait(30) == 3


@pytest.mark.slow
def test_an_error_in_a_rank_is_the_runs(engine, lab):
    done = engine("run", "two", "--device", "cpu", "--set", "lr=1e30", "--set", "clip_norm=0")
    assert done.returncode == 1
    end = events(the_run(lab))[-1]
    assert end.error.type == "Diverged"
    assert "engine/training/trainer.py" in end.error.traceback
    assert end.reason.startswith("the loss is nan at step")
    said = [event.message for event in events(the_run(lab)) if isinstance(event, Log)]
    assert end.reason in said
    assert not ranks_of(lab)


@pytest.mark.slow
def test_more_gpus_than_there_are(engine, lab):
    done = engine("run", "two", "--device", "cuda")
    assert done.returncode == 1
    assert (
        f"gpus = 2, but torch sees {torch.cuda.device_count()} CUDA devices"
        in events(the_run(lab))[-1].reason
    )
