"""Runs of a site as they are kept here: frames of its far end, written into the folders of the runs that it has.

A run that was not posted to the site, or no longer is, is never touched, and of a run that was, only the files that
its process there writes: not its run.json, nor its place in any queue. Whatever the far end says, no link is followed,
no other name is written, and nothing that it sends is run, unpacked or loaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import get_args

from engine.runs.posted.posting import posting_of
from engine.runs.store import Run, Store, StoreError
from engine.sites.far_end_frames import FrameError
from engine.sites.far_end_messages import Again, Append, Held, Put, WholeFile
from engine.system.files import write_all

MOST_EVENTS = 16 * 1024**3
"""Bytes of events.jsonl beyond which a far end is not believed."""
_WHOLE: tuple[WholeFile, ...] = get_args(WholeFile)


class Mirror:
    """The runs of one site in a folder of runs here.

    Args:
        store: The folder of runs here.
        site: The site's name.
    """

    def __init__(self, store: Store, site: str) -> None:
        self._store = store
        self._site = site

    def held(self, run: Run) -> Held:
        """Return what is here of a run, after cutting a torn line off its events.

        Raises:
            StoreError: Its files are links, or cannot be read.
        """
        try:
            with _folder_of(run) as folder:
                times = {name: time for name in _WHOLE if (time := _time(folder, name))}
                console = _size(folder, "console.log")
                return Held(events=_cut(folder, "events.jsonl"), console=console, times=times)
        except OSError as error:
            raise _failure(run, error) from None

    def put(self, head: Put, body: bytes) -> None:
        """Replace a file of a run.

        Raises:
            StoreError: It cannot be written.
        """
        if (run := self._own(head.run)) is None:
            return
        try:
            with _folder_of(run) as folder:
                _replace(folder, head.file, body, head.time)
        except OSError as error:
            raise _failure(run, error) from None

    def append(self, head: Append, body: bytes) -> Again | None:
        """Add to a file of a run; return what is to be sent again where that is not what comes next.

        Raises:
            FrameError: It is no whole line of events.
            StoreError: It cannot be written.
        """
        if head.file == "events.jsonl" and not body.endswith(b"\n"):
            raise FrameError("it sends half a line of events")
        if (run := self._own(head.run)) is None:
            return None
        try:
            with _folder_of(run) as folder:
                return self._append(folder, head, body)
        except OSError as error:
            raise _failure(run, error) from None

    def _append(self, folder: int, head: Append, body: bytes) -> Again | None:
        size = _size(folder, head.file)
        if size != head.at:
            at = _cut(folder, head.file) if head.file == "events.jsonl" else 0
            return Again(run=head.run, file=head.file, at=at)
        if size + len(body) > MOST_EVENTS:
            raise FrameError("it sends more events than a run can have")
        handle = os.open(
            head.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600, dir_fd=folder
        )
        try:
            write_all(handle, body)
        except OSError:
            os.ftruncate(handle, size)  # no torn line stays: it is asked for again
            raise
        finally:
            os.close(handle)
        if head.time:
            os.utime(head.file, ns=(head.time, head.time), dir_fd=folder, follow_symlinks=False)
        return None

    def _own(self, name: str) -> Run | None:
        """Return a run that is the site's at this moment, None for any other."""
        run = Run(f"{self._store.root}/{name}")
        posting = posting_of(run)
        return run if posting is not None and posting.site.name == self._site else None


@contextmanager
def _folder_of(run: Run) -> Iterator[int]:
    """Yield the descriptor of a run's own folder: what is put in its place meanwhile is not written to."""
    folder = os.open(run.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield folder
    finally:
        os.close(folder)


def _size(folder: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def _time(folder: int, name: str) -> int:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:
        return 0


def _cut(folder: int, name: str) -> int:
    """Cut a torn last line off a file and return the bytes that it has then."""
    try:
        handle = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return 0
    try:
        end = size = os.fstat(handle).st_size
        while end > 0:
            begin = max(0, end - 65536)
            if (newline := os.pread(handle, end - begin, begin).rfind(b"\n")) >= 0:
                end = begin + newline + 1
                break
            end = begin
        if end < size:
            os.ftruncate(handle, end)
        return end
    finally:
        os.close(handle)


def _replace(folder: int, name: str, body: bytes, time: int) -> None:
    draft = f".{name}.{os.getpid()}.{os.urandom(2).hex()}"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        try:
            write_all(handle, body)
        finally:
            os.close(handle)
        os.utime(draft, ns=(time, time), dir_fd=folder)
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(draft, dir_fd=folder)
        raise


def _failure(run: Run, error: OSError) -> StoreError:
    return StoreError(
        f"{run.id} cannot be written: {error.strerror or error}: {error.filename or run.folder}"
    )
