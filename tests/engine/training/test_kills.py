"""A run killed at any moment and resumed learns what it would have learnt undisturbed, bit for bit."""

from __future__ import annotations

import random
import signal
import time

import pytest
import torch

from engine.events import Metrics, Start, decode
from engine.history.reader import History
from engine.runs.liveness import status_of
from engine.runs.store import Store
from engine.system.files import last_lines
from engine.training import checkpoint

KILLS = 20
RECIPE = ("--set", "epochs=40", "--set", "accumulate=2", "--set", "ema=0.9", "--set", "mixup=0.2",
          "--set", "options.dropout=0.1", "--seed", "3", "--device", "cpu")  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twenty_kills_at_random_moments_change_nothing(engine, lab):
    chance = random.Random(0)
    assert engine("run", "tiny", *RECIPE, "--runs", "whole").returncode == 0
    process = engine.start("run", "tiny", *RECIPE, "--runs", "killed")
    store, kills, moments = Store(lab / "killed"), 0, []
    while kills < KILLS:
        begun = starts(store)
        while starts(store) == begun and process.poll() is None and chance.random() > 0.0005:
            time.sleep(0.005)  # a few die before they have begun
        further = reached(store) + chance.randrange(6)  # by steps: a busy machine makes few in a second
        while process.poll() is None and reached(store) < further:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.05))
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.communicate()
        kills += 1
        (run,) = store.runs()
        moments.append(status_of(run).step)
        assert status_of(run).state == "crashed"
        process = engine.start("resume", run.id, "--runs", "killed", "--device", "cpu")
    process.communicate(timeout=120)
    (run,) = store.runs()
    assert kills >= KILLS // 2, moments
    assert len(set(moments)) > 5, moments
    assert status_of(run).state == "finished"
    (whole,) = Store(lab / "whole").runs()
    for kept in ("last.pt", "best.pt"):
        one, two = (checkpoint.load(each.checkpoints / kept, torch.device("cpu")) for each in (whole, run))
        assert one["step"] == two["step"]
        for part in ("model", "average"):
            assert all(torch.equal(tensor, two[part][name]) for name, tensor in one[part].items()), (
                kept,
                moments,
            )
    assert measured(run) == measured(whole)


def starts(store):
    runs = store.runs()
    if not runs or not runs[0].events.exists():
        return 0
    return sum(isinstance(decode(line), Start) for line in runs[0].events.read_bytes().splitlines())


def reached(store):
    runs = store.runs()
    lines = last_lines(runs[0].events) if runs else []
    return max((event.step for event in map(decode, lines) if isinstance(event, Metrics)), default=0)


def measured(run):
    history = History(run.path)
    history.update()
    names = [name for name in history.metrics if name.startswith(("test/", "val/", "ema/"))]
    assert "ema/f1" in names
    return {name: [axis.tolist() for axis in history.series(name)] for name in names}
