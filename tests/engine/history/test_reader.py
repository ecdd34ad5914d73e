"""Events as columns: read bit by bit or at once, resumed or torn, they are the same columns."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import MAX_METRICS, Checkpoint, Confusion, End, Log, Metrics, Start, decode, encode
from engine.history.confusion_index import read_matrix
from engine.history.reader import History

AT = 1_000_000.0


def start(time=0.0, step=0, attempt=1):
    return Start(time=AT + time, run="r", attempt=attempt, step=step, steps_per_epoch=10, epochs=3)


def point(step, value, time=None, name="train/loss"):
    return Metrics(
        time=AT + (step if time is None else time), run="r", step=step, epoch=step / 10, values={name: value}
    )


def write(path, *events):
    with path.open("ab") as file:
        file.writelines(encode(event) for event in events)


def columns(history):
    return {
        name: [history.series(name, axis) for axis in ("step", "epoch", "time")] for name in history.metrics
    }


def read(path):
    history = History(path)
    history.update()
    return history


@pytest.fixture
def file(tmp_path):
    return tmp_path / "events.jsonl"


def test_series_on_each_axis(file):
    write(file, start(), point(1, 2.0), point(5, 1.0, time=9.0), End(time=AT + 10, run="r", state="finished"))
    history = read(file)
    for axis, expected in (("step", [1, 5]), ("epoch", [0.1, 0.5]), ("time", [1, 9])):
        x, y = history.series("train/loss", axis)
        assert x.tolist() == pytest.approx(expected)
        assert y.tolist() == [2.0, 1.0]
        assert x.dtype == y.dtype == np.float64
    with pytest.raises(ValueError, match="there is no axis 'age'"):
        history.series("train/loss", "age")


def test_what_was_never_measured_is_empty(file):
    write(file, start())
    x, y = read(file).series("test/f1")
    assert len(x) == len(y) == 0
    assert History(file.parent / "nowhere").update() == 0


def test_what_was_not_finite_is_a_gap(file):
    write(file, start(), point(1, 2.0), point(2, float("inf")), point(3, None), point(4, 1.0))
    assert np.isnan(read(file).series("train/loss")[1]).tolist() == [False, True, True, False]


def test_a_run_folder_or_its_file_will_do(run):
    write(run.events, start(), point(1, 2.0))
    assert columns(read(run.path)).keys() == columns(read(run.events)).keys() == {"train/loss"}


def test_the_other_events_are_kept_too(file):
    matrix = Confusion(time=AT, run="r", step=10, epoch=1.0, split="test", labels=["a"], matrix=[[3]])
    saved = Checkpoint(time=AT, run="r", step=10, epoch=1.0, path="checkpoints/last.pt", kind="last", bytes=9)
    write(file, start(), Log(time=AT, run="r", level="info", message="hi"), matrix, saved)
    history = read(file)
    (place,) = history.matrices
    assert read_matrix(file, place) == matrix
    assert (history.checkpoints, history.logs[0].message) == ([saved], "hi")


class TestResuming:
    def test_drops_what_is_measured_anew(self, file):
        write(file, start(), *(point(step, float(step)) for step in range(1, 8)))
        write(file, start(100.0, step=5, attempt=2), point(6, 60.0, 101.0), point(7, 70.0, 102.0))
        history = read(file)
        x, y = history.series("train/loss")
        assert x.tolist() == [1, 2, 3, 4, 5, 6, 7]
        assert y.tolist() == [1, 2, 3, 4, 5, 60, 70]
        assert history.seams == [5]

    def test_leaves_the_pause_out_of_the_time(self, file):
        write(file, start(), point(5, 1.0), End(time=AT + 6, run="r", state="stopped"))
        write(file, start(1000.0, step=5, attempt=2), point(6, 1.0, 1002.0))
        assert read(file).series("train/loss", "time")[0].tolist() == [5, 8]

    def test_from_the_beginning_begins_anew(self, file):
        write(file, start(), point(1, 1.0), start(50.0, attempt=2), point(1, 2.0, 51.0))
        history = read(file)
        assert history.series("train/loss")[1].tolist() == [2.0]
        assert history.seams == [0]


class TestUpdating:
    def test_reads_only_what_is_new(self, file):
        write(file, start(), point(1, 2.0))
        history = History(file)
        assert history.update() == file.stat().st_size
        assert history.update() == 0
        write(file, point(2, 1.0))
        assert history.update() == len(encode(point(2, 1.0)))
        assert history.series("train/loss")[1].tolist() == [2.0, 1.0]

    def test_waits_for_the_end_of_a_torn_line(self, file):
        write(file, start())
        line = encode(point(1, 2.0))
        history = History(file)
        with file.open("ab") as out:
            out.write(line[:20])
            out.flush()
            history.update()
            assert history.metrics == []
            out.write(line[20:])
        history.update()
        assert history.metrics == ["train/loss"]

    def test_passes_over_lines_that_are_no_events(self, file):
        file.write_bytes(b"Traceback\n\n{}\n" + encode(point(1, 2.0)))
        history = read(file)
        assert history.metrics == ["train/loss"]

    def test_a_file_that_became_shorter_is_read_anew(self, file):
        write(file, start(), point(1, 2.0), point(2, 1.0))
        history = read(file)
        file.write_bytes(encode(start()) + encode(point(1, 7.0)))
        history.update()
        assert history.series("train/loss")[1].tolist() == [7.0]

    def test_takes_no_more_than_about_the_limit(self, file):
        write(file, start(), *(point(step, 1.0) for step in range(10_000)))
        size = file.stat().st_size
        history = History(file)
        parts = []
        while part := history.update(limit=1):
            parts.append(part)
        assert sum(parts) == size
        assert max(parts) <= 256 * 1024
        assert len(history.columns["train/loss"]) == 10_000

    @given(
        st.lists(
            st.one_of(
                st.builds(
                    point,
                    st.integers(0, 30),
                    st.none() | st.floats(),
                    name=st.sampled_from(["train/loss", "test/f1"]),
                ),
                st.builds(start, st.floats(0, 100), st.integers(0, 20)),
                st.builds(End, time=st.floats(AT, AT + 99), run=st.just("r"), state=st.just("stopped")),
            )
        ),
        st.lists(st.integers(1, 400)),
    )
    def test_bit_by_bit_or_at_once_is_the_same(self, tmp_path_factory, events, cuts):
        file = tmp_path_factory.getbasetemp() / "history.jsonl"
        file.write_bytes(b"")
        data = b"".join(encode(event) for event in events)
        history = History(file)
        for cut in [*cuts, len(data)]:
            with file.open("ab") as out:
                out.write(data[:cut])
            data = data[cut:]
            history.update()
        np.testing.assert_equal(columns(history), columns(read(file)))
        assert history.seams == read(file).seams


def test_a_clock_that_is_set_back_turns_no_curve_around(tmp_path):
    path = tmp_path / "events.jsonl"
    times = [1000.0, 1010.0, 1020.0, 420.0, 430.0, 429.5, 440.0]  # set back by ten minutes, and two threads
    lines = [Metrics(time=at, run="r", step=i, epoch=i, values={"x": 1.0}) for i, at in enumerate(times)]
    path.write_bytes(encode(Start(time=1000.0, run="r")) + b"".join(map(encode, lines)))
    history = History(path)
    history.update()
    assert history.series("x", "time")[0].tolist() == [0.0, 10.0, 20.0, 20.0, 30.0, 29.5, 40.0]


def test_names_of_metrics_without_end_are_not_kept(tmp_path):
    path = tmp_path / "events.jsonl"
    events = [
        Metrics(
            time=1.0, run="r", step=1, epoch=1.0, values=dict.fromkeys((f"{i}-{k}" for k in range(3000)), 1.0)
        )
        for i in range(3)
    ]
    path.write_bytes(b"".join(map(encode, events)))
    history = History(path)
    history.update()
    assert len(history.metrics) == MAX_METRICS


def test_places_on_the_axes_of_effort(tmp_path):
    start = Start(
        time=100.0, run="r", config={"model": "vit_b", "batch_size": 64, "accumulate": 2, "gpus": 2}
    )
    for step in (1, 2, 3):
        values = {"x": 0.0, "gpu/0/energy": 50.0 * step, "gpu/1/energy": 10.0 * step}
        measured = Metrics(time=100.0 + 1800 * step, run="r", step=step, epoch=0.0, values=values)
        write(tmp_path / "events.jsonl", *([start] if step == 1 else []), measured)
    history = History(tmp_path)
    history.update()
    assert history.series("x", "samples")[0].tolist() == [128, 256, 384]
    assert history.series("x", "gpu-hours")[0].tolist() == [1, 2, 3]
    assert history.series("x", "joules")[0].tolist() == [60, 120, 180]


def test_an_axis_that_the_run_does_not_know_has_no_places(tmp_path):
    metrics = Metrics(time=1.0, run="r", step=1, epoch=0.0, values={"x": 0.0})
    (tmp_path / "events.jsonl").write_bytes(encode(Start(time=0.0, run="r")) + encode(metrics))
    history = History(tmp_path)
    history.update()
    for axis in ("samples", "joules"):
        assert np.isnan(history.series("x", axis)[0]).all()


def read_log(tmp_path, *places, init="imported"):
    """The history of a run of another program with points at a step, an epoch and a time."""
    events = [
        Metrics(time=time, run="r", step=step, epoch=epoch, values={"x": 0.0}) for step, epoch, time in places
    ]
    write(tmp_path / "events.jsonl", Start(time=places[0][2], run="r", init=init), *events)
    return read(tmp_path)


def test_a_log_without_times_and_epochs_has_no_such_axes(tmp_path):
    history = read_log(tmp_path, (1, 0.0, 9.0), (2, 0.0, 9.0))
    assert history.axes == {"step"}
    for axis in ("epoch", "time", "gpu-hours"):
        assert np.isnan(history.series("x", axis)[0]).all()


def test_a_log_with_times_and_epochs_has_these(tmp_path):
    assert read_log(tmp_path, (1, 0.5, 9.0), (2, 1.0, 10.0)).axes == {"step", "epoch", "time"}


def test_a_first_point_has_a_place_everywhere(tmp_path):
    history = read_log(tmp_path, (0, 0.0, 9.0), init="scratch")
    assert history.axes == {"step", "epoch", "time", "gpu-hours"}
    assert history.series("x", "time")[0].tolist() == [0.0]


values = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.floats(allow_nan=True, allow_infinity=False), max_size=3
)


@given(st.lists(st.tuples(values, st.integers(1, 9), st.booleans()), max_size=20), st.integers(1, 4096))
def test_many_lines_at_once_are_what_they_are_one_by_one(tmp_path_factory, said, limit):
    path = tmp_path_factory.mktemp("run") / "events.jsonl"
    write(path, start())
    step = 0
    with path.open("ab") as file:
        for found, times, torn in said:
            for _ in range(times):
                step += 1
                file.write(
                    encode(Metrics(time=AT + step, run="r", step=step, epoch=step / 10, values=dict(found)))
                )
            file.write(b'{"event":"metrics","step":\n\n' if torn else b"")
    at_once, one_by_one = History(path), History(path)
    while at_once.update(limit):
        pass
    lines = path.read_bytes().split(b"\n")[:-1]
    for line in lines:
        event = decode(line)
        if event is not None:
            one_by_one.fold(event)
    assert at_once.metrics == one_by_one.metrics
    for name, found in columns(at_once).items():
        for (x, y), (other_x, other_y) in zip(found, columns(one_by_one)[name], strict=True):
            np.testing.assert_array_equal(x, other_x)
            np.testing.assert_array_equal(y, other_y)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sets(st.sampled_from("abcd")), st.booleans(), st.booleans()),
        max_size=30,
    )
)
def test_metrics_that_come_and_go_are_what_a_list_of_points_is(said):
    history, expected = History("nowhere"), {}
    for number, (step, names, resumed, looked_at) in enumerate(said):
        if resumed:
            history.fold(start(step=step))
            again = len(history.starts) > 1
            expected = {
                name: points[: max((i for i, (at, _) in enumerate(points, 1) if at <= step), default=0)]
                if again
                else points
                for name, points in expected.items()
            }
        history.fold(
            Metrics(
                time=AT, run="r", step=step, epoch=0.0, values={name: number + ord(name) for name in names}
            )
        )
        for name in names:
            expected.setdefault(name, []).append((step, number + ord(name)))
        if looked_at:
            columns(history)
    assert set(history.metrics) == set(expected)
    for name, points in expected.items():
        x, y = history.series(name)
        assert [*zip(x.tolist(), y.tolist(), strict=True)] == points


def test_metrics_that_are_measured_together_share_their_places(file):
    write(file, start())
    for step in range(5):
        write(file, Metrics(time=AT, run="r", step=step, epoch=0.0, values={"loss": 1.0, "lr": 2.0}))
    history = read(file)
    assert np.shares_memory(history.series("loss")[0], history.series("lr")[0])
    before = history.series("lr")
    write(file, point(6, 3.0, name="loss"))
    history.update()
    assert not np.shares_memory(history.series("loss")[0], history.series("lr")[0])
    assert [len(history.series(name)[0]) for name in ("loss", "lr")] == [6, 5]
    np.testing.assert_array_equal(before, history.series("lr"))


def test_what_was_looked_at_stays_as_it_was(file):
    write(file, start(), *(point(step, float(step)) for step in range(1, 100)))
    history = read(file)
    _, y = history.series("train/loss")
    before = y.copy()
    write(file, *(point(step, float(step)) for step in range(100, 300)))
    history.update()
    write(
        file,
        start(400.0, step=50, attempt=2),
        *(point(step, -1.0, time=400.0 + step) for step in range(51, 300)),
    )
    history.update()
    np.testing.assert_array_equal(y, before)
    assert history.series("train/loss")[1][48:52].tolist() == [49.0, 50.0, -1.0, -1.0]


@given(
    attempts=st.lists(
        st.lists(
            st.tuples(st.integers(0, 60), st.sampled_from(["test/f1", "train/loss", 'a "b"\\'])), max_size=12
        ),
        min_size=1,
        max_size=3,
    )
)
def test_a_metric_read_alone_is_as_it_is_among_all(tmp_path_factory, attempts):
    file = tmp_path_factory.mktemp("alone") / "events.jsonl"
    for number, points in enumerate(attempts, start=1):
        first = min((step for step, _ in points), default=0)
        write(file, start(time=number, step=first, attempt=number))
        write(file, *(point(step, step / 7, name=name) for step, name in sorted(points)))
        write(file, Log(time=AT, run="r", level="info", message='"test/f1" is what it is'))
    whole = read(file)
    for name in ("test/f1", "train/loss", 'a "b"\\', "never"):
        alone = History(file, only=[name])
        alone.update()
        for axis in ("step", "epoch", "samples"):
            assert np.array_equal(alone.series(name, axis), whole.series(name, axis), equal_nan=True)
        assert set(alone.metrics) <= {name}
        assert len(alone.starts) == len(whole.starts)


def test_a_metric_read_alone_is_read_bit_by_bit_too(file, monkeypatch):
    monkeypatch.setattr("engine.history.reader.CHUNK", 300)
    write(
        file,
        start(),
        *(point(step, 1.0, name="test/f1" if step % 5 == 0 else "train/loss") for step in range(50)),
    )
    alone = History(file, only=["test/f1"])
    while alone.update(1):
        pass
    assert list(alone.series("test/f1")[0]) == list(range(0, 50, 5))
    assert alone.metrics == ["test/f1"]
    file.write_bytes(b"")
    write(file, start(), point(3, 2.0, name="test/f1"))
    alone.update()
    assert list(alone.series("test/f1")[0]) == [3]
