"""What a status calls best is what the best checkpoint scored, and the validation split chooses that."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import Metrics
from engine.query.fields import Subject, find_key
from engine.runs.liveness import status_of
from engine.runs.recorder import Recorder
from engine.runs.status import Status
from engine.runs.status_file import cached, rebuild
from engine.runs.store import Run
from tui.views.run_page_facts import best_checkpoint

SCORES = st.floats(0, 1)


def fold(*epochs: Mapping[str, float | None]) -> Status:
    """Return the status of a run that measured these, an epoch each."""
    status = Status(run="r")
    for step, values in enumerate(epochs, 1):
        status.apply(Metrics(time=float(step), run="r", step=step, epoch=float(step), values=dict(values)))
    return status


def test_the_best_is_that_of_the_epoch_which_validation_chose() -> None:
    status = fold(
        {"val/f1": 0.3, "test/f1": 0.250, "test/loss": 2.0},
        {"val/f1": 0.5, "test/f1": 0.239, "test/loss": 2.5},
        {"val/f1": 0.4, "test/f1": 0.294, "test/loss": 1.5},
    )
    assert (status.best["test/f1"], status.best["test/loss"], status.best_epoch) == (0.239, 2.5, 2.0)
    assert (status.extremes["test/f1"], status.extremes["test/loss"], status.chosen_by) == (
        0.294,
        1.5,
        "val/f1",
    )


@given(st.lists(st.tuples(SCORES, st.floats(0, 9), SCORES), min_size=1, max_size=9))
def test_the_choice_is_the_trainers(epochs: list[tuple[float, float, float]]) -> None:
    status = fold(*({"val/f1": f1, "val/loss": loss, "test/f1": test} for f1, loss, test in epochs))
    chosen = max(epochs, key=lambda each: (each[0], -each[1]))  # of equal ones the first
    assert status.best["test/f1"] == chosen[2]
    assert status.best_epoch == epochs.index(chosen) + 1


def test_the_averaged_weights_are_the_best_where_they_validate_better() -> None:
    epochs = [
        {
            "val/f1": 0.5,
            "val/loss": 1.0,
            "ema/val/f1": 0.2,
            "ema/val/loss": 2.0,
            "test/f1": 0.4,
            "ema/f1": 0.3,
        },
        {
            "val/f1": 0.4,
            "val/loss": 1.0,
            "ema/val/f1": 0.5,
            "ema/val/loss": 0.9,
            "test/f1": 0.45,
            "ema/f1": 0.6,
        },
        {
            "val/f1": 0.5,
            "val/loss": 1.0,
            "ema/val/f1": 0.5,
            "ema/val/loss": 0.9,
            "test/f1": 0.47,
            "ema/f1": 0.7,
        },
    ]
    first, second, third = (fold(*epochs[:count]) for count in (1, 2, 3))
    assert (first.chosen_by, first.best_epoch, first.best["test/f1"]) == ("val/f1", 1.0, 0.4)
    assert (second.chosen_by, second.best_epoch, second.best["test/f1"]) == ("ema/val/f1", 2.0, 0.6)
    assert (second.best["ema/f1"], second.best["val/f1"], second.last["test/f1"]) == (0.6, 0.5, 0.45)
    assert third.best == second.best
    assert best_checkpoint(third, "test/f1") == (0.6, "epoch 2, by ema/val F1")


@given(st.lists(SCORES, min_size=1, max_size=9))
def test_without_validation_it_is_the_last(scores: list[float]) -> None:
    status = fold(*({"test/f1": score} for score in scores))
    assert status.best["test/f1"] == scores[-1]
    assert status.extremes["test/f1"] == max(scores)
    assert status.best_epoch is None


@pytest.mark.parametrize("order", [("test/f1", "val/f1"), ("val/f1", "test/f1")])
def test_splits_may_be_told_in_events_of_their_own(order: tuple[str, str]) -> None:
    status = Status(run="r")
    for step, of in enumerate(({"val/f1": 0.5, "test/f1": 0.2}, {"val/f1": 0.4, "test/f1": 0.3}), 1):
        for name in order:
            status.apply(
                Metrics(time=float(step), run="r", step=step, epoch=float(step), values={name: of[name]})
            )
    assert status.best == {"val/f1": 0.5, "test/f1": 0.2}


def test_what_was_not_measured_at_the_best_epoch_has_no_best() -> None:
    status = fold({"val/f1": 0.1, "test/f1": 0.3}, {"val/f1": 0.5}, {"val/f1": 0.2, "test/f1": None})
    assert status.best == {"val/f1": 0.5}
    assert status.extremes["test/f1"] == 0.3


def test_any_metric_of_validation_can_choose() -> None:
    losses = fold(
        {"val/loss": 2.0, "test/f1": 0.1},
        {"val/loss": 1.0, "test/f1": 0.2},
        {"val/loss": 3.0, "test/f1": 0.3},
    )
    assert (losses.best["test/f1"], losses.chosen_by) == (0.2, "val/loss")


def test_what_no_evaluation_measures_keeps_its_extreme() -> None:
    status = fold(
        {"train/loss": 2.0, "gpu/memory_peak": 5.0, "train/lr": 1.0},
        {"train/loss": 3.0, "gpu/memory_peak": 1.0},
    )
    assert status.best == {"train/loss": 2.0, "gpu/memory_peak": 5.0}
    assert status.extremes == {}


def test_filters_tell_the_best_from_the_highest() -> None:
    status = fold(
        {"val/f1": 0.5, "test/f1": 0.2, "test/loss": 1.0}, {"val/f1": 0.4, "test/f1": 0.3, "test/loss": 2.0}
    )
    subject = Subject(status, dict)
    values = {}
    for name in (
        "test/f1",
        "best:test/f1",
        "highest:test/f1",
        "lowest:test/f1",
        "lowest:test/loss",
        "best:test/loss",
    ):
        key = find_key(name)
        assert key is not None
        values[name] = key.value(subject)
    assert list(values.values()) == [0.3, 0.2, 0.3, None, 1.0, 1.0]


def test_a_status_of_an_older_version_is_made_anew(run: Run) -> None:
    recorder = Recorder(run)
    for step, (val, test) in enumerate([(0.5, 0.2), (0.4, 0.3)], 1):
        recorder.metrics(step, float(step), {"val/f1": val, "test/f1": test})
    recorder.end("finished", "done")
    recorder.close()
    saved = json.loads(run.status_file.read_bytes())
    assert cached(run) == rebuild(run)
    del saved["fold"]
    run.status_file.write_text(json.dumps(saved | {"best": {"test/f1": 0.3}}))
    assert cached(run) is None
    assert status_of(run).best["test/f1"] == 0.2
