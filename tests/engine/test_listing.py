"""Runs as text for people."""

from __future__ import annotations

import pytest

from engine.events import Checkpoint, End, Estimate, Log, Metrics, Start
from engine.listing import as_table, duration, number, printable, progress, sentence
from engine.states import Status


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1:00"), (185, "3:05"), (3599.7, "1 h 00"), (7800, "2 h 10")],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_what_is_not_known_is_left_empty():
    assert (number(None), number(0.12345)) == ("", "0.123")
    assert (progress(Status(run="r")), progress(Status(run="r", epoch=3.5, epochs=7))) == ("", "3.5/7")


def test_text_of_a_run_is_one_line_without_escapes():
    assert printable("a\x1b[31m\nb\tc\u202e") == "a [31m b c "


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (
            Start(time=1, run="r", attempt=2, step=40, device="cpu", parameters=12345, init="scratch"),
            "started on cpu, attempt 2, from step 40: 12,345 parameters, scratch",
        ),
        (Metrics(time=1, run="r", step=4, epoch=1.0, values={"test/f1": 0.5, "x": None}), "epoch 1: test f1 0.5000"),
        (Metrics(time=1, run="r", step=4, epoch=1.0, values={}, nonfinite=["x"]), "step 4: not finite: x"),
        (Metrics(time=1, run="r", step=4, epoch=1.0, values={"train/loss": 1.0}), None),
        (Checkpoint(time=1, run="r", step=4, epoch=1.0, path="p", kind="last", bytes=10**6), "checkpoint p (1.0 MB)"),
        (Log(time=1, run="r", level="warning", message="hot"), "warning: hot"),
        (End(time=1, run="r", state="failed", reason="no"), "failed: no"),
    ],
)  # fmt: skip
def test_events_as_sentences(event, words):
    assert sentence(event) == words


F1 = {"value": 0.6123, "low": 0.6024, "high": 0.6219, "n": 10_000}


@pytest.mark.parametrize(
    ("state", "reason", "summary", "words"),
    [
        (
            "finished", "trained all 7 epochs", {"test/f1": F1, "test/accuracy": F1},
            "finished: test F1 0.612 (95 % 0.602 to 0.622, 10,000 images), accuracy 0.612 (95 % 0.602 to 0.622); "
            "trained all 7 epochs",
        ),
        (
            "stopped", "SIGTERM at epoch 2.40", {"test/f1": F1},
            "stopped: SIGTERM at epoch 2.40; test F1 0.612 (95 % 0.602 to 0.622, 10,000 images)",
        ),
        ("finished", "", {"test/f1": {"value": 0.5}}, "finished: test F1 0.500"),
        ("finished", "done", {"test/f1": {"value": "\x1b[31m"}, "test/accuracy": [1]}, "finished: done"),
    ],
    ids=["whole", "stopped", "without an interval", "nonsense"],
)  # fmt: skip
def test_an_end_says_how_good_the_model_is_and_how_sure_that_is(state, reason, summary, words):
    assert sentence(End(time=1, run="r", state=state, reason=reason, summary=summary)) == words


def test_the_table_shows_the_margin_of_what_has_ended(capsys):
    final = {"test/f1": Estimate(value=0.6123, low=0.6024, high=0.6224)}
    as_table([
        Status(run="ended", state="finished", last={"test/f1": 0.6123}, final=final),
        Status(run="going", state="running", last={"test/f1": 0.5}),
    ])  # fmt: skip
    ended, going = capsys.readouterr().out.splitlines()[1:]
    assert "0.612 ±0.010" in ended
    assert "0.500" in going
    assert "±" not in going
