"""A run at a moment is its events up to then, folded, wherever one comes from."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.events import End, Event, Log, Metrics, QueuePlace, Start, encode
from engine.history.reader import History
from engine.runs.past import past_run
from engine.runs.past.past_run import PastRun
from engine.runs.past.timeline import happenings
from engine.runs.status import Status
from engine.runs.status_file import rebuild
from engine.runs.store import Run

CREATED = 1_000.0


def start(
    moment: float, attempt: int, step: int = 0, queued: float | None = None, began: float = 0.0
) -> Start:
    place = None if queued is None else QueuePlace(since=queued)
    return Start(
        time=moment, run="r", attempt=attempt, experiment="a", step=step, process_started=began, queued=place
    )


def measured(moment: float, step: int) -> Metrics:
    return Metrics(time=moment, run="r", step=step, epoch=step / 10, values={"train/loss": 1 / (1 + step)})


def ended(moment: float, state: str) -> End:
    return End(time=moment, run="r", state=state, reason=state, error=None, duration_s=1.0)  # type: ignore[arg-type]


LIFE = [
    start(1_010, 1, queued=1_000.5, began=1_008), measured(1_020, 1), measured(1_030, 2), ended(1_040, "stopped"),
    Log(time=1_059, run="r", level="info", message="the queue gave it GPU 0"),
    start(1_060, 2, 2, queued=1_050, began=1_058), measured(1_070, 3),
    start(1_100, 3, 3, queued=1_090, began=1_098), measured(1_110, 4), ended(1_120, "finished"),
]  # fmt: skip
"""Queued and stopped, queued again and killed, queued again and finished."""


def written(folder: Path, events: list[Event]) -> Run:
    run = Run(folder / "r")
    run.path.mkdir(exist_ok=True)
    run.events.write_bytes(b"".join(map(encode, events)))
    return run


@pytest.mark.parametrize(
    ("moment", "state", "step"),
    [
        (999, None, 0), (1_001, "queued", 0), (1_009, "starting", 0), (1_010, "running", 0), (1_025, "running", 1),
        (1_045, "stopped", 2), (1_051, "queued", 2), (1_058.5, "starting", 2), (1_059.5, "starting", 2),
        (1_065, "running", 2), (1_070, "running", 3), (1_080, "crashed", 3), (1_091, "queued", 3),
        (1_099, "starting", 3), (1_115, "running", 4), (1_120, "finished", 4), (9_999, "finished", 4),
    ],
)  # fmt: skip
def test_a_state_is_what_was_seen_then(tmp_path: Path, moment: float, state: str | None, step: int) -> None:
    run = written(tmp_path, LIFE)
    then = PastRun(run, CREATED).at(moment, rebuild(run))
    assert (then and then.status.state) == state
    assert then is None or then.status.step == step


def test_what_happened_is_told_in_order(tmp_path: Path) -> None:
    run = written(tmp_path, LIFE)
    deeds = [(deed.time, deed.deed) for deed in happenings(run, CREATED, rebuild(run))]
    assert deeds == [
        (1_000, "is made"), (1_010, "starts"), (1_040, "is stopped"), (1_060, "resumes"), (1_100, "resumes"),
        (1_120, "finishes"),
    ]  # fmt: skip


MOMENTS = st.lists(st.floats(990, 1_130), min_size=1, max_size=6)
TIMES = st.lists(st.floats(1_001, 1_120), min_size=1, max_size=25)


@pytest.mark.slow
@given(times=TIMES, moments=MOMENTS, in_order=st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_later_than_the_moment_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: list[float], moments: list[float], in_order: bool
) -> None:
    monkeypatch.setattr(past_run, "PIECE", 256)  # so that there are many kept folds
    times = sorted(times) if in_order else times
    events: list[Event] = [
        start(time, number // 7 + 1, number) if number % 7 == 0 else measured(time, number)
        for number, time in enumerate(times)
    ]
    run = written(tmp_path, events)
    past, history = PastRun(run, CREATED), History(run.path)
    now = Status(run="r", experiment="a", state="running", attempt=99)
    for moment in moments:
        until = list(itertools.takewhile(lambda event: event.time <= moment, events))  # noqa: B023
        then = past.at(moment, now)
        assert (then is None) == (moment < CREATED)
        if then is not None:
            expected = Status(run="r", experiment="a")
            for event in until:
                expected.apply(event)
            told = then.status
            assert max(told.heartbeat, told.started, told.ended) <= moment
            fields = (
                "step",
                "attempt",
                "last",
                "best",
                "eta_s",
                "pace_s",
                "started",
                "heartbeat",
                "elapsed_s",
            )
            assert [getattr(told, name) for name in fields] == [getattr(expected, name) for name in fields]
        history.stop_at(moment)
        history.update()
        anew = History(written(tmp_path, until).path)
        anew.update()
        run = written(tmp_path, events)
        assert [start.time for start in history.starts] == [start.time for start in anew.starts]
        assert [list(side) for side in history.series("train/loss")] == [
            list(side) for side in anew.series("train/loss")
        ]
