"""Runs in the trash: each a folder in ``runs/.trash`` until that is emptied, and restored in one step.

::

    runs/.trash/<run-id>~20261124-191700          a run, and when it was thrown away (UTC)
    runs/.trash/<run-id>@<file>~20261124-191700   what a killed process left in a run's folder
"""

from __future__ import annotations

import datetime
import os
import re
import shutil
import stat
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.status import LIVE
from engine.runs.store import Run, Store, StoreError, is_run_id, match_one

FOLDER = ".trash"
STAMP = "%Y%m%d-%H%M%S"


@dataclass(frozen=True)
class TrashEntry:
    """A run or a leftover file in the trash; ``name`` is the run's id or that of the file, ``when`` is in UTC."""

    path: Path
    name: str
    when: datetime.datetime

    @property
    def is_run(self) -> bool:
        """Whether it can be restored."""
        return is_run_id(self.name) and self.path.is_dir() and not self.path.is_symlink()

    def size(self) -> int:
        """Return the bytes that removing it frees on the disk."""
        return disk_usage(self.path)


def why_not(run: Run, *, force: bool = False) -> str:
    """Return why a run cannot be thrown away and what to do about it, empty where it can.

    Args:
        run: The run.
        force: Allow a silent run.
    """
    state = status_of(run).state
    if state == "queued":
        return f"{run.id} waits in the queue: `engine stop {run.id}` takes it out"
    if state == "silent" and not force:
        return f"{run.id} may live on another machine: `--force` says that it does not"
    if state in LIVE and not (state == "silent" and force):
        return f"{run.id} is {state}: `engine stop --now {run.id}` ends it"
    return ""


def throw_away(store: Store, run: Run, *, force: bool = False) -> TrashEntry:
    """Move a run into the trash in one step, under its lock.

    Args:
        store: The folder of all runs.
        run: The run.
        force: Allow a silent run.

    Raises:
        StoreError: It lives or waits, or cannot be moved.
    """
    if why := why_not(run, force=force):
        raise StoreError(why)
    with run_lock.hold(run):
        if waiting_entry(run) is not None:
            raise StoreError(f"{run.id} has just been queued: `engine stop {run.id}` takes it out")
        return put(store, run.path, run.id)


def put(store: Store, path: Path, name: str) -> TrashEntry:
    """Move a file or folder into the trash under a name.

    Raises:
        StoreError: It cannot be moved.
    """
    folder = _folder(store)
    when = datetime.datetime.fromtimestamp(int(time.time()), datetime.UTC)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        while os.path.lexists(target := folder / f"{name}~{when.strftime(STAMP)}"):
            when += datetime.timedelta(seconds=1)
        path.rename(target)
    except OSError as error:
        raise StoreError(f"{name} cannot be moved to {folder}: {error.strerror}") from None
    return TrashEntry(target, name, when)


def trash_entries(store: Store) -> list[TrashEntry]:
    """Return what is in the trash, the oldest entry first."""
    try:
        entries = list(_folder(store).iterdir())
    except (OSError, StoreError):
        return []
    return sorted(
        (entry for path in entries if (entry := _read(path))),
        key=lambda trashed: (trashed.when, trashed.name),
    )


def restore(store: Store, name: str) -> Run:
    """Move the one run whose id is, begins with or contains ``name`` back to the other runs.

    Raises:
        StoreError: No run fits or several do, a run has its id, or it cannot be moved.
    """
    runs = {
        entry.name: entry for entry in trash_entries(store) if entry.is_run
    }  # the last of those of one id
    matches = match_one(name, runs)
    if len(matches) == 1:
        return _bring_back(store, runs[matches[0]])
    if matches:
        names = ", ".join(matches[-5:])
        raise StoreError(f"{len(matches)} runs in the trash fit {name!r}; name one of them: {names}")
    raise StoreError(f"no run in the trash fits {name!r}; `engine rm --list` shows what is there")


def purge(entries: list[TrashEntry]) -> None:
    """Delete entries from the disk for good; links in them are deleted, not followed.

    Raises:
        StoreError: One cannot be deleted.
    """
    for entry in entries:
        try:
            if entry.path.is_dir() and not entry.path.is_symlink():
                shutil.rmtree(entry.path)
            else:
                entry.path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{entry.path} cannot be removed: {error.strerror}: {error.filename}") from None


def disk_usage(path: Path) -> int:
    """Return the bytes on the disk that removing a file or folder frees.

    A file with several hard links counts once, and not at all while one of them is elsewhere: runs of one
    submit share a patch.
    """
    links: Counter[tuple[int, int]] = Counter()
    total, todo = 0, [path]
    while todo:
        member = todo.pop()
        try:
            entry_stat = member.lstat()
            if stat.S_ISDIR(entry_stat.st_mode):
                todo += member.iterdir()
        except OSError:
            continue
        links[file := (entry_stat.st_dev, entry_stat.st_ino)] += 1
        if stat.S_ISDIR(entry_stat.st_mode) or links[file] == entry_stat.st_nlink:
            total += entry_stat.st_blocks * 512
    return total


def _bring_back(store: Store, entry: TrashEntry) -> Run:
    target = store.root / entry.name
    if os.path.lexists(target):
        raise StoreError(f"there is a run {entry.name} already: `engine rm` that one first")
    try:
        entry.path.rename(target)
    except OSError as error:
        raise StoreError(f"{entry.name} cannot be moved to {store.root}: {error.strerror}") from None
    return Run(target)


def _folder(store: Store) -> Path:
    folder = store.root / FOLDER
    if folder.is_symlink():
        raise StoreError(f"{folder} is a link: the trash has to be a folder of its own")
    return folder


def _read(path: Path) -> TrashEntry | None:
    match = re.fullmatch(r"([^~/]+)~(\d{8}-\d{6})", path.name, re.ASCII)
    if match is None:
        return None
    try:
        when = datetime.datetime.strptime(match[2], STAMP).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    return TrashEntry(path, match[1], when)
