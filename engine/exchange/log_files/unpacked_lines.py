"""The lines of a text file, whatever its encoding; packed by gzip or not, with bounded memory."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
import stat
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from engine.events import LATEST
from engine.exchange.log_files.skipped import Skipped
from engine.exchange.optional_packages import ExchangeError

MAX_LINE = 1024 * 1024
"""Characters beyond which a line is passed over."""
MAX_DOCUMENT = 32 * 1024 * 1024
"""Characters of a JSON document beyond which it is refused: it is in memory as a whole."""
MAX_TEXT = 1 << 30
"""Characters beyond which a file is refused: one that is packed can become any size."""
HEAD = 4096
"""Bytes from which the encoding is told."""
MAGIC = {
    b"PK\x03\x04": "a zip archive or a spreadsheet: unpack it, or save it as CSV",
    b"\xd0\xcf\x11\xe0": "a spreadsheet: save it as CSV",
    b"BZh": "packed by bzip2: unpack it",
    b"\xfd7zXZ": "packed by xz: unpack it",
    b"\x28\xb5\x2f\xfd": "packed by zstd: unpack it",
    b"PAR1": "Parquet: save it as CSV",
    b"\x89HDF": "HDF5: save it as CSV",
    b"\x93NUMPY": "an array of NumPy: save it as CSV",
    b"SQLite format 3": "a database: export it as CSV",
    b"%PDF": "a PDF",
    b"\x80\x02": "a pickle, which is not read: save it as CSV",
    b"\x80\x03": "a pickle, which is not read: save it as CSV",
    b"\x80\x04": "a pickle, which is not read: save it as CSV",
    b"\x80\x05": "a pickle, which is not read: save it as CSV",
}
"""How files begin that are no text, and what they are."""
BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NO_UTF8 = re.compile("[\udc80-\udcff]")


class TextLines:
    """A file's lines with their numbers, which can be gone through once.

    Args:
        path: The file.
        content: What is in it, where that does not lie there.

    Raises:
        ExchangeError: It cannot be read, or is no text.
    """

    def __init__(self, path: Path, content: bytes | None = None) -> None:
        self.path = path
        self.notes: list[str] = []
        self.skipped = Skipped()
        raw: Any
        raw, self.written = _open(path) if content is None else (io.BytesIO(content), time.time())
        """When the file was written, in seconds since the epoch."""
        packed = io.BufferedReader(raw)
        is_packed = packed.peek(2)[:2] == b"\x1f\x8b"
        file: Any = gzip.GzipFile(fileobj=packed) if is_packed else packed
        self._closing = packed
        try:
            encoding = self._encoding(file.peek(HEAD)[:HEAD])
        except (EOFError, OSError, zlib.error) as error:
            packed.close()
            raise ExchangeError(f"{path} cannot be read: {error}") from None
        except ExchangeError:
            packed.close()
            raise
        errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
        self._file = io.TextIOWrapper(file, encoding=encoding, errors=errors, newline="")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._closing.close()

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Yield each line's number and text, with its end; those that are no text or too long are passed over."""
        number, size, is_cut = 0, 0, False
        while line := self._next(number):
            size += len(line)
            if size > MAX_TEXT:
                raise ExchangeError(f"{self.path}, line {number}: there are over {MAX_TEXT:,} characters")
            is_whole = line.endswith(("\n", "\r"))
            if is_cut:
                is_cut = not is_whole
                continue
            number += 1
            if number == 1 and not is_whole and line.lstrip("\ufeff \t").startswith(("{", "[")):
                line = self._document(line)
                size += len(line)
                is_whole = True
            if len(line) >= MAX_LINE and not is_whole:
                is_cut = True
                self.skipped.add(f"a line of over {MAX_LINE:,} characters", number)
            elif "\0" in line:
                self.skipped.add("a line with bytes that are no text", number)
            else:
                yield number, self._decoded(number, line)

    def _document(self, line: str) -> str:
        """Return the rest of a JSON document that stands on a line too long for any other.

        Raises:
            ExchangeError: It is longer than a document may be.
        """
        parts, size = [line], len(line)
        while not parts[-1].endswith(("\n", "\r")) and (more := self._next(1)):
            size += len(more)
            if size > MAX_DOCUMENT:
                raise ExchangeError(f"{self.path} is a JSON document of over {MAX_DOCUMENT:,} characters")
            parts.append(more)
        return "".join(parts)

    def _next(self, number: int) -> str:
        try:
            return self._file.readline(MAX_LINE)
        except (EOFError, zlib.error):
            self.notes.append(f"{self.path}, line {number}: the packed file ends or is damaged after that")
            return ""
        except OSError as error:
            raise ExchangeError(f"{self.path} cannot be read: {error.strerror or error}") from None

    def _decoded(self, number: int, line: str) -> str:
        """Return a line; one that is no UTF-8 as older Windows programs mean it."""
        if _NO_UTF8.search(line) is None:
            return line.lstrip("\ufeff")  # files may have been put together
        if not any("UTF-8" in note for note in self.notes):
            self.notes.append(
                f"line {number} is no UTF-8 text: it is read as Windows-1252 (Latin-1), "
                "and letters that are not English may be others"
            )
        data = line.encode("utf-8", "surrogateescape")
        try:
            return data.decode("cp1252")
        except UnicodeDecodeError:
            return data.decode("latin-1")

    def _encoding(self, head: bytes) -> str:
        """Return the encoding that the beginning of a file speaks for."""
        for bom, encoding in BOMS:
            if head.startswith(bom):
                return encoding
        what = next((what for magic, what in MAGIC.items() if head.startswith(magic)), None)
        if what is not None:
            raise ExchangeError(f"{self.path} is {what}")
        if b"\0" not in head.partition(b"\n")[0]:
            return "utf-8-sig"
        even, odd = head[::2].count(0), head[1::2].count(0)
        if min(even, odd) == 0 and max(even, odd) * 4 > len(head):
            return "utf-16-be" if even else "utf-16-le"
        raise ExchangeError(f"{self.path}, line 1: this is no text")


def _open(path: Path) -> tuple[io.RawIOBase, float]:
    """Return an open file, and when it was written."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            os.close(handle)
            raise ExchangeError(f"{path} is no file")
    except (OSError, ValueError) as error:
        raise ExchangeError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from None
    return io.FileIO(handle), min(max(0.0, info.st_mtime), LATEST)
