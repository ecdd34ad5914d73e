"""Messages on the disk: what was told is told once, also where a worker is killed at any moment.

::

    runs/.notify/RUN.watch   a run whose end makes a message
    runs/.notify/ID.json     a message: waiting, sent or lost; kept for a while, so that it is not made again

The worker and the bridge of a folder share it. Files of other users are passed over.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import UserError
from engine.notifications.message import Message
from engine.runs.store import is_run_id
from engine.system import lock
from engine.system.files import DAMAGED, read_small, write_atomic
from engine.system.permissions import is_own

FOLDER = ".notify"
WATCH, MESSAGE = ".watch", ".json"
ADDING_S = 2.0
"""Seconds to wait for another process that adds a message."""
MOST_WAITING = 200
"""Messages that wait at most; a further one is lost, and told as that."""
KEPT_S = 7 * 86_400.0
MOST_KEPT = 2000
LATE_S = 86_400.0
"""Seconds after which a message is news no longer, and is not sent."""


class Letter(msgspec.Struct, kw_only=True, frozen=True):
    """A message and what became of it."""

    message: Message
    state: Literal["waiting", "sent", "lost"] = "waiting"
    tries: int = 0
    next: float = 0.0
    """Seconds since the epoch before which it is not tried again."""
    why: str = ""
    """Why the last try did not reach anybody; holds nothing of an address."""
    at: float = 0.0
    """When that was known."""


class Outbox:
    """The messages of a folder of runs; nothing is made before there is a message or a run to watch.

    Args:
        root: The folder of runs.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._settled: set[str] = set()
        """Messages of which is known that they do not wait."""

    @contextlib.contextmanager
    def sending(self) -> Iterator[bool]:
        """Yield whether this process alone may send now."""
        try:
            with lock.hold(self._folder / "lock", 0.0):
                yield True
        except (lock.LockHeld, OSError):
            yield False

    # ---- runs that are watched

    def watch(self, run_id: str) -> None:
        """Keep in mind that a run's end makes a message.

        Raises:
            OSError: It cannot be written.
        """
        self._write(run_id + WATCH, b"")

    def watched(self) -> list[str]:
        """Return the ids of runs whose end makes a message."""
        ids = [name.removesuffix(WATCH) for name in self._names(WATCH)]
        return [run_id for run_id in ids if is_run_id(run_id)]

    def unwatch(self, run_id: str) -> None:
        """Forget a run whose end has made its message, or makes none."""
        with contextlib.suppress(OSError):
            (self._folder / (run_id + WATCH)).unlink()

    # ---- messages

    def add(self, message: Message) -> bool:
        """Have a message wait; return whether it is a new one.

        Raises:
            OSError: It cannot be written, or another process adds one for longer than that takes.
        """
        self._make_folder()
        try:
            with lock.hold(self._folder / "adding", ADDING_S):
                return self._add(message)
        except lock.LockHeld:
            raise OSError(errno.EAGAIN, "another process adds a message") from None

    def _add(self, message: Message) -> bool:
        if self._read(message.id) is not None:
            return False
        letter = Letter(message=message)
        if len(self.waiting()) >= MOST_WAITING:
            letter = Letter(message=message, state="lost", why=f"{MOST_WAITING} others wait", at=time.time())
        self.put(letter)
        return True

    def put(self, letter: Letter) -> None:
        """Write down what became of a message.

        Raises:
            OSError: It cannot be written.
        """
        self._write(letter.message.id + MESSAGE, msgspec.json.encode(letter))

    def waiting(self) -> list[Letter]:
        """Return the messages that are not sent yet, the oldest first."""
        found = []
        for name in self._names(MESSAGE):
            if name in self._settled:
                continue
            letter = self._read(name.removesuffix(MESSAGE))
            if letter is not None and letter.state == "waiting":
                found.append(letter)
            else:
                self._settled.add(name)
        return sorted(found, key=lambda letter: letter.message.time)

    def still_waiting(self, message_id: str) -> Letter | None:
        """Return a message as it is now; None where it waits no longer."""
        letter = self._read(message_id)
        return letter if letter is not None and letter.state == "waiting" else None

    def letters(self) -> list[Letter]:
        """Return all messages that are kept, the oldest first."""
        letters = [self._read(name.removesuffix(MESSAGE)) for name in self._names(MESSAGE)]
        return sorted(
            (letter for letter in letters if letter is not None), key=lambda letter: letter.message.time
        )

    def tidy(self, now: float) -> None:
        """Forget messages that were sent or lost long ago."""
        aged = []
        for name in self._names(MESSAGE):
            with contextlib.suppress(OSError):
                aged.append(((self._folder / name).lstat().st_mtime, name))
        aged.sort(reverse=True)
        for place, (written, name) in enumerate(aged):
            is_old = now - written > KEPT_S or place >= MOST_KEPT
            if is_old and self.still_waiting(name.removesuffix(MESSAGE)) is None:
                with contextlib.suppress(OSError):
                    (self._folder / name).unlink()
                self._settled.discard(name)

    # ---- files

    def _names(self, ending: str) -> list[str]:
        """Return the names of this user's files with an ending."""
        names = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.endswith(ending) and not entry.name.startswith("."):
                        info = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(info.st_mode) and is_own(info):
                            names.append(entry.name)
        except OSError:
            return []
        return sorted(names)

    def _read(self, message_id: str) -> Letter | None:
        path = self._folder / (message_id + MESSAGE)
        try:
            if not is_own(path.lstat()):
                return None
            letter = msgspec.json.decode(read_small(path), type=Letter)
        except (*DAMAGED, UserError):
            return None
        return letter if letter.message.id == message_id else None

    def _write(self, name: str, data: bytes) -> None:
        self._make_folder()
        write_atomic(self._folder / name, data)

    def _make_folder(self) -> None:
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        info = self._folder.lstat()
        if not stat.S_ISDIR(info.st_mode) or not is_own(info):
            raise OSError(errno.EPERM, f"{self._folder} is no folder of yours")
