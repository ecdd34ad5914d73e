"""Runs as text for people."""

from __future__ import annotations

import pytest

from engine.events import Checkpoint, End, Log, Metrics, Start
from engine.listing import duration, number, printable, progress, sentence
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
