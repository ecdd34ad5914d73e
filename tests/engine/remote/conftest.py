"""A site in a folder, and a bridge of this process that has no patience."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from engine.config.site import Site
from engine.queue.notifier import Notifier
from engine.remote import post
from engine.remote.bridge import serve
from engine.remote.polling_pace import PollingPace
from engine.runs.liveness import status_of
from engine.runs.posted import posted_state
from engine.runs.posted.posting import posting_of
from engine.runs.store import Run, Store
from tests.engine.remote.far_host import far_host, far_machine
from tests.engine.remote.folder_site import FolderLink

__all__ = ["far_host", "far_machine"]  # fixtures

PACE = PollingPace(
    soon_s=0.02, usual_s=0.02, calm_s=0.02, first_backoff_s=0.02, longest_backoff_s=0.1, leave_s=0.5
)


class FolderSite:
    """A site, its folder, and what a test does with it."""

    def __init__(self, store: Store, name: str = "jz") -> None:
        self.site = Site(name=name, slurm="gpu")
        self.store = store
        self.link = FolderLink(store.root, self.site)
        self.folder = self.link.folder
        self.plan("finish")

    def plan(self, words: str) -> None:
        """Say what attempts do."""
        (self.folder / "plan").write_text(words)
        (self.store.root.parent / "plan").write_text(words)

    def put(self, name: str, text: str = "") -> None:
        (self.folder / name).write_text(text)

    def drop(self, name: str) -> None:
        (self.folder / name).unlink()

    def submit(self, experiment, *seeds: int) -> list[Run]:
        return list(post.submit_to(self.store, self.site, experiment, seeds or (0,), lambda _: None))

    def serve_until(self, done: Callable[[], bool], timeout_s: float = 20.0, backoff_s: float = 0.0) -> None:
        deadline = time.monotonic() + timeout_s
        serve(self.store, lambda: done() or time.monotonic() > deadline, pace=PACE, backoff_s=backoff_s)
        assert done() or time.monotonic() < deadline, [
            (status_of(run).state, status_of(run).reason, posting_of(run)) for run in self.store.runs()
        ]

    def serve_to_end(
        self, notifier: Notifier | None = None, timeout_s: float = 20.0, backoff_s: float = 0.0
    ) -> None:
        deadline = time.monotonic() + timeout_s
        serve(
            self.store, lambda: time.monotonic() > deadline, pace=PACE, backoff_s=backoff_s, notifier=notifier
        )
        assert time.monotonic() < deadline, [
            (status_of(run).state, status_of(run).reason, posting_of(run)) for run in self.store.runs()
        ]

    def close(self) -> None:
        for process in psutil.process_iter(["cmdline"]):
            words = " ".join(process.info["cmdline"] or ())
            if str(self.store.root) in words and "folder_job" in words:
                process.kill()


@pytest.fixture
def jz(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[FolderSite]:
    """A cluster that this machine belongs to, in a folder."""
    monkeypatch.setattr(post, "link_to", FolderLink)
    monkeypatch.setattr(post, "require_programs", lambda site: None)
    monkeypatch.setattr("engine.remote.bridge.POLL_S", 0.02)
    for name, seconds in (("SURE_S", 0.3), ("SILENCE_S", 0.3)):
        monkeypatch.setattr(posted_state, name, seconds)
    site = FolderSite(store)
    yield site
    site.close()


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for users: a minute until it is sure."""
    monkeypatch.setattr(posted_state, "SURE_S", 60.0)
