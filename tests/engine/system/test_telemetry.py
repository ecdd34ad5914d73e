"""Telemetry never stops a run: without a driver, with a card that cannot tell, with one that falls off the bus."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import types

import psutil
import pytest

from engine.system.telemetry import Nvml, Sampler


class NVMLError(Exception):
    """The fake driver's error, as pynvml makes its own."""


def unsupported(*_: object) -> None:
    raise NVMLError("Not Supported")


@pytest.fixture
def nvml(monkeypatch):
    """A pynvml with two cards: handle 0 tells all, handle 1 only what every card tells."""
    here = os.getpid()
    fake = types.SimpleNamespace(
        NVMLError=NVMLError,
        NVML_TEMPERATURE_GPU=0,
        initialised=0,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda i: i,
        nvmlDeviceGetName=lambda handle: b"Card" if handle else "Card",
        nvmlDeviceGetUUID=lambda handle: f"GPU-{handle}",
        nvmlDeviceGetMemoryInfo=lambda handle: types.SimpleNamespace(used=5 << 30, total=8 << 30),
        nvmlDeviceGetUtilizationRates=lambda handle: types.SimpleNamespace(gpu=87),
        nvmlDeviceGetPowerUsage=lambda handle: unsupported() if handle else 412_000,
        nvmlDeviceGetTemperature=lambda handle, kind: 61,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: unsupported() if handle else next(energy),
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [
            types.SimpleNamespace(pid=here, usedGpuMemory=None if handle else 3 << 30)
        ],
    )
    energy = itertools.count(1_000_000, 500_000)

    def init() -> None:
        fake.initialised += 1

    def shutdown() -> None:
        fake.initialised -= 1

    fake.nvmlInit, fake.nvmlShutdown = init, shutdown
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


def look(*gpus: str) -> dict[str, float]:
    with Sampler(lambda values: None, gpus, interval_s=60) as sampler:
        return sampler.look()


def test_without_a_driver_it_says_why_and_goes_on(monkeypatch):
    def missing() -> None:
        raise NVMLError("NVML Shared Library Not Found")

    monkeypatch.setitem(sys.modules, "pynvml", types.SimpleNamespace(nvmlInit=missing))
    nvml = Nvml()
    assert nvml.missing == "NVML Shared Library Not Found"
    assert nvml.sample() == []
    nvml.close()
    assert look("GPU-0").keys() == {"cpu/memory_process"}


def test_without_pynvml_it_says_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "pynvml" in Nvml().missing


def test_on_a_cpu_it_measures_this_process_and_its_children():
    alone = look()["cpu/memory_process"]
    assert alone == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    code = "x = b'1' * 200_000_000; print(flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
        child.stdout.readline()
        assert look()["cpu/memory_process"] > alone + 150_000_000
        child.communicate(b"\n")


def test_the_energy_of_a_run_is_that_of_all_its_attempts(nvml):
    with Sampler(lambda values: None, ["GPU-0"], {"gpu/energy": 7000.0}, interval_s=60) as sampler:
        sampler.look()
        assert sampler.look()["gpu/energy"] in (7500.0, 8000.0)


def test_a_card_that_tells_all(nvml):
    with Sampler(lambda values: None, ["GPU-0"], interval_s=60) as sampler:
        sampler.look()
        values = sampler.look()
    assert values.pop("cpu/memory_process") > 0
    assert values.pop("gpu/energy") in (500.0, 1000.0)  # joules since the first look
    assert values == {
        "gpu/memory_used": 5 << 30,
        "gpu/memory_process": 3 << 30,
        "gpu/utilization": 87,
        "gpu/power": 412,
        "gpu/temperature": 61,
    }


def test_what_a_card_cannot_tell_is_left_out(nvml):
    assert look("GPU-1").keys() == {
        "cpu/memory_process",
        "gpu/memory_used",
        "gpu/utilization",
        "gpu/temperature",
    }
    first, second = Nvml().sample()
    assert (second.power, second.energy, second.processes) == (None, None, {})
    assert first.name == second.name == "Card"


def test_several_cards_are_numbered(nvml):
    assert {"gpu/0/memory_used", "gpu/1/memory_used"} <= look("GPU-1", "GPU-0").keys()


def test_a_card_that_is_lost_is_left_out_and_looking_goes_on(nvml, until):
    looks = []
    with Sampler(looks.append, ["GPU-0", "GPU-1"], interval_s=0.01):
        until(lambda: looks)
        nvml.nvmlDeviceGetMemoryInfo = lambda handle: (
            unsupported() if handle == 0 else types.SimpleNamespace(used=1, total=2)
        )
        until(lambda: looks[-1].get("gpu/1/memory_used") == 1)
        assert "gpu/0/memory_used" not in looks[-1]
        assert "cpu/memory_process" in looks[-1]


def test_the_driver_is_let_go(nvml):
    look("GPU-0")
    nvml.nvmlInit()
    assert nvml.initialised == 1
