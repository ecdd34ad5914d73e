"""The log that wandb writes: records in LevelDB's framing, each a protobuf message. Read by the standard library.

::

    file    ":W&B" magic version, then blocks of 32 KiB
    block   pieces, until fewer than 7 bytes are left
    piece   checksum (4), size (2), kind (1): a whole record, or its first, a middle or its last part; then the data
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import IO

BLOCK = 32 * 1024
HEADER = 7
MAGIC = b":W&B"
MAX_RECORD = 16 * 1024 * 1024
"""Bytes beyond which a record is passed over."""
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5


class TornLog(Exception):  # noqa: N818  it is caught here, and told as a remark
    """The log ends in the middle of a record, or is damaged after those that were read."""


def records(file: IO[bytes]) -> Iterator[bytes]:
    """Yield the records of a log, from behind the header of the file.

    Raises:
        TornLog: It is not whole; the message says what is wrong.
    """
    record: bytearray | None = None
    at = file.tell()
    while True:
        left = BLOCK - at % BLOCK
        if left < HEADER:
            file.read(left)
            at += left
        head = file.read(HEADER)
        if not head:
            if record is not None:
                raise TornLog("it ends in the middle of one")
            return
        if len(head) < HEADER:
            raise TornLog("it ends in the middle of one")
        checksum, size, kind = struct.unpack("<IHB", head)
        data = file.read(size)
        at += HEADER + len(data)
        if len(data) < size:
            raise TornLog("it ends in the middle of one")
        if kind == 0 and size == 0:  # room that was set aside and never written
            return
        if zlib.crc32(bytes([kind]) + data) != checksum:
            raise TornLog("it is damaged after that")
        if kind in (_WHOLE, _FIRST):
            record = bytearray()
        if record is None or kind not in (_WHOLE, _FIRST, _MIDDLE, _LAST):
            raise TornLog("it is damaged after that")
        if len(record) <= MAX_RECORD:
            record += data
        if kind in (_WHOLE, _LAST):
            if len(record) <= MAX_RECORD:
                yield bytes(record)
            record = None


def fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the number and the value of each field of a protobuf message: a whole number, or bytes.

    Raises:
        ValueError: It is no message.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        size = {_EIGHT: 8, _FOUR: 4}.get(kind)
        if size is None:
            if kind != _BYTES:
                raise ValueError("this is no protobuf message")
            size, at = _varint(message, at)
        if at + size > len(message):
            raise ValueError("this is no protobuf message")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, and where it ends."""
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("this is no protobuf message")
