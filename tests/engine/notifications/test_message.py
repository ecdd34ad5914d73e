"""What is told of a run's end: each word once, and what never began was not stopped."""

from __future__ import annotations

import pytest

from engine.notifications.message import end_text
from engine.runs.status import Status


@pytest.mark.parametrize(
    ("state", "reason", "seconds", "said"),
    [
        ("stopped", "stopped on request at epoch 2.00", 20, "stopped after 20 s: on request at epoch 2.00"),
        ("stopped", "stopped by SIGTERM", 0, "stopped: by SIGTERM"),
        (
            "stopped",
            "its time is nearly up: stopped",
            20,
            "stopped after 20 s: its time is nearly up: stopped",
        ),
        ("stopped", "taken out of the queue", 0.004, "taken out of the queue"),
        ("stopped", "taken out of the queue of jz", 0.004, "taken out of the queue of jz"),
        ("stopped", "taken out of the queue", 3600, "taken out of the queue"),  # it had been queued again
        ("failed", "out of memory", 20, "failed after 20 s: out of memory"),
        ("crashed", "", 0, "crashed"),
    ],
)
def test_an_end_is_told_without_a_word_too_many(state: str, reason: str, seconds: float, said: str) -> None:
    status = Status(
        run="r", experiment="quick-ViT", seed=6, state=state, reason=reason, trained_s=seconds  # type: ignore[arg-type]
    )  # fmt: skip
    assert end_text(status) == f"quick-ViT s6 {said}"
