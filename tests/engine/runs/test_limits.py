"""What readers would refuse is refused when it is written, and said; what they keep can be saved and read back."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.metrics import MAX_NAME, RESERVED
from engine.events import (
    LATEST,
    MAX_LINE,
    MAX_METRICS,
    Checkpoint,
    Confusion,
    End,
    Event,
    Failure,
    Log,
    Metrics,
    Start,
    decode,
    encode,
    why_no_event,
)
from engine.history.reader import History
from engine.runs.recorder import Recorder
from engine.runs.status import Status
from engine.runs.status_file import cached, rebuild
from engine.runs.store import Run


def recorded(run: Run) -> list[Event | None]:
    return [decode(line) for line in run.events.read_bytes().splitlines()]


def warnings(run: Run) -> list[str]:
    return [event.message for event in recorded(run) if isinstance(event, Log) and event.level == "warning"]


def metrics(step: int, values: dict[str, float | None], at: float = 0.0) -> Metrics:
    return Metrics(time=at or time.time(), run="r", step=step, epoch=1.0, values=values)


def test_events_that_no_reader_takes_are_not_written_and_told_once(run: Run) -> None:
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id))
    for _ in range(3):
        recorder.log("info", "x" * 10_000_000)
    recorder.emit(
        Confusion(time=time.time(), run=run.id, step=1, epoch=1.0, split="test", labels=["a"] * 1000,
                  matrix=[[2**53] * 1000] * 1000)
    )  # fmt: skip
    for matrix in ([], [[1, 2, 3], [4]]):
        recorder.emit(
            Confusion(time=time.time(), run=run.id, step=1, epoch=1.0, split="test", labels=[], matrix=matrix)
        )
    recorder.metrics(-1, 0.0, {"test/f1": 0.5})
    recorder.metrics(2, 2.0, {"test/f1": 0.5})
    recorder.end("finished", "")
    recorder.close()
    assert None not in recorded(run)
    assert warnings(run) == [
        "a log event is not recorded: its 10.0 MB are more than the 4 MiB that are read; more of these are counted at "
        "the end",
        "a confusion event is not recorded: its 17.0 MB are more than the 4 MiB that are read; more of these are "
        "counted at the end",
        "a metrics event is not recorded: step: expected int >= 0; more of these are counted at the end",
        "not recorded in all: 3 log events, 3 confusion events",
    ]
    assert (recorder.status.step, recorder.status) == (2, rebuild(run))


def test_an_end_is_always_recorded(run: Run) -> None:
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id))
    failure = Failure(type="Boom", message="why" + "y" * 3_000_000, traceback="x" * 9_000_000 + "last line")
    recorder.end("failed", "why" + "y" * 3_000_000, failure, {"test/f1_per_class": {"c" * 5_000_000: 0.5}})
    recorder.close()
    end = recorded(run)[-1]
    assert isinstance(end, End)
    assert end.error is not None
    assert (end.reason[:4], end.error.traceback[-9:], end.summary) == ("whyy", "last line", {})


def test_what_is_measured_on_a_split_has_a_place_however_many_metrics_there_are(run: Run) -> None:
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id))
    crowd: dict[str, float] = {f"m/{number:05d}": 0.1 for number in range(10_000)}
    classes = {f"test/f1/{number:05d}": 0.2 for number in range(RESERVED + 10)}
    for step in (1, 2):
        recorder.metrics(step, 1.0, crowd | classes | {"val/f1": 0.4, "test/f1": 0.5, "train/loss": 2.0})
    recorder.close()
    history = History(run.path)
    history.update()
    for kept in (recorder.status.last, rebuild(run).last, history.columns):
        assert len(kept) == MAX_METRICS + RESERVED + 3
        assert {"m/00000", "m/04095", "test/f1/00000", "val/f1", "test/f1", "train/loss"} <= kept.keys()
    assert recorder.status.last.keys() == history.columns.keys()
    (warning,) = warnings(run)
    assert warning == (
        "the metric 'm/04096' is in events.jsonl, and shown nowhere: the run has 5,123 others, and only test/*, "
        "val/* and ema/* still find a place"
    )


def test_long_names_do_not_make_a_status_that_cannot_be_read(run: Run) -> None:
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id))
    longest = "ä" * (MAX_NAME // 2)
    recorder.metrics(1, 1.0, {"test/loss": 0.5, "\ud800": 1.0, longest: 1.0, f"{longest}a": 1.0} | {
        f"m/{number:04d}{'n' * 1200}": 1.0 for number in range(3000)
    })  # fmt: skip
    recorder.end("finished", "")
    recorder.close()
    assert recorder.status.last.keys() == {"test/loss", "\N{REPLACEMENT CHARACTER}", longest}
    assert cached(run) == recorder.status == rebuild(run)
    (warning,) = warnings(run)
    assert "shown nowhere: names longer than 200 bytes are passed over" in warning


TIMES = st.sampled_from([0.0, 1.0, 1.7e9, 9e10, LATEST]) | st.floats(0, LATEST)
COUNTS = st.sampled_from([0, 1, 2**53]) | st.integers(0, 2**53)
EPOCHS = st.sampled_from([0.0, 2.0**53]) | st.floats(0, 2**53)
NAMES = (
    st.sampled_from(["test/f1", "val/f1", "ema/val/f1", "test/loss", "val/loss", "gpu/memory_used", ""])
    | st.text()
)
PLACE: dict[str, Any] = {"time": TIMES, "run": st.just("r")}
STARTS = st.builds(
    Start, **PLACE, attempt=COUNTS, step=COUNTS, pid=COUNTS, experiment=st.text(), host=st.just("h" * 9000),
    steps_per_epoch=st.none() | COUNTS, epochs=st.none() | COUNTS, process_started=st.floats(),
)  # fmt: skip
MEASURED = st.builds(
    Metrics, **PLACE, step=COUNTS, epoch=EPOCHS, values=st.dictionaries(NAMES, st.none() | st.floats())
)
ENDS = st.builds(
    End, **PLACE, state=st.sampled_from(["finished", "failed", "stopped"]), duration_s=TIMES,
    summary=st.dictionaries(NAMES, st.none() | st.fixed_dictionaries({"value": st.floats(0, 1)})),
)  # fmt: skip
KEPT = st.builds(
    Checkpoint, **PLACE, step=COUNTS, epoch=EPOCHS, path=st.just("p"), kind=st.just("last"), bytes=COUNTS
)


@given(st.lists(STARTS | MEASURED | ENDS | KEPT, max_size=8))
def test_a_status_of_any_events_is_read_back_as_it_is(events: list[Event]) -> None:
    status = Status(run="r")
    for event in events:
        if (taken := decode(encode(event))) is not None:
            status.apply(taken)
    assert msgspec.json.decode(msgspec.json.encode(status), type=Status) == status


def test_a_clock_that_runs_wild_does_not_sum_up(run: Run) -> None:
    status = Status(run=run.id)
    for at in (0.0, 9e10, 0.0, 9e10):
        status.apply(metrics(1, {}, at))
    assert status.elapsed_s == LATEST
    for _ in range(2):
        status.apply(End(time=1.0, run=run.id, state="stopped", duration_s=9e10))
    assert status.trained_s == LATEST


def test_why_a_line_is_no_event_is_said() -> None:
    whole = encode(metrics(1, {"a": 1.0})).decode()
    assert why_no_event(b"x" * (MAX_LINE + 1)).startswith("its 4.2 MB are more than")
    assert why_no_event(whole[:30].encode()) == "it is half a line, or no JSON"
    assert why_no_event(whole.replace('"step":1', '"step":-1').encode()) == "step: expected int >= 0"
    assert why_no_event(b'{"a": 1}') == "it lacks event, time or run"
    for kind in ("3", "[]", "{}", "null"):
        assert (
            why_no_event(b'{"event": %s, "time": 1, "run": "r"}' % kind.encode())
            == "it lacks event, time or run"
        )
    for line in (b"[]", b"3", b'{"event": "log", "message": "\\ud800"}', b'{"a":' + b"[" * 100_000):
        assert why_no_event(line)
