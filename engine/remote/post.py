"""The one way to post runs to a site: what is meant is written first, then the site is asked, then its answer is kept.

::

    posted.json without a job    it is meant to be there: it is not known yet whether it arrived
    posted.json with a job       the site has it, or had it
    posted.json with ``seen``    the site's last word on it: it is not looked after any more

Who posts, or changes what is posted, has the lock of the site (.sites/NAME.lock), so that an intent without a job whose
lock is free is of a process that was killed. It is found by its name at the next look, or asked for again.

A cluster that this machine belongs to is asked by whoever posts; what goes over ssh is left to the bridge, which has
the one line there.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from engine.config.preflight_warnings import missing, missing_packages
from engine.config.schema import Experiment
from engine.config.site import Site
from engine.queue.move_and_hold import require_resumable
from engine.remote.link import Link
from engine.runs import run_lock, stop_request, trash
from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posting import Posting, Seen, name_of, posting_of
from engine.runs.provenance.code_snapshot import CodeSnapshot, take_tree
from engine.runs.store import SEVERAL, Run, Store, StoreError
from engine.runs.trust.entry_writer import leave_queue
from engine.runs.trust.posted_by_user import enter_posting, own_posting, why_not_own
from engine.runs.trust.queued_by_user import Identity, look_at
from engine.sites.batch_script import runs_this_python
from engine.sites.ssh_command import SiteError, Unreachable
from engine.system import lock

PATIENCE_S = 30.0
"""Seconds to wait for another process that posts to the same site."""
UNKNOWN_YET = (
    "it is not known yet whether it arrived: its name is looked for, and asked for again if it is not there"
)


def link_to(root: Path, site: Site) -> Link:
    """Return the way to a cluster of this machine; to others the bridge has one (``engine.remote.site_keeper``)."""
    from engine.remote.cluster_link import ClusterLink
    from engine.sites.ssh_command import Here

    return ClusterLink(root, site, Here())


@contextlib.contextmanager
def only_poster(root: Path, site: str, timeout_s: float = PATIENCE_S) -> Iterator[None]:
    """Be the only process that posts to a site, or changes what is posted there.

    Raises:
        StoreError: Another process posts for longer, or the folder of runs cannot be written.
    """
    path = site_status.lock_file(root, site)
    with contextlib.ExitStack() as stack:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(lock.hold(path, timeout_s))
        except lock.LockHeld as held:
            who = f" ({held.holder.pid} on {held.holder.host[:80]})" if held.holder is not None else ""
            raise StoreError(f"another process{who} posts to {site} just now: try again") from None
        except OSError as error:
            raise StoreError(f"{path} cannot be locked: {error.strerror}") from None
        yield


def require_programs(site: Site) -> None:
    """Raise SiteError where this machine lacks the programs that a site is reached by."""
    if site.ssh and shutil.which("ssh") is None:
        raise SiteError(f"{site.name}: ssh is not installed here; install OpenSSH's client")
    if site.is_here and shutil.which("sbatch") is None:
        raise SiteError(
            f"{site.name}: sbatch is not installed here, so this machine is not of that cluster; "
            f'from elsewhere a site needs `ssh = "…"`, its login node'
        )


def submit_to(
    store: Store,
    site: Site,
    experiment: Experiment,
    seeds: Iterable[int],
    warn: Callable[[str], None],
    tree: CodeSnapshot | None = None,
) -> Iterator[Run]:
    """Make a run of each seed, post it, and yield it.

    Args:
        store: Where the runs are made.
        site: Where they go.
        experiment: What they train.
        seeds: The seeds.
        warn: Called with a sentence on what is odd and no mistake.
        tree: The code, as ``take_tree`` returns it, where several experiments are posted at once; None to look now.

    Raises:
        SiteError: The site refuses a run, which is in the trash then; those before it are there. Or it cannot train.
        StoreError: The folder of runs or the user's key cannot be written.
    """
    if runs_this_python(site) and (lacks := missing_packages(experiment)):
        raise SiteError(
            f"{experiment.name}: {lacks}; jobs of {site.name} would run this Python: "
            "`python` or `setup` in a table [sites.NAME] names another"
        )
    require_programs(site)
    if lacks := missing(experiment):
        warn(f"{experiment.name}: {lacks} on this machine; {site.name} has to have it")
    code = (tree or take_tree(store.root)).of_program(experiment.command)

    def intend(run: Run) -> None:
        enter_posting(run, Posting(site=site, name=name_of(run, 1), posted=time.time()))

    with _opened(store.root, site) as link:
        runs = [store.create(experiment, seed, code=code, fill=intend) for seed in seeds]
        answers = send_all(store.root, runs, link) if link is not None else {}
    refusals = []
    for run in runs:
        match answers.get(run.id):
            case Unreachable() as away:
                warn(f"{run.id}: {away}; {UNKNOWN_YET}")
            case SiteError() as refusal:
                trash.put(store, run.path, run.id)
                refusals.append((run, refusal))
                continue
        yield run
    if refusals:
        which = ", ".join(run.id for run, _ in refusals[:SEVERAL])
        more = f" and {len(refusals) - SEVERAL} more" if len(refusals) > SEVERAL else ""
        raise SiteError(f"{site.name} does not take {which}{more}, now in the trash: {refusals[0][1]}")


@contextlib.contextmanager
def _opened(root: Path, site: Site) -> Iterator[Link | None]:
    """Yield the way to a site that is asked from here, None for a site that the bridge asks."""
    if not site.is_here:
        site_status.folder_of(root).mkdir(
            mode=0o700, parents=True, exist_ok=True
        )  # by it a bridge is started
        yield None
        return
    with contextlib.closing(link_to(root, site)) as link:
        yield link


def send_all(root: Path, runs: Sequence[Run], link: Link) -> dict[str, SiteError]:
    """Ask a site for runs whose postings are written, and keep its answers; return why it did not take some, by id.

    ``Unreachable`` stands for those of which it is not known whether they arrived.
    """
    errors: dict[str, SiteError] = {}
    site = require_own(runs[0]).site.name if runs else ""
    with only_poster(root, site) if runs else contextlib.nullcontext():
        postings = [(run, posting) for run in runs if _is_asked_for(posting := own_posting(run)) and posting]
        for name, answer in link.post_all(postings).items():
            if isinstance(answer, SiteError):
                errors[name] = answer
            else:
                enter_posting(Run(root / name), answer)
    return errors


def _is_asked_for(posting: Posting | None) -> bool:
    """Return whether a site is still to be asked for a run."""
    return posting is not None and not posting.job and posting.seen is None


def send(root: Path, run: Run, link: Link) -> str:
    """Ask a site for a run whose posting is written, and keep its answer; return in words what is not known, if any.

    A run that another process has posted meanwhile stays as it is.

    Raises:
        SiteError: The site refuses it.
        StoreError: The posting is not this user's, or cannot be written.
    """
    posting = require_own(run)
    with only_poster(root, posting.site.name):
        current = own_posting(run)
        if current is None or current.name != posting.name or not _is_asked_for(current):
            return ""
        try:
            answered = link.post(run, current)
        except Unreachable as error:
            return f"{run.id}: {error}; {UNKNOWN_YET}"
        enter_posting(run, answered)
    return ""


def refused(run: Run, posting: Posting, why: str) -> None:
    """Keep as a site's last word that it refuses a run; the caller has the lock of the site."""
    now = time.time()
    enter_posting(run, replace(posting, seen=Seen(at=now, since=now, state="refused", reason=why)))


def require_own(run: Run) -> Posting:
    """Return a run's posting.

    Raises:
        StoreError: There is none, or it is not this user's: its job is left alone.
    """
    posting = posting_of(run)
    if posting is None:
        raise StoreError(f"{run.id} was not sent to a site")
    if why := why_not_own(run, posting):
        raise StoreError(f"{run.id} at {posting.site.name} stays as it is: {why}")
    return posting


def intend_anew(
    run: Run,
    site: Site,
    *,
    settings: Sequence[str] = (),
    seen: Identity | None = None,
    failures: int = 0,
    by_itself: bool = False,
) -> Posting:
    """Write that a run that has ended is meant to go on at a site, as its next posting, and return that.

    The caller has the lock of that site, and of the one that had the run before.

    Args:
        run: The run.
        site: Where it goes.
        settings: What it changes when it goes on, as ``key=value``.
        seen: What the run was when the user was shown what it starts; None where there was nothing to show.
        failures: How often it was posted anew because it had failed.
        by_itself: Whether the bridge does it: what a user has asked of the run meanwhile is not forgotten.

    Raises:
        StoreError: It lives, waits or has finished, others trained it, or it has changed since it was shown.
    """
    with run_lock.hold(run):
        status, before = status_of(run, mine=True), posting_of(run)
        require_resumable(run, status)
        if seen is not None and look_at(run).identity != seen:
            raise StoreError(f"{run.id} has changed since it was shown: look again")
        if by_itself and stop_request.asked(run) is not None:
            raise StoreError(f"{run.id} was asked to stop")
        stop_request.clear(run)
        leave_queue(run)
        number = before.number + 1 if before is not None else 1
        folder = before.folder if before is not None and before.site.name == site.name else ""
        return enter_posting(run, Posting(
            site=site, name=name_of(run, number), number=number, posted=time.time(), attempts=status.attempt,
            settings=list(settings), folder=folder, failures=failures,
        ))  # fmt: skip


def resume_at(
    root: Path, run: Run, site: Site, settings: Sequence[str] = (), seen: Identity | None = None
) -> str:
    """Post a run that has ended to a site, to go on there, and return in words what happens.

    The caller has made sure that no job of it lives elsewhere (``engine.remote.verbs``).

    Args:
        root: The folder of runs.
        run: The run.
        site: Where it goes.
        settings: What it changes, as ``key=value``.
        seen: What the run was when the user was shown what it starts; None where there was nothing to show.

    Raises:
        SiteError: The site refuses it, which is its last word on it.
        StoreError: It has not ended, or has changed since it was shown.
    """
    require_programs(site)
    with only_poster(root, site.name):
        posting = intend_anew(run, site, settings=settings, seen=seen)
    with _opened(root, site) as link:
        if link is None:
            return f"{run.id} goes to {site.name}"
        try:
            said = send(root, run, link)
        except SiteError as error:
            with only_poster(root, site.name):
                refused(run, posting, str(error))
            raise SiteError(f"{site.name} does not take {run.id}: {error}") from None
    if said:
        return said
    job = (posting_of(run) or posting).job
    return f"{run.id} waits at {site.name}" + (f", job {job}" if job else "")
