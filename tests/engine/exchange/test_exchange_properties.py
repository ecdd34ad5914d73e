"""Whatever a table holds: it comes back as it was, or is told to be none; nothing else happens."""

from __future__ import annotations

import contextlib
import csv
import io
import math
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from engine.catalog.metric_names import metric_name
from engine.config.schema import Experiment
from engine.errors import UserError
from engine.events import Metrics, Start, decode, encode
from engine.exchange.exporting import export_runs
from engine.exchange.importing import import_from
from engine.exchange.log_files.log_reader import read_log
from engine.exchange.trackers.event_folders import EventFolder
from engine.exchange.trackers.tensorboard_reader import EventReader
from engine.query.parser import parse
from engine.runs.store import Store
from engine.text import csv_text, printable, text_of_csv
from tests.hostile_texts import HOSTILE

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
VALUES = st.none() | st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 2**53),
        st.floats(0, 1e6),
        st.floats(1e9, 1e10),
        st.dictionaries(NAMES, VALUES, min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=12,
)


def said_by(run_rows: list[tuple[int, float, float, dict[str, float | None]]]) -> list[tuple[object, ...]]:
    return [
        (step, epoch, time, name, None if value is None else value)
        for step, epoch, time, values in run_rows
        for name, value in values.items()
    ]


@settings(max_examples=40)
@given(rows=ROWS, experiment=NAMES)
def test_all_that_a_run_can_say_is_read_from_the_table_as_it_was(rows, experiment):
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder, "runs"))
        run = store.create(Experiment(name=experiment, model="vit_mini"), 3)
        with run.events.open("wb") as file:
            file.write(encode(Start(time=1e9, run=run.id, experiment=experiment, seed=3)))
            for step, epoch, time, values in rows:
                file.write(encode(Metrics(time=time, run=run.id, step=step, epoch=epoch, values=values)))
        export_runs(store, "csv", Path(folder), say=lambda _: None)
        with Path(folder, "metrics.csv").open(encoding="utf-8", newline="") as file:
            _heading, *found = csv.reader(file)
        wanted = said_by(rows)
        assert len(found) == len(wanted)
        for row, (step, epoch, time, name, value) in zip(found, wanted, strict=True):
            assert [*map(text_of_csv, row[:2]), row[2]] == [run.id, printable(experiment), "3"]
            assert (int(row[3]), float(row[4]), float(row[5])) == (step, epoch, time)
            assert text_of_csv(row[6]) == printable(str(name))
            assert math.isnan(float(row[7])) if value is None else float(row[7]) == value
        here = Store(Path(folder, "here"))
        wanted = [(*place, metric_name(printable(str(name))), value) for *place, name, value in wanted]
        if len({name for *_, name, _ in said_by(rows)}) == len({name for *_, name, _ in wanted}):
            import_from(here, Path(folder, "metrics.csv"), say=lambda _: None)
            (copy,) = here.runs()
            events = [decode(line) for line in copy.events.read_bytes().splitlines()]
            kept = [event for event in events if isinstance(event, Metrics)]
            again = said_by([(each.step, each.epoch, each.time, each.values) for each in kept])
            assert again == wanted


CELLS = (
    st.text(st.sampled_from("'=+-@ \t\r1.einf/a\x1b＝")) | st.text() | st.sampled_from([*HOSTILE.values()])
)


@given(text=CELLS)
def test_a_text_in_a_cell_is_no_formula_and_comes_back(text):
    cell = csv_text(text)
    assert cell == "" or cell.isprintable()
    assert text_of_csv(cell) == printable(text)
    assert cell.lstrip()[:1] not in tuple("=+-@＝＋－＠") or math.isfinite(float(cell)) or "inf" in cell


@given(value=st.floats(allow_nan=False) | st.integers())
def test_a_number_in_a_cell_stays_a_number(value):
    assert csv_text(str(value)) == str(value)


@given(cell=st.text(st.characters(categories=["L", "N", "P", "Zs"])).filter(lambda text: text[:1] != "'"))
def test_a_cell_of_another_program_is_read_as_it_stands(cell):
    assert text_of_csv(cell) == cell


@settings(max_examples=100)
@given(
    data=st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.lists(
        st.lists(
            st.sampled_from(
                ["step", "epoch", "time", "metric", "value", "run", "seed", "x", "", "1", "-1", "1e400"]
            )
            | st.text(max_size=4),
            max_size=5,
        ).map(",".join),
        max_size=6,
    ).map(lambda lines: "\n".join(lines).encode(errors="replace"))
)
def test_any_bytes_are_a_table_or_are_told_to_be_none(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(data)
    with contextlib.suppress(UserError):
        for track in read_log(path):
            assert all(decode(encode(event)) is not None for event in track.events("r"))


@given(
    rows=st.lists(
        st.tuples(st.integers(0, 10**9), st.floats(allow_infinity=False)),
        min_size=1,
        max_size=20,
        unique_by=lambda row: row[0],
    ).map(sorted)
)
def test_a_wide_table_gives_back_its_columns(rows):
    with tempfile.TemporaryDirectory() as folder:
        text = io.StringIO()
        csv.writer(text).writerows([("step", "a/b"), *rows])
        path = Path(folder, "t.csv")
        path.write_text(text.getvalue())
        (track,) = read_log(path)
        found = [(event.step, event.values["a/b"]) for event in track.events("r")]
        for (step, value), (was_step, was) in zip(found, rows, strict=True):
            assert step == was_step
            assert value == was or (math.isnan(was) and value is not None and math.isnan(value))


@given(name=NAMES)
def test_what_a_metric_is_called_here_can_be_asked_for(name):
    called = metric_name(name)
    assert metric_name(called) == called
    (term,) = parse(f"last:{called}>0.5").terms
    assert term.key == f"last:{called}"


def whole_file() -> bytes:
    """Return an event file with a value a step."""
    file = io.BytesIO()
    writer = RecordWriter(file)
    for step in range(4):
        summary = Summary(value=[Summary.Value(tag="a/b", simple_value=step / 7)])
        writer.write(Event(wall_time=1e9 + step, step=step, summary=summary).SerializeToString())
    return file.getvalue()


WHOLE = whole_file()


@settings(max_examples=80)
@given(
    records=st.lists(st.binary(max_size=60), max_size=4),
    changes=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=4),
    end=st.integers(0, len(WHOLE)),
)
def test_any_bytes_are_an_event_file_or_are_told_to_be_none(tmp_path_factory, records, changes, end):
    data = bytearray(WHOLE)
    for at, byte in changes:
        data[at] = byte
    file = io.BytesIO()
    writer = RecordWriter(file)
    for record in records:  # whole as records, whatever is in them
        writer.write(record)
    for name, each in (("x", bytes(data[:end])), ("y", WHOLE[:end]), ("z", WHOLE + file.getvalue())):
        path = tmp_path_factory.getbasetemp() / f"events.out.tfevents.{name}"
        path.write_bytes(each)
        with contextlib.suppress(UserError):
            track = EventReader().read("x", [EventFolder(path.parent, (path,))])
            assert all(decode(encode(event)) is not None for event in track.events("r"))
