"""Objects with an event are found wherever they begin on a line, in time that the line's length bounds."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runner.json_in_output import Printed, find, why_none, without_escapes

EVENT = {"event": "metrics", "step": 5, "epoch": 1, "values": {"train/loss": 0.5}}
TEXT = json.dumps(EVENT)


def found(line: str) -> list[dict[str, object]]:
    return [part.fields for part in find(without_escapes(line)).parts if isinstance(part, Printed)]


@pytest.mark.parametrize(
    "line",
    [
        TEXT,
        f"   \t{TEXT}  \r\n",
        f"\rEpoch 1: 20%|##  | 1/5\rEpoch 1: 40%|####| 2/5{TEXT}\n",
        f"Epoch 1: 100%|{TEXT}| 5/5 [00:00<00:00]\n",
        f"INFO:root:{TEXT}\n",
        f"2026-11-29 10:00:00,123 - train - INFO - {TEXT}\n",
        f"[{{'rank': 0}}] {TEXT}\n",
        f"{{not json}} {{}} {{'a': 1}} {{\"a\": 1}} {TEXT}\n",
        f"\x1b[32m{TEXT}\x1b[0m\n",
        f"\x1b]0;title\x07\x1b[2K{TEXT}",
        f'{{"event": "met{TEXT}',
        f'{{"level": "info", "message": {TEXT}}}',
        f"\ufeff{TEXT}",
    ],
)
def test_an_event_is_found_behind_and_before_anything(line: str) -> None:
    assert found(line) == [EVENT]


@pytest.mark.parametrize(
    "text",
    [
        '{"step":5,"epoch":1,"values":{"train/loss":0.5},"event":"metrics"}',
        '{ "event" :\t"metrics", "step": 5 , "epoch": 1, "values": { "train/loss": 0.5 } }',
    ],
)
def test_the_order_of_keys_and_the_spaces_say_nothing(text: str) -> None:
    assert found(f"x {text}") == [EVENT]


def test_several_on_a_line_are_found_in_order_and_the_text_between_stays() -> None:
    other = json.dumps(EVENT | {"step": 6})
    parts = find(f"a {TEXT}{other} b {TEXT}").parts
    assert [part if isinstance(part, str) else part.fields["step"] for part in parts] == [
        "a ", 5, "", 6, " b ", 5, "",
    ]  # fmt: skip


def test_what_is_not_finite_is_read() -> None:
    (fields,) = found('{"event": "metrics", "values": {"a": NaN, "b": -Infinity, "c": 1e999}}')
    assert [str(value) for value in fields["values"].values()] == ["nan", "-inf", "inf"]  # type: ignore[attr-defined]


def test_an_object_that_the_end_cuts_off_is_said_while_more_may_come() -> None:
    for cut in range(1, len(TEXT)):
        parts, open_at = find(f"ab {TEXT[:cut]}", unfinished=True)
        assert (parts, open_at) == (["ab "], 3), cut
    assert find('50% {"loss": 0.3} 5/10', unfinished=True).open_at is None
    assert find("50% {'loss': 0.3} {x", unfinished=True).open_at is None


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (
            '{"event": "metrics", "step": 1, "values": {"a": tensor(0.5)}}',
            "no JSON: expecting value, 48 characters",
        ),
        ("INFO {'event': 'metrics', 'step': 1}", "a Python dict"),
        ('  "event": "metrics",\n', "has to be on one line"),
        ('{"event": "metrics", "values": {"a": 1}\n', "no JSON: expecting ',' delimiter"),
        ('  print(json.dumps({"event": "metrics", "step": step}))\n', ""),
        ("the event began\n", ""),
        ('"event": 3', ""),
    ],
)
def test_why_a_line_that_looks_like_an_event_is_none(line: str, why: str) -> None:
    assert found(line) == []
    assert (why in why_none(line)) if why else (why_none(line) == "")


@given(st.text('{}[]":, \\\r\x1bevnt01N', max_size=200), st.booleans())
def test_no_text_ends_the_search_and_none_of_it_is_lost(text: str, unfinished: bool) -> None:
    parts, open_at = find(text, unfinished=unfinished)
    whole = "".join(part if isinstance(part, str) else part.text for part in parts)
    assert whole + ("" if open_at is None else text[open_at:]) == text
    why_none(text)


@pytest.mark.parametrize(
    "piece", ['{"a":', '[{"', '{"event":{"', '{"', "{'event':", '{"a":1}', '{"\\"', "{ "]
)
def test_no_line_takes_long(piece: str) -> None:
    line = piece * (100_000 // len(piece)) + '"event": "metrics"'
    began = time.process_time()
    find(line)
    find(line, unfinished=True)
    why_none(line[: 64 * 1024])
    assert time.process_time() - began < 1
