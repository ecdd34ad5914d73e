"""A run's posting: the site that it was sent to, and under which name; kept in posted.json beside its run.json.

A run with this file belongs to its site until it is taken back: no worker of this folder starts, retries or counts it.
It is written before the site is asked, so that what is killed in between is found by its name. What the site says of
all its runs is in one file a site (``engine.runs.posted.site_status``); only its last word on a run is kept here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.config.site import Site
from engine.events import Moment
from engine.runs.store import Run
from engine.system.files import DAMAGED, write_atomic

FILE = "posted.json"

JobState = Literal["pending", "running", "ending", "ended", "gone", "unknown"]
"""What a site says of a job; ``gone`` is one that it does not know, or no longer."""


class Seen(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a site said of a run at one look."""

    at: Moment
    """When it was looked at, by the clock of this machine."""
    since: Moment = 0.0
    """Since when each look has said the same state."""
    state: JobState
    reason: str = ""
    """Why it waits, in the site's own words."""
    node: str = ""
    """The machine that it runs on."""
    starts: Moment = 0.0
    """When it began, or where it waits when the site guesses that it will; 0 where it does not say."""
    ends: Moment = 0.0
    """When its time is up; 0 where it does not say."""
    restarts: int = 0
    exit: str = ""
    """How it ended: ``TIMEOUT``, ``OUT_OF_MEMORY``, ``NODE_FAIL``, a code such as ``3:0``."""


class Posting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What posted.json says of a run."""

    v: int = 1
    site: Site
    """The site as it was when the run was posted: a change of the table does not reach it."""
    name: str
    """``vitui-<run id>-<number>``, what its job is called and found by."""
    number: int = 1
    """How often it was posted."""
    posted: Moment
    """When that was asked for: before the site was asked."""
    attempts: int = 0
    """The attempts at the run when it was posted."""
    settings: list[str] = []
    """What it changes when it is gone on with, as ``key=value``."""
    job: str = ""
    """The site's id of it, ``8123`` or ``8123_4``; empty where it is not known yet whether it arrived."""
    folder: str = ""
    """The run's folder there; empty where it is this one."""
    failures: int = 0
    """How often it was posted anew because it had failed: its ``retries``."""
    seen: Seen | None = None
    """The site's last word on it, once there will be no other."""
    proof: str = ""
    """That this user posted it, as ``engine.runs.trust.posted_by_user`` makes it."""


DAMAGED_POSTING = Posting(site=Site(name="unknown"), name="", posted=0.0)
"""Stands for a posted.json that cannot be read: the run is a site's, it is unknown which."""
_decoder = msgspec.json.Decoder(Posting)


def posting_of(run: Run) -> Posting | None:
    """Return a run's posting, None for a run that was not sent anywhere; ``DAMAGED_POSTING`` for a damaged file."""
    try:
        return _decoder.decode(run.read(FILE))
    except FileNotFoundError:
        return None
    except DAMAGED:
        return DAMAGED_POSTING


def write_posting(run: Run, posting: Posting) -> None:
    """Replace posted.json as it is said; ``engine.runs.trust.posted_by_user`` calls this.

    Raises:
        OSError: It cannot be written; the old file remains.
    """
    write_atomic(run.path / FILE, msgspec.json.encode(posting), sync=True)


def take_back(run: Run) -> None:
    """Make a run this folder's own again: nothing is posted any more."""
    (run.path / FILE).unlink(missing_ok=True)
