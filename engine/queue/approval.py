"""What a run would start that this user has not queued, in lines for them to read before they say yes.

A run with a command executes what it says. One without trains our own models, and executes nothing of its own: to
resume it needs no question, but it does not start by itself either.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.config.schema import Experiment
from engine.runs import run_lock, status_file
from engine.runs.queue_entry import DamagedEntry, QueueEntry, queue_entry, waiting_entry
from engine.runs.resume_settings import last_experiment
from engine.runs.status import Status
from engine.runs.store import Run, StoreError
from engine.runs.trust import entry_writer
from engine.runs.trust.queued_by_user import SHOWS_IT, Identity, look_at, why_exposed, why_untrusted
from engine.system.permissions import user_name
from engine.system.shell_environment import carried
from engine.text import command_line, visible

NOT_QUEUED_HERE = "this user did not queue it"
LONGEST = 2000
"""Characters of a line that are shown; what is longer says so, and where all of it is."""


@dataclass(frozen=True)
class Approval:
    """What the user is asked to agree to."""

    run: Run
    lines: tuple[str, ...]
    """What it would start and whose it is: all characters, those escaped that a terminal would not show."""
    identity: Identity
    """What the run was when it was looked at."""
    entry: QueueEntry | None
    """Its entry in the queue at that time."""


def approval_of_release(run: Run) -> Approval | None:
    """Return what the release of a queued run would start; None where this user queued it.

    Raises:
        StoreError: It does not wait in the queue, others can write its folder, or its run.json is damaged.
    """
    if (entry := waiting_entry(run)) is None:
        raise StoreError(f"{run.id} does not wait in the queue")
    if not (why := why_untrusted(run, entry)):
        return None
    if exposed := why_exposed(run):
        raise StoreError(f"{run.id} is not released: {exposed}")
    return _approval(run, entry, why, here=False)


def approval_of_resume(run: Run, *, here: bool) -> Approval | None:
    """Return what going on with a run would start; None where this user started it before, or it has no command.

    Args:
        run: The run.
        here: Whether it goes on in this process, and not by the queue.

    Raises:
        StoreError: Its run.json is damaged.
    """
    entry = queue_entry(run)
    if not _experiment(run).command or (entry is not None and not why_untrusted(run, entry)):
        return None
    return _approval(run, entry, why_exposed(run) or NOT_QUEUED_HERE, here=here)


def release(approval: Approval) -> str:
    """Let a queued run start whose command the user has agreed to, and return it in words.

    Raises:
        StoreError: It has begun, left the queue, or changed since it was shown.
    """
    run = approval.run
    with run_lock.hold(run):
        entry, status = waiting_entry(run), status_file.rebuild(run)
        if entry is None:
            raise StoreError(f"{run.id} does not wait in the queue")
        if status.state == "finished":
            raise StoreError(f"{run.id} has finished: `engine stop {run.id}` takes it out of the queue")
        if entry != approval.entry:
            raise StoreError(f"{run.id} has changed since it was shown: look again")
        entry_writer.enter(run, _released(run, entry, status), approval.identity)
    return f"{run.id} waits for a device"


def _released(run: Run, entry: QueueEntry, status: Status) -> QueueEntry:
    """Return an entry that may start: what it asks for is kept, what happened to it is not."""
    experiment = _experiment(run)
    environment = carried(os.environ, experiment.env)  # of this user's shell, never what a stranger wrote
    if isinstance(entry, DamagedEntry):
        return QueueEntry(
            submitted=time.time(), gpus=experiment.gpus, attempts=status.attempt, environment=environment
        )
    return replace(
        entry, on_hold=False, not_before=0.0, retried=0, by_hand=False, devices={}, holder=None,
        environment=environment,
    )  # fmt: skip


def _approval(run: Run, entry: QueueEntry | None, why: str, *, here: bool) -> Approval:
    identity = look_at(run).identity
    lines = tuple(_shown(line) for line in _lines(run, entry, why, here=here))
    return Approval(run, lines, identity, entry)


def _shown(line: str) -> str:
    """Return a line in which every character can be seen: what is hidden cannot be agreed to."""
    seen = visible(line)
    return (
        seen
        if len(seen) <= LONGEST
        else f"{seen[:LONGEST]} … (cut: run.json has all {len(seen):,} characters)"
    )


def _lines(run: Run, entry: QueueEntry | None, why: str, *, here: bool) -> Iterator[str]:
    info, experiment = run.info(), _experiment(run)
    yield f"{run.id}: {why.removesuffix(f': {SHOWS_IT}')}"
    yield f"experiment  {info.experiment}, seed {info.seed}"
    if experiment.command:
        yield f"command     {command_line(experiment.command)}"
        yield f"in          {Path.cwd() if here else _where(info.cwd)}"
    else:
        yield f"trains      {experiment.model} on {experiment.dataset}, {experiment.epochs} epochs"
        if experiment.pretrained:
            yield f"from        {experiment.pretrained}"
    if entry is not None and entry.settings:
        yield f"with        {' '.join(entry.settings)}"
    if experiment.retries:
        yield f"retries     {experiment.retries}"
    yield f"owner       {user_name(run.path.lstat().st_uid)}"


def _where(folder: str) -> str:
    """Return the folder in which a worker starts a run that was made in ``folder``."""
    if Path(folder).is_absolute() and Path(folder).is_dir():
        return folder
    return f"the folder that the worker was started in, or {folder or '.'} there"


def _experiment(run: Run) -> Experiment:
    try:
        return last_experiment(run)
    except msgspec.ValidationError as error:
        raise StoreError(f"{run.id}: run.json holds what this version does not know: {error}") from None
