"""The queue as bars: forecasts in, lines out."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.config.site import Site
from engine.queue.forecast import Forecast
from engine.runs.metadata import RunMetadata
from engine.runs.posted.posting import Posting
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import Status
from engine.text import span
from tui.screens.queue_page import detail
from tui.state.snapshot import Machine, Queue, Snapshot
from tui.views.queue_gantt import Bar, all_done, axis_of, bars, clock, gantt, marks, turn, when
from tui.views.run_page_title import title_of

NOW = 1_795_000_000.0
SOON = clock(NOW + 60, NOW)


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


@pytest.mark.parametrize(
    ("status", "forecast", "said"),
    [
        (Status(run="r", state="running", eta_s=600.0), None, ("ends", clock(NOW + 600, NOW))),
        (Status(run="r", state="running", eta_s=600.0, asked="stop-now"), None, ("", "")),
        (Status(run="r", state="running", eta_s=600.0, stalled=True), None, ("", "")),
        (
            Status(run="r", state="queued"),
            Forecast("r", stalled=True),
            ("starts", "once a run that stalls has ended"),
        ),
        (Status(run="r", state="queued"), None, ("", "")),
        (
            Status(run="r", state="queued"),
            Forecast("r", start=NOW + 600),
            ("starts", f"about {clock(NOW + 600, NOW)}"),
        ),
        (Status(run="r", state="queued"), Forecast("r", start=NOW), ("starts", "now")),
        (
            Status(run="r", state="queued"),
            Forecast("r", earliest=NOW + 60),
            ("starts", f"not before {SOON}"),
        ),
        (Status(run="r", state="queued"), Forecast("r"), ("", "")),
        (Status(run="r", state="finished"), None, ("", "")),
    ],
)
def test_a_run_has_its_turn(status: Status, forecast: Forecast | None, said: tuple[str, str]) -> None:
    queue = Queue(forecasts=(forecast,) if forecast is not None else ())
    snapshot = Snapshot(runs=(status,), queue=queue, machine=Machine(time=NOW))
    assert turn(snapshot, "r") == said
    page = title_of("r", status, [], 200, turn=said).plain
    assert page.endswith(" ".join(said).strip())


def test_a_time_limit_has_its_mark_and_a_guess_its_words() -> None:
    shown = [
        Bar("a", "a", "running", NOW - 100, NOW + 100, limit=NOW + 150),
        Bar("b", "b", "running", NOW - 100, NOW + 200, limit=NOW + 200),
        Bar("c", "c", "running", NOW - 100, None, limit=NOW + 150),
        Bar("d", "d", "queued", NOW + 20, NOW + 60, limit=NOW + 9e9, guess="Slurm's guess"),
        Bar("e", "e", "silent", NOW, None, age="3 min ago"),
    ]
    lines = [text(line)[28:].rstrip() for line in gantt(shown, NOW, 28 + 60)]
    axis = axis_of(shown, NOW, 60)
    assert lines[1].index("┤") == axis.cell(NOW + 150)
    assert lines[2].endswith("▒┤")
    assert lines[3].endswith("▒· ?┤")
    assert lines[4].endswith(f"░ Slurm's guess {clock(NOW + 20, NOW)}")
    assert "┤" not in lines[4]
    assert "» e            3 min ago" in text(gantt(shown, NOW, 88)[5])


def test_the_axis_is_not_stretched_much_for_a_limit_of_days() -> None:
    shown = [Bar("a", "a", "running", NOW, NOW + 600, limit=NOW + 4 * 86_400)]
    assert axis_of(shown, NOW, 60).end == NOW + 1200


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
            st.none() | st.floats(0, 1e11),
            st.sampled_from(["", "Slurm's guess"]),
        ),
        max_size=8,
    ),
    st.integers(30, 200),
)
@example([("queued", 19.0, None, 0.0, "")], 30)
@example([("queued", 19.0, None, 19.0, "")], 30)
def test_lines_are_never_wider_than_the_pane(
    scene: list[tuple[str, float | None, float | None, float | None, str]], width: int
) -> None:
    shown = []
    for i, (state, start, takes, limit, guess) in enumerate(scene):
        begun = NOW + (min(start or 0.0, 0.0) if state == "running" else max(start or 0.0, 0.0))
        known = start is not None or state == "running"
        finish = None if takes is None or not known else max(NOW, begun + takes)
        limit = None if limit is None else max(finish or begun, begun + limit)
        shown.append(Bar(
            f"r{i}", f"run {i}", state, begun if known else None, finish, why="waiting", limit=limit, guess=guess,
        ))  # type: ignore[arg-type]  # fmt: skip
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


def test_a_run_that_stalls_and_what_waits_for_it_have_no_times() -> None:
    statuses = (
        Status(run="s", state="running", step=360, epoch=3.6, eta_s=21.0, stalled=True),
        Status(run="w", state="queued", reason="1 of 1 CPU slot is taken; s stalls"),
    )
    forecasts = (Forecast("s", start=NOW - 60, stalled=True), Forecast("w", stalled=True))
    snapshot = Snapshot(runs=statuses, queue=Queue(("w",), {}, (), forecasts), machine=Machine(time=NOW))
    shown = bars(snapshot)
    assert [when(bar, NOW) for bar in shown] == ["stalls", "stall ahead"]
    assert all_done(shown, NOW) == "a run stalls: nobody knows when all is done"
    assert detail(snapshot, shown[0])[-1] == "stalls: no step since step 360"
    assert detail(snapshot, shown[1])[-2:] == [
        "number 1 of 1: 1 of 1 CPU slot is taken; s stalls",
        "when it starts cannot be told: a run before it stalls",
    ]


def test_runs_at_sites_say_where_and_what_is_not_known() -> None:
    waits = Status(run="r", experiment="e", state="queued", on="jz", reason="Priority")
    away = Status(run="s", experiment="e", seed=1, state="silent", on="lab", heard=NOW - 200)
    posting = Posting(site=Site(name="jz", slurm="gpu"), name="n", posted=0.0)
    snapshot = Snapshot(
        machine=Machine(time=NOW), runs=(waits, away),
        queue=Queue(forecasts=(Forecast("s"), Forecast("r")), postings={"r": posting}),
    )  # fmt: skip
    lost, waiting = bars(snapshot)
    assert (lost.label, lost.age) == ("e s1 on lab", "3 min ago")
    assert (waiting.label, waiting.why, waiting.guess) == (
        "e s0 on jz",
        "not known: Priority",
        "Slurm's guess",
    )


def test_hostile_names_and_reasons_are_text() -> None:
    status = Status(run="r", experiment="\x1b[2J[/x]", state="queued", reason="\x1b]0;x\x07because")
    snapshot = Snapshot(
        runs=(status,),
        queue=Queue(("r",), {"r": QueueEntry(submitted=0.0)}, (), (Forecast("r"), Forecast("gone"))),
    )
    (bar,) = bars(snapshot)
    assert (bar.label, bar.why, bar.held) == ("[/x] s0", "because", False)


def test_runs_of_one_name_are_told_apart_by_what_differs() -> None:
    def made(run: str, seed: int) -> Status:
        return Status(
            run=f"{run}-s{seed}-20261128-1131{seed:02d}-abcd", experiment="quick", seed=seed, state="queued"
        )

    runs = (made("a", 0), made("b", 0), made("c", 1), made("d", 1))
    configs = ({"epochs": 30}, {"epochs": 3}, {"epochs": 30}, {"epochs": 30})
    shot = Snapshot(
        runs=runs,
        metadata={run.run: RunMetadata(config) for run, config in zip(runs, configs, strict=True)},
        queue=Queue(forecasts=tuple(Forecast(run.run, "queued", None, None) for run in runs)),
    )
    assert [bar.label for bar in bars(shot)] == [
        "quick s0 epochs=30", "quick s0 epochs=3", "quick s1 11-28 11:31 epochs=30", "quick s1 11-28 11:31 epochs=30",
    ]  # fmt: skip
