"""The far end of a site over ssh: ``engine far-end``, which another machine's bridge holds by one ssh and speaks to.

::

    stdin  ── frames ──▶  a thread: carry, enter, do, fetch, check      ─┐
                                                                        ├─▶ frames ──▶ stdout
              look at the runs that are followed, four times a second   ─┘

It is an ordinary user of the engine here: runs are queued for the worker here, and outlive it. It ends with its stdin,
or when nothing was heard for a minute.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Literal

import msgspec
import psutil

from engine.errors import UserError
from engine.remote.other_machine.checkpoint_sender import send_checkpoint
from engine.remote.other_machine.far_checks import answer
from engine.remote.other_machine.far_verbs import do
from engine.remote.other_machine.far_worker import ensure_service
from engine.remote.other_machine.followed_runs import FollowedRuns
from engine.remote.other_machine.received_code import CodeStore
from engine.remote.other_machine.received_runs import CarriedRuns, NotBrought
from engine.runs.posted.site_status import SiteGpu
from engine.runs.store import Store, is_run_id
from engine.sites.far_end_frames import MARKER, PIECE, PROTOCOL, FrameError, FrameReader, encode
from engine.sites.far_end_messages import (
    CODE_IS_THERE,
    FROM_NEAR,
    HAS_TO_BE_BROUGHT,
    REFUSED,
    Again,
    Carry,
    Check,
    Code,
    Do,
    Done,
    Enter,
    FarHello,
    Fetch,
    Forget,
    Have,
    Head,
    Held,
    Hello,
    Machine,
    NearHead,
    Part,
    Ping,
    Pong,
)
from engine.sites.ssh_command import SiteError
from engine.system import process
from engine.system.files import write_all
from engine.system.installed_extras import engine_version, lacking
from engine.system.nvml import Nvml, usable

POLL_S = 0.25
MACHINE_S = 2.0
"""Seconds between two looks at the devices."""
SERVICE_S = 5.0
"""Seconds between two looks at who serves the runs."""
SILENT_S = 60.0
"""Seconds without a word from the near end after which it is gone."""


def serve(folder: Path) -> None:
    """Speak to a near end over stdin and stdout; this process ends with it.

    Args:
        folder: The project's folder here; its runs are in ``runs`` below.

    Raises:
        OSError: The folder cannot be made or entered.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = folder.resolve()
    os.chdir(folder)
    out = os.dup(1)
    os.dup2(2, 1)  # what is printed by mistake is no frame
    sys.stdout.flush()
    FarEnd(folder, out).serve()


class FarEnd:
    """One session.

    Args:
        folder: The project's folder here.
        out: The descriptor that frames are written to.
    """

    def __init__(self, folder: Path, out: int) -> None:
        self._folder = folder
        self._store = Store(folder / "runs")
        self._out = out
        self._writing = threading.Lock()
        self._followed = FollowedRuns(self._store)
        self._carried = CarriedRuns(self._store, folder)
        self._codes = CodeStore(self._store.root)
        self._to_follow: queue.SimpleQueue[tuple[NearHead, bytes]] = queue.SimpleQueue()
        self._nvml = Nvml()
        self._machine_at = self._service_at = 0.0

    def serve(self) -> None:
        """Look at runs and say what is new, until the near end is gone."""
        write_all(self._out, MARKER)
        self._send(FarHello(
            v=PROTOCOL, engine=engine_version(), host=process.host(), boot=process.boot_id(),
            torch=not lacking("train"), gpus=len(usable(self._nvml.sample())), now=time.time(),
            folder=str(self._folder),
        ))  # fmt: skip
        threading.Thread(target=self._listen, name="near end", daemon=True).start()
        while True:
            deadline = time.monotonic() + POLL_S
            with contextlib.suppress(queue.Empty):
                while True:
                    self._follow(*self._to_follow.get(timeout=max(0.0, deadline - time.monotonic())))
                    deadline = min(deadline, time.monotonic() + 0.02)
            for head, body in self._followed.look():
                self._send(head, body)
            self._look_at_machine()
            self._look_at_service()

    def _send(self, head: Head, body: bytes = b"") -> None:
        with self._writing:
            try:
                write_all(self._out, encode(head, body))
            except OSError:  # the near end is gone
                os._exit(0)

    def _look_at_machine(self) -> None:
        if (now := time.monotonic()) < self._machine_at:
            return
        self._machine_at = now + MACHINE_S
        gpus = [
            SiteGpu(
                index=gpu.index, name=gpu.name, utilization=gpu.utilization, memory_used=gpu.memory_used,
                memory_total=gpu.memory_total, power=gpu.power, temperature=gpu.temperature,
            )
            for gpu in usable(self._nvml.sample())
        ]  # fmt: skip
        self._send(Machine(gpus=gpus, cpu=psutil.cpu_percent()))

    def _look_at_service(self) -> None:
        if (now := time.monotonic()) < self._service_at:
            return
        self._service_at = now + SERVICE_S
        ensure_service(self._store, self._followed.not_ended())

    def _listen(self) -> None:
        """Take what the near end says; the process ends with it, whatever else is under way."""
        reader = FrameReader(FROM_NEAR)
        try:
            while select.select([0], [], [], SILENT_S)[0]:
                if not (data := os.read(0, PIECE)):
                    os._exit(0)
                for frame in reader.feed(data):
                    self._take(frame.head, frame.body)
            why = f"nothing was heard from the other machine for {SILENT_S:.0f} s"
        except FrameError as error:
            why = str(error)
        except Exception:  # noqa: BLE001  a thread that ends alone would leave the process behind
            why = traceback.format_exc()
        print(why, file=sys.stderr, flush=True)  # noqa: T201  ssh brings it there
        os._exit(2)

    def _take(self, head: NearHead, body: bytes) -> None:
        match head:
            case Ping():
                self._send(Pong(t=head.t, now=time.time()))
            case Have() | Forget() | Again():
                self._to_follow.put((head, body))
            case Fetch():
                threading.Thread(target=self._fetch, args=[head], name="fetch", daemon=True).start()
            case Do():  # it may wait for a run to end
                threading.Thread(target=self._work, args=[head, body], name="do", daemon=True).start()
            case Hello():
                if head.v != PROTOCOL:
                    raise FrameError(f"it speaks protocol {head.v}, this end {PROTOCOL}")
            case _:
                self._work(head, body)

    def _work(self, head: NearHead, body: bytes) -> None:
        """Do what is answered by a word."""
        said: str | None = ""
        job = ""
        try:
            match head:
                case Carry():
                    self._carried.begin(head, body, self._code_of(head.code))
                case Code():
                    if (said := self._code(head, body)) is None:
                        return
                case Part():
                    self._carried.part(head.run, head.file, head.at, body)
                case Enter():
                    said, job = self._carried.enter(head)
                case Do():
                    said = do(self._store, head.run, head.verb, head.words)
                case Check():
                    said = answer(self._store, self._folder, body)
        except (UserError, OSError) as error:
            self._refuse(
                head, _words_of(error), HAS_TO_BE_BROUGHT if isinstance(error, NotBrought) else REFUSED
            )
        else:
            if isinstance(head, Enter | Do | Check | Code):
                self._send(Done(id=head.id, code=0, text=(said or "")[:32_000], job=job))

    def _code(self, head: Code, body: bytes) -> str | None:
        """Take a part of code, and return what is answered; None while more of it has to come."""
        if not body:
            return CODE_IS_THERE if self._codes.has(head.sha256) else ""
        return CODE_IS_THERE if self._codes.add(head.sha256, head.at, body, head.size) else None

    def _code_of(self, digest: str) -> Path | None:
        """Return the folder of the code of a run that is brought; None for the project's own."""
        if not digest:
            return None
        if not self._codes.has(digest):
            raise SiteError("the code that it runs was not sent")
        return self._codes.folder_of(digest)

    def _refuse(self, head: NearHead, why: str, code: Literal[2, 4] = REFUSED) -> None:
        answers = head.id if isinstance(head, Enter | Do | Check | Code) else getattr(head, "run", "")[:64]
        self._send(Done(id=answers, code=code, text=why[:4000]))

    def _fetch(self, head: Fetch) -> None:
        try:
            for chunk, data in send_checkpoint(self._store, head):
                self._send(chunk, data)
        except (UserError, OSError) as error:
            self._refuse(head, _words_of(error))

    def _follow(self, head: NearHead, body: bytes) -> None:
        match head:
            case Have():
                with contextlib.suppress(msgspec.DecodeError):
                    self._followed.follow(_possible(msgspec.json.decode(body, type=dict[str, Held])))
            case Forget():
                self._followed.forget(head.run)
            case Again():
                self._followed.again(head.run, head.file, head.at)


def _possible(held: dict[str, Held]) -> dict[str, Held]:
    return {name: has for name, has in held.items() if is_run_id(name)}


def _words_of(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else f"{getattr(error, 'filename', '') or ''}: {error}"
