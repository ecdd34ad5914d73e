"""The thread of the bridge that looks after the runs of one site."""

from __future__ import annotations

import contextlib
import threading
import time
import traceback

from msgspec.structs import replace

from engine.config.site import Site
from engine.errors import UserError
from engine.queue.notifier import Notifier
from engine.queue.retry import log
from engine.remote import pending_requests, post
from engine.remote.host_link import HostLink
from engine.remote.link import Link
from engine.remote.live_postings import LivePostings, Posted
from engine.remote.polling_pace import PollingPace
from engine.remote.post_again_or_leave import CANCELLED, Step, next_step
from engine.remote.verbs import end_unbegun
from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posting import Posting, Seen
from engine.runs.posted.site_status import SiteStatus
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust.posted_by_user import enter_posting, own_posting
from engine.sites.ssh_command import SiteError, Unreachable
from engine.system.lock_holder import this_process
from engine.text import printable


class SiteKeeper(threading.Thread):
    """Looks at one site as often as is needed, publishes what it says, and does for each run what follows.

    Args:
        store: The folder of runs.
        site: The name of the site.
        postings: Finds the runs.
        pace: How often to look.
        backoff_s: Seconds before the first retry of a run.
        notifier: Sends messages on what happens; None for no messages.
    """

    def __init__(
        self,
        store: Store,
        site: str,
        postings: LivePostings,
        pace: PollingPace,
        backoff_s: float,
        notifier: Notifier | None = None,
    ) -> None:
        super().__init__(name=f"site {site}", daemon=True)
        self._store = store
        self._site = site
        self._postings = postings
        self._pace = pace
        self._backoff_s = backoff_s
        self._notifier = notifier
        self._link: Link | None = None
        self._linked: Site | None = None
        self._failed = 0
        """How many times in a row it did not answer."""
        self._away_since = 0.0
        self._asked_at = 0.0
        """When something was last asked of it for a command."""
        self._ended = False
        self._wake = threading.Event()

    def hurry(self) -> None:
        """Look now: there is something new."""
        self._wake.set()

    def stop(self) -> None:
        """End after the look that goes on."""
        self._ended = True
        self._wake.set()

    def run(self) -> None:
        """Look until the site has no run of this folder any more."""
        try:
            while not self._ended and (pause_s := self.turn()) is not None:
                self._wake.wait(pause_s)
                self._wake.clear()
        finally:
            self._close()

    def turn(self) -> float | None:
        """Look once and do what follows; return the seconds until the next look, None where no run is left."""
        posted = self._postings.by_site().get(self._site)
        if not posted:
            return None
        if self._notifier is not None:
            self._notifier.follow(run for run, _ in posted.values())
        try:
            self._look(posted)
        except UserError as error:
            return self._away(posted, str(error))
        except Exception:  # noqa: BLE001  one site's trouble is not the others'
            traceback.print_exc()
            return self._away(posted, "the bridge met an error of its own: .bridge.log has it")
        self._failed = 0
        left = self._postings.by_site().get(self._site)
        return self._pause(left) if left else None

    def _look(self, posted: Posted) -> None:
        link = self._open(posted)
        self._post_new(posted, link)
        self._carry_requests(link)
        before = site_status.read(self._store.root, self._site)
        said = link.look(posted)
        runs = {
            name: _with_since(seen, posted[name][1], before.runs.get(name) if before is not None else None)
            for name, seen in said.runs.items()
            if name in posted
        }
        self._publish(replace(said, site=self._site_of(posted), runs=runs))
        for name, (run, posting) in posted.items():
            try:
                self._follow(run, posting, runs.get(name), link)
            except (StoreError, OSError):  # another process changes it just now: at the next look
                continue

    def _post_new(self, posted: Posted, link: Link) -> None:
        """Post what goes over this bridge and was not asked for yet."""
        for run, posting in posted.values():
            if not posting.job and not posting.site.is_here:
                self._send(run, posting, link)

    def _carry_requests(self, link: Link) -> None:
        """Ask of the site what commands have left to be asked; what it answers stands in the bridge's log."""
        for request in pending_requests.kept(self._store.root, self._site):
            run = Run(self._store.root / request.run)
            posting = own_posting(run)
            try:
                if posting is None or posting.site.name != self._site or posting.seen is not None:
                    said = "no longer posted there"
                else:
                    said = link.ask(run, posting, request.verb, request.words)
            except Unreachable:
                raise
            except UserError as refusal:
                said = f"refused: {refusal}"
            print(printable(f"{request.run}: {request.verb}: {said}"), flush=True)  # noqa: T201  its log
            pending_requests.settle(self._store.root, self._site, request)
            self._asked_at = time.time()

    def _follow(self, run: Run, posting: Posting, seen: Seen | None, link: Link) -> None:
        """Do about a run what follows from this look."""
        if seen is not None and seen.job and not posting.job:
            posting = self._change(run, posting, replace(posting, job=seen.job)) or posting
        if seen is None or seen.state not in ("ended", "gone"):
            return
        step = next_step(run, status_of(run), posting, seen, self._backoff_s)
        if step.do == "ask again":
            again = replace(posting, posted=time.time())  # a minute more for this try
            if (again_entered := self._change(run, posting, again)) is not None:
                self._send(run, again_entered, link)
        elif step.do == "post anew":
            self._post_anew(run, posting, step, link)
        elif step.do == "leave":
            self._leave(run, posting, seen, step)

    def _send(self, run: Run, posting: Posting, link: Link) -> None:
        try:
            post.send(self._store.root, run, link)
        except Unreachable:
            raise
        except SiteError as error:
            with post.only_poster(self._store.root, self._site):
                if own_posting(run) == posting:
                    post.refused(run, posting, f"{self._site} refuses it: {error}")

    def _post_anew(self, run: Run, posting: Posting, step: Step, link: Link) -> None:
        """Post a run for another time at the site that had it."""
        with post.only_poster(self._store.root, self._site, timeout_s=0.0):
            if own_posting(run) != posting:
                return
            anew = post.intend_anew(
                run, posting.site, settings=posting.settings, failures=posting.failures + step.is_failure,
                by_itself=True,
            )  # fmt: skip
        _log(run, step.words)
        self._send(run, anew, link)

    def _leave(self, run: Run, posting: Posting, seen: Seen | None, step: Step) -> None:
        """Keep the site's last word on a run, which is not looked after any more."""
        left = self._change(run, posting, replace(posting, seen=seen))
        if left is None or not posting.site.is_here:
            return
        if seen is not None and seen.exit.startswith(CANCELLED):
            with contextlib.suppress(StoreError, OSError), run_lock.hold(run):
                end_unbegun(run, posting, f"its job was cancelled at {self._site}")
        elif step.words:
            _log(run, step.words)

    def _change(self, run: Run, before: Posting, after: Posting) -> Posting | None:
        """Replace a posting that is still what it was; return the new one, None where another process changed it."""
        with post.only_poster(self._store.root, self._site, timeout_s=0.0):
            return enter_posting(run, after) if own_posting(run) == before else None

    def _open(self, posted: Posted) -> Link:
        site = self._site_of(posted)
        if self._link is None or self._linked != site:
            self._close()
            root = self._store.root
            self._link, self._linked = (
                post.link_to(root, site) if site.is_here else HostLink(root, site),
                site,
            )
        return self._link

    def _site_of(self, posted: Posted) -> Site:
        """Return the site as it was when a run was last posted to it."""
        return max((posting for _, posting in posted.values()), key=lambda posting: posting.posted).site

    def _close(self) -> None:
        if self._link is not None:
            with contextlib.suppress(Exception):
                self._link.close()
            self._link = None

    def _away(self, posted: Posted, why: str) -> float:
        """Publish that the site does not answer, and return the seconds until it is asked again."""
        if not self._failed:
            self._away_since = time.time()
        pause_s = self._pace.backoff_s(self._failed)
        self._failed = min(self._failed + 1, 30)
        since = time.strftime("%H:%M", time.localtime(self._away_since))
        before = site_status.read(self._store.root, self._site)
        status = before if before is not None else SiteStatus(site=self._site_of(posted))
        self._publish(replace(status, trouble=f"since {since}: {why}"))
        return pause_s

    def _publish(self, status: SiteStatus) -> None:
        with contextlib.suppress(OSError):  # a full disk: at the next look
            site_status.publish(self._store.root, replace(status, bridge=this_process()))

    def _pause(self, posted: Posted) -> float:
        """Return the seconds until the next look."""
        status = site_status.read(self._store.root, self._site)
        postings = {name: posting for name, (_, posting) in posted.items()}
        return self._pace.pause_s(
            postings, status.runs if status is not None else {}, self._asked_at, time.time()
        )


def _log(run: Run, words: str) -> None:
    """Log what was decided, after it was: an event of a run that crashed is a sign of life."""
    with contextlib.suppress(StoreError, OSError), run_lock.hold(run):
        log(run, words)


def _with_since(seen: Seen, posting: Posting, before: Seen | None) -> Seen:
    """Return a site's word with the time since when it has said the same of this posting."""
    same = before is not None and before.state == seen.state and before.restarts == seen.restarts
    kept = same and before is not None and before.since >= posting.posted
    since = before.since if kept and before is not None else seen.since or seen.at
    return replace(seen, since=since)
