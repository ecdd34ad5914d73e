"""What can be wrong with one run's folder: a small function for each, from facts to findings. Nothing is changed."""

from __future__ import annotations

import contextlib
import stat
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import msgspec

from engine.diagnostics.checkpoint_checks import check_checkpoint
from engine.diagnostics.findings import FILES, Case, Finding
from engine.diagnostics.run_permissions import check_permissions
from engine.events import HALF_A_LINE, MAX_LINE, decode, why_no_event
from engine.runs import liveness, run_lock, status_file
from engine.runs.event_text import reason_after
from engine.runs.heartbeat_and_silence import SILENCE_S
from engine.runs.posted.posting import DAMAGED_POSTING, posting_of
from engine.runs.posted.posting import FILE as POSTED_FILE
from engine.runs.queue_entry import waiting_entry
from engine.runs.status import ENDED, LIVE, never_began
from engine.runs.store import Run, StoreError
from engine.runs.trust.posted_by_user import why_not_own
from engine.system import kernel_locks
from engine.system.files import DAMAGED, read_small, tail
from engine.text import duration

YOUNG_S = 60.0
"""Seconds for which a file that a writer has not finished may still be being written."""


def check_state(case: Case) -> Iterator[Finding]:
    """Has it come to a good end, or is it on the way to one?"""
    run, status = case.run, case.status
    begin = "begins anew" if status.checkpoint is None else "goes on from the last checkpoint"
    resume = f"`engine resume {run.id}` {begin}"
    reason = f": {reason_after(status.state, status.reason)}" if status.reason else ""
    match status.state:
        case "queued":
            cure = "" if status.reason else "`engine work` runs it"
            yield case.finding("queued", f"queued{reason}", cure)
        case "stopped" if never_began(status):
            pass  # it was cancelled, as somebody wanted
        case "failed" | "stopped" | "crashed":
            yield case.finding(status.state, f"{status.state}{reason}", resume)
        case "silent" if (posting := posting_of(run)) is not None:
            where = "" if posting == DAMAGED_POSTING else f"`engine site check {posting.site.name}`"
            yield case.finding("silent", f"silent{reason}", where)
        case "silent" if status.host:
            ago = duration(abs(time.time() - status.heartbeat))
            when = "ago" if status.heartbeat < time.time() else "ahead of this machine's clock"
            text = f"silent: last heard of {ago} {when} on {status.host}"
            yield case.finding(
                "silent",
                text,
                f"look there; if that machine is gone, `engine resume --takeover {run.id}` goes on here",
            )
        case "silent":
            yield case.finding("unreadable", f"silent{reason}", "ask its owner to let you read it")


def check_refused(case: Case) -> Iterator[Finding]:
    """Is all recorded that it printed as events?"""
    if refused := case.status.refused:
        many = (
            f"{refused:,} of its events and values are" if refused > 1 else "one of its events or values is"
        )
        cure = f"`engine logs {case.run.id}` has each kind; docs/own-program.md says what can be printed"
        yield case.finding("refused", f"{many} not recorded: {case.status.refusal}", cure)


def check_silence(case: Case) -> Iterator[Finding]:
    """Does the process that trains still say that it lives?"""
    status, age = case.status, time.time() - case.status.heartbeat
    if case.held and status.state in LIVE and status.attempt and age > SILENCE_S:
        yield case.finding(
            "mute", f"its process {status.pid} on {status.host} lives but has said nothing for {duration(age)}",
            f"see what it does (py-spy dump --pid {status.pid}); `engine stop --force {case.run.id}` ends it",
        )  # fmt: skip


def check_lock(case: Case) -> Iterator[Finding]:
    """Is its lock kept by what a dead process left behind?"""
    if (left := kernel_locks.orphaned_holder(case.run.lock)) is not None:
        holder, keepers = left
        who = ", ".join(map(str, keepers)) or "one that this user cannot see"
        yield case.finding(
            "orphans", f"its process {holder.pid} is gone, but a child of it keeps its lock: {who}",
            f"`kill {' '.join(map(str, keepers))}`, then it can be resumed" if keepers else "ask an administrator",
        )  # fmt: skip


def check_description(case: Case) -> Iterator[Finding]:
    """Does run.json say what it is?"""
    try:
        case.run.info()
    except StoreError as error:
        cure = f"it cannot be resumed; `engine rm {case.run.id}` puts it into the trash"
        yield case.finding("description", str(error).partition(": ")[2], cure)


def check_kinds(case: Case) -> Iterator[Finding]:
    """Is every file a file of its own?"""
    names = dict.fromkeys(FILES, stat.S_ISREG) | {"checkpoints": stat.S_ISDIR}
    for name, right in names.items():
        with contextlib.suppress(OSError):
            mode = (case.run.path / name).lstat().st_mode
            if not right(mode):
                what = (
                    "a link"
                    if stat.S_ISLNK(mode)
                    else "a folder"
                    if stat.S_ISDIR(mode)
                    else "no file that can be read"
                )
                path = case.run.path / name
                yield case.finding(
                    "kind", f"{name} is {what}: it is passed over", "move it away", "throw", path
                )


def check_events(case: Case) -> Iterator[Finding]:
    """Is every line an event?"""
    bad_lines = _BadLines()
    offset = 0
    while (read := tail(case.run.events, offset))[1] != offset:
        bad_lines.look(read[0], offset)
        offset = read[1]
    if not case.lives and _size(case.run.events) > offset:  # a torn last line: a writer may be at it
        bad_lines.look([b"{"], offset)
    if bad_lines.count:
        which = f"{bad_lines.count:,} lines are no events" if bad_lines.count > 1 else "a line is no event"
        place = f"the first is line {bad_lines.line:,} at byte {bad_lines.at:,}"
        text = f"events.jsonl: {which}, {place}: {bad_lines.why}"
        cure = "they are passed over"
        if bad_lines.why == HALF_A_LINE:
            cure = f"a killed process leaves such; {cure}"
        yield case.finding("events", text, cure, "" if case.lives else "clean", case.run.events)


class _BadLines:
    """Counts lines that are no events, and where the first is."""

    def __init__(self) -> None:
        self.count = self.line = self.at = 0
        self.why = ""
        """Why the first is no event."""
        self._lines = 0
        self._in_part = False
        """Whether the next line is the rest of an overlong line."""

    def look(self, lines: list[bytes], offset: int) -> None:
        """Look at what was read from an offset: whole lines, or an empty list for a part of an overlong line."""
        if not lines and not self._in_part:
            self._note(offset, f"it is longer than the {MAX_LINE // 2**20} MiB that are read")
        for line in lines:
            if self._in_part:
                self._in_part = False
            elif line and decode(line) is None:
                self._note(offset, why_no_event(line))
            self._lines += 1
            offset += len(line) + 1
        self._in_part = not lines

    def _note(self, offset: int, why: str) -> None:
        if not self.count:
            self.line, self.at, self.why = self._lines + 1, offset, why
        self.count += 1


def check_status(case: Case) -> Iterator[Finding]:
    """Does status.json say what the events say?"""
    if case.lives or not _size(case.run.events):
        return
    claimed, truth = status_file.cached(case.run), status_file.rebuild(case.run)
    if claimed is None or claimed.offset > truth.offset:
        yield case.finding(
            "status", "status.json is missing, damaged, of another version, or of other events", "", "rebuild"
        )
        return
    status_file.read_on(case.run, claimed)
    if differs := [name for name in AGREED if getattr(claimed, name) != getattr(truth, name)]:
        name = differs[0]
        claim, true = (str(getattr(state, name))[:60] for state in (claimed, truth))
        text = f"status.json disagrees with the events: {name} is {claim!r}, they say {true!r}"
        yield case.finding("status", text, "", "rebuild")


AGREED = (
    "state",
    "attempt",
    "step",
    "epoch",
    "epochs",
    "seed",
    "experiment",
    "checkpoint",
    "last",
    "best",
    "extremes",
    "final",
)
"""What a status and the events have to agree on."""


def check_queue_entry(case: Case) -> Iterator[Finding]:
    """Does its place in the queue make sense?"""
    run = case.run
    if case.held or waiting_entry(run) is None:
        return
    if status_file.rebuild(run).state == "finished":
        text = "it has finished, and still has a place in the queue"
        yield case.finding("queue", text, f"`engine stop {run.id}`", "throw", run.queue_file)
        return
    try:
        entry: Any = msgspec.json.decode(read_small(run.queue_file))
    except DAMAGED:
        yield case.finding(
            "queue",
            "queued.json is damaged: it waits and does not start",
            f"`engine hold --release {run.id}`",
        )
        return
    after = entry.get("after") if isinstance(entry, dict) else None
    for name in after if isinstance(after, list) else []:
        if name not in case.runs:
            yield case.finding(
                "queue", f"it waits for {str(name)[:200]}, which does not exist any more",
                f"`engine restore {str(name)[:200]}` if it is in the trash; else `engine stop {run.id}`",
            )  # fmt: skip


def check_posting(case: Case) -> Iterator[Finding]:
    """Is it known which site has it, and is that this user's to say?"""
    if case.held or (posting := posting_of(case.run)) is None:
        return
    if posting == DAMAGED_POSTING:
        text = "posted.json is damaged: it was sent to a site, and its job there is left alone"
        cure = "once it has no job there, this folder has it again without that file"
        yield case.finding("posting", text, cure, "throw", case.run.path / POSTED_FILE)
    elif case.status.state not in ENDED and (why := why_not_own(case.run, posting)):
        text = f"{posting.site.name} may have it, and its job is left alone: {why}"
        yield case.finding("posting", text, "who posted it looks after it")


def check_request(case: Case) -> Iterator[Finding]:
    """Has what a user asked been done?"""
    if not case.held and case.status.state in ENDED and _size(case.run.control):
        text = f"it is {case.status.state}, and a request to stop it still lies there"
        yield case.finding("request", text, "", "throw", case.run.control)


def check_drafts(case: Case) -> Iterator[Finding]:
    """Did a killed process leave files that it had not finished?"""
    if case.lives:
        return
    for path in drafts(case.run.path):
        yield case.finding(
            "draft", f"{path.relative_to(case.run.path)}: a killed process left it", "", "throw", path
        )


def drafts(folder: Path) -> Iterator[Path]:
    """Yield the drafts that a killed process left in a run's folder, unless one may still be in writing."""
    patterns = (".*.json*.*.*", ".control.*.*", ".reserve", "checkpoints/.*.pt.tmp")
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if not path.is_symlink() and path.is_file() and is_old(path):
                yield path


def is_old(path: Path) -> bool:
    """Return whether a file or folder is too old to be still in writing."""
    with contextlib.suppress(OSError):
        return abs(time.time() - path.lstat().st_mtime) > YOUNG_S
    return False


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        info = path.lstat()
        return info.st_size if stat.S_ISREG(info.st_mode) else 0
    return 0


CHECKS = (
    check_state, check_refused, check_silence, check_lock, check_description, check_kinds, check_events, check_status,
    check_queue_entry, check_posting, check_request, check_drafts, check_checkpoint, check_permissions,
)  # fmt: skip


def examine(run: Run, runs: Collection[str] = ()) -> list[Finding]:
    """Return all that is not well with a run."""
    status = liveness.status_of(run)
    case = Case(run, status, run_lock.is_held(run), runs)
    return [finding for check in CHECKS for finding in check(case)]
