"""Run folders: a run is a folder, and its files are all that is needed to show it.

::

    runs/<run-id>/  run.json      written once, at creation
                    events.jsonl  append-only; the truth
                    status.json   replaced atomically; a cache of the truth
                    queued.json   its entry in the queue, then who took it; gone once it has finished
                    lock          held by the process that trains, for as long as it lives
                    control       what a user asked of the live run
                    console.log   what its process printed besides events; its older part is console.log.1
                    checkpoints/  last.pt, best.pt
                    predictions.npy, predictions.json  what its last model takes the test images for
                    source.patch  what its code was beside the commit; packages.txt  what was installed
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engine.errors import UserError
from engine.events import Moment, Seed
from engine.runs.provenance.code_snapshot import CodeSnapshot, take_snapshot
from engine.system.files import DAMAGED, read_small, write_atomic

if TYPE_CHECKING:
    from engine.config.schema import Experiment

SCHEMA = 1

SEVERAL = 5
"""Runs that are named where a word fits more than one."""
_RUN_ID = re.compile(r"[A-Za-z0-9_][\w.()+-]{0,199}", re.ASCII)
_STAMP = re.compile(r"-(\d{8}-\d{6})-[0-9a-f]{4}$")


class Source(msgspec.Struct, kw_only=True, frozen=True):
    """The origin of an imported run, which another program trained."""

    path: str
    """The file or folder, from the root of its machine."""
    name: str = ""
    """The name of the run in that file or folder."""
    format: str
    digest: str
    """SHA-256 of all measurements: it identifies the run wherever it lies."""


class RunInfo(msgspec.Struct, kw_only=True):
    """run.json: the facts of a run, fixed at its creation."""

    v: int = SCHEMA
    id: str
    experiment: str
    config: dict[str, Any]
    seed: Seed
    command: list[str] = []
    git: dict[str, Any] | None = None
    """Its ``commit``, whether tracked files were ``dirty``, and the SHA-256 of source.patch as ``patch``."""
    code: dict[str, str] = {}
    """The SHA-256 of its program's files by name, or of the engine that trains; empty in runs of older versions."""
    created: Moment
    cwd: str = ""
    imported: Source | None = None
    """None for a run that was trained here."""

    def commit(self, digits: int = 10) -> str:
        """Return the commit that it was made with and whether files had changes; empty where none is known."""
        git = self.git or {}
        if not (commit := str(git.get("commit") or "")):
            return ""
        return commit[:digits] + " with changes" * bool(git.get("dirty"))


class StoreError(UserError):
    """A run is missing, busy, or cannot be written; the message says which and what to do."""


class Run:
    """One run's folder. A list holds many, so a ``Path`` is made only when it is read.

    Args:
        path: The folder; its name is the run's id.
    """

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
        """Its events."""
        return self.path / "events.jsonl"

    @property
    def events_size(self) -> int:
        """The bytes of its events; 0 where there are none."""
        try:
            return os.lstat(f"{self.folder}/events.jsonl").st_size
        except OSError:
            return 0

    @property
    def status_file(self) -> Path:
        """Its status."""
        return self.path / "status.json"

    @property
    def queue_file(self) -> Path:
        """Its entry in the queue."""
        return self.path / "queued.json"

    @property
    def lock(self) -> Path:
        """Held by the process that trains it."""
        return self.path / "lock"

    @property
    def control(self) -> Path:
        """The stop request of a user."""
        return self.path / "control"

    @property
    def console(self) -> Path:
        """The output of its process besides events."""
        return self.path / "console.log"

    @property
    def checkpoints(self) -> Path:
        """The folder of its checkpoints."""
        return self.path / "checkpoints"

    def read(self, name: str) -> bytes:
        """Return the bytes of one of its small files.

        Raises:
            OSError: It is missing, a link, or larger than ``MAX_FILE``.
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


class Store:
    """All runs in a folder."""

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = Path(root)

    def create(
        self, experiment: Experiment, seed: int, *,
        code: CodeSnapshot | None = None,
        fill: Callable[[Run], None] | None = None,
    ) -> Run:  # fmt: skip
        """Create a new run and return it; its folder appears in one step, with all of its files.

        Args:
            experiment: What it trains.
            seed: The seed of this run.
            code: The code, where the caller creates many runs from it; None to look at it now.
            fill: Adds files to the folder before it appears.

        Raises:
            StoreError: The folder cannot be written.
        """
        created = time.time()
        run_id = self._free_id(experiment.name, seed, created)
        config = msgspec.structs.asdict(msgspec.structs.replace(experiment, seed=seed, seeds=[]))
        if code is None:
            code = take_snapshot(experiment.command, self.root)
        info = RunInfo(
            id=run_id, experiment=experiment.name, config=config, seed=seed, command=experiment.command,
            created=created, cwd=str(Path.cwd()), git=code.git, code=code.code,
        )  # fmt: skip
        with self._making(info) as draft:
            code.place(draft.path, self.root / run_id)
            if fill is not None:
                fill(draft)
        return Run(self.root / run_id)

    @contextlib.contextmanager
    def adopt(self, experiment: str, seed: int, config: dict[str, Any], source: Source) -> Iterator[Run]:
        """Yield the folder of an imported run to be filled; it appears when the block ends.

        Args:
            experiment: The name of its experiment.
            seed: Its seed.
            config: Its configuration.
            source: Where its measurements come from.

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
        """Return an unused id: two runs that are made in one second may draw the same random end."""
        while True:
            drawn = _new_id(experiment, seed, created)
            if not any((self.root / name).exists() for name in (drawn, f".{drawn}")):
                return drawn

    @contextlib.contextmanager
    def _making(self, info: RunInfo) -> Iterator[Run]:
        """Yield a run's folder under a hidden name; it is renamed when the block ends, removed when it raises."""
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
        """Return all runs, the oldest first; other files and folders are passed over."""
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
        stamped = sorted((stamp(name), name) for name in names)
        runs = ((when, Run(f"{root}/{name}")) for when, name in stamped)
        return [run for when, run in runs if when or _has_run_file(run)]

    def find(self, name: str) -> Run:
        """Return the one run whose id is, begins with or contains ``name``.

        Raises:
            StoreError: No run fits, or more than one does; says which.
        """
        runs = {run.id: run for run in self.runs()}
        matches = match_one(name, runs)
        if len(matches) == 1:
            return runs[matches[0]]
        if matches:
            which = "name one of them" if len(matches) <= SEVERAL else "name one; the newest are"
            raise StoreError(f"{len(matches)} runs fit {name!r}; {which}: {', '.join(matches[-SEVERAL:])}")
        from engine.text import nearest

        names = dict.fromkeys(each.rsplit("-", 4)[0] for each in reversed(runs))  # no seed, moment and digits
        raise StoreError(f"no run fits {name!r} in {self.root}{nearest(name, names)} `engine ls` lists them")


def match_one(name: str, ids: Iterable[str]) -> list[str]:
    """Return the ids that a user's word means: the equal one, else those that begin with it, else those that hold it.

    Args:
        name: The word.
        ids: All ids.

    Returns:
        One id where the word is clear, several where it is ambiguous, none where no id fits.
    """
    candidates = list(ids)
    for fits in (str.__eq__, str.startswith, str.__contains__):
        if matches := [run_id for run_id in candidates if fits(run_id, name)]:
            return matches
    return []


def is_run_id(name: str) -> bool:
    """Return whether a folder of that name can be a run."""
    return _RUN_ID.fullmatch(name) is not None


def _new_id(experiment: str, seed: int, created: float) -> str:
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", experiment).strip("-.")[:80] or "run"
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(created))
    return f"{slug}-s{seed}-{stamp}-{os.urandom(2).hex()}"


def stamp(run_id: str) -> str:
    """Return the time in an id, as ``20261124-191700`` in UTC; empty for a folder that the user named."""
    match = _STAMP.search(run_id)
    return match[1] if match else ""


def _has_run_file(run: Run) -> bool:
    """Return whether a folder that the user named is a run: a copied or a renamed one."""
    return any(os.access(f"{run.folder}/{name}", os.F_OK) for name in ("run.json", "events.jsonl"))
