"""Telemetry never stops a run: without a driver, with a card that cannot tell, with one that falls off the bus."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import psutil
import pytest

from engine.system.telemetry import Sampler
from tests.pretended_nvml import ALONE, GIB, HOST_PID, IN_SLICES, LOST_LATE, MACHINES, Card, uuid


def look(*gpus: str) -> dict[str, float]:
    with Sampler(lambda values: None, gpus, interval_s=60) as sampler:
        return sampler.look()


def facts(**changed: int) -> Card:
    return Card(facts={"utilization": 87, "power": 412_000, "temperature": 61, "energy": 1_000_000} | changed)


def test_without_a_driver_it_goes_on(monkeypatch):
    def missing() -> None:
        raise OSError("there is none")

    monkeypatch.setitem(sys.modules, "pynvml", types.SimpleNamespace(nvmlInit=missing))
    assert look("GPU-0").keys() == {"cpu/memory_process"}


def test_on_a_cpu_it_measures_this_process_and_its_children():
    alone = look()["cpu/memory_process"]
    assert alone == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    code = "x = b'1' * 200_000_000; print(flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as child:
        child.stdout.readline()
        assert look()["cpu/memory_process"] > alone + 150_000_000
        child.communicate(b"\n")


def test_a_card_that_tells_all(nvml):
    nvml.put(Card(processes={os.getpid(): 3 * GIB, 1: GIB}))
    values = look(uuid(0))
    assert values.pop("cpu/memory_process") > 0
    assert values == {
        "gpu/memory_used": 4 * GIB + 600 * 2**20,
        "gpu/memory_process": 3 * GIB,
        "gpu/utilization": 87,
        "gpu/power": 412,
        "gpu/temperature": 61,
        "gpu/energy": 0,
    }
    assert nvml.open == 0


def test_the_energy_of_a_run_is_that_of_all_its_attempts(nvml):
    nvml.put(facts(energy=1_000_000))
    with Sampler(lambda values: None, [uuid(0)], {"gpu/energy": 7000.0}, interval_s=60) as sampler:
        assert sampler.look()["gpu/energy"] == 7000.0
        nvml.put(facts(energy=1_500_000))
        assert sampler.look()["gpu/energy"] == 7500.0  # joules; the driver counts thousandths


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        ("old driver", {"energy", "memory_process"}),
        ("GB10", {"energy", "power", "memory_used", "memory_process"}),
        ("host pids", {"memory_process"}),
        ("no list", {"memory_process"}),
        (
            "one lost at work",
            {"memory_used", "memory_process", "utilization", "power", "temperature", "energy"},
        ),
    ],
)
def test_what_a_card_cannot_tell_is_left_out(nvml, kind, missing):
    nvml.put(*MACHINES[kind])
    all_of_them = {"memory_used", "memory_process", "utilization", "power", "temperature", "energy"}
    assert look(uuid(0)).keys() == {"cpu/memory_process"} | {f"gpu/{name}" for name in all_of_them - missing}


def test_a_slice_has_its_own_memory_and_nothing_of_its_card(nvml):
    nvml.put(IN_SLICES)
    assert look(IN_SLICES.slices[1].uuid).keys() == {"cpu/memory_process", "gpu/memory_used"}


def test_host_pids_are_not_taken_for_the_memory_of_this_process(nvml):
    nvml.put(Card(processes={HOST_PID: 20 * GIB}))
    assert "gpu/memory_process" not in look(uuid(0))


def test_several_cards_are_numbered_as_the_run_has_them(nvml):
    nvml.put(ALONE, Card(used=GIB))
    values = look(uuid(1), uuid(0))
    assert (values["gpu/0/memory_used"], values["gpu/1/memory_used"]) == (GIB, 600 * 2**20)


def test_a_card_that_is_lost_is_left_out_and_looking_goes_on(nvml, until):
    looks = []
    nvml.put(ALONE, ALONE)
    with Sampler(looks.append, [uuid(0), uuid(1)], interval_s=0.01):
        until(lambda: looks)
        nvml.put(LOST_LATE, Card(used=1))
        until(lambda: looks[-1].get("gpu/1/memory_used") == 1)
        assert "gpu/0/memory_used" not in looks[-1]
        assert "cpu/memory_process" in looks[-1]
    assert nvml.open == 0


def test_what_goes_wrong_once_is_said_once_and_looking_goes_on(until, capsys):
    looks = []

    def report(values):
        looks.append(values)
        if len(looks) < 3:
            raise OSError("no room")

    with Sampler(report, interval_s=0.01):
        until(lambda: len(looks) > 4)
    assert capsys.readouterr().err.count("OSError: no room") == 1
