"""What is new in the runs that a near end follows: a far end's look at its folder, with as little work as can be.

A run that lives is looked at each time. Of the others only the time of the folder is asked, once a second: all that
changes in a run that does not live begins with a file that is replaced or made.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

from engine.remote.other_machine.far_verdict import verdict_on
from engine.runs import worker_status
from engine.runs.posted import site_status
from engine.runs.status import ENDED, LIVE
from engine.runs.store import Run, Store
from engine.sites.far_end_frames import PIECE
from engine.sites.far_end_messages import (
    TAIL,
    Append,
    Gone,
    Head,
    Held,
    LineFile,
    Looked,
    Put,
    Verdict,
    WholeFile,
)
from engine.system.files import DAMAGED, read_small

SLOW_S = 1.0
"""Seconds between two looks at runs that do not live."""
JUDGED_S = 30.0
"""Seconds after which a run without an end is judged anew, even where nothing has changed."""
MOST_STATS = 2000
"""Folders that are asked for their time each second at most."""
TOO_LONG = 4 * 1024 * 1024
"""Bytes of the longest line of events that is sent."""
MOST_CONSOLE = 16 * TAIL
"""Bytes of a console.log there after which it begins anew with its last part."""
_WHOLE: tuple[WholeFile, ...] = get_args(WholeFile)

News = tuple[Head, bytes]


@dataclass
class _Followed:
    """A run and how much of it the near end has."""

    run: Run
    events: int = 0
    """Bytes of events.jsonl."""
    console: int = 0
    """Bytes of console.log here, and below there: it has the last part only."""
    console_there: int = 0
    times: dict[WholeFile, int] = field(default_factory=dict)
    changed: int = -1
    """When the folder was changed at the last look."""
    verdict: Verdict | None = None
    judged: float = 0.0
    """When that was asked, by the monotonic clock."""

    @property
    def is_live(self) -> bool:
        return self.verdict is not None and self.verdict.state in LIVE


class FollowedRuns:
    """The runs that a near end has asked for; for one thread.

    Args:
        store: The folder of runs here.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._followed: dict[str, _Followed] = {}
        self._slow_at = 0.0
        self._signature: tuple[int, ...] = ()
        self._is_new = False

    def follow(self, held: Mapping[str, Held]) -> None:
        """Tell of these runs from now on, by their ids: what is not held yet."""
        for name, has in held.items():
            self._followed[name] = _Followed(
                Run(self._store.root / name), events=has.events, console=-1, console_there=has.console,
                times=dict(has.times),
            )  # fmt: skip
        self._slow_at, self._is_new = 0.0, True

    def forget(self, name: str) -> None:
        """Tell of a run no longer."""
        self._followed.pop(name, None)

    def again(self, name: str, file: LineFile, at: int) -> None:
        """Go on with a file where the near end is; its console.log is shown from anew."""
        if (one := self._followed.get(name)) is None:
            return
        if file == "events.jsonl":
            one.events = at
        else:
            one.times.pop("console.log", None)
        one.changed = -1
        self._slow_at = 0.0

    def not_ended(self) -> list[Run]:
        """Return the runs that have not ended as far as is known, or may be begun anew by themselves."""
        return [
            one.run
            for one in self._followed.values()
            if one.verdict is None or one.verdict.state not in ENDED
        ]

    def look(self) -> Iterator[News]:
        """Yield what is new, each with its body."""
        now = time.monotonic()
        is_slow = now >= self._slow_at
        if is_slow:
            self._slow_at = now + max(SLOW_S, len(self._followed) / MOST_STATS)
            yield from self._look_slowly(now)
        for one in list(self._followed.values()):
            if one.is_live and not is_slow:
                yield from self._appended(one)
        if self._is_new:
            self._is_new = False
            yield Looked(), b""

    def _look_slowly(self, now: float) -> Iterator[News]:
        signature = self._of_queue()
        is_queue_changed, self._signature = signature != self._signature, signature
        for name, one in list(self._followed.items()):
            try:
                changed = os.stat(one.run.folder, follow_symlinks=False).st_mtime_ns  # noqa: PTH116  many runs
            except OSError:
                del self._followed[name]
                yield Gone(run=name), b""
                continue
            waits = one.verdict is None or one.verdict.state not in ENDED
            is_due = waits and (is_queue_changed or now - one.judged > JUDGED_S)
            if changed == one.changed and not one.is_live and not is_due:
                continue
            is_changed, one.changed = changed != one.changed, changed
            yield from self._all_of(one, now, is_changed=is_changed)

    def _all_of(self, one: _Followed, now: float, *, is_changed: bool) -> Iterator[News]:
        """Yield all that is new of a run: the events before the status that was made of them."""
        whole = list(self._replaced(one)) if is_changed else []
        yield from self._appended(one)
        yield from whole
        one.judged = now
        verdict = verdict_on(one.run)
        if verdict != one.verdict:
            one.verdict = verdict
            yield verdict, b""

    def _replaced(self, one: _Followed) -> Iterator[News]:
        for name in _WHOLE:
            path = f"{one.run.folder}/{name}"
            try:
                changed = os.lstat(path).st_mtime_ns
                if name == "console.log" or one.times.get(name) == changed:
                    continue
                body = read_small(path)
            except DAMAGED:  # not there, or larger than anything that is shown
                continue
            one.times[name] = changed
            yield Put(run=one.run.id, file=name, time=changed), body

    def _appended(self, one: _Followed) -> Iterator[News]:
        yield from self._events(one)
        yield from self._console(one)

    def _events(self, one: _Followed) -> Iterator[News]:
        path = one.run.folder + "/events.jsonl"
        while True:
            data = _read(path, one.events, PIECE)
            if data and b"\n" not in data and len(data) == PIECE:
                data = _read(path, one.events, TOO_LONG)
            data = data[: data.rfind(b"\n") + 1]
            if not data:
                return
            yield Append(run=one.run.id, file="events.jsonl", at=one.events), data
            one.events += len(data)

    def _console(self, one: _Followed) -> Iterator[News]:
        path = one.run.folder + "/console.log"
        try:
            info = os.lstat(path)
        except OSError:
            return
        size, changed = info.st_size, info.st_mtime_ns
        if one.times.get("console.log") == changed and one.console in (-1, size):
            one.console = size
            return
        known, one.times["console.log"] = one.times.get("console.log"), changed
        is_behind = (
            known is None or not size - TAIL <= one.console <= size or one.console_there > MOST_CONSOLE
        )
        if is_behind:
            body = _read(path, max(0, size - TAIL), TAIL)
            one.console, one.console_there = max(0, size - TAIL) + len(body), len(body)
            yield Put(run=one.run.id, file="console.log", time=changed), body
        elif body := _read(path, one.console, TAIL):
            yield Append(run=one.run.id, file="console.log", at=one.console_there, time=changed), body
            one.console += len(body)
            one.console_there += len(body)

    def _of_queue(self) -> tuple[int, ...]:
        """Return what changes when a worker or a bridge has news of runs that wait; a beat alone does not."""
        files = [self._store.root / worker_status.NAME]
        folder = site_status.folder_of(self._store.root)
        if folder.is_dir():
            files += sorted(folder.glob("*.json"))
        found = []
        for file in files:
            try:
                found.append(file.lstat().st_ino)
            except OSError:
                found.append(0)
        return tuple(found)


def _read(path: str, at: int, most: int) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        return os.pread(handle, most, at)
    except OSError:
        return b""
    finally:
        os.close(handle)
