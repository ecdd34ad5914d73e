"""The link to a machine over ssh, or to a cluster behind one: a far end there, a mirror of its runs here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.config.site import Site
from engine.remote.link import Verb
from engine.remote.this_machine.checkpoint_downloads import CheckpointDownloads
from engine.remote.this_machine.code_upload import archive_of
from engine.remote.this_machine.incoming_frames import IncomingFrames
from engine.remote.this_machine.mirror import Mirror
from engine.remote.this_machine.partial_checkpoint import PartialCheckpoint
from engine.remote.this_machine.run_upload import entering, files_sent_for
from engine.remote.this_machine.ssh_connection import HELLO_S, SshConnection
from engine.runs.posted.posting import JobState, Posting, Seen
from engine.runs.posted.site_status import SiteStatus
from engine.runs.store import Run, Store, StoreError
from engine.sites.far_end_frames import PIECE, PROTOCOL, Frame
from engine.sites.far_end_messages import (
    CODE_IS_THERE,
    HAS_TO_BE_BROUGHT,
    Answer,
    Check,
    Checkpoint,
    Code,
    Do,
    Done,
    Enter,
    FarHead,
    FarHello,
    Forget,
    Have,
    Head,
    Hello,
    Ping,
    Question,
)
from engine.sites.ssh_command import SiteError, Unreachable
from engine.system.installed_extras import engine_version

ANSWER_S = 60.0
"""Seconds that the far end has to do something: it may wait for the lock of a run."""
AT_ONCE = 2000
"""Runs that are asked for in one frame."""


class HostLink:
    """A ``Link`` over one ssh, which is opened when it is needed and anew after it was lost.

    Args:
        root: The folder of runs here.
        site: The site, which has an alias for ssh.
        options: Further options of ssh.
    """

    def __init__(self, root: Path, site: Site, options: Sequence[str] = ()) -> None:
        self.site = site
        self._store, self._options = Store(root), options
        store = self._store
        self._mirror = Mirror(store, site.name)
        self._far: SshConnection | None = None
        self._since: dict[str, tuple[JobState, float]] = {}
        """The state of each run in the looks so far, and since when."""
        self._number = 0
        self._arrivals = CheckpointDownloads(site)
        self._heard = IncomingFrames(self._mirror, self._arrivals)

    def _forget_all(self) -> None:
        """Forget what was said over a connection that is gone."""
        self._heard = IncomingFrames(self._mirror, self._arrivals)
        self._arrivals.cut()

    # --- the four of Link ---

    def post(self, run: Run, posting: Posting) -> Posting:
        """Bring a run to the machine, where it waits in the queue; return the posting with what is known now.

        Raises:
            Unreachable: It cannot be said whether it arrived.
            SiteError: It is refused there; says why.
            StoreError: Its files here cannot be read.
        """
        far = self._connect()
        asked = entering(run, posting, self._next_id())
        if posting.number > 1:  # it is there, unless it was elsewhere before
            done = self._ask(far, asked)
            if done.code != HAS_TO_BE_BROUGHT:
                return self._posted(posting, run, done)
        self._bring(far, run)
        return self._posted(posting, run, self._ask(far, replace(asked, id=self._next_id())))

    def post_all(self, runs: Iterable[tuple[Run, Posting]]) -> dict[str, Posting | SiteError]:
        """Bring several runs, one after another; see ``engine.remote.link.Link``."""
        answers: dict[str, Posting | SiteError] = {}
        for run, posting in runs:
            try:
                answers[run.id] = self.post(run, posting)
            except SiteError as error:
                answers[run.id] = error
        return answers

    def look(self, posted: Mapping[str, tuple[Run, Posting]]) -> SiteStatus:
        """Return what the far end says of these runs, and have their files here follow; raises what ``Link.look`` does.

        Raises:
            Unreachable: It does not answer.
        """
        far = self._connect()
        heard = self._heard
        for name in heard.followed - posted.keys():
            far.send(Forget(run=name))
            heard.forget(name)
            self._since.pop(name, None)
        heard.trouble = ""
        again, heard.behind = heard.behind, set()
        new = [run for name, (run, _) in posted.items() if name not in heard.followed or name in again]
        for at in range(0, len(new), AT_ONCE):
            self._follow(far, new[at : at + AT_ONCE])
        finished = [
            run for name, (run, _) in posted.items()
            if (verdict := heard.verdicts.get(name)) is not None and verdict.state == "finished"
        ]  # fmt: skip
        if (wanted := self._arrivals.next_to_bring(finished)) is not None:
            far.send(wanted)
        return self._status(posted)

    def ask(self, run: Run, posting: Posting, verb: Verb, words: Sequence[str] = ()) -> str:  # noqa: ARG002  as Link
        """Ask the far end to do something with a run, and return in words what will happen.

        Args:
            run: The run.
            posting: Its posting.
            verb: What to do.
            words: Where to, for ``move``; the number, for ``priority``.

        Raises:
            Unreachable: It does not answer.
            SiteError: It refuses; says why.
        """
        return self.do(run.id, verb, words)

    def close(self) -> None:
        """Let the machine go; nothing that runs there ends."""
        if self._far is not None:
            self._far.close()
            self._far = None

    # --- more than Link ---

    def do(self, name: str, verb: Verb, words: Sequence[str] = ()) -> str:
        """Ask the far end to do something with a run that it has, by its id; as ``ask``."""
        asked = Do(run=name, id=self._next_id(), verb=verb, words=list(words))
        return self._accepted(self._ask(self._connect(), asked)).text

    def fetch(self, run: Run, file: Checkpoint, say: Callable[[int, int], None] | None = None) -> int:
        """Bring a checkpoint of a run here, from where an earlier try was cut off; return its bytes.

        Args:
            run: The run.
            file: Which one.
            say: Called now and then with the bytes that are here, and all.

        Raises:
            Unreachable: The machine does not answer; the part that is here is gone on with.
            SiteError: There is no such checkpoint, or it changed on its way.
            StoreError: It cannot be written here.
        """
        far = self._connect()
        far.send(self._arrivals.begin(run, file))
        arriving = self._arrivals.file
        assert arriving is not None  # noqa: S101  it has begun
        try:
            while not self._arrivals.outcome:
                self._wait_for_part(far, arriving)
                if say is not None and arriving.size:
                    say(arriving.at, arriving.size)
        finally:
            self._arrivals.cut()
        if isinstance(self._arrivals.outcome, Exception):
            raise self._arrivals.outcome
        return arriving.size

    def _wait_for_part(self, far: SshConnection, arriving: PartialCheckpoint) -> None:
        before = arriving.at
        far.wait(lambda: bool(self._arrivals.outcome) or arriving.at != before, ANSWER_S)

    def check(self, question: Question) -> Answer:
        """Return what is there.

        Raises:
            Unreachable: The machine does not answer.
            SiteError: It refuses, or its answer is not understood.
        """
        far, asked = self._connect(), Check(id=self._next_id())
        done = self._accepted(self._ask(far, asked, msgspec.json.encode(question)))
        try:
            return msgspec.json.decode(done.text, type=Answer)
        except msgspec.DecodeError as error:
            raise SiteError(f"{self.site.name}: its answer is not understood: {error}") from None

    @property
    def clock_ahead_s(self) -> float:
        """Seconds by which the clock there is ahead."""
        return self._heard.ahead_s

    def connect(self) -> FarHello:
        """Connect unless that is done, and return what the far end said of itself; raises Unreachable, SiteError."""
        self._connect()
        assert self._heard.hello is not None  # noqa: S101  it is connected
        return self._heard.hello

    # --- how ---

    def _connect(self) -> SshConnection:
        if self._far is not None:
            if self._far.is_open:
                return self._far
            why = self._far.why
            self.close()
            raise Unreachable(why or f"{self.site.name} is gone")
        self._forget_all()
        far = SshConnection(self.site, self._folder(), self._take, self._options)
        try:
            far.wait(lambda: self._heard.hello is not None, HELLO_S)
            self._require_same_version()
            far.send(Hello(v=PROTOCOL, engine=engine_version()))
            far.send(Ping(t=time.time()))
        except BaseException:
            far.close()
            raise
        self._far = far
        return far

    def _folder(self) -> str:
        return self.site.folder or f"~/.vitui/{self._store.root.resolve().parent.name}"

    def _require_same_version(self) -> None:
        assert self._heard.hello is not None  # noqa: S101  it is awaited
        here, there = engine_version(), self._heard.hello.engine
        if self._heard.hello.v != PROTOCOL or there != here:
            raise SiteError(
                f"{self.site.name} has vitui {there[:40]}, this machine {here}: install the same one on both, "
                f"`pip install vitui=={here}` there or `pip install vitui=={there[:40]}` here"
            )

    def _take(self, frame: Frame[FarHead]) -> None:
        """Take a frame, in the thread that reads."""
        again = self._heard.take(frame)
        if again is not None and self._far is not None:
            self._far.send(again)

    def _follow(self, far: SshConnection, runs: Sequence[Run]) -> None:
        held = {}
        for run in runs:
            try:
                held[run.id] = self._mirror.held(run)
            except StoreError as error:
                self._heard.trouble = str(error)
        if not held:
            return
        self._heard.followed |= held.keys()
        awaited = self._heard.looks + 1
        far.send(Have(), msgspec.json.encode(held))
        far.wait(lambda: self._heard.looks >= awaited, 10 * ANSWER_S)

    def _since_when(self, name: str, seen: Seen) -> Seen:
        before, since = self._since.get(name, (seen.state, seen.at))
        return replace(seen, since=since if before == seen.state else seen.at)

    def _status(self, posted: Mapping[str, tuple[Run, Posting]]) -> SiteStatus:
        assert self._heard.hello is not None  # noqa: S101  it is connected
        now, heard, machine = time.time(), self._heard, self._heard.machine
        seen = {
            name: self._since_when(name, heard.seen(name, posting, now))
            for name, (_, posting) in posted.items()
            if name in heard.verdicts
        }
        states = [one.state for one in seen.values()]
        self._since = {name: (one.state, one.since) for name, one in seen.items()}
        return SiteStatus(
            site=self.site, at=now, trouble=heard.trouble, runs=seen, clock_ahead_s=heard.ahead_s,
            running=states.count("running"), waiting=states.count("pending"), host=self._heard.hello.host[:255],
            gpus=tuple(machine.gpus), cpu=machine.cpu, all_gpus=len(machine.gpus) if machine.gpus else None,
        )  # fmt: skip

    def _bring(self, far: SshConnection, run: Run) -> None:
        """Send the files with which a run begins, or goes on."""
        code = self._send_code(far) if self.site.code == "send" else ""
        for head, body in files_sent_for(run, code):
            far.send(head, body)

    def _send_code(self, far: SshConnection) -> str:
        """Send the project's code unless it is there, and return its digest."""
        archive = archive_of(self._store.root.resolve().parent)
        asked = Code(id=self._next_id(), sha256=archive.digest, size=len(archive.data))
        if self._accepted(self._ask(far, asked)).text == CODE_IS_THERE:
            return archive.digest
        last = len(archive.data) - (len(archive.data) % PIECE or PIECE)
        for at in range(0, last, PIECE):
            far.send(replace(asked, at=at), archive.data[at : at + PIECE])
        self._accepted(self._ask(far, replace(asked, id=self._next_id(), at=last), archive.data[last:]))
        return archive.digest

    def _posted(self, posting: Posting, run: Run, done: Done) -> Posting:
        self._accepted(done)
        assert self._heard.hello is not None  # noqa: S101  it has answered
        self._heard.forget(run.id)  # what was said of it before is of the posting before
        self._since.pop(run.id, None)
        folder = f"{self._heard.hello.folder}/runs/{run.id}"
        return replace(posting, job=done.job or run.id, folder=folder)

    def _ask(self, far: SshConnection, head: Enter | Do | Check | Code, body: bytes = b"") -> Done:
        far.send(head, body)
        try:
            far.wait(lambda: head.id in self._heard.answers or self._refusal_of(head) is not None, ANSWER_S)
            return (
                refusal if (refusal := self._refusal_of(head)) is not None else self._heard.answers[head.id]
            )
        finally:
            self._heard.answers.clear()  # one thing is asked at a time

    def _refusal_of(self, head: Head) -> Done | None:
        """Return why what was sent before an ``enter`` was refused, which has no answer of its own."""
        return self._heard.answers.get(head.run[:64]) if isinstance(head, Enter) else None

    def _accepted(self, done: Done) -> Done:
        if done.code:
            raise SiteError(f"{self.site.name}: {done.text}")
        return done

    def _next_id(self) -> str:
        self._number += 1
        return f"#{self._number}"
