"""Protocol 1 between this machine and a far end: frames of one JSON line with ``n`` raw bytes behind it.

The far end's output begins after a line of its own: what shells print before it is passed over. All that arrives is
taken as a stranger's: names are of a list, sizes have bounds, and whatever is wrong is one ``FrameError``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

import msgspec

from engine.runs.store import is_run_id
from engine.sites.far_end_messages import MAX_BODY, Head, HeadOfRun
from engine.sites.ssh_command import SiteError

PROTOCOL = 1
MARKER = b"VITUI-FAR-END 1\n"
"""The line after which the far end's output is frames."""
MAX_HEAD = 64 * 1024
"""Bytes of a frame's line."""
MAX_NOISE = 1024 * 1024
"""Bytes that shells may print before the marker."""
PIECE = 256 * 1024
"""Bytes of a file that one frame carries, and that are read at once."""


class FrameError(SiteError):
    """The other end does not speak this protocol, or says what cannot be."""


H = TypeVar("H", bound=Head)


class Frame(NamedTuple, Generic[H]):
    """A frame that has arrived whole."""

    head: H
    body: bytes


def encode(head: Head, body: bytes = b"") -> bytes:
    """Return a frame as it is sent.

    Raises:
        FrameError: It is longer than the other end takes.
    """
    line = msgspec.json.encode(msgspec.structs.replace(head, n=len(body)))
    if len(line) >= MAX_HEAD or len(body) > MAX_BODY:
        raise FrameError(f"{type(head).__name__.lower()}: too much for one frame")
    return line + b"\n" + body


class FrameReader(Generic[H]):
    """Makes frames of bytes as they arrive; holds one frame and one piece at most.

    Args:
        decoder: What the other end may say.
        marked: Whether its output begins with the marker.
    """

    def __init__(self, decoder: msgspec.json.Decoder[H], *, marked: bool = False) -> None:
        self._decoder = decoder
        self._buffer = bytearray()
        self._noise = 0 if marked else -1
        """Bytes passed over before the marker; -1 behind it."""
        self._head: H | None = None

    @property
    def is_open(self) -> bool:
        """Whether the marker has come."""
        return self._noise < 0

    @property
    def unread(self) -> bytes:
        """What has arrived and is no frame yet; before the marker, what the shell said last."""
        return bytes(self._buffer[-2048:])

    def feed(self, data: bytes) -> Iterator[Frame[H]]:
        """Yield the frames that are whole with some more bytes.

        Raises:
            FrameError: They are none of the protocol; nothing more can be read.
        """
        self._buffer += data
        if not self.is_open and not self._find_marker():
            return
        while (frame := self._next()) is not None:
            yield frame

    def _find_marker(self) -> bool:
        at = self._buffer.find(MARKER)
        while at > 0 and self._buffer[at - 1] != ord("\n"):
            at = self._buffer.find(MARKER, at + 1)
        if at >= 0:
            del self._buffer[: at + len(MARKER)]
            self._noise = -1
            return True
        surplus = len(self._buffer) - 4096
        if surplus > 0:
            del self._buffer[:surplus]
            self._noise += surplus
        if self._noise > MAX_NOISE:
            raise FrameError("its shell prints without end: no far end answered")
        return False

    def _next(self) -> Frame[H] | None:
        if self._head is None:
            end = self._buffer.find(b"\n", 0, MAX_HEAD)
            if end < 0:
                if len(self._buffer) >= MAX_HEAD:
                    raise FrameError("a line of it has no end")
                return None
            self._head = self._decode(bytes(self._buffer[:end]))
            del self._buffer[: end + 1]
        head = self._head
        if len(self._buffer) < head.n:
            return None
        body = bytes(self._buffer[: head.n])
        del self._buffer[: head.n]
        self._head = None
        return Frame(head, body)

    def _decode(self, line: bytes) -> H:
        try:
            head = self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise FrameError(f"it says what this version does not understand: {error}") from None
        if isinstance(head, HeadOfRun) and not is_run_id(head.run):
            raise FrameError("it names a run that cannot be one")
        return head
