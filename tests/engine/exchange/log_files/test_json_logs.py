"""JSON that trainers log: an object a line, documents, and lines that are damaged."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import decode, encode
from engine.exchange.log_files import json_rows, unpacked_lines
from engine.exchange.log_files.log_reader import read_log
from engine.exchange.optional_packages import ExchangeError
from tests.engine.exchange.log_files.conftest import Read, by_epoch, by_step

ROWS = [{"epoch": 1, "loss": 0.9, "val": {"acc": 0.5}}, {"epoch": 2, "loss": 0.8, "val": {"acc": 0.75}}]
WANTED = {"loss": {1: 0.9, 2: 0.8}, "val/acc": {1: 0.5, 2: 0.75}}
LINES = "".join(f"{json.dumps(row)}\n" for row in ROWS)


@pytest.mark.parametrize(
    "text",
    [
        LINES,
        "\n# a comment\n" + LINES.replace("\n", "\r\n\n"),
        "\ufeff" + LINES,
        LINES.replace("}}\n", "}},\n"),
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps({"log_history": ROWS, "best_metric": 0.5, "epoch": 2.0}),
        json.dumps({"log_history": ROWS, "other": [{"a": 1}]}, indent=4),
        json.dumps({"args": {"lr": 0.1}, "records": ROWS}),
        json.dumps({str(row["epoch"]): {"loss": row["loss"], "val": row["val"]} for row in ROWS}, indent=1),
        json.dumps({f"epoch_{row['epoch']}": {"loss": row["loss"], "val": row["val"]} for row in ROWS}),
        json.dumps({"history": {"loss": [0.9, 0.8], "val": {"acc": [0.5, 0.75]}}, "epoch": [1, 2], "params": {"a": 1}}),
        json.dumps({"epoch": [1, 2], "loss": [0.9, 0.8], "val": {"acc": [0.5, 0.75]}}),
        json.dumps({"history": {"epoch": [1, 2], "loss": [0.9, 0.8], "val": {"acc": [0.5, 0.75]}}}),
        json.dumps({"columns": ["epoch", "loss", "val/acc"], "index": [0, 1], "data": [[1, 0.9, 0.5], [2, 0.8, 0.75]]}),
        json.dumps({"epoch": {"0": 1, "1": 2}, "loss": {"0": 0.9, "1": 0.8}, "val/acc": {"0": 0.5, "1": 0.75}}),
        "".join(json.dumps({"event": "metrics", "step": row["epoch"], "epoch": row["epoch"], "time": 1.7e9,
                "run": "log", "values": {"loss": row["loss"], "val/acc": row["val"]["acc"]}}) + "\n" for row in ROWS),
    ],
    ids=range(17),
)  # fmt: skip
@pytest.mark.parametrize("name", ["log.txt", "metrics.json", "x"])
def test_one_log_in_many_forms_of_json_says_the_same(text, name, read: Read):
    (run,) = read(text, name)
    assert by_epoch(run) == WANTED
    assert not run.left


def test_what_is_not_finite_is_so_in_json_too(read: Read):
    (run,) = read(
        '{"step": 1, "a": NaN, "b": -Infinity, "c": "nan", "d": null, "e": "0.5"}\n{"step": 2, "a": 1}\n'
    )
    found = by_step(run)
    assert math.isnan(found["a"][1] or 0)
    assert found["a"][2] == 1
    assert found["b"][1] == -math.inf
    assert math.isnan(found["c"][1] or 0)
    assert "d" not in found
    assert found["e"] == {1: 0.5}


def test_a_line_that_is_damaged_costs_itself_alone(read: Read):
    (run,) = read(
        '{"step": 1, "x": 1}\n{"step": 2, "x"\nEpoch 2\n{"step": 3, "x": 3}\n{"step": 4, "x": 4, "y'
    )
    assert by_step(run) == {"x": {1: 1, 3: 3}}
    assert dict(run.left) == {"a line that is no JSON object (line 2 is the first)": 2}
    assert any("line 5: no whole JSON object: it is cut off there" in note for note in run.notes)


def test_a_first_line_that_is_damaged_does_not_hide_the_rest(read: Read):
    (run,) = read('{"step": 1, "x"\n{"step": 2, "x": 2}\n')
    assert by_step(run) == {"x": {2: 2}}


def test_values_that_are_no_numbers_are_counted(read: Read):
    (run,) = read(
        '{"step": 1, "x": [1, 2], "y": true, "z": 1, "w": "a"}\n{"step": 2, "x": 3, "z": {"a": 1}}\n'
    )
    assert by_step(run) == {"x": {2: 3}, "z": {1: 1}, "z/a": {2: 1}}
    assert dict(run.left) == {"a cell of 'x' that is no number (line 1: '[1.0, 2.0]')": 1}
    assert {note for note in run.notes if "holds no numbers" in note} == {
        "column 'y' holds no numbers and is passed over", "column 'w' holds no numbers and is passed over",
    }  # fmt: skip


def test_splits_side_by_side_are_told_apart(read: Read):
    rows = [{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.8}]
    (run,) = read(json.dumps({"train": rows, "val": rows}))
    assert by_epoch(run) == {"train/loss": {1: 0.9, 2: 0.8}, "val/loss": {1: 0.9, 2: 0.8}}
    first, second = read(json.dumps({"resnet": rows, "vit": rows}))
    assert (first.name, second.name) == ("resnet", "vit")


def test_sacred_has_lists_for_each_metric(read: Read):
    series = {
        "steps": [10, 20],
        "values": [0.9, 0.8],
        "timestamps": ["2025-01-02T10:11:12Z", "2025-01-02T10:11:13Z"],
    }
    (run,) = read(
        json.dumps({"training.loss": series, "val.acc": {"steps": [20], "values": [0.5]}}), "metrics.json"
    )
    assert by_step(run) == {"training.loss": {10: 0.9, 20: 0.8}, "val.acc": {20: 0.5}}


def test_one_object_is_one_row(read: Read):
    (run,) = read(
        json.dumps({"_step": 99, "loss": 0.5, "val": {"acc": 0.75}}, indent=1), "wandb-summary.json"
    )
    assert by_step(run) == {"loss": {99: 0.5}, "val/acc": {99: 0.75}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1, 2", "line 1 holds numbers"),
        ('{"a": "b"}', "is no table of measurements"),
        ("{}", "is no table of measurements"),
        ("[]", "is no table of measurements"),
        ('"text"', "is no table of measurements"),
        ("[" * 100_000, "is no table"),
        ('{"a":' * 100_000, "this begins as JSON and is none"),
        ("{'a': 1}\n", "this begins as JSON and is none"),
    ],
)
def test_other_json_is_told(text, message, read: Read):
    with pytest.raises(ExchangeError, match=message):
        read(text, "x.json")


def test_a_document_is_bounded(read: Read, monkeypatch):
    monkeypatch.setattr(json_rows, "MAX_DOCUMENT", 100)
    with pytest.raises(ExchangeError, match="a JSON document of over 100 characters"):
        read(json.dumps(ROWS * 20, indent=1))


def test_a_document_on_one_long_line_is_read(read: Read, monkeypatch):
    monkeypatch.setattr(unpacked_lines, "MAX_LINE", 30)
    (run,) = read(json.dumps(ROWS))
    assert by_epoch(run) == WANTED
    monkeypatch.setattr(unpacked_lines, "MAX_DOCUMENT", 60)
    with pytest.raises(ExchangeError, match="a JSON document of over 60 characters"):
        read(json.dumps(ROWS))


def test_names_without_an_end_cost_themselves_alone(read: Read):
    (run,) = read(json.dumps({"step": 1, "x": 2, "a" * 3000: 3}) + "\n" + json.dumps({"step": 2, "x": 3}))
    assert by_step(run) == {"x": {1: 2, 2: 3}}
    assert list(run.left) == [f"a value of a metric whose name has no end (line 1: {'a' * 40!r})"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["step", "epoch", "a", "log", "0"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    documents=st.lists(VALUES, min_size=1, max_size=4),
    indent=st.sampled_from([None, 1]),
    cut=st.integers(0, 200),
)
def test_any_json_is_a_log_or_is_told_to_be_none(tmp_path_factory, documents, indent, cut):
    text = "\n".join(json.dumps(each, indent=indent) for each in documents)
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(text[: len(text) - cut] if cut < 10 else text)
    with contextlib.suppress(ExchangeError):
        for run in read_log(path):
            assert all(decode(encode(event)) is not None for event in run.events("r"))
