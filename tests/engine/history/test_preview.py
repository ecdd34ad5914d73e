"""A sketch shows what a whole reading shows, from a few lines."""

from __future__ import annotations

import numpy as np
import pytest

from engine.events import Confusion, End, Metrics, Start, encode
from engine.history.confusion_index import read_matrix
from engine.history.preview import HEAD, sketch
from engine.history.reader import History


def point(step: int) -> Metrics:
    return Metrics(
        time=1e6 + step, run="r", step=step, epoch=step / 100, values={"train/loss": 100 / (step + 1)}
    )


def start(attempt: int = 1, step: int = 0) -> Start:
    return Start(time=1e6 + step, run="r", attempt=attempt, step=step, config={"batch_size": 8})


@pytest.fixture
def file(tmp_path):
    return tmp_path / "events.jsonl"


def test_it_is_of_lines_that_are_there_in_their_order(file):
    file.write_bytes(b"".join(map(encode, [start(), *map(point, range(50_000))])))
    history = sketch(file, places=100)
    x, y = history.series("train/loss")
    assert 600 < len(x) < 5000
    assert x[0] == 0
    assert x[-1] == pytest.approx(50_000, abs=500)
    assert np.diff(x).max() < 600
    assert (np.diff(x) > 0).all()
    assert y == pytest.approx(100 / (x + 1))
    assert history.starts[0].config == {"batch_size": 8}


def test_of_a_short_file_it_is_all(file):
    file.write_bytes(
        b"".join(map(encode, [start(), *map(point, range(300)), End(time=1e6, run="r", state="finished")]))
    )
    assert file.stat().st_size < HEAD
    whole = History(file)
    whole.update()
    assert np.array_equal(sketch(file).series("train/loss"), whole.series("train/loss"))
    assert len(sketch(file).ends) == 1


def test_nothing_stands_twice_where_a_run_went_back(file):
    file.write_bytes(
        b"".join(
            map(
                encode,
                [start(), *map(point, range(30_000)), start(2, 20_000), *map(point, range(20_001, 40_000))],
            )
        )
    )
    x, _ = sketch(file, places=100).series("train/loss")
    assert (np.diff(x) > 0).all()
    assert x[-1] > 39_000


def test_matrices_are_where_it_says(file):
    matrix = Confusion(
        time=1e6, run="r", step=9, epoch=1.0, split="test", labels=["a", "b"], matrix=[[3, 1], [0, 2]]
    )
    file.write_bytes(b"".join(each for step in range(9000) for each in (encode(point(step)), encode(matrix))))
    history = sketch(file, places=50)
    assert history.matrices
    for place in history.matrices:
        assert (found := read_matrix(file, place)) is not None
        assert found.matrix == matrix.matrix


@pytest.mark.parametrize(
    "data", [b"", b"\n" * 200_000, b"\xff" * 200_000, b"{" * 200_000, b'{"event":"metrics"}\n' * 20_000]
)
def test_of_what_holds_no_events_it_is_empty(file, data):
    file.write_bytes(data)
    assert not sketch(file, places=20).columns
    assert not sketch(file.parent / "nowhere").columns
