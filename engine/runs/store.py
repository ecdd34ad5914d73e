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
import functools
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from engine.errors import UserError
from engine.events import Moment, Seed
from engine.runs.queue_entry import Ticket
from engine.system import lock
from engine.system.files import DAMAGED, read_small, write_atomic
from engine.system.lock import Holder, this_process

if TYPE_CHECKING:
    from engine.config.schema import Experiment

SCHEMA = 1
HOLD_TIMEOUT_S = 5.0
"""Seconds after which a lock that another process holds is taken to stay held."""
CLAIM_TIMEOUT_S = 0.5
"""The same for the worker, which has other runs to look after: readers have it for microseconds only."""

Request = Literal["stop-after-epoch", "stop-now"]
REQUESTS: tuple[Request, ...] = ("stop-after-epoch", "stop-now")

_RUN_ID = re.compile(r"[A-Za-z0-9_][\w.()+-]{0,199}", re.ASCII)
_ticket_decoder = msgspec.json.Decoder(Ticket)
_STAMP = re.compile(r"-(\d{8}-\d{6})-[0-9a-f]{4}$")


class Source(msgspec.Struct, kw_only=True, frozen=True):
    """Where the measurements of a run come from that another program trained."""

    path: str
    """The file or folder, from the root of its machine."""
    name: str = ""
    """What the run is called in there."""
    format: str
    digest: str
    """SHA-256 of all that was measured: the same run is known again wherever it lies."""


class RunInfo(msgspec.Struct, kw_only=True):
    """run.json: what a run is, from its creation on."""

    v: int = SCHEMA
    id: str
    experiment: str
    config: dict[str, Any]
    seed: Seed
    command: list[str] = []
    git: dict[str, Any] | None = None
    created: Moment
    cwd: str = ""
    imported: Source | None = None
    """None for a run that was trained here."""


class StoreError(UserError):
    """A run is not there, is busy, or cannot be written; the message says which and what to do."""


class Run:
    """One run's folder. There may be many: a path is made of it only when somebody asks for one."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = os.fspath(path)
        self.id = self.folder.rpartition("/")[2]

    def __repr__(self) -> str:
        return f"Run({self.id})"

    @functools.cached_property
    def path(self) -> Path:
        """The folder."""
        return Path(self.folder)

    @property
    def events(self) -> Path:
        """What it said."""
        return self.path / "events.jsonl"

    @property
    def status_file(self) -> Path:
        """How it goes."""
        return self.path / "status.json"

    @property
    def ticket_file(self) -> Path:
        """Its place in the queue."""
        return self.path / "queued.json"

    @property
    def lock(self) -> Path:
        """Held by the process that trains it."""
        return self.path / "lock"

    @property
    def control(self) -> Path:
        """What a user asked of it."""
        return self.path / "control"

    @property
    def console(self) -> Path:
        """What its process printed besides events."""
        return self.path / "console.log"

    @property
    def checkpoints(self) -> Path:
        """The folder of its checkpoints."""
        return self.path / "checkpoints"

    def read(self, name: str) -> bytes:
        """Return the bytes of one of its small files.

        Raises:
            OSError: It is not there, a link, or larger than ``MAX_FILE``.
        """
        return read_small(f"{self.folder}/{name}")

    def info(self) -> RunInfo:
        """Return what run.json says.

        Raises:
            StoreError: It is missing or damaged.
        """
        try:
            return msgspec.json.decode(self.read("run.json"), type=RunInfo)
        except DAMAGED as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise StoreError(f"{self.id}: run.json cannot be used: {why}") from None

    def config(self) -> dict[str, Any]:
        """Return the configuration of its experiment, empty where run.json is missing or damaged."""
        try:
            return self.info().config
        except StoreError:
            return {}

    def place(self) -> Ticket | None:
        """Return what queued.json says, None where there is none."""
        try:
            return _ticket_decoder.decode(self.read("queued.json"))
        except FileNotFoundError:
            return None
        except DAMAGED:
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

    def take(self, attempts: int, *, by_hand: bool) -> None:
        """Say that this process, which holds the run's lock, has it now: it waits no longer.

        Args:
            attempts: How many there were before this one.
            by_hand: Whether it was started without the queue.
        """
        place = self.place() or Ticket(submitted=time.time())
        place.stage, place.holder, place.attempts, place.by_hand = "taken", this_process(), attempts, by_hand
        if by_hand:
            place.devices = {}
        self._put_or_leave(place)

    def dequeue(self, stage: Literal["failed", "left"] = "left") -> None:
        """Take the run out of the queue; what it asked for is kept for the next time."""
        if (place := self.place()) is not None:
            place.stage, place.holder = stage, None
            self._put_or_leave(place)

    def _put_or_leave(self, place: Ticket) -> None:
        """Replace queued.json by one of a run that does not wait; on a full disk remove it."""
        try:
            self.put(place)
        except OSError:
            self.ticket_file.unlink(missing_ok=True)

    def claim(self) -> int | None:
        """Take the run's lock for a process that will inherit it; return the open file, None where another has it.

        Raises:
            OSError: It cannot be had here.
        """
        try:
            return lock.take(self.lock, CLAIM_TIMEOUT_S, for_another=True)
        except (lock.Taken, lock.Moved):
            return None

    @contextlib.contextmanager
    def hold(self, claimed: int | None = None) -> Iterator[None]:
        """Hold the run's lock: only one process trains a run.

        Args:
            claimed: The open file that has it, which this process has inherited.

        Raises:
            StoreError: Another process holds it, or it cannot be had here.
        """
        with contextlib.ExitStack() as held:
            try:
                held.enter_context(
                    lock.hold(self.lock, HOLD_TIMEOUT_S) if claimed is None else lock.keep(claimed)
                )
            except lock.Taken as taken:
                raise StoreError(self._why_taken(taken.holder)) from None
            except lock.Moved:
                raise StoreError(f"{self.id} has just been moved or removed") from None
            except OSError as error:
                raise StoreError(f"{self.id} cannot be locked: {error.strerror}: {self.path}") from None
            yield

    def is_held(self) -> bool:
        """Return whether a live process holds the run's lock."""
        return lock.is_held(self.lock) is True

    def _why_taken(self, holder: Holder | None) -> str:
        if holder is None or not holder.is_dead:
            which = "" if holder is None else f" ({holder.pid} on {holder.host[:80]})"
            return f"{self.id} is being trained by another process{which}"
        left = ", ".join(map(str, lock.keepers(self.lock))) or "which this user cannot see"
        return (
            f"{self.id}: its process {holder.pid} is gone, but a child of it still has its lock: "
            f"end the process {left}"
        )

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
        run_id = self._free_id(experiment.name, seed, created)
        config = msgspec.structs.asdict(msgspec.structs.replace(experiment, seed=seed, seeds=[]))
        info = RunInfo(
            id=run_id, experiment=experiment.name, config=config, seed=seed,
            command=experiment.command, git=_git_commit(), created=created, cwd=str(Path.cwd()),
        )  # fmt: skip
        if place is None and queued:
            place = Ticket(submitted=created, device=device, gpus=experiment.gpus, attempts=0)
        with self._making(info) as draft:
            if place is not None:
                draft.put(place)
        return Run(self.root / run_id)

    @contextlib.contextmanager
    def adopt(self, experiment: str, seed: int, config: dict[str, Any], source: Source) -> Iterator[Run]:
        """Yield the folder of a run that another program trained, to be filled: nobody sees it before the block ends.

        Raises:
            StoreError: The folder cannot be written.
        """
        created = time.time()
        info = RunInfo(
            id=self._free_id(experiment, seed, created), experiment=experiment, config=config, seed=seed,
            created=created, imported=source,
        )  # fmt: skip
        with self._making(info) as draft:
            yield draft

    def _free_id(self, experiment: str, seed: int, created: float) -> str:
        """Return an id that no run has: of many that are made in a second two may draw the same end."""
        while True:
            drawn = _new_id(experiment, seed, created)
            if not any((self.root / name).exists() for name in (drawn, f".{drawn}")):
                return drawn

    @contextlib.contextmanager
    def _making(self, info: RunInfo) -> Iterator[Run]:
        """Yield a run's folder before it has its name; it is removed where the block does not end well."""
        import shutil

        draft = Run(self.root / f".{info.id}")
        draft.id = info.id
        try:
            for folder in (self.root, draft.path, draft.checkpoints):
                if folder != self.root or not folder.is_dir():
                    folder.mkdir(parents=True)
                    folder.chmod(0o700)
            write_atomic(
                draft.path / "run.json", msgspec.json.format(msgspec.json.encode(info), indent=2) + b"\n"
            )
            yield draft
            draft.path.rename(self.root / info.id)
        except (OSError, UnicodeEncodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "its configuration is not UTF-8 text"
            raise StoreError(
                f"no run can be made in {self.root}: {why}; `--runs DIR` names another folder"
            ) from None
        finally:
            if draft.path.is_dir():
                shutil.rmtree(draft.path, ignore_errors=True)

    def runs(self) -> list[Run]:
        """Return all runs, oldest first; what is no run folder is passed over."""
        root = str(self.root)
        try:
            with os.scandir(root) as entries:
                names = [
                    entry.name
                    for entry in entries
                    if is_run_id(entry.name) and entry.is_dir(follow_symlinks=False)
                ]
        except OSError:
            return []
        found = sorted((stamp(name), name) for name in names)
        runs = ((when, Run(f"{root}/{name}")) for when, name in found)
        return [run for when, run in runs if when or _has_run_file(run)]

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
    return _RUN_ID.fullmatch(name) is not None


def _new_id(experiment: str, seed: int, created: float) -> str:
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", experiment).strip("-.")[:80] or "run"
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created))
    return f"{slug}-s{seed}-{stamp}-{os.urandom(2).hex()}"


def stamp(run_id: str) -> str:
    """Return the time that an id ends with, UTC; empty for a folder that somebody has named."""
    match = _STAMP.search(run_id)
    return match[1] if match else ""


def _has_run_file(run: Run) -> bool:
    """Return whether a folder that somebody has named is a run: the copy of one, or one given a name."""
    return any(os.access(f"{run.folder}/{name}", os.F_OK) for name in ("run.json", "events.jsonl"))


def _git_commit() -> dict[str, Any] | None:
    """Return the commit of the working folder and whether it has changes; None outside a repository."""
    import subprocess

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
