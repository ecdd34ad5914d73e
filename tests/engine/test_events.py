"""The protocol: what is written is read again, and no line, however broken, stops a reader."""

from __future__ import annotations

import copy
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import (
    MAX_LINE,
    Checkpoint,
    Confusion,
    End,
    Estimate,
    Failure,
    Log,
    Metrics,
    Start,
    Unknown,
    decode,
    decode_lines,
    encode,
    normalised,
)

text = st.text()
finite = st.floats(allow_nan=False, allow_infinity=False)
count = st.integers(0, 2**53)
seconds = st.floats(0, 1e11)
base = {"time": seconds, "run": text}
at = {"step": count, "epoch": st.floats(0, 2**53)}

EVENTS = st.one_of(
    st.builds(
        Start, **base, attempt=count, experiment=text, seed=count, pid=count, host=text, device=text,
        config=st.dictionaries(text, st.none() | text | count | finite | st.lists(text)),
        parameters=st.none() | count, versions=st.dictionaries(text, text), epochs=st.none() | count, step=count,
    ),
    st.builds(Metrics, **base, **at, values=st.dictionaries(text, finite)),
    st.builds(
        Confusion, **base, **at, split=text, labels=st.lists(text), matrix=st.lists(st.lists(count)),
    ),
    st.builds(Checkpoint, **base, **at, path=text, kind=st.sampled_from(["last", "best"]), bytes=count),
    st.builds(Log, **base, level=st.sampled_from(["debug", "info", "warning", "error"]), message=text),
    st.builds(
        End, **base, state=st.sampled_from(["finished", "failed", "stopped"]), reason=text, duration_s=seconds,
        error=st.none() | st.builds(Failure, type=text, message=text, traceback=text),
        summary=st.dictionaries(text, st.none() | finite | st.dictionaries(text, st.none() | finite | count)),
    ),
)  # fmt: skip


@given(EVENTS)
def test_an_event_is_one_line_and_reads_back_equal(event):
    line = encode(event)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == event


ODD = st.one_of(
    EVENTS,
    st.builds(
        Metrics, time=st.floats() | count, run=text, step=st.integers(-1, 2**54), epoch=st.floats() | count,
        values=st.dictionaries(st.sampled_from(["a", "test/f1", "é", "n" * 300]), st.floats() | count | st.none()),
        nonfinite=st.lists(text, max_size=1),
    ),
)  # fmt: skip
"""Events that are right, and measurements that a reader takes for none or takes otherwise."""


@given(ODD)
def test_an_event_taken_without_its_line_is_what_its_line_says(event):
    before = copy.deepcopy(event)
    assert repr(normalised(event)) == repr(decode(encode(event)))  # alike in types too
    assert repr(event) == repr(before)


@given(st.dictionaries(text, st.floats() | st.none()))
def test_what_is_not_finite_becomes_null_and_is_named(values):
    line = encode(Metrics(time=1.0, run="r", step=1, epoch=0.5, values=values))
    fields = json.loads(line, parse_constant=lambda token: pytest.fail(f"{token} is no JSON"))
    lost = [name for name, value in values.items() if value is None or not math.isfinite(value)]
    assert fields.get("nonfinite", []) == lost
    assert [name for name, value in fields["values"].items() if value is None] == lost


def test_unknown_keys_are_passed_over():
    line = b'{"event":"log","time":1,"run":"r","level":"info","message":"hi","colour":"red"}'
    assert decode(line) == Log(time=1.0, run="r", level="info", message="hi")


def test_an_event_of_a_newer_version_is_kept_whole():
    line = b'{"event":"artifact","time":1.5,"run":"r","files":["a","b"]}'
    event = decode(line)
    assert isinstance(event, Unknown)
    assert (event.kind, event.time, event.run) == ("artifact", 1.5, "r")
    assert json.loads(encode(event)) == json.loads(line)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"null",
        b"[]",
        b"{",
        b'{"event":"log"}',
        b'{"event":"metrics","time":1,"run":"r","step":"1","epoch":0,"values":{}}',
        b'{"event":"metrics","time":1,"run":"r","step":1,"epoch":0,"values":{"a":"b"}}',
        b'{"event":"metrics","time":1,"run":"r","step":1,"epoch":0,"values":{"a":NaN}}',
        b'{"event":"log","time":1,"run":"r","level":"shout","message":""}',
        b'{"event":"artifact","time":true,"run":"r"}',
        b'{"event":"artifact","time":1,"run":7}',
        b'{"event":7,"time":1,"run":"r"}',
        b'{"event":"artifact","time":1' + b"0" * 400 + b',"run":"r"}',
        b'{"event":"artifact","time":1e999,"run":"r"}',
        b'{"event":"artifact","time":-1,"run":"r"}',
        b'{"event":"log","time":1e12,"run":"r","level":"info","message":"a year that no calendar has"}',
        b'{"event":"log","time":-1,"run":"r","level":"info","message":""}',
        b'{"event":"metrics","time":1,"run":"r","step":1' + b"0" * 400 + b',"epoch":0,"values":{}}',
        b'{"event":"metrics","time":1,"run":"r","step":-1,"epoch":0,"values":{}}',
        b'{"event":"metrics","time":1,"run":"r","step":1,"epoch":1e300,"values":{}}',
        b'{"event":"start","time":1,"run":"r","epochs":-7}',
        b'{"event":"start","time":1,"run":"r","seed":1' + b"0" * 400 + b"}",
        b'{"event":"log","time":1,"run":"r","level":"info","message":"\\ud800"}',
        b'{"event":"log","time":1,"run":"r","level":"info","message":"\xff"}',
        b'{"event":"artifact","time":1,"run":"r","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"[" * 100_000,
        b'{"event":"log","time":1,"run":"r","level":"info","message":"' + b"a" * MAX_LINE + b'"}',
    ],
    ids=lambda line: line[:60].decode(errors="replace"),
)
def test_a_line_that_is_no_event_is_none(line):
    assert decode(line) is None


@given(st.binary())
def test_garbage_never_raises(line):
    assert decode(line) is None


@given(EVENTS, st.data())
def test_a_damaged_line_never_raises(event, data):
    line = bytearray(encode(event))
    for _ in range(data.draw(st.integers(1, 4))):
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(st.integers(0, 255))
    decode(bytes(line[: data.draw(st.integers(0, len(line)))]))


def test_text_that_is_no_unicode_can_be_said_all_the_same():
    name = b"caf\xe9".decode(errors="surrogateescape") + "\ud800"  # as Python hands out the names of files
    event = End(time=1.0, run="r", state="failed", error=Failure(type="E", message=name))
    assert decode(encode(event)).error.message == "caf\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"


def end(summary: str):
    return decode(f'{{"event":"end","time":1,"run":"r","state":"finished","summary":{summary}}}'.encode())


def test_an_end_sums_up_the_last_evaluation():
    f1 = Estimate(value=0.612, low=0.602, high=0.622, n=10_000)
    event = end(
        '{"test/f1":{"value":0.612,"low":0.602,"high":0.622,"n":10000,"more":1},"test/ece":{"value":0}}'
    )
    assert event.estimate("test/f1") == f1
    assert f1.margin == pytest.approx(0.01)
    assert event.estimate("test/ece") == Estimate(value=0.0)
    assert event.estimate("test/ece").margin is None
    assert event.estimate("test/accuracy") is None


def test_an_end_of_an_older_version_sums_up_nothing():
    assert decode(b'{"event":"end","time":1,"run":"r","state":"finished"}').estimate("test/f1") is None


@pytest.mark.parametrize(
    "said",
    [
        "null", "0.6", '"high"', "[]", "{}", '{"value":null}', '{"value":true}', '{"value":"0.6"}', '{"value":[0.6]}',
        '{"value":1.01}', '{"value":-0.1}', '{"value":1e308}', f'{{"value":1{"0" * 400}}}',
        '{"value":0.6,"low":-1}', '{"value":0.6,"high":2}', '{"value":0.6,"n":0}', '{"value":0.6,"n":1.5}',
        f'{{"value":0.6,"n":1{"0" * 400}}}', "[" * 500 + "]" * 500,
    ],
    ids=lambda said: said[:30],
)  # fmt: skip
def test_an_estimate_that_makes_no_sense_is_none_and_spoils_no_other(said):
    event = end(f'{{"test/f1":{said},"test/accuracy":{{"value":0.5}}}}')
    assert event.state == "finished"
    assert event.estimate("test/f1") is None
    assert event.estimate("test/accuracy") == Estimate(value=0.5)


@pytest.mark.parametrize("summary", ["[]", "null", "7", '"good"', '{"a":NaN}', '{"a":1' + "0" * 5000 + "}"])
def test_a_summary_that_is_no_object_makes_no_event(summary):
    assert end(summary) is None


broken = st.one_of(
    EVENTS.map(lambda event: encode(event)[:-1]),
    st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")),
    st.tuples(EVENTS, st.integers(0, 60)).map(lambda found: encode(found[0])[:-1][: -found[1] - 1]),
    st.tuples(EVENTS, EVENTS).map(lambda two: encode(two[0])[:-1] + encode(two[1])[:-1]),
    st.just(b" "),
)


@given(st.lists(broken, max_size=8))
def test_lines_decoded_together_are_what_they_are_each(lines):
    assert decode_lines(lines) == [decode(line) for line in lines]


def test_an_event_cut_in_two_lines_beside_two_in_one_is_told():
    event = encode(Log(time=1.0, run="r", level="info", message="x"))[:-1]
    lines = [event + event, event[:20], event[20:]]
    assert decode_lines(lines) == [decode(line) for line in lines]
