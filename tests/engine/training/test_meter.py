"""Times, throughput and utilisation are those of the training, and are asked for only now and then."""

from __future__ import annotations

import time
from contextlib import nullcontext

import pytest
import torch

from engine.catalog.metrics import PHASES
from engine.config.schema import Experiment
from engine.training import run as training_run
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


class Cuda:
    """A stand-in for two GPUs: a clock that the test moves, and events that note the GPU in whose queue they are."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ms = 0.0
        self.current = torch.device("cuda", 0)
        self.marked: list[torch.device] = []
        cuda = self

        class Event:
            def __init__(self, enable_timing: bool = False) -> None:
                assert enable_timing

            def record(self, stream: torch.device | None = None) -> None:
                self.at_ms = cuda.now_ms
                cuda.marked.append(stream or cuda.current)

            def synchronize(self) -> None:
                pass

            def elapsed_time(self, other: Event) -> float:
                return other.at_ms - self.at_ms

        monkeypatch.setattr(torch.cuda, "Event", Event)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: device or self.current)
        monkeypatch.setattr(torch.cuda, "set_device", lambda device: setattr(self, "current", device))


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    return Cuda(monkeypatch)


def test_the_queue_of_its_own_gpu_is_timed(cuda):
    device = torch.device("cuda", 1)
    watch = Stopwatch(device)
    for _ in range(2):
        for phase, took in (("data", 1), ("forward", 20), ("backward", 40), ("optimizer", 3)):
            cuda.now_ms += took
            watch.mark(phase)
    assert set(cuda.marked) == {device}
    times = {"time/data": 0.001, "time/forward": 0.02, "time/backward": 0.04, "time/optimizer": 0.003}
    assert watch.read(steps=2) == pytest.approx(times)
    cuda.now_ms += 500  # an evaluation
    watch.start()
    cuda.now_ms += 8
    watch.mark("forward")
    assert watch.read(steps=1) == pytest.approx(dict.fromkeys(times, 0) | {"time/forward": 0.008})


def test_a_run_on_one_gpu_of_several_has_it_as_the_current_one(cuda, monkeypatch):
    device = torch.device("cuda", 1)
    monkeypatch.setattr(training_run, "build", lambda *_, **__: cuda.current)
    monkeypatch.setattr(training_run, "trained", lambda current: current)
    monkeypatch.setattr(training_run, "arithmetic", lambda *_: nullcontext())
    experiment = Experiment(name="a", model="vit_mini")
    assert training_run._train_here(experiment, 0, None, None, device, False) == device


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
