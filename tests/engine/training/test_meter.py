"""Times, throughput and utilisation are those of the training, and are asked for only now and then."""

from __future__ import annotations

import time

import pytest
import torch

from engine.catalog.metrics import PHASES
from engine.training.meter import Meter, Stopwatch

CPU = torch.device("cpu")


def test_the_parts_of_a_step_add_up_to_it():
    watch = Stopwatch(CPU)
    began = time.perf_counter()
    for _ in range(2):
        for phase in PHASES:
            time.sleep(0.02 if phase == "backward" else 0.005)
            watch.mark(phase)
    spent = time.perf_counter() - began
    found = watch.read(steps=2)
    assert set(found) == {f"time/{phase}" for phase in PHASES}
    assert sum(found.values()) == pytest.approx(spent / 2, rel=0.1)
    assert max(found, key=found.__getitem__) == "time/backward"
    assert set(watch.read(steps=2).values()) == {0.0}


def test_what_was_no_training_is_left_out():
    meter = Meter(CPU)
    time.sleep(0.3)  # an evaluation
    meter.restart_clock()
    meter.count(torch.tensor(6.0), torch.tensor(2), 3)
    meter.watch.mark("forward")
    meter.step()
    values = meter.read()
    assert (values["train/loss"], values["train/accuracy"]) == (2.0, pytest.approx(2 / 3))
    assert values["time/forward"] < 0.2
    assert values["train/images_per_s"] > 3 / 0.2
