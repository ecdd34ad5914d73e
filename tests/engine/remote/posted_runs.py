"""Runs that are posted to the cluster of the tests, and what is waited for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.config.schema import Experiment
from engine.config.site import Site
from engine.events import End, Log, decode
from engine.remote.cluster_link import ClusterLink
from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posting import Posting, Seen
from engine.runs.status import Status
from engine.runs.store import Run, Store
from engine.runs.trust.posted_by_user import enter_posting
from engine.sites.ssh_command import Here

STEPS = Path(__file__).parents[2] / "steps.py"


class PostedRuns:
    """A folder of runs with a site of the cluster, and a link to it in place of the bridge."""

    def __init__(self, store: Store, **site: Any) -> None:
        self.store = store
        self.site = Site(
            **{"name": "box", "slurm": "spare", "python": sys.executable, "notice": 0, "time": "5"} | site
        )
        self.link = ClusterLink(store.root, self.site, Here())
        self.posted: dict[str, tuple[Run, Posting]] = {}

    def create(self, experiment: Experiment, seed: int = 0, **fields: Any) -> tuple[Run, Posting]:
        """Make a run with a posting that has not been handed in."""
        run = self.store.create(experiment, seed)
        posting = Posting(site=self.site, name=f"vitui-{run.id}-1", posted=time.time(), **fields)
        return run, enter_posting(run, posting)

    def post(self, experiment: Experiment, seed: int = 0) -> Run:
        """Make a run and hand it in."""
        run, posting = self.create(experiment, seed)
        self.keep(run, self.link.post(run, posting))
        return run

    def keep(self, run: Run, posting: Posting) -> Posting:
        """Write what is known of a posting, as the bridge does."""
        posting = enter_posting(run, posting)
        self.posted[run.id] = run, posting
        return posting

    def posting(self, run: Run) -> Posting:
        return self.posted[run.id][1]

    def look(self) -> Mapping[str, Seen]:
        """Look once, publish it and return what is seen of each run."""
        status = self.link.look(self.posted)
        site_status.publish(self.store.root, status)
        return status.runs

    def until(self, run: Run, state: str, seconds: float = 60) -> Status:
        """Look until a run is in a state, and return its status."""
        return self.wait(
            lambda: status if (status := self.status(run)).state == state else None, seconds, run
        )

    def status(self, run: Run) -> Status:
        self.look()
        return status_of(run)

    def wait(self, condition: Callable[[], Any], seconds: float, run: Run) -> Any:
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, told(run, self.look().get(run.id))
            time.sleep(0.1)
        return result


def events(run: Run) -> list[Any]:
    return [event for line in run.events.read_bytes().splitlines() if (event := decode(line)) is not None]


def ends(run: Run) -> list[str]:
    return [event.reason for event in events(run) if isinstance(event, End)]


def logs(run: Run) -> list[str]:
    return [event.message for event in events(run) if isinstance(event, Log)]


def told(run: Run, seen: Seen | None) -> str:
    """Return what there is to say of a run that is not what it should be."""
    texts = [f"{seen}", f"{status_of(run)}"]
    for name in ("console.log", "slurm.out"):
        path = run.path / name
        texts.append(f"{name}: {path.read_text()[-2000:] if path.exists() else '-'}")
    return "\n".join(texts)
