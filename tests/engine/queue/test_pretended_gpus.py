"""The queue on GPUs that are not there: a real worker and real programs, on cards that a pretended NVML tells of."""

from __future__ import annotations

import os
import subprocess
import sys

import msgspec
import psutil
import pytest

from engine.events import Metrics, decode
from engine.queue.planner import Job, Live, Plan, make_plan
from engine.runs.liveness import status_of
from engine.runs.store import Run, Store
from engine.runs.why_waiting import why_waiting
from engine.sites.local_devices import LocalDevices
from engine.system.files import tail
from tests.conftest import ROOT
from tests.pretended_nvml import ALONE, GIB, HOST_PID, LOST_EARLY, MACHINES, Card, uuid

PROGRAM = """
import json, os, pathlib, time
pid, seed = os.getpid(), os.environ["VITUI_SEED"]
visible = os.environ["CUDA_VISIBLE_DEVICES"]
print(json.dumps({"event": "metrics", "step": 1, "epoch": 1.0, "values": {"pid": pid}}), flush=True)
pathlib.Path("visible-" + seed).write_text(visible)
while not pathlib.Path("end-" + seed).exists():
    time.sleep(0.05)
"""


@pytest.fixture
def submit(lab):
    """Queue two runs of a program that goes on until it is told to end."""
    (lab / "program.py").write_text(PROGRAM)
    command = msgspec.json.encode([sys.executable, "program.py"]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")

    def submit(engine, seeds: str = "0,1", *options: str) -> list[Run]:
        done = engine("submit", "mine", "--seeds", seeds, "--wait", *options)
        assert done.returncode == 0, done.stderr
        return Store(lab / "runs").runs()

    return submit


def values(run: Run, name: str) -> list[float | None]:
    """Return all that a run reported of a metric."""
    events = [decode(line) for line in tail(run.events, 0)[0]]
    return [event.values[name] for event in events if isinstance(event, Metrics) and name in event.values]


@pytest.mark.slow
def test_two_runs_wait_for_the_memory_of_one_card_and_have_it_one_after_the_other(
    lab, engine, submit, nvml, until
):
    with subprocess.Popen(["sleep", "600"]) as foreign:
        try:
            nvml.put(Card(processes={foreign.pid: 60 * GIB}))
            first, second = submit(engine)
            worker = engine.start("work")
            busy = f"waiting for GPU 0 (used by pid {foreign.pid}, sleep, 60 GiB)"
            for run in (first, second):
                until(lambda run=run: why_of(run) == busy)
            assert busy.encode() in engine("ls").stdout
            nvml.put(ALONE)
            until(lambda: "pid" in status_of(first).last)
            mine = int(status_of(first).last["pid"])
            nvml.put(Card(processes={mine: 20 * GIB}))
            until(lambda: why_of(second) == f"waiting for GPU 0 (runs {first.id})")
            until(
                lambda: (
                    values(first, "gpu/memory_process") == [20 * GIB] * 2
                    or values(first, "gpu/memory_process")[2:]
                )
            )
            assert (lab / "visible-0").read_text() == uuid(0)
            assert values(first, "gpu/power")[-1] == 412
            nvml.put(Card(processes={foreign.pid: 20 * GIB}))  # the first lets go, and another was faster
            (lab / "end-0").touch()
            until(lambda: why_of(second) == f"waiting for GPU 0 (used by pid {foreign.pid}, sleep, 20 GiB)")
            assert status_of(first).state == "finished"
            nvml.put(ALONE)
            (lab / "end-1").touch()
            assert worker.wait(60) == 0
            assert status_of(second).state == "finished"
            assert nvml.open == 0
        finally:
            foreign.kill()


@pytest.mark.parametrize("kind", ["foreign", "host pids"])
def test_a_run_that_may_share_begins_once_the_memory_for_it_is_free(nvml, kind):
    job, live = Job("b", share=True, memory=30 * GIB), Live("a", (uuid(0),), share=True, memory=20 * GIB)

    def plan(mine: int, others: int) -> Plan:
        first = os.getpid() if kind == "foreign" else HOST_PID
        nvml.put(Card(processes={first: mine * GIB, 1: others * GIB} if others else {first: mine * GIB}))
        devices = LocalDevices().look({uuid(0): {os.getpid()}}, {uuid(0): 20 * GIB})
        return make_plan([job], devices, [live], now=0.0)

    assert (
        plan(20, 40).waits["b"].words
        == "waiting for 30 GiB on GPU 0 (used by pid 1, " + name_of(1) + ", 40 GiB)"
    )
    assert plan(20, 3).starts["b"][0].name == "GPU 0"
    assert plan(52, 0).waits["b"].words.startswith("waiting for 30 GiB on GPU 0 (")
    assert plan(20, 0).starts["b"][0].name == "GPU 0"


def name_of(pid: int) -> str:
    return psutil.Process(pid).name()


def why_of(run: Run) -> str:
    return why_waiting(run, None)


@pytest.mark.slow
def test_of_two_cards_the_lost_one_is_given_to_nobody(lab, engine, submit, nvml):
    nvml.put(LOST_EARLY, ALONE)
    for seed in (0, 1):
        (lab / f"end-{seed}").touch()
    runs = submit(engine)
    done = engine("work")
    assert done.stderr.splitlines() == [b"GPU 0 is lost (GPU is lost)", b"2 runs started"]
    assert [status_of(run).state for run in runs] == ["finished"] * 2
    assert {(lab / f"visible-{seed}").read_text() for seed in (0, 1)} == {uuid(1)}


@pytest.mark.slow
def test_where_all_cards_are_lost_nothing_begins_on_the_cpu_and_it_is_said(lab, engine, submit, nvml):
    nvml.put(*MACHINES["all lost"])
    (run,) = submit(engine, "0")
    assert b"0 runs started" in engine("work").stderr
    why = "needs 1 GPU: GPU 0 is lost (GPU is lost), GPU 1 is lost (Unknown Error)"
    assert why_of(run) == why
    assert why.encode() in engine("ls").stdout
    assert b"GPU 1  NVML cannot reach it: Unknown Error" in engine("doctor").stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "header"),
    [
        ("one of three lost", "GPU 0 ▇  87 % 600M/80G 412 W   GPU 1 lost   GPU 2 ▇  87 % 600M/80G 412 W"),
        ("all lost", "GPU 0 lost   GPU 1 lost"), ("GB10", "GPU 0 ▇  87 % mem ?"), ("Jetson", "GPU 0 ? % mem ?"),
        ("slices", "GPU 0 ? % 1.0G/40G 412 W"), ("no list", "GPU 0 ▇  87 % 20G/80G 412 W"),
    ],
)  # fmt: skip
def test_the_app_shows_each_machine(lab, machine, kind, header):
    machine.put(*MACHINES[kind])
    done = subprocess.run(
        [sys.executable, "-m", "tui.cli", "open", "--once", "--size", "150x40"],
        cwd=lab, capture_output=True, text=True,
        env=os.environ | machine.environment | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert f"{header}   CPU" in done.stdout.splitlines()[0], done.stdout + done.stderr
    assert machine.open == 0


@pytest.mark.slow
def test_a_run_by_hand_says_which_card_is_lost_where_it_trains_on_the_cpu(lab, engine, nvml):
    nvml.put(LOST_EARLY)
    done = engine("run", "tiny", "--json")
    assert done.returncode == 0, done.stderr
    assert b"training on the CPU (GPU 0 is lost: GPU is lost)" in done.stdout
    assert nvml.open == 0
