"""What was asked of a site that is not connected: ``.sites/NAME.todo``, which a command adds to and the bridge carries.

One JSON line a request, in the order in which they were made. A request stays until the site has answered it, also
where the bridge is killed in between: all that can be asked may be asked twice.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.events import Moment
from engine.remote.link import Verb
from engine.runs.posted.site_status import todo_file
from engine.runs.store import StoreError, is_run_id
from engine.system import lock
from engine.system.files import DAMAGED, read_small, write_atomic
from engine.system.permissions import is_own

LOCK_S = 5.0
"""Seconds to wait for another command that adds to the file."""


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the file."""

    id: str
    at: Moment
    """When it was asked."""
    run: str
    verb: Verb
    words: list[str] = []


def add(root: Path, site: str, run: str, verb: Verb, words: list[str] | None = None) -> Request:
    """Keep a request until the bridge has carried it.

    Args:
        root: The folder of runs.
        site: The site's name.
        run: The run's id.
        verb: What is asked.
        words: Where to, for ``move``; the number, for ``priority``.

    Returns:
        The request, as it is kept.

    Raises:
        StoreError: It cannot be kept.
    """
    request = Request(id=os.urandom(4).hex(), at=time.time(), run=run, verb=verb, words=words or [])
    with _changing(root, site) as kept:
        kept.append(request)
    return request


def kept(root: Path, site: str) -> list[Request]:
    """Return what waits to be carried to a site, in order; nothing of a file that is not this user's."""
    path = todo_file(root, site)
    try:
        if not is_own(path.lstat()):
            return []
        lines = read_small(path).splitlines()
    except OSError:
        return []
    requests = []
    for line in lines:
        with contextlib.suppress(*DAMAGED):
            request = msgspec.json.decode(line, type=Request)
            if is_run_id(request.run):
                requests.append(request)
    return requests


def settle(root: Path, site: str, carried: Request) -> None:
    """Forget a request that the site has answered.

    Raises:
        StoreError: The file cannot be written: it will be asked again.
    """
    with _changing(root, site) as requests:
        requests[:] = [request for request in requests if request.id != carried.id]


@contextlib.contextmanager
def _changing(root: Path, site: str) -> Iterator[list[Request]]:
    """Yield the requests to be changed; they are written when the block ends."""
    path = todo_file(root, site)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock.hold(path.with_name(f"{path.name}.lock"), LOCK_S):
            requests = kept(root, site)
            yield requests
            if requests:
                write_atomic(path, b"".join(msgspec.json.encode(one) + b"\n" for one in requests), sync=True)
            else:
                path.unlink(missing_ok=True)
    except lock.LockHeld:
        raise StoreError(f"{path} is being written by another process: try again") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from None
