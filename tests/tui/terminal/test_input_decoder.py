"""Any byte may come from a terminal: none ends the app, and the next key is heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from tui.terminal import input_decoder
from tui.terminal.input_decoder import InputDecoder


def keys(decoder: InputDecoder, data: bytes) -> list[str]:
    return [event.key for event in decoder.feed(data) if isinstance(event, events.Key)]


@pytest.mark.parametrize(
    "data",
    [b"\xff", b"\xe9a", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", bytes(range(128, 256)) * 8,
     b"\x1b[99999999u", b"\x1b[<0;0;0M", b"\x1b[?2026;9$y", b"\x9b\x9d\x90", b"\x1b\xff", b"\x1b[\xff"],
)  # fmt: skip
def test_the_key_behind_any_bytes_is_heard(data: bytes) -> None:
    decoder = InputDecoder()
    list(decoder.feed(data))
    list(decoder.feed(b"z" * 40))  # an unfinished sequence is no longer than that
    assert keys(decoder, b"k") == ["k"]


def test_a_character_may_come_in_halves() -> None:
    decoder = InputDecoder()
    assert keys(decoder, b"\xc3") == []
    (event,) = decoder.feed(b"\xa9")
    assert isinstance(event, events.Key)
    assert event.character == "é"


def test_what_is_no_text_becomes_one_character() -> None:
    (event,) = InputDecoder().feed(b"\xff\xfe\xff" * 100)
    assert isinstance(event, events.Key)
    assert event.character == "\ufffd"


BINARY = bytes(range(0x80, 0x100)) + b"\x00\x07\x1b]52;c;\x1b[31m\x1bq\x1b[2"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 4096])
def test_what_is_pasted_is_one_paste_and_no_keys(size: int) -> None:
    decoder, data = InputDecoder(), b"j\x1b[200~" + BINARY + b"\x1b[201~k\x1b[200~two\x1b[201~"
    said = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    told = [event.text if isinstance(event, events.Paste) else getattr(event, "key", event) for event in said]
    assert told[0] == "j"
    assert told[1].endswith("\x1bq\x1b[2")
    assert "\x00" not in told[1]
    assert told[2:] == ["k", "two"]


@pytest.mark.parametrize("size", [7, 16, 4096])
def test_of_a_long_paste_the_beginning_is_kept(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(input_decoder, "MOST_PASTED", 20)
    decoder, data = InputDecoder(), b"\x1b[200~0123456789abcdef" + b"1~jq" * 99 + b"\x1b[201~k"
    said = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])]
    (paste, key) = said
    assert isinstance(paste, events.Paste)
    assert paste.text == "0123456789abcdef1~jq"
    assert isinstance(key, events.Key)
    assert key.key == "k"


def test_a_paste_whose_end_is_lost_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = InputDecoder()
    assert list(decoder.feed(b"\x1b[200~lost")) == []
    assert list(decoder.tick()) == []
    monkeypatch.setattr(input_decoder, "PATIENCE_S", -1.0)
    (event,) = decoder.tick()
    assert isinstance(event, events.Paste)
    assert keys(decoder, b"k") == ["k"]


@given(st.lists(st.binary(max_size=64), max_size=8))
def test_no_bytes_end_it(pieces: list[bytes]) -> None:
    decoder = InputDecoder()
    for piece in pieces:
        list(decoder.feed(piece))
        list(decoder.tick())
