"""The queue as bars: forecasts in, lines out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.queue.forecast import Forecast
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import Status
from engine.text import span
from tui.state.snapshot import Queue, Snapshot
from tui.views.queue_gantt import Bar, all_done, axis_of, bars, clock, gantt, marks, when

NOW = 1_795_000_000.0


def text(line: list[tuple[str, str]]) -> str:
    return "".join(words for words, _ in line)


def test_bars_stand_where_their_time_is() -> None:
    shown = [
        Bar("a", "a", "running", NOW - 100, NOW + 100),
        Bar("b", "b", "queued", NOW + 100, NOW + 200),
        Bar("c", "c", "queued", NOW + 200, None),
        Bar("d", "d", "queued", None, None, why="held", held=True),
    ]
    lines = [text(line) for line in gantt(shown, NOW, 88)]
    axis = axis_of(shown, NOW, 60)
    assert (axis.start, axis.end) == (NOW - 100, NOW + 240)
    assert [line[28:].rstrip() for line in lines[1:]] == [
        "█" * 18 + "▒" * 17,
        " " * 18 + "│" + " " * 16 + "░" * 18,
        " " * 18 + "│" + " " * 34 + "░" * 4 + "· ?",
        " " * 18 + "│ held",
    ]
    assert lines[0][28:].startswith(" " * 18 + "now")
    assert lines[4][15:28].strip() == "held"


def test_a_live_run_of_which_nothing_is_known_goes_on_to_the_edge() -> None:
    (_, line) = gantt([Bar("a", "a", "running", NOW - 10, None)], NOW, 60)
    assert text(line).endswith("· ?")
    assert "ends ?" in text(line)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["running", "queued"]),
            st.none() | st.floats(-1e5, 1e6),
            st.none() | st.floats(0, 1e6),
        ),
        max_size=8,
    ),
    st.integers(30, 200),
)
def test_lines_are_never_wider_than_the_pane(
    scene: list[tuple[str, float | None, float | None]], width: int
) -> None:
    shown = []
    for i, (state, start, takes) in enumerate(scene):
        begun = NOW + (min(start or 0.0, 0.0) if state == "running" else max(start or 0.0, 0.0))
        known = start is not None or state == "running"
        finish = None if takes is None or not known else max(NOW, begun + takes)
        shown.append(Bar(f"r{i}", f"run {i}", state, begun if known else None, finish, why="waiting"))  # type: ignore[arg-type]
    for line in gantt(shown, NOW, width):
        assert cell_len(text(line)) <= max(width, 12 + 12 + 4 + 1)


def test_an_axis_has_round_marks_that_do_not_touch() -> None:
    for finish in (30.0, 500.0, 7000.0, 90_000.0, 5e6):
        axis = axis_of([Bar("a", "a", "running", NOW, NOW + finish)], NOW, 80)
        words = marks(axis)
        assert words.startswith("now  ")
        assert len(words) <= 80
        assert "+" in words


@pytest.mark.parametrize(
    ("seconds", "said"), [(30, "30 s"), (90, "1.5 min"), (600, "10 min"), (7200, "2 h"), (172_800, "2 d")]
)
def test_spans_are_said_as_people_do(seconds: float, said: str) -> None:
    assert span(seconds, 2) == said


def test_times_far_off_are_said_in_days() -> None:
    assert clock(NOW + 3 * 86_400, NOW) == "+3 d"
    assert len(clock(NOW + 100, NOW)) == 5
    assert when(Bar("a", "a", "queued", None, None), NOW) == "?"
    assert when(Bar("a", "a", "starting", NOW, None), NOW) == "ends ?"
    assert when(Bar("a", "a", "queued", None, None, earliest=NOW), NOW) == f"after {clock(NOW, NOW)}"


def test_the_whole_queue_has_an_end_as_far_as_it_is_known():
    known = [Bar("a", "a", "running", NOW - 9, NOW + 60), Bar("b", "b", "queued", NOW + 60, NOW + 600)]
    open_ = Bar("c", "c", "queued", NOW + 600, None, earliest_finish=NOW + 900)
    held = Bar("d", "d", "queued", None, None, held=True)
    assert all_done(known, NOW) == f"all done about {clock(NOW + 600, NOW)}"
    assert all_done([*known, open_], NOW) == f"all done not before {clock(NOW + 900, NOW)}"
    assert all_done([*known, held], NOW) == f"all done about {clock(NOW + 600, NOW)}, but for what is held"
    assert all_done([held], NOW) == ""
    assert all_done([], NOW) == ""


def test_hostile_names_and_reasons_are_text() -> None:
    status = Status(run="r", experiment="\x1b[2J[/x]", state="queued", reason="\x1b]0;x\x07because")
    snapshot = Snapshot(
        runs=(status,),
        queue=Queue(("r",), {"r": QueueEntry(submitted=0.0)}, (), (Forecast("r"), Forecast("gone"))),
    )
    (bar,) = bars(snapshot)
    assert (bar.label, bar.why, bar.held) == ("[/x] s0", "because", False)
