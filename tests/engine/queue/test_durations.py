"""How long a run takes: its own speed, that of runs like it, scaled by images, or as long as earlier ones."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.queue.durations import DurationEstimator, RemainingTime
from engine.runs.status import Status

MINI = {
    "model": "vit_mini",
    "image_size": 16,
    "batch_size": 64,
    "dataset": "digits",
    "val_fraction": 0.1,
    "epochs": 20,
}


def status(run: str, state: str = "queued", experiment: str = "x", **more: Any) -> Status:
    return Status(run=run, experiment=experiment, state=state, **more)  # type: ignore[arg-type]


def past(run: str = "past", epochs: int = 3, epoch_s: float = 5.0, **more: Any) -> Status:
    made: dict[str, Any] = {
        "epoch": float(epochs), "epochs": epochs, "steps_per_epoch": 20, "pace_s": epoch_s / 20,
        "trained_s": epochs * epoch_s + 4,
    }  # fmt: skip
    return status(run, more.pop("state", "finished"), **made | more)


def left(run: Status, *earlier: Status, **configs: dict[str, Any]) -> RemainingTime:
    known = {each.run: MINI for each in (*earlier, run)}
    return DurationEstimator([*earlier, run], known | configs).left(run)


def test_more_epochs_take_longer_and_the_start_counts_once() -> None:
    assert left(status("new"), past()) == RemainingTime(104.0, "20 epochs at 5 s, as earlier runs of x took")
    assert left(status("new", epochs=3), past()).seconds == pytest.approx(19.0)


def test_a_live_run_of_many_epochs_does_not_make_a_short_one_long() -> None:
    live = past("live", 30, state="running", epoch=2.0, trained_s=0.0, elapsed_s=14.0)
    assert left(status("new"), live, new=MINI | {"epochs": 6}).seconds == pytest.approx(30.0)


def test_while_none_of_an_experiment_has_finished_its_running_seed_says_how_fast_it_is() -> None:
    """Beside other work it is slow now; runs of another experiment finished on an idle machine."""
    quick, live = past("quick", experiment="y"), past("live", 20, epoch_s=80.0, state="running", epoch=2.0)
    waits = status("new", epochs=3)
    assert left(waits, quick, live) == RemainingTime(240.0, "3 epochs at 1:20, as x takes now")
    barely, stalled = msgspec.structs.replace(live, epoch=0.1), msgspec.structs.replace(live, stalled=True)
    other = msgspec.structs.replace(live, experiment="z")
    for earlier in ((quick, barely), (quick, stalled), (quick, other)):
        assert left(waits, *earlier) == RemainingTime(19.0, "3 epochs at 5 s, as runs of y took")
    assert left(waits, past(), live) == RemainingTime(19.0, "3 epochs at 5 s, as earlier runs of x took")


def test_a_run_that_went_already_has_its_own_speed() -> None:
    again = past("again", 8, epoch_s=2.0, state="queued", epoch=3.0)
    assert left(again, past()) == RemainingTime(10.0, "5 epochs left at 2 s, its own speed so far")
    barely = past("again", 8, epoch_s=50.0, state="queued", epoch=0.1)
    assert left(barely, past()).seconds == pytest.approx(7.9 * 5)


def test_a_clone_is_as_fast_as_what_it_was_made_of() -> None:
    found = left(status("new", experiment="y"), past())
    assert found == RemainingTime(104.0, "20 epochs at 5 s, as runs of x took")


def test_another_number_of_images_is_scaled_and_another_model_unknown() -> None:
    half = MINI | {"subset_per_class": 72}
    found = left(status("new"), past(), new=half)
    assert found.how == "20 epochs at 2.5 s, as earlier runs of x took, scaled to its 650 images an epoch"
    assert found.seconds == pytest.approx(4 + 20 * 5 * 650 / 1295)
    assert left(status("new"), past(), new=MINI | {"dataset": "folder:/a"}) == RemainingTime()
    assert left(status("new"), past(), new=MINI | {"model": "bit_mini"}) == RemainingTime()
    assert left(status("new"), past(), new=MINI | {"batch_size": 32}) == RemainingTime()


def test_folders_are_scaled_once_a_run_has_told_how_many_images_they_have() -> None:
    folder = MINI | {"dataset": "folder:/a"}
    seen = past("seen", state="failed", epoch=0.1, steps_per_epoch=40, pace_s=None)
    found = left(status("new"), past(), seen, new=folder, seen=folder)
    assert found.seconds == pytest.approx(4 + 20 * 5 * (40 * 64) / 1295)


def test_a_program_whose_epochs_nobody_knows_takes_as_long_as_it_did() -> None:
    script = {"model": "script", "command": ["train.py"], "epochs": 7}
    earlier = status("past", "finished", trained_s=80.0)
    assert left(status("new"), earlier, past=script, new=script) == RemainingTime(
        80.0, "as long as earlier runs of x took"
    )


def test_the_newest_runs_count() -> None:
    slow, fast = [past(f"s{i}", epoch_s=50.0) for i in range(9)], [past(f"f{i}") for i in range(5)]
    assert left(status("new"), *slow, *fast).seconds == pytest.approx(104.0)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "dataset",
                "subset_per_class",
                "val_fraction",
                "epochs",
                "batch_size",
                "accumulate",
                "command",
                "model",
            ]
        ),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.integers(), max_size=2),
    )
)
def test_whatever_a_configuration_says_there_is_an_answer(config: dict[str, Any]) -> None:
    went = Status(run="a", state="finished", epoch=3.0, epochs=3, steps_per_epoch=10, trained_s=30.0)
    paces = DurationEstimator([went], {"a": config, "b": config})
    for status in (went, Status(run="b", state="queued")):
        takes = paces.left(status)
        assert takes.seconds is None or takes.seconds >= 0
