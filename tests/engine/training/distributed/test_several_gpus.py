"""Two processes train one run as one would: the same numbers, an exact resume, and no process left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.analysis.conclusions.image_evidence import score_of
from engine.events import End, Log, Start, decode
from engine.history.reader import History
from engine.runs import predictions
from engine.runs.liveness import status_of
from engine.runs.store import Store
from engine.training import checkpoint
from engine.training.collectives import Joined
from engine.training.distributed.supervisor import RankJob

ROOT = Path(__file__).parents[4]
LINGERS = """
import atexit, sys, time
from engine.training.distributed import rank_process

def failing(*_):
    atexit.register(time.sleep, 600)  # a group of NCCL waits in its destructor for a rank that is gone
    print("what it said", end="")
    raise ConnectionError("the other rank is gone")

rank_process._train = failing
rank_process.main()
"""
"""A rank that fails, and whose process does not end by itself."""

TRIALS = """
import torch
from torch import nn
from engine.training.collectives import Joined
from engine.training.compile import compiled

CPU = torch.device("cpu")

def trial(forward):
    with ranks.apart(model):
        for images in (8, 3):
            forward(torch.rand(images, 3)).sum().backward()

def compiler(broken_in):
    def call(images):
        if ranks.rank == broken_in:
            raise RuntimeError("no space for the cache")
        return model(images)
    return lambda model, mode: call

torch.manual_seed(0)
ranks = Joined(CPU, "gloo")
model = ranks.wrapped(nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)))
for broken_in in (1, None):
    torch.compile = compiler(broken_in)
    before = [tensor.clone() for tensor in model.state_dict().values()]
    called, said = compiled(model, "on", CPU, trial, ranks)
    assert all(map(torch.equal, before, model.state_dict().values()))
    called(torch.rand(4, 3) + ranks.rank).sum().backward()
    one, two = ranks.gather(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]))
    assert torch.equal(one, two)
    print(said)
    model.zero_grad()
ranks.leave()
"""
"""Two ranks that try to compile: first one alone cannot, then both can."""

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

[experiments.norm]
model = "timm:resnet18"
image_size = 32
epochs = 1
gpus = 2
options = { channels = [64, 8, 8, 8] }
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
    for name, scores in (("one", one), ("two", two)):
        kept = predictions.load(the_run(lab, name).path)
        assert score_of(kept, "test/f1") == pytest.approx(scores["test/f1"][1][-1], abs=1e-12)
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
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == 3
    run = the_run(lab, "parts")
    status = status_of(run)
    assert (status.state, status.step < 120) == ("stopped", True)
    assert status.reason.startswith("stopped by SIGHUP at epoch ")
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
def test_processes_without_gpus_say_that_batch_norm_is_their_own(engine, lab):
    """The last batch of three images, of which one process would have a single one, joins the batch before it."""
    done = engine("run", "norm", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    told = events(the_run(lab))
    (start,) = [event for event in told if isinstance(event, Start)]
    assert start.steps_per_epoch == 2
    warnings = [event.message for event in told if isinstance(event, Log) and event.level == "warning"]
    assert len(warnings) == 1
    assert "gpus = 2 does not learn what one device learns" in warnings[0]


@pytest.mark.slow
def test_ranks_agree_whether_they_compile():
    """One that fails alone keeps nobody waiting, and they train on together."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    common = {
        "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    ranks = [
        subprocess.Popen(
            [sys.executable, "-c", TRIALS], env=os.environ | common | {"RANK": str(rank)},
            stdout=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=120)[0].splitlines() for process in ranks]
    finally:
        for process in ranks:
            process.kill()
            process.wait()
    assert said == [
        ["not compiled: it failed in another process of this run", "compiled"],
        ["not compiled: RuntimeError: no space for the cache", "compiled"],
    ]


@pytest.mark.slow
def test_a_rank_that_failed_ends_at_once(store, run, tiny, tmp_path):
    """It says why, and what it printed is not lost."""
    job = tmp_path / "job.json"
    job.write_bytes(msgspec.json.encode(RankJob(1, str(run.path), tiny, 0, "cpu")))
    address = str(tmp_path / "ranks")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        process = subprocess.Popen(
            [sys.executable, "-c", LINGERS, str(os.getpid()), address, str(job)],
            env=os.environ | {"LOCAL_RANK": "0", "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as lines:
                (end,) = map(decode, lines)
            printed, _ = process.communicate(timeout=10)
        finally:
            process.kill()
            process.wait()
    assert (process.returncode, printed) == (1, b"what it said")
    assert end.error.message == "the other rank is gone"


@pytest.mark.slow
def test_more_gpus_than_there_are(engine, lab):
    done = engine("run", "two", "--device", "cuda")
    assert done.returncode == 1
    assert (
        f"gpus = 2, but torch sees {torch.cuda.device_count()} CUDA devices"
        in events(the_run(lab))[-1].reason
    )


@pytest.mark.slow
def test_the_ranks_agree_on_the_scale_of_float16(engine, lab):
    scales = []
    for name in ("one", "two"):
        options = ("--set", "precision=fp16", "--set", "augment=none", "--set", "epochs=1", "--runs", name)
        assert engine("run", name, "--device", "cpu", *options).returncode == 0
        run = the_run(lab, name)
        scales.append(checkpoint.load(run.checkpoints / "last.pt", torch.device("cpu"))["scaler"])
        assert [event.precision for event in events(run) if isinstance(event, Start)] == ["fp16"]
    one, two = ({**scale, "norm": 0} for scale in scales)
    assert one == two
    assert scales[0]["norm"] == pytest.approx(scales[1]["norm"], rel=1e-2)
