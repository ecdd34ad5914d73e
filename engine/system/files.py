"""Small files whole, large ones by lines: read with bounds, written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

import msgspec

from engine.system import lock

MAX_FILE = 4 * 1024 * 1024
"""Bytes beyond which a small file of a run (run.json, status.json) is not read."""
DAMAGED = (OSError, msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What reading a file raises that is missing, damaged or hostile."""
_USUAL_FILE = 32 * 1024
"""Bytes of a usual small file: a first read makes room for so many."""


def read_small(path: str | os.PathLike[str], folder: int | None = None) -> bytes:
    """Return a small file's bytes; links and files over ``MAX_FILE`` are refused with OSError.

    Args:
        path: The file.
        folder: The descriptor of the folder that a relative path begins in; None for the working folder.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        data = os.read(handle, _USUAL_FILE)
        if len(data) == _USUAL_FILE:
            data += os.read(handle, MAX_FILE + 1 - _USUAL_FILE)
    finally:
        os.close(handle)
    if len(data) > MAX_FILE:
        raise OSError(f"{Path(path).name} is larger than {MAX_FILE} bytes")
    return data


def write_atomic(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Replace a file in one step: readers see all of the old or all of the new; only its owner may read it.

    Args:
        sync: Whether it has to be on the disk before it has its name.

    Raises:
        OSError: It cannot be written; what stood there before still does.
    """
    with draft_of(path) as draft:
        handle = create_private(draft)
        try:
            write_all(handle, data)
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def draft_of(path: Path, name: str = "") -> Iterator[Path]:
    """Yield a path beside ``path`` to write to: it takes that name in one step when the block ends, else it is removed.

    Args:
        name: A fixed name, where a new draft replaces the one that a killed process left; unique where it is empty.

    Raises:
        OSError: It cannot take the name; what stood there before still does.
    """
    draft = path.with_name(name or f".{path.name}.{os.getpid()}.{os.urandom(2).hex()}")
    if name:
        draft.unlink(missing_ok=True)
    try:
        yield draft
        lock.confirm()
        draft.replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def create_private(path: Path) -> int:
    """Open a new file for writing that only its owner may read, and return its descriptor.

    Raises:
        OSError: It cannot be made, or is there already.
    """
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


def write_over(path: Path, data: bytes) -> None:
    """Put other contents into the blocks that a file has, in one write; blanks follow what is shorter.

    Raises:
        OSError: It needs more blocks than it has, or cannot be written.
    """
    lock.confirm()
    handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        info = os.fstat(handle)
        if len(data) > 512 * info.st_blocks:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write_all(handle, data.ljust(info.st_size))
    finally:
        os.close(handle)


def write_all(handle: int, data: bytes | memoryview) -> None:
    """Write all of ``data``: one write may take a part of it only, before a disk is full or after a signal.

    Raises:
        OSError: It cannot be written; a part of it may have been.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(handle, left) :]


class LineWriter:
    """Writes lines to an open file; one of which a part only could be written stays a line of its own.

    Args:
        handle: The open file.
        torn: Whether the last line in it has no end.
    """

    def __init__(self, handle: int, *, torn: bool = False) -> None:
        self._handle = handle
        self.torn = torn
        """Whether the last line has no end."""

    def write(self, line: bytes) -> None:
        """Write a line that ends with its newline.

        Raises:
            OSError: It cannot be written; a part of it may have been.
        """
        data = b"\n" + line if self.torn else line
        self.torn = True
        write_all(self._handle, data)
        self.torn = False


def tail(path: str | os.PathLike[str], offset: int, limit: int = 256 * 1024) -> tuple[list[bytes], int]:
    """Return the whole lines after ``offset``, from at most ``limit`` bytes, and the offset after them.

    A torn last line is left for the next call; a line longer than ``limit`` is read whole unless it is absurd.
    A path that cannot be read has no lines.
    """
    data, end = _whole_lines(path, offset, limit)
    return data.split(b"\n")[:-1], end


def tail_with(
    path: str | os.PathLike[str], offset: int, limit: int, words: Collection[bytes]
) -> tuple[list[bytes], int]:
    """Return the whole lines after ``offset`` that have one of some words in them, and the offset after the last.

    It is quick where such lines are few: the bytes between them are searched, not split into lines.

    Args:
        path: The file; one that cannot be read has no lines.
        offset: Bytes to pass over.
        limit: Bytes to read at most, beside a longer line.
        words: What a line has to hold one of.
    """
    data, end = _whole_lines(path, offset, limit)
    spans: set[tuple[int, int]] = set()
    for word in words:
        at = data.find(word)
        while at >= 0:
            stop = data.find(b"\n", at)
            spans.add((data.rfind(b"\n", 0, at) + 1, stop))
            at = data.find(word, stop)
    return [data[begin:stop] for begin, stop in sorted(spans)], end


def _whole_lines(path: str | os.PathLike[str], offset: int, limit: int) -> tuple[bytes, int]:
    """Return the bytes of whole lines, the last of which ends with its newline, and the offset after them."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b"", offset
    try:
        return _read_lines(handle, offset, limit)
    except OSError:  # a folder or a pipe in the place of the file
        return b"", offset
    finally:
        os.close(handle)


def _read_lines(handle: int, offset: int, limit: int) -> tuple[bytes, int]:
    if not stat.S_ISREG(os.fstat(handle).st_mode):  # a device may have no end
        return b"", offset
    data = os.pread(handle, limit, offset)
    if data.startswith(b"\0") and (after := _end_of_hole(handle, offset)) > offset:
        return b"", after
    if b"\n" not in data and len(data) == limit:
        parts, size = [data], limit
        while b"\n" not in parts[-1]:
            if size > MAX_FILE:  # no event is that long: pass over this part of it
                return b"", offset + size
            parts.append(os.pread(handle, limit, offset + size))
            size += len(parts[-1])
            if not parts[-1]:
                return b"", offset
        data = b"".join(parts)
    end = data.rfind(b"\n") + 1
    return data[:end], offset + end


def _end_of_hole(handle: int, offset: int) -> int:
    """Return where data begins again in a file with a hole at ``offset``: it may be gigabytes on."""
    try:
        return os.lseek(handle, offset, os.SEEK_DATA)
    except OSError as error:
        return os.fstat(handle).st_size if error.errno == errno.ENXIO else offset


def older_part(path: Path) -> Path:
    """Return where the older part of a file lies that has a limit and went on anew."""
    return path.with_name(f"{path.name}.1")


def last_lines(path: Path, limit: int = 64 * 1024) -> list[bytes]:
    """Return the last whole lines of a file, from at most ``limit`` bytes, those of its older part before them."""
    lines, size = _last_lines(path, limit)
    if 0 < size < limit:
        return [*_last_lines(older_part(path), limit - size)[0], *lines]
    return lines


def _last_lines(path: Path, limit: int) -> tuple[list[bytes], int]:
    """Return the last whole lines of one file, and the bytes that it has."""
    try:
        size = path.lstat().st_size
    except OSError:
        return [], 0
    lines, _ = tail(path, max(0, size - limit), limit)
    return (lines if size <= limit else lines[1:]), size
