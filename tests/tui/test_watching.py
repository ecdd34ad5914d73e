from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.events import Metrics, Start
from engine.states import Status, rebuild, save
from tests.tui.conftest import NOW, Write
from tests.tui.pilot import AppPilot, board, opened, settle, toasts, until
from tui.screens.alarming import osc9
from tui.snapshot import Project
from tui.watching import Alarm, Watcher
from tui.widgets.run_list import RunList

PER_EPOCH = 10
"""Logged steps in an epoch."""
Measure = Callable[[float], dict[str, float | None]]
"""What is measured at an epoch; held-out losses count at its end alone."""


def begun(run: str = "a", attempt: int = 1) -> Status:
    status = Status(run=run)
    status.apply(
        Start(
            time=NOW, run=run, experiment="e", attempt=attempt, steps_per_epoch=100, epochs=100, device="cuda"
        )
    )
    return status


def train(
    measure: Measure,
    epochs: int,
    *,
    pause: float = 2.0,
    watcher: Watcher | None = None,
    status: Status | None = None,
) -> list[Alarm]:
    """Simulate a run that is looked at twice between two measurements, and return all alarms."""
    watcher, status = watcher or Watcher(), status or begun()
    alarms: list[Alarm] = []
    now, start = status.heartbeat, status.step
    for logged in range(1, epochs * PER_EPOCH + 1):
        now += pause
        step = start + logged * 10
        values = measure(step / 100)
        if logged % PER_EPOCH:
            values = {name: value for name, value in values.items() if not name.startswith(("val/", "test/"))}
        else:
            now += 20  # the evaluation
        status.apply(Metrics(time=now, run=status.run, step=step, epoch=step / 100, values=values))
        for half in range(2):
            alarms += watcher.look([status], now + half * pause / 2)
    return alarms


def kinds(alarms: Iterable[Alarm]) -> list[str]:
    return [alarm.kind for alarm in alarms]


def noisy(seed: int, noise: float, held_out_noise: float) -> Measure:
    """A run as it should be: losses fall to a floor, with noise; the GPU is busy."""
    drawn = random.Random(seed)
    start, floor, pace = drawn.uniform(1, 7), drawn.uniform(0.001, 1), drawn.uniform(1, 30)

    def measure(epoch: float) -> dict[str, float | None]:
        loss = floor + start * math.exp(-epoch / pace)
        return {
            "train/loss": loss * math.exp(drawn.gauss(0, noise)),
            "val/loss": 1.1 * loss * math.exp(drawn.gauss(0, held_out_noise)),
            "test/loss": 1.2 * loss * math.exp(drawn.gauss(0, held_out_noise)),
            "gpu/utilization": drawn.uniform(50, 100),
            "time/data": drawn.uniform(0, 0.2), "time/forward": 0.3, "time/backward": 0.6,
        }  # fmt: skip

    return measure


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9), st.floats(0, 0.3), st.floats(0, 0.1))
def test_a_noisy_run_raises_no_alarm(seed: int, noise: float, held_out_noise: float) -> None:
    assert train(noisy(seed, noise, held_out_noise), 60) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**9), st.floats(0, 0.05))
def test_a_run_that_learns_nothing_is_no_run_that_overfits(seed: int, noise: float) -> None:
    drawn = random.Random(seed)

    def measure(_: float) -> dict[str, float | None]:
        return {name: 2.3 * math.exp(drawn.gauss(0, noise)) for name in ("train/loss", "val/loss")}

    assert train(measure, 40) == []


def test_a_loss_that_is_not_finite_diverges() -> None:
    def measure(epoch: float) -> dict[str, float | None]:
        return {"train/loss": 2.0 if epoch < 2 else None}

    (alarm,) = train(measure, 4)
    assert (alarm.kind, alarm.text) == ("diverged", "train/loss is not finite at step 200")


@given(st.integers(0, 10**9), st.floats(0.3, 3))
@settings(max_examples=30, deadline=None)
def test_a_loss_that_rises_far_over_its_minimum_diverges(seed: int, pace: float) -> None:
    drawn = random.Random(seed)

    def measure(epoch: float) -> dict[str, float | None]:
        loss = 0.3 + 2 * math.exp(-epoch) if epoch < 5 else 0.3 + pace * (epoch - 5)
        return {"train/loss": loss * math.exp(drawn.gauss(0, 0.1))}

    assert kinds(train(measure, 15)) == ["diverged"]


@given(st.integers(0, 10**9), st.floats(0, 0.02), st.integers(3, 10))
@settings(max_examples=30, deadline=None)
def test_held_out_loss_that_rises_while_training_falls_overfits(seed: int, noise: float, best: int) -> None:
    drawn = random.Random(seed)

    def measure(epoch: float) -> dict[str, float | None]:
        held_out = 1 + abs(epoch - best) * 0.08
        return {
            "train/loss": 2 * math.exp(-epoch / 8),
            "val/loss": held_out * math.exp(drawn.gauss(0, noise)),
        }

    assert kinds(train(measure, best + 15)) == ["overfits"]


def test_a_run_that_gets_worse_at_everything_does_not_overfit() -> None:
    def measure(epoch: float) -> dict[str, float | None]:
        return {"train/loss": 1 + 0.02 * epoch, "val/loss": 1 + 0.1 * epoch}

    assert "overfits" not in kinds(train(measure, 12))


def starving(_: float) -> dict[str, float | None]:
    return {
        "train/loss": 1.0,
        "gpu/utilization": 12.0,
        "time/data": 0.7,
        "time/forward": 0.1,
        "time/backward": 0.2,
    }


def test_a_gpu_that_waits_for_data_is_starved() -> None:
    (alarm,) = train(starving, 4)
    assert alarm.text == "its GPU is used to 12 %: 70 % of each step wait for data"


@pytest.mark.parametrize(
    "change", [{"gpu/utilization": 90.0}, {"time/data": 0.05}, {"gpu/utilization": None}]
)
def test_a_gpu_that_is_busy_or_idles_for_another_reason_is_not(change: dict[str, float | None]) -> None:
    assert train(lambda epoch: starving(epoch) | change, 4) == []


def test_a_run_that_says_nothing_for_long_is_stalled_and_the_badge_goes_when_it_goes_on() -> None:
    watcher, status = Watcher(), begun()
    assert train(noisy(1, 0.1, 0.01), 3, watcher=watcher, status=status) == []
    heard = status.heartbeat
    assert watcher.look([status], heard + 170) == []
    (alarm,) = watcher.look([status], heard + 600)
    assert alarm.text == "nothing has been heard of it for 10 minutes, since step 300"
    assert watcher.badges == {"a": "stalled"}
    assert watcher.look([status], heard + 900) == []
    status.apply(Metrics(time=heard + 901, run="a", step=310, epoch=3.1, values={"train/loss": 1.0}))
    assert watcher.look([status], heard + 902) == []
    assert watcher.badges == {}


def test_long_pauses_that_are_usual_are_no_stall() -> None:
    assert train(noisy(2, 0.1, 0.01), 5, pause=400) == []


def test_a_run_that_has_not_made_a_step_is_not_judged() -> None:
    assert Watcher().look([begun()], NOW + 10_000) == []


def test_a_run_found_stalled_is_told() -> None:
    status = begun()
    status.apply(Metrics(time=NOW + 10, run="a", step=100, epoch=1, values={"train/loss": 1.0}))
    assert kinds(Watcher().look([status], NOW + 3600)) == ["stalled"]


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False) | st.none(), max_size=60), st.integers(0, 99)
)
def test_no_alarm_comes_twice_and_no_number_breaks_the_rules(values: list[float | None], seed: int) -> None:
    names = ("train/loss", "val/loss", "gpu/utilization", "time/data", "time/forward")
    drawn = random.Random(seed)

    def measure(_: float) -> dict[str, float | None]:
        return {name: drawn.choice(values) for name in names} if values else {}

    found = kinds(train(measure, 6))
    assert len(found) == len(set(found))


def test_another_attempt_is_watched_anew_and_ended_runs_are_forgotten() -> None:
    watcher = Watcher()
    assert kinds(train(starving, 3, watcher=watcher)) == ["starved"]
    assert kinds(train(starving, 3, watcher=watcher, status=begun(attempt=2))) == ["starved"]
    ended = begun(attempt=2)
    ended.state = "finished"
    assert watcher.look([ended], NOW) == []
    assert watcher.badges == {}


# ---- on the screen


class Written:
    """What the app writes to its terminal itself."""

    def __init__(self, pilot: AppPilot, monkeypatch: pytest.MonkeyPatch) -> None:
        self.texts: list[str] = []
        assert pilot.app._driver is not None
        monkeypatch.setattr(pilot.app._driver, "write", self.texts.append)


async def test_an_alarm_is_a_toast_a_badge_and_a_call_to_who_looks_elsewhere(
    project: Project, write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run("ViT-small", epochs=2, end=None, alive=True)
    save(run, rebuild(run))
    monkeypatch.setattr("tui.screens.alarming.now", lambda: NOW + 9000)
    with run.hold():
        async with opened(project) as pilot:
            await until(pilot, lambda: "stalled ViT-small: nothing has been heard" in toasts(pilot))
            await settle(pilot)
            assert board(pilot).query_one(RunList).rows[0].badge == "stalled"
            line = "".join(segment.text for segment in board(pilot).query_one(RunList).render_line(1))
            assert "!stalled" in line
            assert toasts(pilot).count("stalled") == 1


@pytest.mark.parametrize("focused", [True, False])
async def test_who_looks_elsewhere_is_called(
    project: Project, write_run: Write, monkeypatch: pytest.MonkeyPatch, focused: bool
) -> None:
    async with opened(project) as pilot:
        written = Written(pilot, monkeypatch)
        bells: list[int] = []
        monkeypatch.setattr(pilot.app, "bell", lambda: bells.append(1))
        pilot.app.app_focus = focused
        board(pilot).tell_end(
            Status(run="a", experiment="ViT\x1b]0;x\x07", state="failed", reason="out of\nmemory")
        )
        await pilot.pause()
        calls = [text for text in written.texts if text.startswith("\x1b]9;")]
        assert calls == ([] if focused else ["\x1b]9;vitui: ViT: failed, out of, memory\x07"])
        assert bells == ([] if focused else [1])


@given(st.text(max_size=300))
def test_a_notification_is_one_sequence_whatever_the_text(text: str) -> None:
    found = osc9(text)
    assert found.startswith("\x1b]9;vitui: ")
    assert found.endswith("\x07")
    assert found[4:-1].isprintable()
