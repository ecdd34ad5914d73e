"""What a printed object says as an event: what can be used is, and what cannot is named."""

from __future__ import annotations

import time
from typing import Any

import pytest

from engine.events import Checkpoint, Confusion, Log, Metrics
from engine.runner.printed_events import Said, event_of

RUN = "mine-s0-20261123-194118-a7c5"


def said(**fields: Any) -> Said:
    return event_of(fields, RUN, 7, 0.5)


def metrics(**fields: Any) -> Metrics:
    event, refused = said(event="metrics", **fields)
    assert isinstance(event, Metrics)
    assert refused == ()
    return event


def why(**fields: Any) -> str:
    event, (refused,) = said(**fields)
    assert event is None
    return refused.why


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        None,
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "-inf",
        "INF",
        10**400,
        -(10**400),
    ],
)
def test_a_value_that_is_not_finite_is_null(value: Any) -> None:
    assert metrics(values={"train/loss": value, "b": 1}).values == {"train/loss": None, "b": 1.0}


@pytest.mark.parametrize("value", ["0.5", "good", "", [1], {"a": 1}, True, False])
def test_a_value_that_is_no_number_is_left_out_alone(value: Any) -> None:
    event, (refused,) = said(event="metrics", step=3, epoch=1, values={"a": 1, "bad": value})
    assert isinstance(event, Metrics)
    assert (event.step, event.values) == (3, {"a": 1.0})
    assert "'bad', which is no number" in refused.why
    assert said(event="metrics", values={"bad": value}).event is None


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert metrics(step=2.0, values={"a": 1}).step == 2
    event = said(event="confusion", split="test", labels=["a", "b"], matrix=[[1.0, 0.0], [2.0, 3.0]]).event
    assert isinstance(event, Confusion)
    assert event.matrix == [[1, 0], [2, 3]]


def test_what_is_left_out_is_that_of_before() -> None:
    event = metrics(values={"a": 1}, time="yesterday")
    assert (event.run, event.step, event.epoch) == (RUN, 7, 0.5)
    assert abs(event.time - time.time()) < 60
    assert metrics(values={"a": 1}, step=None, epoch=None).step == 7
    assert metrics(values={"a": 1}, run="another", nonfinite=3, time=5).time == 5


@pytest.mark.parametrize("step", [-1, 2.5, "3", True, float("nan"), float("inf"), 2**60, [1]])
def test_a_step_that_is_none_is_refused(step: Any) -> None:
    assert "step is " in why(event="metrics", step=step, values={"a": 1})


@pytest.mark.parametrize("epoch", [-0.5, "1/10", False, float("nan"), {}])
def test_an_epoch_that_is_none_is_refused(epoch: Any) -> None:
    assert "epoch is " in why(event="metrics", epoch=epoch, values={"a": 1})


def test_other_events_and_what_is_wrong_with_them() -> None:
    assert isinstance(said(event="log", level="info", message="2").event, Log)
    assert isinstance(said(event="checkpoint", path="p", kind="best", bytes=9.0).event, Checkpoint)
    assert why(event="metric", values={}).startswith(
        "its program printed the unknown event 'metric'; did you mean 'metrics'?"
    )
    assert "unknown event 3" in why(event=3)
    assert "unknown event a list" in why(event=[["x"]])
    assert "which vitui alone writes" in why(event="end", state="finished")
    assert "it has no values" in why(event="metrics", loss=1)
    assert "values is a list" in why(event="metrics", values=[1])
    assert "level: invalid enum value" in why(event="log", level="\udcff", message="x")
    assert "level: invalid enum value" in why(event="log", level="warn", message="x")
    assert "missing required field message" in why(event="log", level="info")
