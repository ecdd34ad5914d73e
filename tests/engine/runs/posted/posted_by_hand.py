"""Runs that were posted to a site, by hand: posted.json with its proof, and what the site says of them."""

from __future__ import annotations

import time
from typing import Any

from engine.config.site import Site
from engine.runs.posted.posting import Posting, Seen
from engine.runs.posted.site_status import SiteStatus, publish, read
from engine.runs.store import Run
from engine.runs.trust.posted_by_user import enter_posting

JZ = Site(name="jz", slurm="gpu")
GPUBOX = Site(name="gpubox", ssh="gpubox")


def post_by_hand(run: Run, site: Site = JZ, *, ago_s: float = 5.0, **fields: Any) -> Posting:
    """Return the posting that a run is given, as this user's; ``fields`` are those of ``Posting``."""
    named = {"name": f"vitui-{run.id}-1", "posted": time.time() - ago_s, "job": "8123"}
    return enter_posting(run, Posting(site=site, **(named | fields)))


def hear(run: Run, site: Site = JZ, *, ago_s: float = 1.0, **said: Any) -> Seen:
    """Have a site say something of a run, beside what it says of others; ``said`` is of ``Seen``."""
    root, at = run.path.parent, time.time() - ago_s
    usual: dict[str, Any] = {"at": at, "since": at, "state": "pending"}
    seen = Seen(**(usual | said))
    known = read(root, site.name) or SiteStatus(site=site)
    runs = {**known.runs, run.id: seen}
    publish(root, SiteStatus(site=site, at=at, runs=runs))
    return seen
