from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.events import Confusion, Log, Start, encode
from engine.history.confusion_index import read_matrix
from engine.history.reader import History


def matrix(step: int, cells: list[list[int]], split: str = "test") -> Confusion:
    labels = [str(i) for i in range(len(cells))]
    return Confusion(
        time=1.0, run="r", step=step, epoch=float(step), split=split, labels=labels, matrix=cells
    )


@given(
    st.lists(
        st.one_of(
            st.builds(
                matrix, st.integers(0, 9), st.lists(st.lists(st.integers(0, 2**53), max_size=4), max_size=4)
            ),
            st.builds(Log, time=st.just(1.0), run=st.just("r"), level=st.just("info"), message=st.text()),
            st.binary(max_size=9).map(lambda data: data.replace(b"\n", b"")),
        )
    )
)
def test_each_matrix_is_found_again_where_it_stands(tmp_path_factory, events) -> None:
    file = tmp_path_factory.getbasetemp() / "matrices.jsonl"
    file.write_bytes(b"".join(each + b"\n" if isinstance(each, bytes) else encode(each) for each in events))
    history = History(file)
    history.update()
    found = [read_matrix(file, place) for place in history.matrices]
    assert found == [each for each in events if isinstance(each, Confusion)]


def test_a_resumed_run_forgets_the_matrices_that_it_measures_anew(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    again = Start(time=2.0, run="r", attempt=2, step=1)
    events = [Start(time=1.0, run="r"), matrix(1, [[1]]), matrix(2, [[2]]), again, matrix(2, [[3]])]
    file.write_bytes(b"".join(map(encode, events)))
    history = History(file)
    history.update()
    assert [read_matrix(file, place) for place in history.matrices] == [matrix(1, [[1]]), matrix(2, [[3]])]


def test_another_file_in_the_old_ones_place_has_no_such_matrix(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(encode(matrix(1, [[1, 2], [3, 4]])))
    history = History(file)
    history.update()
    (place,) = history.matrices
    file.write_bytes(b"x" * 400)
    assert read_matrix(file, place) is None
    file.write_bytes(encode(matrix(7, [[1, 2], [3, 4]])))
    assert read_matrix(file, place) is None
    file.unlink()
    assert read_matrix(file, place) is None
