"""How a run is judged on the machine that it was brought to, for the near end: only here locks and processes count."""

from __future__ import annotations

from engine.queue import retry
from engine.remote.other_machine.received_runs import carried_of
from engine.runs import run_lock
from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posting import DAMAGED_POSTING, Posting, Seen, posting_of
from engine.runs.status import ENDED, State
from engine.runs.store import Run
from engine.runs.trust.posted_by_user import why_not_own
from engine.sites.far_end_messages import Verdict

MOST_REASON = 2000
"""Characters of a reason that is sent."""


def verdict_on(run: Run) -> Verdict:
    """Return how a run is judged here.

    One that has recorded its end runs until its process has let it go. One that may still be begun anew by itself, by
    the queue or at the cluster of this machine, has not ended for the near end, which would follow it no longer.

    Args:
        run: The run.
    """
    status, posting, carried = status_of(run), posting_of(run), carried_of(run)
    state, reason = status.state, status.reason
    if state in ENDED and run_lock.is_held(run):
        state = "running"
    elif may_go_on(run, state, posting):
        state, reason = "silent", f"it {state} ({reason}); whether it is begun anew there is not decided yet"
    return Verdict(
        run=run.id, state=state, reason=reason[:MOST_REASON], attempt=status.attempt,
        name=carried.name if carried is not None else "", job=posting.job if posting is not None else "",
        seen=_word_of_cluster(run, posting),
    )  # fmt: skip


def may_go_on(run: Run, state: State, posting: Posting | None) -> bool:
    """Return whether it is open yet if an attempt that has ended is followed by another one without a user.

    Args:
        run: The run.
        state: How its last attempt ended.
        posting: Its posting to the cluster of this machine; None where it is in the queue.
    """
    if state not in ENDED or state == "finished":
        return False
    if posting is None:
        return state != "stopped" and retry.unsettled(run) is not None
    return posting.seen is None and posting != DAMAGED_POSTING and not why_not_own(run, posting)


def _word_of_cluster(run: Run, posting: Posting | None) -> Seen | None:
    if posting is None:
        return None
    site = site_status.read(run.folder.rpartition("/")[0], posting.site.name)
    return site.runs.get(run.id) if site is not None else posting.seen
