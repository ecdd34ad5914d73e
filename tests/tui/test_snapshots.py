"""How the screens look: each picture is compared with one that somebody has looked at."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
import textual
from textual.pilot import Pilot

from engine.config.loader import load_config
from engine.config.site import Site
from engine.events import Confusion, Metrics, Start, encode
from engine.queue.move_and_hold import hold
from engine.runs import run_lock
from engine.runs.posted import site_status
from engine.runs.posted.site_status import SiteGpu
from engine.runs.queue_entry import QueueEntry
from engine.runs.status_file import rebuild, save
from engine.runs.store import Run, Store
from engine.runs.trust import entry_writer
from engine.runs.worker_status import OfferedDevice, WorkerStatus, publish
from engine.system.lock_holder import this_process
from engine.system.nvml import GpuSample
from tests.conftest import ROOT, queued
from tests.engine.runs.posted.posted_by_hand import GPUBOX, JZ, hear, post_by_hand
from tests.tui.conftest import NOW, Write
from tests.tui.pilot import settle, until
from tui.app import VituiApp
from tui.state.snapshot import Machine, Process, Project

Compare = Callable[..., bool]

PIN = next(
    line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("textual==")
).removeprefix("textual==")
pytestmark = pytest.mark.skipif(textual.__version__ != PIN, reason=f"the pictures are drawn by Textual {PIN}")


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(cpu=42.0, memory_used=6 * 2**30, memory_total=24 * 2**30)
    answers = iter([machine])
    monkeypatch.setattr("tui.feed.feed.MachineSampler.sample", lambda self: next(answers, None))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def snap(snap_compare: Compare, project: Project) -> Callable[..., bool]:
    def compare(size: tuple[int, int], *keys: str, theme: str = "vitui-dark") -> bool:
        async def press(pilot: Pilot[str]) -> None:
            pilot.app.theme = theme
            await settle(pilot)
            for key in keys:
                await pilot.press(key)
                await settle(pilot)

        return snap_compare(VituiApp(project), terminal_size=size, run_before=press)

    return compare


@pytest.fixture
def some_runs(write_run: Write) -> None:
    write_run("ViT-small")
    write_run("BiT-small", seed=0, top=0.97)
    write_run(
        "BiT-small", seed=1, top=0.95, epochs=2, end="failed", reason="out of GPU memory at batch_size = 128"
    )


# A function is slow for all its sizes or for none: syrupy takes the snapshots of a function's sizes that
# were not asked for (`-m slow`) for unused ones, and fails.
def test_dashboard_with_two_runs_overlaid(snap: Compare, some_runs: None) -> None:
    assert snap((80, 24), "space", "down", "space", "down")


@pytest.mark.slow
@pytest.mark.parametrize("size", [(120, 36), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
def test_dashboard_with_two_runs_overlaid_on_larger_terminals(
    snap: Compare, some_runs: None, size: tuple[int, int]
) -> None:
    assert snap(size, "space", "down", "space", "down")


def test_dashboard_in_light(snap: Compare, some_runs: None) -> None:
    assert snap((120, 36), "space", "down", theme="vitui-light")


@pytest.mark.slow
def test_unfolded_runs_with_a_failed_one(snap: Compare, some_runs: None) -> None:
    assert snap((120, 36), "down", "l", "down")


def test_one_chart_zoomed_with_a_cursor(snap: Compare, some_runs: None) -> None:
    assert snap((100, 30), "space", "down", "space", "down", "z", "plus", "plus", "i")


def test_help(snap: Compare) -> None:
    assert snap((80, 24), "question_mark")


def test_run_screen(snap: Compare, some_runs: None) -> None:
    assert snap((120, 36), "enter")


@pytest.fixture
def with_matrices(write_run: Write) -> None:
    run = write_run("ViT-small")
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    with run.events.open("ab") as file:
        for epoch in range(1, 5):
            right, next_one, other = 60 + 9 * epoch, 28 - 6 * epoch, 12 - 3 * epoch
            cells = [
                [right if i == j else next_one if j == (i + 1) % 10 else other if j == (i + 4) % 10 else 0
                 for j in range(10)] for i in range(10)
            ]  # fmt: skip
            file.write(
                encode(
                    Confusion(
                        time=1_795_000_000.0, run=run.id, step=10 * epoch, epoch=epoch, split="test",
                        labels=names, matrix=cells,
                    )
                )
            )  # fmt: skip


@pytest.mark.slow
def test_confusion_matrix_of_an_earlier_epoch(snap: Compare, with_matrices: None) -> None:
    assert snap((80, 24), "enter", "2", "left", "percent_sign")


@pytest.mark.slow
def test_confusion_matrix_of_an_earlier_epoch_on_a_larger_terminal(
    snap: Compare, with_matrices: None
) -> None:
    assert snap((120, 36), "enter", "2", "left", "percent_sign")


@pytest.mark.slow
def test_full_log_with_a_search(snap: Compare, some_runs: None) -> None:
    assert snap((80, 24), "L", "slash", *"f1 0.[78]", "enter")


def test_nothing_has_run_yet(snap: Compare) -> None:
    assert snap((120, 36), "down")


def test_a_folder_without_experiments(snap: Compare, project: Project) -> None:
    project.config.write_text("")
    assert snap((80, 24))


def test_stop_asks(snap: Compare, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    with run_lock.hold(run):
        assert snap((80, 24), "full_stop")


def test_a_terminal_that_is_too_small_for_most(snap: Compare, some_runs: None) -> None:
    assert snap((40, 12))


@pytest.mark.slow
def test_the_form(snap: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "vim")
    assert snap((120, 36), "e", "f", "j", "j", "j", "enter", "backspace", "5", "enter")


@pytest.mark.slow
def test_the_queue_on_a_screen_of_its_own(
    project: Project, write_run: Write, snap_compare: Compare, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = [
        write_run(name, epochs=epochs, end=None, alive=True)
        for name, epochs in (("ViT-small", 3), ("BiT-small", 1))
    ]
    write_run("BiT-small", seed=1)  # tells how long one takes
    config = load_config(project.config)
    store = Store(project.runs)
    waiting = [
        queued(store, config.experiments[name], seed)
        for name, seed in (("BiT-small", 2), ("ViT-small", 1), ("one-token", 0))
    ]
    hold(waiting[2])
    for number, run in enumerate(live):
        place = QueueEntry(
            submitted=NOW, stage="taken", devices={f"GPU-{number}": f"GPU {number}"}, attempts=0
        )
        entry_writer.enter(run, place)
        save(run, rebuild(run))
    publish(project.runs, WorkerStatus(worker=this_process(), devices=[
        OfferedDevice(id=f"GPU-{i}", name=f"GPU {i}", index=i, gpu=True) for i in range(2)
    ], reasons={
        run.id: "waiting for GPU 0 (runs ViT-small) or GPU 1 (runs BiT-small)" for run in waiting[:2]
    }))  # fmt: skip
    left = list(machines(os.getpid()))
    monkeypatch.setattr("tui.feed.feed.MachineSampler.sample", lambda self: left.pop(0) if left else None)

    async def press(pilot: Pilot[str]) -> None:
        await until(pilot, lambda: not left)
        await settle(pilot)
        for key in ("5", "5", "j", "j"):
            await pilot.press(key)
            await settle(pilot)

    with run_lock.hold(live[0]), run_lock.hold(live[1]):
        assert snap_compare(VituiApp(project), terminal_size=(120, 36), run_before=press)


@pytest.fixture
def at_sites(project: Project, write_run: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs at a cluster, at a machine over ssh, and at one that does not answer; the clocks stand still."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    gpu = SiteGpu(index=0, name="RTX 4090", utilization=87.0, memory_used=9 * 2**30, memory_total=24 * 2**30,
                  power=310.0, temperature=61.0)  # fmt: skip
    sent = (
        (JZ, "ViT-small", 20, {"state": "running", "node": "n17", "starts": NOW - 620, "ends": NOW + 900}),
        (JZ, "ViT-small", None, {"reason": "waits for 1 free GPU of gpu (Resources)", "starts": NOW + 300,
                                 "ends": NOW + 1200}),
        (JZ, "ViT-small", None, {"reason": "12 jobs go before it (Priority)"}),
        (GPUBOX, "BiT-small", 10, {"state": "running", "node": "gpubox", "starts": NOW - 300}),
        (Site(name="lab", ssh="lab"), "one-token", 185, {"state": "running", "node": "lab", "starts": NOW - 900}),
    )  # fmt: skip
    for seed, (site, experiment, heard_ago_s, said) in enumerate(sent):
        run = write_run(experiment, seed=seed, epochs=0, end=None)
        run.status_file.unlink()
        run.events.unlink()
        if heard_ago_s is not None:
            write_live(run, experiment, seed, began=NOW - 600, last=NOW - heard_ago_s)
        post_by_hand(run, site, ago_s=900)
        hear(run, site, ago_s=180 if site.name == "lab" else 8, **said)
    for site, more in (
        (JZ, {"free_gpus": 3, "all_gpus": 16, "running": 4, "waiting": 7}),
        (GPUBOX, {"running": 1, "host": "gpubox", "gpus": (gpu,), "at": NOW - 0.3}),
        (sent[-1][0], {"trouble": "its host key is not known: run `ssh lab` once in a terminal and look at it"}),
    ):  # fmt: skip
        status = site_status.read(project.runs, site.name)
        assert status is not None
        site_status.publish(project.runs, msgspec.structs.replace(status, **more))
    machine = Machine(time=NOW, cpu=42.0, memory_used=6 * 2**30, memory_total=24 * 2**30)
    answers = iter([machine])
    monkeypatch.setattr("tui.feed.feed.MachineSampler.sample", lambda self: next(answers, None))


def write_live(run: Run, experiment: str, seed: int, began: float, last: float) -> None:
    """Have a run begin on a node and get half-way."""
    start = Start(time=began, run=run.id, experiment=experiment, seed=seed, pid=7, host="n17", device="cuda:0",
                  epochs=4, steps_per_epoch=10)  # fmt: skip
    steps = [
        Metrics(
            time=began + (last - began) * step / 20, run=run.id, step=step, epoch=step / 10,
            values={"train/loss": 2.3 * math.exp(-step / 12)} | ({"test/f1": 0.04 * step} if step % 10 == 0 else {}),
        )
        for step in range(1, 21)
    ]  # fmt: skip
    run.events.write_bytes(b"".join(map(encode, [start, *steps])))


@pytest.mark.slow
def test_runs_at_sites(snap: Compare, at_sites: None) -> None:
    assert snap((120, 36), "down", "down", "l")


@pytest.mark.slow
def test_the_machines_and_the_queue_of_sites(snap: Compare, at_sites: None) -> None:
    assert snap((120, 36), "5", "5", "j")


def machines(pid: int) -> Iterator[Machine]:
    """Two GPUs over a minute: one that gets busy, one that others use too."""
    for second in range(-40, 31, 1):
        busy = max(0.0, math.sin(second / 15))
        yield Machine(
            time=NOW + second, cpu=40.0, memory_used=6 * 2**30, memory_total=24 * 2**30,
            gpus=tuple(
                GpuSample(
                    index=i, name="NVIDIA H100", uuid=f"GPU-{i}", memory_total=80 * 2**30,
                    memory_used=int((3 + 30 * busy) * 2**30), utilization=round(95 * busy), power=70 + 500 * busy,
                    temperature=40 + 30 * busy,
                    processes={4711 + i: int((2 + 30 * busy) * 2**30)} | ({99: 2**30} if i else {}),
                )
                for i in range(2)
            ),
            processes={4711: Process("python"), 4712: Process("python", (pid,)), 99: Process("blender\x1b[2J")},
        )  # fmt: skip
