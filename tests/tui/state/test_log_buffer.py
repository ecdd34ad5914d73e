from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.events import Confusion, End, Failure, Log, Metrics, Start, encode
from engine.history.reader import History
from engine.runner.console_log import ConsoleLimit
from tests.tui.conftest import Write
from tui.feed.console_tail import console_lines
from tui.feed.log_and_attempt_lines import all_said, story
from tui.feed.run_page_reader import MAX_PRINTED, Reader
from tui.state.log_buffer import LogLineKind, Transcript
from tui.state.run_page_record import Page, Record
from tui.text import bar
from tui.widgets.run_page.fact_sheet import balance_columns
from tui.widgets.run_page.line_wrapping import MOST, Wrapping, cuts, step_of


@given(st.lists(st.text()))
def test_lines_are_clean_and_know_how_long_they_are(texts: list[str]) -> None:
    transcript = Transcript()
    for text in texts:
        transcript.append(text)
    lines = transcript.view()
    assert lines.count == len(texts)
    assert all(line.isprintable() for line in lines.text)
    for line, extent in zip(lines.text, lines.extents, strict=True):
        assert abs(extent) == len(line)
        assert (extent >= 0) == (cell_len(line) == len(line)) or not line


WORDS = st.text(st.sampled_from("ab 日"), max_size=60) | st.text(max_size=30)


@given(st.lists(WORDS), st.integers(1, 80), st.integers(0, 9))
def test_wrapped_pieces_make_the_whole_line_and_fit(texts: list[str], width: int, later: int) -> None:
    transcript = Transcript()
    for text in texts:
        transcript.append(text)
    lines = transcript.view()
    extents = np.array(lines.extents, dtype=np.int64)
    wrapping = Wrapping()
    wrapping.count(lines.text, extents[:later], width)  # the others come later
    rows = wrapping.count(lines.text, extents, width)
    assert rows.tolist() == Wrapping().count(lines.text, extents, width).tolist()
    for line, extent, count in zip(lines.text, lines.extents, rows.tolist(), strict=True):
        step = step_of(extent, width)
        cut = [wrapping.piece(line, step, part) for part in range(count)]
        pieces = [line[low:high] for low, high, _ in cut]
        assert "".join(pieces) == line
        assert all(
            hang + cell_len(each.removesuffix(" ")) <= max(width, 2)
            for each, (_, _, hang) in zip(pieces, cut, strict=True)
        )
        assert all(pieces) or not line


def test_lines_are_cut_at_words_where_those_are_short() -> None:
    def rows(text: str, step: int) -> list[str]:
        starts = [*cuts(text, step), len(text)]
        return [text[low:high] for low, high in pairwise(starts)]

    assert rows("one two three", 8) == ["one two ", "three"]
    assert rows("one two three", 7) == ["one two ", "three"]  # the space needs no room
    assert rows("a " + "x" * 12, 8) == ["a xxxxxx", "xxxxxx"]  # a row is half full at least
    assert rows("12345678 ", 8) == ["12345678 "]


def test_further_rows_stand_behind_the_time_of_the_first() -> None:
    text, wrapping = ["05:46:13  " + "word " * 20], Wrapping()
    wrapping.count(text, np.array([len(text[0])]), 80)
    assert wrapping.piece(text[0], 80, 0) == (0, 80, 0)
    assert wrapping.piece(text[0], 80, 1) == (80, 110, 10)


def test_very_much_is_cut_at_letters() -> None:
    text, wrapping = ["one two three"] * (MOST // 13 + 1), Wrapping()
    rows = wrapping.count(text, np.full(len(text), 13), 8)
    assert set(rows.tolist()) == {2}
    assert [text[0][slice(*wrapping.piece(text[0], 8, part)[:2])] for part in (0, 1)] == ["one two ", "three"]
    wrapping.count(text, np.full(len(text), 13), 6)
    assert [text[0][slice(*wrapping.piece(text[0], 6, part)[:2])] for part in (0, 1, 2)] == [
        "one tw",
        "o thre",
        "e",
    ]
    assert wrapping.count(text, np.full(2, 13), 6).tolist() == [3, 3]  # one, two, three


@given(st.integers(1, 20), st.integers(1, 200), st.lists(st.integers(0, 30), max_size=80))
def test_of_too_many_lines_the_last_are_kept(most: int, characters: int, lengths: list[int]) -> None:
    transcript = Transcript(most, characters)
    views = []
    for number, length in enumerate(lengths):
        transcript.append(f"{number}:" + "x" * length)
        views.append((number, transcript.view()))
    for number, lines in views:  # a view stays what it was
        assert lines.forgotten + lines.count == number + 1
        assert lines.count <= most
        shown = lines.text[: lines.count]
        assert [int(text.partition(":")[0]) for text in shown] == list(range(lines.forgotten, number + 1))


def test_a_view_is_the_same_object_until_something_is_added() -> None:
    transcript = Transcript()
    transcript.append("a")
    view = transcript.view()
    assert transcript.view() is view
    transcript.append("b")
    assert transcript.view() is not view
    assert view.count == 1


def test_events_become_lines() -> None:
    measured = Metrics(
        time=0.0, run="r", step=4, epoch=0.5, values={"train/loss": None, "train/images_per_s": 9.0}
    )
    ((text, kind),) = all_said(measured)
    assert text.endswith("step 4, epoch 0.50: loss , 9 images/s")
    assert kind == LogLineKind.QUIET
    assert not list(story(measured))
    failure = Failure(type="Boom", message="bang")
    end = End(time=0.0, run="r", state="failed", reason="it went bang", error=failure)
    assert [kind for _, kind in story(end)] == [LogLineKind.ERROR, LogLineKind.ERROR]
    assert list(story(end))[-1][0].strip() == "Boom: bang"
    again = Start(time=0.0, run="r", attempt=2, step=7)
    assert "from step 7" in "".join(text for text, _ in story(again))


def read(reader: Reader, history: History) -> Record:
    history.update()
    while (record := reader.look(Page(reader.run.id), history)).loading:
        pass
    return record


def test_a_reader_reads_each_line_once_and_says_what_it_left_out(write_run: Write) -> None:
    run = write_run("ViT-small")
    line = b"x" * 99 + b"\n"
    run.console.write_bytes(b"first\n" + line * (MAX_PRINTED // 100 + 10))
    reader, history = Reader(run), History(run.path)
    record = read(reader, history)
    assert record.cut == run.console.stat().st_size - MAX_PRINTED
    printed = [line for line in record.console.text if line.startswith("│ ")]
    assert len(printed) in (MAX_PRINTED // 100, MAX_PRINTED // 100 - 1)
    assert set(printed) == {"│ " + "x" * 99}
    assert reader.look(Page(run.id), history) is record
    with run.events.open("ab") as file:
        file.write(encode(Log(time=1.0, run=run.id, level="info", message="more")))
    before = record.console.count
    later = read(reader, history)
    assert later.story.count == record.story.count + 1
    assert later.console.count == before + 1


def test_a_reader_goes_on_where_console_log_began_anew(write_run: Write) -> None:
    run = write_run("ViT-small")
    run.console.write_bytes(b"first\n" + b"x" * 999_999 + b"\n")
    reader, history = Reader(run), History(run.path)
    read(reader, history)
    with run.console.open("ab") as file:
        file.write(b"second\n")
    ConsoleLimit(run, 1, lambda _: None).look()
    with run.console.open("ab") as file:
        file.write(b"third\n")
    printed = [line for line in read(reader, history).console.text if line.startswith("│ ")]
    assert (printed[0], printed[-1]) == ("│ first", "│ third")
    assert "what was printed before is in console.log.1" in printed[-2]
    assert {"│ second", "│ third"} <= set(console_lines(run))


def test_a_reader_starts_anew_on_another_file(write_run: Write) -> None:
    run = write_run("ViT-small")
    reader, history = Reader(run), History(run.path)
    assert read(reader, history).story.count > 1
    run.events.write_bytes(encode(Log(time=1.0, run=run.id, level="info", message="anew")))
    record = read(reader, history)
    assert [text.split()[-1] for text in record.story.text] == ["anew"]


def test_a_reader_shows_the_matrix_that_is_asked_for(write_run: Write) -> None:
    run = write_run("ViT-small")
    with run.events.open("ab") as file:
        for step, split in ((1, "test"), (1, "val"), (2, "test"), (2, "val")):
            file.write(
                encode(
                    Confusion(
                        time=1.0, run=run.id, step=step, epoch=1.0, split=split, labels=["a"], matrix=[[step]]
                    )
                )
            )
    reader, history = Reader(run), History(run.path)
    record = read(reader, history)
    assert record.splits == ["test", "val"]
    assert record.place == record.places[2]  # the newest of the test split
    first = record.places[1]
    asked = reader.look(Page(run.id, first, "val"), history)
    assert asked.matrix is not None
    assert asked.matrix.counts.tolist() == [[1]]
    assert asked.place == first
    assert reader.look(Page(run.id, None, "val"), history).place == record.places[3]


@given(st.floats(), st.integers(0, 60))
def test_a_bar_is_as_wide_as_it_should_be(share: float, width: int) -> None:
    assert len(bar(share, width)) == width


@given(st.lists(st.integers(1, 30), max_size=12), st.integers(1, 4))
def test_sections_stay_whole_and_in_order(heights: list[int], columns: int) -> None:
    blocks = [[(str(number), "", False)] * height for number, height in enumerate(heights)]
    filled = balance_columns(blocks, columns)
    assert len(filled) <= columns
    assert [line for column in filled for line in column] == [line for block in blocks for line in block]
    for column in filled:
        names = [name for name, _, _ in column]
        assert all(names.count(name) == heights[int(name)] for name in names)
