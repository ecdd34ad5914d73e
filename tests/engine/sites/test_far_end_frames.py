"""Frames as they are cut anywhere, and whatever else arrives: one error, and never more than one frame in memory."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.sites import far_end_frames, far_end_messages
from engine.sites.far_end_frames import MARKER, FrameError, FrameReader, encode
from engine.sites.far_end_messages import FROM_FAR, FROM_NEAR

HEADS = [
    (far_end_messages.FarHello(v=1, engine="0.1", host="box", now=1.0), b""),
    (far_end_messages.Append(run="a-s0", file="events.jsonl", at=0), b'{"event":"log"}\n'),
    (far_end_messages.Put(run="a-s0", file="status.json", time=7), b"\0\n\xff"),
    (far_end_messages.Looked(), b""),
]
SENT = b"".join(encode(head, body) for head, body in HEADS)


@given(st.lists(st.integers(0, len(SENT))), st.sampled_from([b"", b"motd\nhello\n", b"no VITUI-FAR-END 1\n"]))
def test_frames_arrive_whole_however_they_are_cut(cuts, noise):
    sent = noise + MARKER + SENT
    reader, at, got = FrameReader(FROM_FAR, marked=True), 0, []
    for cut in [*sorted(cuts), len(sent)]:
        got += reader.feed(sent[at:cut])
        at = max(at, cut)
    assert [(msgspec.structs.replace(frame.head, n=0), frame.body) for frame in got] == HEADS


@given(st.binary(max_size=300), st.booleans())
@example(b'{"op":"put","run":"../a","file":"status.json","time":0}\n', False)
@example(b'{"op":"put","run":"a","file":"run.json","time":0}\n', False)
@example(b'{"op":"put","run":"a","file":"status.json","time":0,"n":99999999999}\n', False)
@example(b'{"op":"pong","t":1e999,"now":NaN}\n', False)
@example(b"[" * 60_000 + b"\n", False)
@example(b"x" * 70_000, False)
@example(b"x" * 2_000_000, True)
@example(b'{"op":"append","run":"a\\n","file":"events.jsonl","at":0}\n', False)
def test_any_bytes_raise_one_error_at_most_and_are_not_kept(data, marked):
    for decoder in (FROM_FAR, FROM_NEAR):
        reader = FrameReader(decoder, marked=marked)
        try:
            for at in range(0, len(data), far_end_frames.PIECE):
                list(reader.feed(data[at : at + far_end_frames.PIECE]))
        except FrameError:
            pass
        assert (
            len(reader._buffer) <= far_end_frames.MAX_HEAD + far_end_messages.MAX_BODY + far_end_frames.PIECE
        )


@pytest.mark.parametrize(
    "name", ["run.json", "queued.json", "control", "../../x", "labels.json", "posted.json"]
)
def test_only_files_of_the_list_are_named(name):
    line = b'{"op":"append","run":"a","file":"%s","at":0}\n' % name.encode()
    with pytest.raises(FrameError):
        list(FrameReader(FROM_FAR).feed(line))


def test_what_is_too_long_is_not_sent():
    with pytest.raises(FrameError):
        encode(far_end_messages.Looked(), bytes(far_end_messages.MAX_BODY + 1))
    with pytest.raises(FrameError):
        encode(far_end_messages.Done(id="1", code=0, text="x" * far_end_frames.MAX_HEAD))
