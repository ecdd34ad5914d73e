"""What is said of a run beside its charts."""

from __future__ import annotations

from engine.events import Estimate
from engine.states import Status
from tui.widgets.overview import facts


def said(status: Status) -> dict[str, str]:
    return dict(facts(status, None, {}))


def test_a_score_stands_with_its_margin_once_the_run_has_ended() -> None:
    status = Status(
        run="r", last={"test/f1": 0.612, "test/accuracy": 0.62, "test/ece": 0.083}, best={"test/f1": 0.65}
    )
    assert said(status)["F1"] == ".612  best .650"
    status.final = {
        "test/f1": Estimate(value=0.612, low=0.602, high=0.622),
        "test/accuracy": Estimate(value=0.62),
    }
    assert said(status)["F1"] == ".612 ±.010  best .650"
    assert said(status)["accuracy"] == ".620"
    assert said(status)["cal. err"] == ".083"


def test_memory_stands_with_its_peak() -> None:
    metric = "cpu/memory_process"
    status = Status(run="r", last={metric: 2.0 * 2**30}, best={metric: 3.5 * 2**30})
    assert said(status)["memory"] == "2.0GiB  peak 3.5GiB"


def test_a_score_without_an_end_or_a_measurement_is_not_made_up() -> None:
    assert not {"F1", "accuracy", "cal. err"} & said(Status(run="r")).keys()
