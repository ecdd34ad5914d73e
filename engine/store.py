"""Run folders: a run is a folder, and whoever can read the folder can show the run.

::

    runs/<run-id>/  run.json      written once, at creation
                    events.jsonl  append-only; the truth
                    status.json   replaced atomically; a cache of the truth
                    queued.json   its place in the queue, then who took it; gone once it has finished
                    lock          held by the process that trains, for as long as it lives
                    control       what a user asked of the live run
                    console.log   what its process printed besides events
                    checkpoints/  last.pt, best.pt
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
from filelock import FileLock, Timeout

from engine.errors import UserError
from engine.experiment import Experiment
from engine.ticket import Ticket, this_process

SCHEMA = 1
MAX_FILE = 4 * 1024 * 1024
"""Bytes beyond which a small file of a run (run.json, status.json) is not read."""
HOLD_TIMEOUT_S = 5.0
"""Seconds after which a lock that another process holds is taken to stay held."""
CLAIM_TIMEOUT_S = 0.5
"""The same for the worker, which has other runs to look after: readers have it for microseconds only."""

Request = Literal["stop-after-epoch", "stop-now"]
REQUESTS: tuple[Request, ...] = ("stop-after-epoch", "stop-now")


class RunInfo(msgspec.Struct, kw_only=True):
    """run.json: what a run is, from its creation on."""

    v: int = SCHEMA
    id: str
    experiment: str
    config: dict[str, Any]
    seed: int
    command: list[str] = []
    git: dict[str, Any] | None = None
    created: float
    cwd: str = ""


class StoreError(UserError):
    """A run is not there, is busy, or cannot be written; the message says which and what to do."""


class Run:
    """One run's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.events = path / "events.jsonl"
        self.status_file = path / "status.json"
        self.ticket_file = path / "queued.json"
        self.control = path / "control"
        self.console = path / "console.log"
        self.checkpoints = path / "checkpoints"

    def __repr__(self) -> str:
        return f"Run({self.id})"

    def info(self) -> RunInfo:
        """Return what run.json says.

        Raises:
            StoreError: It is missing or damaged.
        """
        try:
            return msgspec.json.decode(read_small(self.path / "run.json"), type=RunInfo)
        except (OSError, msgspec.DecodeError, RecursionError) as error:
            raise StoreError(f"{self.id}: run.json cannot be used: {error}") from None

    def place(self) -> Ticket | None:
        """Return what queued.json says, None where there is none."""
        try:
            return msgspec.json.decode(read_small(self.ticket_file), type=Ticket)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError, RecursionError):
            return Ticket(submitted=0.0)  # damaged: it waits all the same

    def ticket(self) -> Ticket | None:
        """Return the run's place in the queue, None when it does not wait."""
        place = self.place()
        return place if place is not None and place.stage == "waiting" else None

    def enqueue(self, device: str = "auto", settings: Sequence[str] = ()) -> None:
        """Put the run into the queue."""
        self.put(Ticket(submitted=time.time(), device=device, settings=list(settings)))

    def put(self, place: Ticket) -> None:
        """Replace queued.json; whoever does so once the run is there holds its lock."""
        write_atomic(self.ticket_file, msgspec.json.encode(place))

    def take(self, *, by_hand: bool) -> None:
        """Say that this process, which holds the run's lock, has it now: it waits no longer."""
        place = self.place() or Ticket(submitted=time.time())
        place.stage, place.holder, place.by_hand = "taken", this_process(), by_hand
        if by_hand:
            place.devices = {}
        try:
            self.put(place)
        except OSError:  # a full disk: what matters is that nobody else takes it
            self.ticket_file.unlink(missing_ok=True)

    def dequeue(self, stage: Literal["failed", "left"] = "left") -> None:
        """Take the run out of the queue; what it asked for is kept for the next time."""
        if (place := self.place()) is None:
            return
        place.stage, place.holder = stage, None
        try:
            self.put(place)
        except OSError:
            self.ticket_file.unlink(missing_ok=True)

    def claim(self) -> int | None:
        """Take the run's lock for a process to inherit; the lock is free when all copies of the file are closed.

        Returns:
            The open file, None while another process holds the lock.
        """
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        deadline = time.monotonic() + CLAIM_TIMEOUT_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if time.monotonic() > deadline:
                    os.close(handle)
                    return None
                time.sleep(0.01)
            else:
                return handle

    @contextlib.contextmanager
    def hold(self, claimed: int | None = None) -> Iterator[None]:
        """Hold the run's lock: only one process trains a run.

        It is waited for a little: a reader may have it for a moment, to see whether it is free.

        Args:
            claimed: The open file with the lock that this process inherited.

        Raises:
            StoreError: Another process holds it.
        """
        if claimed is not None:
            os.set_inheritable(claimed, False)
            try:
                yield
            finally:
                os.close(claimed)
            return
        lock = FileLock(self.path / "lock", mode=0o600)
        try:
            lock.acquire(timeout=HOLD_TIMEOUT_S)
        except Timeout:
            raise StoreError(f"{self.id} is being trained by another process") from None
        try:
            yield
        finally:
            lock.release()

    def is_held(self) -> bool:
        """Return whether a live process holds the run's lock."""
        try:
            handle = os.open(self.path / "lock", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        else:
            return False
        finally:
            os.close(handle)

    def ask(self, request: Request) -> None:
        """Ask the live run to stop."""
        write_atomic(self.control, request.encode())

    def asked(self) -> Request | None:
        """Return what a user asked of the run, if anything."""
        try:
            text = read_small(self.control).decode(errors="replace").strip()
        except OSError:
            return None
        return next((request for request in REQUESTS if request == text), None)

    def clear_request(self) -> None:
        """Forget what a user asked: it has been done."""
        self.control.unlink(missing_ok=True)


class Store:
    """All runs in a folder."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def create(
        self, experiment: Experiment, seed: int, *,
        queued: bool = False, device: str = "auto", place: Ticket | None = None,
    ) -> Run:  # fmt: skip
        """Make the folder of a new run, whole at once: nobody sees it half made.

        Args:
            queued: Whether it waits in the queue from the start.
            device: Which it waits for.
            place: Its place in the queue, where it is to be another than the last and plainest one.

        Raises:
            StoreError: The folder cannot be written.
        """
        created = time.time()
        run_id = _new_id(experiment.name, seed, created)
        config = msgspec.structs.asdict(msgspec.structs.replace(experiment, seed=seed, seeds=[]))
        info = RunInfo(
            id=run_id, experiment=experiment.name, config=config, seed=seed,
            command=experiment.command, git=_git_commit(), created=created, cwd=str(Path.cwd()),
        )  # fmt: skip
        draft = self.root / f".{run_id}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            draft.mkdir(mode=0o700)
            (draft / "checkpoints").mkdir(mode=0o700)
            write_atomic(draft / "run.json", msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n")
            if place is None and queued:
                place = Ticket(submitted=created, device=device, gpus=experiment.gpus, attempts=0)
            if place is not None:
                Run(draft).put(place)
            draft.rename(self.root / run_id)
        except (OSError, UnicodeEncodeError) as error:
            shutil.rmtree(draft, ignore_errors=True)
            why = error.strerror if isinstance(error, OSError) else "its configuration is not UTF-8 text"
            raise StoreError(f"no run can be made in {self.root}: {why}") from None
        return Run(self.root / run_id)

    def runs(self) -> list[Run]:
        """Return all runs, oldest first; what is no run folder is passed over."""
        try:
            entries = list(os.scandir(self.root))
        except OSError:
            return []
        names = [
            entry.name for entry in entries if is_run_id(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
        return [Run(self.root / name) for name in sorted(names, key=_stamp)]

    def find(self, name: str) -> Run:
        """Return the run whose id is, or begins with or contains alone, ``name``.

        Raises:
            StoreError: No run or more than one fits.
        """
        runs = self.runs()
        for fits in (str.__eq__, str.startswith, str.__contains__):
            found = [run for run in runs if fits(run.id, name)]
            if len(found) == 1:
                return found[0]
            if found:
                ids = ", ".join(run.id for run in found[-5:])
                raise StoreError(f"{len(found)} runs fit {name!r}; name one of them: {ids}")
        raise StoreError(f"no run fits {name!r} in {self.root}; `engine ls` lists them")


def is_run_id(name: str) -> bool:
    """Return whether a folder of that name can be a run."""
    return re.fullmatch(r"[A-Za-z0-9_][\w.()+-]{0,199}", name, re.ASCII) is not None


def read_small(path: Path) -> bytes:
    """Return a small file's bytes; links and files over ``MAX_FILE`` are refused with OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        data = os.read(handle, MAX_FILE + 1)
    finally:
        os.close(handle)
    if len(data) > MAX_FILE:
        raise OSError(f"{path.name} is larger than {MAX_FILE} bytes")
    return data


def write_atomic(path: Path, data: bytes, *, sync: bool = False) -> None:
    """Replace a file in one step: readers see all of the old or all of the new."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(2)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        try:
            write_all(handle, data)
            if sync:
                os.fsync(handle)
        finally:
            os.close(handle)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def write_all(handle: int, data: bytes) -> None:
    """Write all of ``data``: one write may take a part of it only, before a disk is full or after a signal.

    Raises:
        OSError: It cannot be written; a part of it may have been.
    """
    written = os.write(handle, data)
    while written < len(data):
        written += os.write(handle, data[written:])


def tail(path: Path, offset: int, limit: int = 256 * 1024) -> tuple[list[bytes], int]:
    """Return the whole lines after ``offset``, from at most ``limit`` bytes, and the offset after them.

    A torn last line is left for the next call; a line longer than ``limit`` is read whole unless it is absurd.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return [], offset
    try:
        data = os.pread(handle, limit, offset)
        while b"\n" not in data and len(data) % limit == 0 and data:
            more = os.pread(handle, limit, offset + len(data))
            if not more:
                return [], offset
            if len(data) > MAX_FILE:  # no event is that long: pass over this part of it
                return [], offset + len(data)
            data += more
    finally:
        os.close(handle)
    end = data.rfind(b"\n") + 1
    return data[:end].split(b"\n")[:-1], offset + end


def last_lines(path: Path, limit: int = 64 * 1024) -> list[bytes]:
    """Return the last whole lines of a file, from at most ``limit`` bytes."""
    try:
        size = path.stat().st_size
    except OSError:
        return []
    lines, _ = tail(path, max(0, size - limit), limit)
    return lines if size <= limit else lines[1:]


def _new_id(experiment: str, seed: int, created: float) -> str:
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", experiment).strip("-.")[:80] or "run"
    stamp = datetime.datetime.fromtimestamp(created, datetime.UTC).strftime("%Y%m%d-%H%M%S")
    return f"{slug}-s{seed}-{stamp}-{secrets.token_hex(2)}"


def _stamp(run_id: str) -> tuple[str, str]:
    """Order ids by the time in them."""
    match = re.search(r"-(\d{8}-\d{6})-[0-9a-f]{4}$", run_id)
    return (match[1] if match else "", run_id)


def _git_commit() -> dict[str, Any] | None:
    """Return the commit of the working folder and whether it has changes; None outside a repository."""
    try:
        shown = subprocess.run(
            ["git", "status", "--porcelain=v2", "--branch", "--untracked-files=no"],
            capture_output=True, text=True, timeout=5, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    lines = shown.stdout.splitlines()
    commit = next((line.split()[-1] for line in lines if line.startswith("# branch.oid")), None)
    return {"commit": commit, "dirty": any(not line.startswith("#") for line in lines)}
