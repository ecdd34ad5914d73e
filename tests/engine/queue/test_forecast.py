"""The queue played forward: properties that hold for any queue, and what statuses and entries make of it."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.queue.forecast import Forecast, QueuedRun, RunningRun, forecast, forecast_queue
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import Status
from engine.runs.worker_status import OfferedDevice
from engine.sites.device_occupancy import Device
from engine.sites.local_devices import LocalDevices
from engine.system.nvml import GpuSample

NOW = 1000.0


class NoGpus:
    """NVML where it tells of slices only."""

    def sample(self) -> list[GpuSample]:
        return []


DEVICES = (
    Device("GPU-00", "GPU 0", 0, gpu=True), Device("GPU-11", "GPU 1", 1, gpu=True), Device("cpu:0", "CPU slot 1"),
)  # fmt: skip
IDS = tuple(device.id for device in DEVICES)
SLOT = OfferedDevice(id="cpu:0", name="CPU slot 1")
times = st.floats(0, 500).map(round)


@st.composite
def scenes(draw: st.DrawFn, *, known: bool = False) -> tuple[list[RunningRun], list[QueuedRun], list[str]]:
    names = [device.id for device in DEVICES[: draw(st.integers(0, 3))]]
    maybe = times if known else st.none() | times
    going = [
        RunningRun(
            f"g{i}", NOW - draw(times), None if (left := draw(maybe)) is None else NOW + left - 100, (name,)
        )
        for i, name in enumerate(names)
        if draw(st.booleans())
    ]
    waiting: list[QueuedRun] = []
    for i in range(draw(st.integers(0, 6))):
        others = [run.run for run in going + waiting]  # type: ignore[operator]
        waiting.append(
            QueuedRun(
                f"w{i}", draw(maybe), draw(st.integers(1, 2)), draw(st.sampled_from(["auto", "cpu", "cuda:1"])),
                NOW - 100 + draw(times),
                tuple(draw(st.lists(st.sampled_from(others), max_size=1))) if others else (),
                blocked=draw(st.booleans()) and draw(st.booleans()),
            )
        )  # fmt: skip
    return going, waiting, names


def play(scene: tuple[Sequence[RunningRun], Sequence[QueuedRun], Sequence[str]]) -> dict[str, Forecast]:
    going, waiting, names = scene
    found = forecast(going, waiting, DEVICES[: len(names)], NOW)
    assert [each.run for each in found] == [run.run for run in (*going, *waiting)]
    return {each.run: each for each in found}


@given(scenes())
def test_no_device_has_two_runs_at_once(scene: tuple[list[RunningRun], list[QueuedRun], list[str]]) -> None:
    found = play(scene)
    for name in scene[2]:
        spans = sorted(
            (each.start, float("inf") if each.finish is None else each.finish)
            for each in found.values()
            if name in each.devices and each.start is not None
        )
        for (_, end), (start, _) in itertools.pairwise(spans):
            assert end <= start


@given(scenes())
def test_a_run_starts_once_all_that_it_waits_for_is_there(
    scene: tuple[list[RunningRun], list[QueuedRun], list[str]],
) -> None:
    found = play(scene)
    for run in scene[1]:
        each = found[run.run]
        assert not run.blocked or each.start is None
        assert (each.finish is None) == (each.start is None or run.takes_s is None)
        if each.start is None:
            assert each.devices == ()
            continue
        assert len(each.devices) == run.gpus
        assert each.start >= max(NOW, run.earliest)
        for name in run.after:
            end = found[name].finish
            assert end is not None
            assert end <= each.start
        assert run.wish != "cpu" or all(name.startswith("cpu") for name in each.devices)


@given(scenes())
def test_who_comes_last_delays_nobody_that_waits_for_a_device_alone(
    scene: tuple[list[RunningRun], list[QueuedRun], list[str]],
) -> None:
    going, waiting, names = scene
    plain = [QueuedRun(run.run, run.takes_s, wish=run.wish) for run in waiting]
    whole, without = play((going, plain, names)), play((going, plain[:-1], names))
    assert without == {run: each for run, each in whole.items() if run in without}


@given(scenes(known=True))
def test_a_run_that_nothing_keeps_gets_a_time_and_no_device_idles_before_it(
    scene: tuple[list[RunningRun], list[QueuedRun], list[str]],
) -> None:
    going, waiting, _ = scene
    free = [QueuedRun(run.run, run.takes_s) for run in waiting]
    found = play((going, free, IDS[:2]))
    starts = [found[run.run].start for run in free]
    assert all(start is not None for start in starts)
    assert starts == sorted(starts, key=lambda start: start or 0.0)
    ends = [each.finish for each in found.values() if set(each.devices) & set(IDS[:2])]
    for run in free:
        start = found[run.run].start
        assert start == NOW or start in ends


def status(run: str, experiment: str, state: str, **more: object) -> Status:
    return Status(run=run, experiment=experiment, state=state, **more)  # type: ignore[arg-type]


def test_an_outlook_says_what_is_known() -> None:
    runs = [
        status("done", "x", "finished", trained_s=100.0, epoch=4.0, epochs=4),
        status("live", "x", "running", started=NOW - 50, heartbeat=NOW - 1, eta_s=41.0),
        status("next", "x", "queued", epochs=4),
        status("again", "x", "queued", epoch=3.0, epochs=4, trained_s=60.0),
        status("odd", "new", "queued"),
        status("last", "x", "queued", epochs=8),
        status("held", "x", "queued", epochs=4),
    ]
    order = ["next", "again", "odd", "last", "held"]
    entries = {name: QueueEntry(submitted=0.0) for name in order}
    entries["held"] = QueueEntry(submitted=0.0, on_hold=True)
    entries["live"] = QueueEntry(submitted=0.0, stage="taken", devices={"cpu:0": "CPU slot 1"})
    found = forecast_queue(runs, entries, order, [SLOT], NOW)
    assert found == [
        Forecast("live", ("cpu:0",), NOW - 50, NOW + 40),
        Forecast("next", ("cpu:0",), NOW + 40, NOW + 140, how=found[1].how),
        Forecast("again", ("cpu:0",), NOW + 140, NOW + 160, how="1 epoch left at 20 s, its own speed so far"),
        Forecast("odd", ("cpu:0",), NOW + 160, None, None, NOW + 161),
        Forecast("last", (), None, None, NOW + 161, NOW + 361, "8 epochs at 25 s, as earlier runs of x took"),
        Forecast("held", how=found[1].how),
    ]
    assert found[1].how == "4 epochs at 25 s, as earlier runs of x took"
    assert [each.start for each in forecast_queue(runs, entries, order, [], NOW)[1:]] == [None] * len(order)


def test_a_busy_slice_of_a_gpu_is_busy() -> None:
    slices = ["MIG-1f0c95f4-70b1-5f7a-8c5e-4b0e8a5c1d11", "MIG-1f0c95f4-9c2d-5a3b-a1f0-0d9e2c7b6a22"]
    machine = LocalDevices(",".join(slices), NoGpus())
    runs = [
        status("live", "x", "running", started=NOW, heartbeat=NOW, eta_s=100.0, device="cuda:0"),
        status("next", "x", "queued"), status("named", "x", "queued"),
    ]  # fmt: skip
    taken, *_ = machine.look({})
    entries = {
        "live": QueueEntry(submitted=0.0, stage="taken", devices={taken.id: taken.name}),
        "next": QueueEntry(submitted=0.0), "named": QueueEntry(submitted=0.0, device=slices[0]),
    }  # fmt: skip
    found = {
        each.run: each for each in forecast_queue(runs, entries, ["named", "next"], machine.offered, NOW)
    }
    assert found["live"].devices == (slices[0],)
    assert (found["next"].devices, found["next"].start) == ((slices[1],), NOW)
    assert (found["named"].devices, found["named"].start) == ((slices[0],), NOW + 100)


@pytest.mark.parametrize(("asked", "left"), [(None, 100.0), ("stop-after-epoch", 20.0), ("stop-now", 0.0)])
def test_a_run_that_was_asked_to_stop_gives_its_device_up_before_its_end(
    asked: str | None, left: float
) -> None:
    live = status(
        "live", "x", "running", started=NOW, heartbeat=NOW, eta_s=100.0, epoch=1.5, epochs=4, asked=asked
    )
    assert forecast_queue([live], {}, [], [SLOT], NOW)[0].finish == NOW + left


def test_a_run_started_by_hand_takes_a_slot_and_what_never_finishes_is_not_waited_for() -> None:
    runs = [
        status("past", "x", "finished", trained_s=10.0),
        status("hand", "x", "running", started=NOW, heartbeat=NOW, eta_s=10.0, device="cpu (2 threads)"),
        status("bad", "x", "failed"),
        status("after", "x", "queued"),
        status("lost", "x", "queued"),
    ]
    entries = {
        "after": QueueEntry(submitted=0.0, after=["hand"]),
        "lost": QueueEntry(submitted=0.0, after=["bad"]),
    }
    found = forecast_queue(runs, entries, ["lost", "after"], [SLOT], NOW)
    assert found[0] == Forecast("hand", ("cpu:0",), NOW, NOW + 10)
    assert found[1] == Forecast("lost", how=found[1].how)
    assert found[2]._replace(how="") == Forecast("after", ("cpu:0",), NOW + 10, NOW + 20)


@given(scenes())
def test_what_has_no_time_has_an_earliest_one_unless_somebody_has_to_do_something(
    scene: tuple[list[RunningRun], list[QueuedRun], list[str]],
) -> None:
    going, waiting, names = scene
    plain = [QueuedRun(run.run, run.takes_s) for run in waiting]
    found = play((going, plain, names))
    for run in plain if names else []:
        each = found[run.run]
        assert (each.start is None) == (each.earliest is not None)
        assert (each.finish is None) == (each.earliest_finish is not None)


@pytest.mark.parametrize("gpus", [1, 2])
def test_a_long_queue_is_forecast_at_once(gpus: int) -> None:
    waiting = [QueuedRun(f"w{i}", 60.0, gpus=1 + i % gpus) for i in range(10_000)]
    began = time.thread_time()
    found = forecast([], waiting, DEVICES[:2], NOW)
    assert time.thread_time() - began < 0.5
    assert found[100].start is not None
    assert found[-1].start is None


def test_what_waits_for_a_run_that_stalls_has_no_times_and_says_so() -> None:
    stalls = RunningRun("s", NOW - 100, None, ("GPU-00",), stalled=True)
    waiting = [QueuedRun("here", 10.0, wish="cuda:0"), QueuedRun("there", 10.0, wish="cuda:1"),
               QueuedRun("after", 10.0, after=("s",)), QueuedRun("held", 10.0, blocked=True)]  # fmt: skip
    found = {each.run: each for each in forecast([stalls], waiting, DEVICES[:2], NOW)}
    assert {run for run, each in found.items() if each.stalled} == {"s", "here", "after"}
    assert found["here"] == Forecast("here", stalled=True)
    assert (found["s"].finish, found["s"].earliest_finish) == (None, None)
    assert found["there"].finish == NOW + 10.0
    begun = Status(run="s", state="running", started=NOW - 100, heartbeat=NOW, eta_s=21.0, stalled=True)
    (only,) = forecast_queue([begun], {}, [], [SLOT], NOW)
    assert (only.finish, only.stalled) == (None, True)


def test_a_lost_gpu_is_not_counted_on():
    lost = Device("GPU-00", "GPU 0", 0, gpu=True, lost="GPU is lost")
    only, beside = (
        forecast([], [QueuedRun("a", 10.0)], devices, NOW)[0] for devices in ([lost], [lost, DEVICES[1]])
    )
    assert only.start is None
    assert (beside.start, beside.devices) == (NOW, ("GPU-11",))
