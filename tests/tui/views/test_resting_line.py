"""The row for messages at rest: of a run that waits why and until when, and no state twice."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from engine.queue.forecast import Forecast
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import Status
from tui.screens.dashboard.resting_line import resting_line
from tui.state.snapshot import Machine, Queue, Snapshot
from tui.views.queue_gantt import clock, why_and_until
from tui.views.run_list_row import Row
from tui.views.run_list_tree import make_rows
from tui.widgets.runs.column_layout import LEAST_NAME

NOW = 1_795_000_000.0
TAKEN = "1 of 1 CPU slot is taken"


def line(snapshot: Snapshot, row: Row, *, last_lines: tuple[str, ...] = ()) -> str:
    status = snapshot.by_id[row.run or ""]
    waits = why_and_until(snapshot, status)
    return resting_line(row, status, last_lines, has_console=False, unread=False, waits=waits)


@pytest.mark.parametrize(
    ("reason", "on", "forecast", "said"),
    [
        (TAKEN, "", Forecast("r", start=NOW + 600), f"{TAKEN}; starts about {clock(NOW + 600, NOW)}"),
        (TAKEN, "", Forecast("r", start=NOW), f"{TAKEN}; starts now"),
        (TAKEN, "", Forecast("r", stalled=True), f"{TAKEN}; starts once a run that stalls has ended"),
        (TAKEN, "", None, TAKEN),
        ("", "", None, "the worker has not seen it yet"),
        ("", "jz", None, "waits at its site"),
        ("Priority\x1b[2J", "jz", None, "Priority"),
    ],
)
def test_what_waits_says_why_and_until_when(
    reason: str, on: str, forecast: Forecast | None, said: str
) -> None:
    waits = Status(run="r", experiment="e", seed=6, state="queued", reason=reason, on=on)
    queue = Queue(forecasts=(forecast,) if forecast is not None else ())
    snapshot = Snapshot(runs=(waits,), queue=queue, machine=Machine(time=NOW))
    rows = make_rows(snapshot, ("e",))
    assert [row.run for row in rows] == ["r", "r"]  # its experiment stands for it
    for row in rows:
        shown = line(snapshot, row, last_lines=("what it said before it was resumed",))
        assert shown.startswith(f"{row.label}  queued: {said}")
        assert "\x1b" not in shown


def test_what_is_held_says_so() -> None:
    waits = Status(run="r", experiment="e", state="queued")
    queue = Queue(entries={"r": QueueEntry(submitted=NOW, on_hold=True)})
    assert why_and_until(Snapshot(runs=(waits,), queue=queue), waits) == "held"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status(run="r", experiment="e", state="starting", epochs=4), "starting …, epoch 0 of 4"),
        (
            Status(run="r", experiment="e", state="starting", asked="stop-now"),
            "starting …, asked to stop now",
        ),
        (Status(run="r", experiment="e", state="stopped", reason="stopped on request"), "stopped on request"),
        (
            Status(run="r", experiment="e", state="stopped", reason="taken out of the queue"),
            "taken out of the queue",
        ),
        (
            Status(run="r", experiment="e", state="failed", reason="out of memory", epochs=4),
            "failed, epoch 0 of 4, out of memory",
        ),
        (Status(run="r", experiment="e", state="running", epoch=2, epochs=4), "running, epoch 2 of 4"),
    ],
)
def test_no_state_is_said_twice(status: Status, said: str) -> None:
    snapshot = Snapshot(runs=(status,))
    assert line(snapshot, make_rows(snapshot, ())[0]) == f"e  {said}"


def test_a_name_gives_way_to_when_it_starts() -> None:
    name = "an-experiment-with-a-name-of-many-words"
    waits = Status(run="r", experiment=name, state="queued", reason=TAKEN)
    snapshot = Snapshot(
        runs=(waits,), queue=Queue(forecasts=(Forecast("r", start=NOW),)), machine=Machine(time=NOW)
    )
    (row, *_), says = make_rows(snapshot, ()), f"  queued: {TAKEN}; starts now"
    for room, shown in ((78, 78), (40, LEAST_NAME + len(says)), (200, len(name + says))):
        text = resting_line(
            row, waits, (), has_console=True, unread=False, waits=why_and_until(snapshot, waits), room=room
        )
        assert text.endswith(says)
        assert cell_len(text) == shown
