"""What a site said at the last look: its machines and all runs that were posted to it; one file a site.

``engine.remote.bridge`` writes ``.sites/<name>.json`` in the folder of runs; lists and the app read nothing else.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
import urllib.parse
from pathlib import Path

import msgspec

from engine.config.site import Site
from engine.events import Moment
from engine.runs.posted.posting import Seen
from engine.system import lock
from engine.system.files import DAMAGED, read_small, write_atomic
from engine.system.lock_holder import Holder

FOLDER = ".sites"
ATTENDED_S = 5.0
"""Seconds for which it holds that a bridge is there, and for which one may be starting."""


class SiteGpu(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A GPU of a machine over ssh, as its driver says; memory in bytes."""

    index: int
    name: str = ""
    utilization: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None
    power: float | None = None
    temperature: float | None = None


class SiteStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The file .sites/NAME.json in a folder of runs."""

    site: Site
    at: Moment = 0.0
    """When it last answered, by the clock of this machine; 0 before it did."""
    trouble: str = ""
    """Why it does not answer, and what to do; empty while it does."""
    bridge: Holder | None = None
    """The process that looks after it."""
    runs: dict[str, Seen] = {}
    """What it says of each run that was posted to it, by the run's id."""
    clock_ahead_s: float = 0.0
    """Seconds by which its clock is ahead of this machine's."""
    free_gpus: int | None = None
    """Idle GPUs of the partition; None where that is not known."""
    all_gpus: int | None = None
    running: int = 0
    """Jobs of this user that run there."""
    waiting: int = 0
    """Jobs of this user that wait there."""
    host: str = ""
    """Its name for itself."""
    gpus: tuple[SiteGpu, ...] = ()
    """Those of a machine over ssh."""
    cpu: float | None = None
    """Percent of its cores that are busy."""


def folder_of(root: str | os.PathLike[str]) -> Path:
    """Return the folder of what is known of the sites of a folder of runs."""
    return Path(root) / FOLDER


def lock_file(root: str | os.PathLike[str], name: str) -> Path:
    """Return the file whose lock a process has that posts to a site, or changes what was posted to it."""
    return folder_of(root) / f"{_quoted(name)}.lock"


def todo_file(root: str | os.PathLike[str], name: str) -> Path:
    """Return the file of what was asked of a site and waits for its bridge (``engine.remote.pending_requests``)."""
    return folder_of(root) / f"{_quoted(name)}.todo"


def bridge_lock(root: str | os.PathLike[str]) -> Path:
    """Return the file whose lock the bridge of a folder of runs holds for as long as it lives."""
    return Path(root) / ".bridge.lock"


def is_looked_after(root: str | os.PathLike[str]) -> bool:
    """Return whether a bridge looks after the posted runs of a folder."""
    return lock.is_held(bridge_lock(root)) is True


def why_unattended(root: str) -> str:
    """Return in words that no bridge looks after the posted runs of a folder, and the cure; empty where one does.

    Lists ask it of each run: it is looked at every few seconds.
    """
    return _why_unattended(root, int(time.monotonic() / ATTENDED_S))


@functools.lru_cache(maxsize=8)
def _why_unattended(root: str, _when: int) -> str:
    with contextlib.suppress(OSError):
        is_starting = abs(time.time() - bridge_lock(root).stat().st_mtime) < ATTENDED_S
        if is_starting or is_looked_after(root):
            return ""
    return "nobody looks after it: `engine ls` has that done"


def publish(root: str | os.PathLike[str], status: SiteStatus) -> None:
    """Replace the file of a site.

    Raises:
        OSError: It cannot be written.
    """
    folder = folder_of(root)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(folder / _file_name(status.site.name), msgspec.json.encode(status))


def read(root: str | os.PathLike[str], name: str) -> SiteStatus | None:
    """Return what is known of a site, None where nothing is."""
    file = f"{os.fspath(root)}/{FOLDER}/{_file_name(name)}"
    try:
        stat = os.lstat(file)
    except OSError:
        return None
    status = _read(file, stat.st_ino, stat.st_mtime_ns)
    return status if status is not None and status.site.name == name else None


def read_all(root: str | os.PathLike[str]) -> list[SiteStatus]:
    """Return what is known of all sites of a folder of runs, by name; a file with another's name is no site's."""
    try:
        files = sorted(os.listdir(folder_of(root)))  # noqa: PTH208  names alone are enough
    except OSError:
        return []
    names = (urllib.parse.unquote(name.removesuffix(".json")) for name in files if name.endswith(".json"))
    statuses = (read(root, name) for name in names)
    return [status for status in statuses if status is not None]


def _file_name(site: str) -> str:
    return f"{_quoted(site)}.json"


def _quoted(site: str) -> str:
    """Return a site's name as a file can have it: one without a table, ``slurm:*``, has files too."""
    return urllib.parse.quote(site, safe=":@", errors="surrogateescape")


@functools.lru_cache(maxsize=32)
def _read(file: str, _inode: int, _time: int) -> SiteStatus | None:
    """Read the file once for all the runs of a list: it is replaced, never changed."""
    try:
        return msgspec.json.decode(read_small(file), type=SiteStatus)
    except DAMAGED:
        return None
