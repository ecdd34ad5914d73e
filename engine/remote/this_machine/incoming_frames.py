"""What a far end has said over a connection: of itself, its devices and the runs that are followed."""

from __future__ import annotations

import time

from msgspec.structs import replace

from engine.remote.this_machine.checkpoint_downloads import CheckpointDownloads
from engine.remote.this_machine.mirror import Mirror
from engine.runs.posted.posting import JobState, Posting, Seen
from engine.runs.store import StoreError
from engine.sites.far_end_frames import Frame
from engine.sites.far_end_messages import (
    Again,
    Append,
    Chunk,
    Done,
    FarHead,
    FarHello,
    Gone,
    Looked,
    Machine,
    Pong,
    Put,
    Verdict,
)

PROMPT_S = 5.0
"""Seconds within which an answer to a ping says what the time is there."""
MOST_ANSWERS = 2000
_JOB_STATES: dict[str, JobState] = {
    "queued": "pending", "starting": "running", "running": "running", "silent": "unknown",
    "finished": "ended", "failed": "ended", "stopped": "ended", "crashed": "ended",
}  # fmt: skip


class IncomingFrames:
    """Takes frames in the thread that reads; others look at it.

    Args:
        mirror: Writes the files of runs here.
        arrivals: Takes the parts of checkpoints.
    """

    def __init__(self, mirror: Mirror, arrivals: CheckpointDownloads) -> None:
        self._mirror, self._arrivals = mirror, arrivals
        self.hello: FarHello | None = None
        """What the far end said of itself."""
        self.verdicts: dict[str, Verdict | None] = {}
        """What it says of each run; None where it is not there."""
        self.followed: set[str] = set()
        self.behind: set[str] = set()
        """Runs that could not be written here, and have to be asked for again."""
        self.trouble = ""
        """Why one could not be."""
        self.machine = Machine()
        self.ahead_s = 0.0
        """Seconds by which the clock there is ahead."""
        self.looks = 0
        """How often all was told that ``have`` asked for."""
        self.answers: dict[str, Done] = {}

    def forget(self, name: str) -> None:
        """Forget what was said of a run."""
        self.followed.discard(name)
        self.verdicts.pop(name, None)

    def take(self, frame: Frame[FarHead]) -> Again | None:
        """Take a frame; return what to ask for again where a file here is another than the far end thought."""
        head = frame.head
        match head:
            case Put() | Append():
                return self._keep(head, frame.body)
            case Verdict():
                if head.run in self.followed:
                    self.verdicts[head.run] = head
            case Gone():
                if head.run in self.followed:
                    self.verdicts[head.run] = None
            case Machine():
                self.machine = head
            case Pong():
                if 0 <= (waited := time.time() - head.t) < PROMPT_S:  # else one of us slept meanwhile
                    self.ahead_s = head.now - head.t - waited / 2
            case Looked():
                self.looks += 1
            case Chunk():
                self._arrivals.take(head, frame.body)
            case Done():
                if not self._arrivals.refuse(head) and len(self.answers) < MOST_ANSWERS:
                    self.answers[head.id] = head
            case FarHello():
                self.hello = self.hello or head
        return None

    def _keep(self, head: Put | Append, body: bytes) -> Again | None:
        if head.run not in self.followed:
            return None
        again = None
        try:
            if isinstance(head, Append):
                again = self._mirror.append(head, body)
            else:
                self._mirror.put(head, body)
        except StoreError as error:  # a full disk: it is asked for again at the next look
            self.trouble = str(error)
            self.behind.add(head.run)
            return None
        if again is not None:
            self.behind.add(head.run)  # not over before the next look
        return again

    def seen(self, name: str, posting: Posting, now: float) -> Seen:
        """Return the word of the site on a run of which something was heard.

        Args:
            name: The run's id.
            posting: Its posting.
            now: Seconds since the epoch, here.
        """
        assert self.hello is not None  # noqa: S101  it is connected
        verdict, host = self.verdicts[name], self.hello.host[:255]
        if verdict is None or verdict.name != posting.name:
            return Seen(at=now, state="gone", reason=f"it is not on {host}")
        state, reason = _JOB_STATES[verdict.state], verdict.reason
        if state == "ended" and name in self.behind:  # it is not over here until all of it is here
            state, reason = "ending", f"it has ended there, and cannot be written here: {self.trouble}"
        elif state == "ended" and verdict.state == "finished" and self._arrivals.is_to_come(name):
            state, reason = "ending", "it has ended there, and its checkpoint is on its way"
        job = verdict.job or name
        if verdict.seen is None:
            node = host if state == "running" else ""
            return Seen(at=now, state=state, job=job, reason=reason, node=node)
        said = replace(verdict.seen, at=now, job=job)  # a cluster's: in its own words
        if state != "unknown":
            return replace(said, state=state)
        if said.state in ("ended", "gone"):  # its job is over, the run may not be
            return replace(said, state=state, reason=reason)
        return said
