"""What a user may ask of any run, posted to a site or not: the commands and the app's keys all ask through here.

A run that no site has is asked as ever (``engine.queue``). Where a cluster of this machine has the run, Slurm is asked
at once; what is asked of a site over ssh is left for the bridge, which carries it there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from engine.config.site import Site
from engine.queue import force_stop as by_force
from engine.queue import move_and_hold, stop_and_resume
from engine.queue.force_stop import PATIENCE_S
from engine.remote import pending_requests, post
from engine.remote.link import Link, Verb
from engine.remote.start_bridge import ensure_bridge
from engine.runs import run_lock, trash
from engine.runs.event_text import reason_after
from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posted_state import FRESH_S
from engine.runs.posted.posting import DAMAGED_POSTING, Posting, Seen, posting_of, take_back
from engine.runs.recorder import Recorder
from engine.runs.resume_settings import changed, last_experiment
from engine.runs.status import ENDED, LIVE, TAKEN_OUT
from engine.runs.stop_request import Request
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust.posted_by_user import enter_posting, own_posting
from engine.runs.trust.queued_by_user import Identity
from engine.sites.ssh_command import SiteError, Unreachable
from engine.text import printable

POLL_S = 1.0
"""Seconds between two looks at a job that is waited for."""


def posting_at_site(run: Run) -> Posting | None:
    """Return the posting of a run that a site has, None where none has it or has said its last word on it.

    Raises:
        StoreError: posted.json is damaged: it does not say who has it.
    """
    posting = posting_of(run)
    if posting == DAMAGED_POSTING:
        raise StoreError(
            f"{run.id} was posted to a site, and its posted.json is damaged: see `engine doctor`"
        )
    return posting if posting is not None and posting.seen is None else None


def request_stop(run: Run, request: Request) -> str:
    """Ask a run to stop and return, in words, what will happen; one that waits leaves its queue at once.

    A posted run that was asked the same before has its job cancelled at its site, which ends it with a signal.

    Raises:
        SiteError: Its site does not answer, or refuses.
        StoreError: It has ended already, cannot be asked, or is another user's.
    """
    if (posting := posting_at_site(run)) is None:
        return stop_and_resume.request_stop(run, request)
    status = status_of(run)
    if status.state == "queued":
        return cancel(run)
    if status.state not in LIVE:
        raise StoreError(f"{run.id} does not run: it is {status.state}")
    if not posting.site.is_here:
        return _ask(run, "stop" if request == "stop-after-epoch" else "stop-now")
    if status.asked == request:
        return f"{_ask(run, 'cancel')}; it had been asked to stop before"
    said = stop_and_resume.request_stop(run, request)
    return f"{said}; asked again, its job is cancelled at {printable(posting.site.name)}"


def force_stop(run: Run, say: Callable[[str], None], patience_s: float = PATIENCE_S) -> str:
    """Stop a run by force and return in words how it ended; of a posted one, have its job cancelled and wait for that.

    Args:
        run: The run.
        say: Called with a sentence on each step.
        patience_s: Seconds to wait after each step.

    Raises:
        SiteError: Its site does not answer, or refuses.
        StoreError: It has ended already, or cannot be stopped from here.
    """
    if (posting := posting_at_site(run)) is None:
        return by_force.force_stop(run, say, patience_s)
    if status_of(run).state == "queued":
        return cancel(run)
    say(_ask(run, "cancel"))
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if _is_over(run, posting):
            status = status_of(run)
            if status.state in ENDED:
                return f"{run.id} is {status.state}: {reason_after(status.state, status.reason)}"
            return f"{run.id} has no job at {posting.site.name} any more; in a minute it counts as crashed"
        time.sleep(POLL_S)
    raise SiteError(
        f"{posting.site.name} still has the job of {run.id} after {patience_s:.0f} s: look again later"
    )


def cancel(run: Run) -> str:
    """Take a run that waits out of its queue, and return it in words.

    Raises:
        SiteError: Its site does not answer, or refuses.
        StoreError: It does not wait, or began meanwhile.
    """
    if (posting := posting_at_site(run)) is None:
        return stop_and_resume.request_stop(run, "stop-now")
    if status_of(run).state != "queued":
        raise StoreError(f"{run.id} does not wait at {posting.site.name}; `engine stop` stops one that runs")
    if not posting.site.is_here:
        return _ask(run, "cancel")
    with post.only_poster(_root(run), posting.site.name), _link(run, posting.site) as link:
        current = post.require_own(run)
        said = link.ask(run, current, "cancel")
        try:
            with run_lock.hold(run):
                end_unbegun(run, current, f"{TAKEN_OUT} of {posting.site.name}")
        except StoreError:
            return f"{run.id} had just begun: {said}"
        now = time.time()
        enter_posting(run, replace(current, seen=Seen(at=now, since=now, state="ended", exit="CANCELLED")))
    return f"{run.id} has left the queue of {posting.site.name}: {said}"


def end_unbegun(run: Run, posting: Posting, reason: str) -> None:
    """Record that a run whose job never began was stopped; the caller has its lock."""
    if posting.site.is_here and status_of(run, mine=True).attempt <= posting.attempts:
        recorder = Recorder(run)
        recorder.end("stopped", reason)
        recorder.close()


def hold(run: Run, *, release: bool = False) -> str:
    """Keep a run that waits from being started, or let it start again; return in words what that means.

    Raises:
        SiteError: Its site does not answer, or refuses.
        StoreError: It does not wait.
    """
    if _waits_at_site(run):
        return _ask(run, "release" if release else "hold")
    return move_and_hold.hold(run, release=release)


def prioritize(run: Run, priority: int) -> str:
    """Give a run that waits another priority; otherwise as ``hold``."""
    if _waits_at_site(run):
        return _ask(run, "priority", str(priority))
    return move_and_hold.prioritize(run, priority)


def move(store: Store, run: Run, where: move_and_hold.Where | Run) -> str:
    """Move a run that waits to an end of its queue or before another run; otherwise as ``hold``.

    Args:
        store: The folder of the queue.
        run: The run to move.
        where: An end of the queue, or the run that it comes before.
    """
    if not _waits_at_site(run):
        return move_and_hold.move(store, run, where)
    return _ask(run, "move", where.id if isinstance(where, Run) else where)


def request_resume(
    run: Run,
    device: str = "auto",
    settings: Sequence[str] = (),
    seen: Identity | None = None,
    on: Site | None = None,
) -> str:
    """Have a run that stopped, failed or crashed go on, at a site or in the queue here; return it in words.

    Args:
        run: The run.
        device: The device that it waits for here; ``auto`` keeps the one of before.
        settings: What the resumed run changes, as ``key=value``.
        seen: What the run was when the user was shown what it starts; None where there was nothing to show.
        on: The site; None for the one that had it last, or for here where none had. ``take_home`` comes before here.

    Raises:
        SiteError: A site does not answer, or refuses.
        StoreError: It has not ended, there is nothing left to do, its job lives, or it has changed since it was shown.
        ConfigError: A setting is wrong, or would make it another experiment.
    """
    posting = posting_of(run)
    if on is None and posting is None:
        stop_and_resume.request_resume(run, device, settings, seen)
        return f"{run.id} waits in the queue"
    site = on or post.require_own(run).site
    stop_and_resume.require_resumable(run)
    changed(last_experiment(run), settings)
    if (before := posting_at_site(run)) is not None and (before.site.name != site.name or site.is_here):
        _require_over(run, before)
    return post.resume_at(_root(run), run, site, settings, seen)


def take_home(run: Run, *, takeover: bool = False) -> None:
    """Make a run that was posted this folder's own again, so that it goes on here.

    Args:
        run: The run.
        takeover: The user has agreed to it though its site is silent; a site that answers, and has its job, is heeded.

    Raises:
        SiteError: Its site does not answer.
        StoreError: Its job lives, it has not ended, or its checkpoint is not here.
    """
    if (posting := posting_of(run)) is None:
        return
    if not takeover:
        stop_and_resume.require_resumable(run)
    if posting.seen is None and posting != DAMAGED_POSTING:
        with contextlib.suppress(*[Unreachable] if takeover else []):
            _require_over(run, posting)
    if not posting.site.is_here and status_of(run).checkpoint and not (run.checkpoints / "last.pt").exists():
        raise StoreError(
            f"{run.id} has its checkpoint at {posting.site.name}: `engine fetch {run.id}` brings it here first"
        )
    with post.only_poster(_root(run), posting.site.name), run_lock.hold(run):
        if posting_of(run) != posting:
            raise StoreError(f"{run.id} has just been posted anew")
        take_back(run)


def why_not_thrown_away(run: Run, *, force: bool = False) -> str:
    """Return why a run cannot be thrown away and what to do about it, empty where it can.

    Args:
        run: The run.
        force: Allow a silent run, but none of which its site says that it has a job.
    """
    posting = posting_of(run)
    if posting is not None and posting.seen is None and own_posting(run) is not None:
        site = site_status.read(_root(run), posting.site.name)
        seen = site.runs.get(run.id) if site is not None else None
        if seen is not None and seen.state in ("pending", "running") and time.time() - seen.at < FRESH_S:
            which = f"job {posting.job}" if posting.job else "a job"
            return (
                f"{run.id} has {which} at {posting.site.name} ({seen.state}): `engine stop {run.id}` ends it"
            )
    return trash.why_not(run, force=force)


def _waits_at_site(run: Run) -> bool:
    """Return whether a site has a run, which waits there."""
    if (posting := posting_at_site(run)) is None:
        return False
    if (state := status_of(run).state) != "queued":
        raise StoreError(f"{run.id} does not wait at {posting.site.name}: it is {state}")
    return True


def _ask(run: Run, verb: Verb, *words: str) -> str:
    """Ask the site of a run and return in words what will happen."""
    posting = post.require_own(run)
    if not posting.site.is_here:
        return _leave_request(run, posting, verb, words)
    with _link(run, posting.site) as link:
        return f"{run.id} at {posting.site.name}: {link.ask(run, posting, verb, words)}"


def _leave_request(run: Run, posting: Posting, verb: Verb, words: Sequence[str]) -> str:
    """Leave for the bridge what is asked of a site over ssh; return in words when it arrives."""
    root, name = _root(run), posting.site.name
    pending_requests.add(root, name, run.id, verb, list(words))
    ensure_bridge(Store(root))
    site = site_status.read(root, name)
    if site is not None and site.trouble:
        return (
            f"{run.id}: {name} does not answer, {site.trouble}; it is asked to {_words_of(verb)} once it does"
        )
    return f"{run.id}: {name} is asked to {_words_of(verb)}"


def _words_of(verb: Verb) -> str:
    return {
        "stop": "stop it after its epoch", "stop-now": "stop it after its step", "cancel": "end it",
        "hold": "hold it", "release": "let it start", "move": "move it", "priority": "give it that priority",
    }[verb]  # fmt: skip


def _require_over(run: Run, posting: Posting) -> None:
    """Raise StoreError where a run's job lives at its site, or where that is not known yet."""
    post.require_own(run)
    if not _is_over(run, posting):
        job = f"its job {posting.job}" if posting.job else "its job"
        raise StoreError(
            f"{run.id}: {posting.site.name} still has {job}: `engine stop --force {run.id}` ends it, then try again"
        )


def _is_over(run: Run, posting: Posting) -> bool:
    """Return whether a run's job is over, as its site says now; of one over ssh, as it said."""
    if posting.site.is_here:
        with _link(run, posting.site) as link:
            seen = link.look({run.id: (run, posting)}).runs.get(run.id)
    else:
        site = site_status.read(_root(run), posting.site.name)
        seen = site.runs.get(run.id) if site is not None else None
    current = posting_of(run)
    if current is not None and current.seen is not None:
        return True
    return seen is not None and seen.at >= posting.posted and seen.state in ("ended", "gone", "refused")


@contextlib.contextmanager
def _link(run: Run, site: Site) -> Iterator[Link]:
    post.require_programs(site)
    with contextlib.closing(post.link_to(_root(run), site)) as link:
        yield link


def _root(run: Run) -> Path:
    return run.path.parent
