"""The rules that look after live runs: silent about what is normal, once about what is not."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.analysis import alarms as watching
from engine.analysis.alarms import Alarm, Watcher
from engine.events import Metrics, Start
from engine.runs.status import Status

PER_EPOCH = 20
Values = dict[str, float | None]


def begun(attempt: int = 1) -> Status:
    status = Status(run="vit-s0")
    status.apply(
        Start(time=0.0, run="vit-s0", attempt=attempt, experiment="vit", steps_per_epoch=PER_EPOCH, epochs=50)
    )
    return status


def watched(
    losses: list[float | None], evaluated: list[float | None], *, more: Values | None = None,
    watcher: Watcher | None = None, every_s: float = 1.0, start: float = 0.0,
) -> list[Alarm]:  # fmt: skip
    """Look at a run a few times at each report, as the feed does, and return all alarms."""
    watcher, status, alarms, now = watcher or Watcher(), begun(), [], start
    for step, value in enumerate(losses, 1):
        now += every_s
        values: Values = {"train/loss": value, **(more or {})}
        if step % PER_EPOCH == 0 and step // PER_EPOCH <= len(evaluated):
            values["val/loss"] = evaluated[step // PER_EPOCH - 1]
        status.apply(Metrics(time=now, run="vit-s0", step=step, epoch=step / PER_EPOCH, values=values))
        for part in (0.0, 0.4 * every_s):
            alarms += watcher.look([status], now + part)
    return alarms


def kinds(alarms: list[Alarm]) -> list[str]:
    return [alarm.kind for alarm in alarms]


def normal(seed: int) -> tuple[list[float | None], list[float | None]]:
    """A run as they are: a falling curve with noise, spikes, and a validation that settles above the training."""
    draw = np.random.default_rng(seed)
    epochs = int(draw.integers(3, 50))
    steps = np.arange(1, epochs * PER_EPOCH + 1)
    floor, span, pace = draw.uniform(0.01, 1.0), draw.uniform(0.3, 6.0), draw.uniform(20, 400)
    curve = floor + span * np.exp(-steps / pace)
    train = curve * draw.lognormal(0, draw.uniform(0.01, 0.4), len(steps))
    train[draw.random(len(steps)) < 0.005] *= 4
    evaluated = curve[PER_EPOCH - 1 :: PER_EPOCH] * draw.uniform(1.0, 1.5) + draw.uniform(0, 0.3)
    evaluated = evaluated * draw.lognormal(0, draw.uniform(0.002, 0.08), epochs)
    return train.tolist(), evaluated.tolist()


@pytest.mark.parametrize(
    "seeds", [range(30), pytest.param(range(30, 1000), marks=pytest.mark.slow)], ids=["thirty", "thousand"]
)
def test_normal_runs_raise_no_alarm(seeds: range) -> None:
    raised = {seed: found for seed in seeds if (found := watched(*normal(seed)))}
    assert raised == {}


def falling(steps: int) -> list[float | None]:
    return [0.1 + 2.2 * math.exp(-step / 40) for step in range(steps)]


@given(st.floats(1.5, 50.0), st.floats(0.0, 0.1), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_a_loss_that_rises_far_over_its_minimum_is_alarmed_of_once(
    far: float, spread: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    rising = [value + far * min(1.0, step / 30) for step, value in enumerate(falling(120))]
    losses = falling(80) + [0.1 + far * min(1.0, step / 10) * draw.lognormal(0, spread) for step in range(60)]
    assert kinds(watched(losses, [])) == ["diverges"]
    assert kinds(watched(rising, [])) in ([], ["diverges"])


def test_a_loss_that_had_risen_before_the_first_look_is_alarmed_of() -> None:
    watcher, status, alarms = Watcher(), begun(), []
    for step, value in enumerate([*falling(100), *([4.0, 4.2, 3.9, 4.1] * 10)], 1):
        values = {"train/loss": value}
        status.apply(
            Metrics(time=float(step), run="vit-s0", step=step, epoch=step / PER_EPOCH, values=values)
        )
        alarms += watcher.look([status], float(step)) if step > 110 else ()
    assert kinds(alarms) == ["diverges"]


@given(st.integers(1, 40), st.sampled_from(["train/loss", "val/loss"]))
@settings(deadline=None, max_examples=30)
def test_a_loss_that_is_not_finite_is_alarmed_of_once(good: int, which: str) -> None:
    losses = falling(good) + [None] * 30 if which == "train/loss" else falling(good + 60)
    evaluated: list[float | None] = [] if which == "train/loss" else [None] * 10
    alarms = watched(losses, evaluated)
    assert kinds(alarms) == ["diverges"]
    assert "not finite" in alarms[0].text


def test_a_loss_that_is_not_finite_for_one_report_is_none() -> None:
    assert watched([*falling(30), None, *falling(70)[31:]], []) == []


@given(st.floats(0.03, 0.5), st.integers(3, 12), st.floats(0.0, 0.01), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=50)
def test_an_evaluation_that_rises_while_the_training_falls_is_alarmed_of_once(
    rise: float, good: int, spread: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    epochs = good + 16
    losses: list[float | None] = [
        2.3 * math.exp(-step / (PER_EPOCH * 8)) * draw.lognormal(0, spread)
        for step in range(epochs * PER_EPOCH)
    ]
    evaluated: list[float | None] = [
        (1.0 + rise * max(0, epoch - good) + 0.5 * math.exp(-epoch)) * draw.lognormal(0, spread * rise)
        for epoch in range(epochs)
    ]
    assert kinds(watched(losses, evaluated)) == ["overfits"]


def test_an_evaluation_that_rises_with_the_training_is_no_overfitting() -> None:
    steps = range(20 * PER_EPOCH)
    losses: list[float | None] = [1.0 + 0.0004 * step for step in steps]
    assert "overfits" not in kinds(watched(losses, [1.0 + 0.02 * epoch for epoch in range(20)]))


@given(st.floats(0, 49), st.floats(0.45, 0.95))
@settings(deadline=None, max_examples=30)
def test_a_gpu_that_waits_for_data_is_alarmed_of_once(used: float, part: float) -> None:
    more: Values = {"gpu/utilization": used, "time/data": part, "time/forward": (1 - part) / 2,
                    "time/backward": (1 - part) / 2, "time/evaluation": 100.0}  # fmt: skip
    assert kinds(watched(falling(100), [], more=more)) == ["starves"]


@given(st.floats(0, 100), st.floats(0, 1))
@settings(deadline=None, max_examples=30)
def test_a_gpu_that_is_busy_or_a_step_that_hardly_waits_is_no_starving(used: float, part: float) -> None:
    busy: Values = {"gpu/utilization": 50 + used / 2, "time/data": part, "time/forward": 1 - part}
    quick: Values = {"gpu/utilization": used, "time/data": 0.4 * part, "time/forward": 0.6}
    assert watched(falling(60), [], more=busy) == []
    assert watched(falling(60), [], more=quick) == []


def looks(watcher: Watcher, status: Status, start: float, seconds: float) -> Iterator[Alarm]:
    for tick in range(int(seconds)):
        yield from watcher.look([status], start + tick)


@given(st.integers(5, 59), st.floats(0.5, 20.0))
@settings(deadline=None, max_examples=12)  # thousands of looks each
def test_a_run_that_stands_still_is_alarmed_of_once_for_each_stall(steps: int, every_s: float) -> None:
    watcher, status, alarms, now = Watcher(), begun(), [], 0.0
    for stop in range(2):
        for _ in range(steps):
            now += every_s
            step = status.step + 1
            status.apply(Metrics(time=now, run="vit-s0", step=step, epoch=0.0, values={}))
            alarms += watcher.look([status], now)
        alarms += looks(watcher, status, now, 1 + 4 ** (1 + stop) * max(60.0, 30 * every_s))
        assert kinds(alarms) == ["stalls"] * (1 + stop)
        assert watcher.standing["vit-s0"][0].kind == "stalls"
        now = 1e4 * (1 + stop) * max(1, every_s)


def test_a_long_evaluation_at_the_end_of_an_epoch_is_no_stall() -> None:
    watcher, status = Watcher(), begun()
    for step in range(1, PER_EPOCH + 1):
        status.apply(Metrics(time=10.0 * step, run="vit-s0", step=step, epoch=step / PER_EPOCH, values={}))
        assert watcher.look([status], 10.0 * step) == ()
    assert list(looks(watcher, status, 200.0, 190.0)) == []


def test_a_laptop_that_slept_has_not_stalled() -> None:
    watcher, status = Watcher(), begun()
    status.apply(Metrics(time=1.0, run="vit-s0", step=1, epoch=0.05, values={}))
    assert watcher.look([status], 1.0) == ()
    assert watcher.look([status], 100_000.0) == ()


def test_what_is_over_is_no_longer_said_and_another_attempt_begins_anew() -> None:
    watcher, status = Watcher(), begun()
    assert kinds(watched(falling(40) + [None] * 10, [], watcher=watcher)) == ["diverges"]
    assert kinds(list(watcher.standing["vit-s0"])) == ["diverges"]
    assert watcher.look([begun(attempt=2)], 1e3) == ()
    assert watcher.standing == {}
    status.apply(Metrics(time=1.0, run="vit-s0", step=1, epoch=0.05, values={}))
    assert watcher.look([], 2e3) == ()
    assert watcher._traces == {}


def test_noise_is_measured_whatever_the_trend() -> None:
    draw = np.random.default_rng(0)
    series = 3.0 * np.arange(2000) + draw.normal(0, 0.5, 2000)
    assert abs(watching.noise(series.tolist()) - 0.5) < 0.05
    assert watching.noise([1.0, 2.0]) == 0.0


def test_a_training_that_hangs_while_its_process_says_that_it_lives_stalls() -> None:
    watcher, status, alarms = Watcher(), begun(), []
    for second in range(1, 200):
        step = min(second, 30)
        values = {"train/loss": 1.0} if second == step else {"cpu/memory_process": 1e9}
        status.apply(
            Metrics(time=float(second), run="vit-s0", step=step, epoch=step / PER_EPOCH, values=values)
        )
        alarms += watcher.look([status], float(second))
    assert kinds(alarms) == ["stalls"]
    assert alarms[0].text == "no step since step 30, for over 1:00"
