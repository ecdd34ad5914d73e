"""Runs that a near end brings to this machine: they appear in one step, and wait in the queue of the user here.

A run is brought once: carried.json in its folder says for which posting it was entered last, so that a near end that
was cut off before the answer may ask again.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.config.preflight_warnings import missing
from engine.config.site import Site
from engine.queue import move_and_hold
from engine.queue.notifier import TELLS_NOBODY
from engine.queue.worker import ensure_worker
from engine.remote import post
from engine.remote.other_machine.moved_paths import moved_config, moves_to
from engine.remote.start_bridge import ensure_bridge
from engine.runs.liveness import status_of
from engine.runs.posted.posting import Posting, name_of, posting_of
from engine.runs.queue_entry import QueueEntry
from engine.runs.resume_settings import last_experiment
from engine.runs.status import ENDED
from engine.runs.store import Run, RunInfo, Store, StoreError, is_run_id
from engine.runs.trash import throw_away
from engine.runs.trust import entry_writer
from engine.runs.trust.posted_by_user import enter_posting
from engine.sites.far_end_messages import CarriedFile, Carry, Demands, Enter
from engine.sites.ssh_command import SiteError
from engine.system.files import DAMAGED, create_private, write_all, write_atomic

FILE = "carried.json"
_FOLDERS = {"events.jsonl": "", "last.pt": "checkpoints", "best.pt": "checkpoints"}


class Carried(msgspec.Struct, frozen=True):
    """What carried.json says of a run."""

    name: str
    """The posting that it was entered for last."""


class NotBrought(SiteError):  # noqa: N818  it says what is the case
    """A run has to be brought before it can wait here."""


class CarriedRuns:
    """Takes runs that are brought, one at a time.

    Args:
        store: The folder of runs here.
        folder: The project's folder here, in which they run.
    """

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._draft: Run | None = None

    def begin(self, asked: Carry, run_json: bytes, code: Path | None = None) -> None:
        """Begin a run with its run.json; what was begun before and not entered is thrown away.

        Args:
            asked: Which run, and what is known of it on the other machine.
            run_json: Its run.json there.
            code: The folder of the code that it runs; None for what lies in the project's folder.

        Raises:
            SiteError: It is no description of that run, or cannot be written.
        """
        self._draft, name = None, asked.run
        old = Run(self._store.root / name)
        if os.path.lexists(old.folder):
            if (
                carried_of(old) is None
                or not _is_behind(old, asked.events)
                or status_of(old).state not in ENDED
            ):
                return
            throw_away(self._store, old)  # it went on elsewhere since it was here
        described = _described(name, run_json)
        moves = moves_to(self._folder, described.get("cwd", ""), asked.home)
        described |= {"cwd": str(code or self._folder), "config": moved_config(described["config"], moves)}
        draft = Run(self._store.root / f".carry-{name}")
        draft.id = name
        try:
            shutil.rmtree(draft.path, ignore_errors=True)
            self._store.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in (draft.path, draft.checkpoints):
                path.mkdir(mode=0o700)
            write_atomic(
                draft.path / "run.json", msgspec.json.format(msgspec.json.encode(described), indent=2) + b"\n"
            )
        except OSError as error:
            raise SiteError(f"{name} cannot be written there: {error.strerror}") from None
        self._draft = draft

    def part(self, name: str, file: CarriedFile, at: int, data: bytes) -> None:
        """Add a part of a file to the run that is being brought.

        Args:
            name: The run's id.
            file: The file's name.
            at: The byte that it begins at.
            data: The part.

        Raises:
            SiteError: It is not the next part, or cannot be written.
        """
        if self._draft is None or self._draft.id != name:
            return
        path = self._draft.path / _FOLDERS[file] / file
        try:
            handle = (
                create_private(path) if at == 0 else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
            )
            try:
                if os.fstat(handle).st_size != at:
                    raise SiteError(f"{name}: a part of {file} is missing")
                write_all(handle, data)
            finally:
                os.close(handle)
        except OSError as error:
            self._draft = None
            raise SiteError(f"{name}: {file} cannot be written there: {error.strerror}") from None

    def enter(self, asked: Enter) -> tuple[str, str]:
        """Have a run wait here; return in words what that means, and the job's id where it is a cluster's.

        Raises:
            SiteError: It was not brought, is not to be touched, or is refused.
            StoreError: It cannot be resumed, or the user's key here cannot be used.
        """
        run = Run(self._store.root / asked.run)
        if posting_of(run) is not None and carried_of(run) is None:
            raise SiteError(
                f"{self._store.root} there is this folder of runs itself: give the site another `folder`"
            )
        cluster = _cluster_of(asked)
        if not run.path.is_dir():
            self._appear(run, asked, cluster)
        elif (carried := carried_of(run)) is None:
            raise SiteError(f"{asked.run} is there already, and was not brought from here")
        elif carried.name != asked.name:
            self._go_on(run, asked, cluster)
        lacks = missing(last_experiment(run))
        if cluster is not None:
            return self._hand_in(run, cluster)
        ensure_worker(self._store, *TELLS_NOBODY)
        return f"{asked.run} waits there" + (f"; {lacks}" if lacks else ""), ""

    def _appear(self, run: Run, asked: Enter, cluster: Site | None) -> None:
        draft, self._draft = self._draft, None
        if draft is None or draft.id != run.id:
            raise NotBrought(f"{run.id} was not brought")
        attempts = status_of(draft).attempt if draft.events.exists() else 0
        if cluster is None:
            entry_writer.enter(draft, _entry_of(asked.demands, asked.settings, attempts))
        else:
            enter_posting(draft, Posting(
                site=cluster, name=name_of(run, 1), posted=time.time(), attempts=attempts, settings=asked.settings
            ))  # fmt: skip
        _mark(draft, asked)
        draft.path.rename(run.path)

    def _go_on(self, run: Run, asked: Enter, cluster: Site | None) -> None:
        """Have a run that ended here begin anew; one that waits or lives does so already."""
        if _is_behind(run, asked.events):
            raise NotBrought(f"{run.id} went on elsewhere since it was here")
        if status_of(run).state in ENDED:
            if cluster is None:
                move_and_hold.put_back(run, asked.demands.device, asked.settings)
            else:
                with post.only_poster(self._store.root, cluster.name):
                    post.intend_anew(run, cluster, settings=asked.settings)
        _mark(run, asked)

    def _hand_in(self, run: Run, cluster: Site) -> tuple[str, str]:
        """Post a run that is meant to be at the cluster of this machine, and have a bridge here look after it."""
        with contextlib.closing(post.link_to(self._store.root, cluster)) as link:
            try:
                said = post.send(self._store.root, run, link)
            except SiteError as error:
                with post.only_poster(self._store.root, cluster.name):
                    post.refused(run, post.require_own(run), str(error))
                raise
        ensure_bridge(self._store, *TELLS_NOBODY)
        job = post.require_own(run).job
        return said or f"{run.id} was posted there" + (f" as job {job}" if job else ""), job


def own_carried(store: Store, name: str) -> Run:
    """Return a run of this folder that a near end brought, and of which it may ask something.

    Raises:
        StoreError: There is none of that id.
    """
    run = Run(store.root / name)
    if not is_run_id(name) or run.path.is_symlink() or not run.path.is_dir() or carried_of(run) is None:
        raise StoreError(f"{name} is not there")
    return run


def _is_behind(run: Run, events: int) -> bool:
    """Return whether a run here has fewer events than the other machine."""
    try:
        return run.events.lstat().st_size < events
    except OSError:
        return events > 0


def carried_of(run: Run) -> Carried | None:
    """Return what carried.json says of a run; None for a run that was not brought."""
    try:
        return msgspec.json.decode(run.read(FILE), type=Carried)
    except DAMAGED:
        return None


def living_carried(store: Store) -> list[str]:
    """Return the ids of the runs of a folder that were brought and have not ended."""
    return [
        run.id for run in store.runs() if carried_of(run) is not None and status_of(run).state not in ENDED
    ]


def _mark(run: Run, asked: Enter) -> None:
    write_atomic(run.path / FILE, msgspec.json.encode(Carried(asked.name)), sync=True)


def _described(name: str, run_json: bytes) -> dict[str, Any]:
    """Return what run.json says, where it says it of that run."""
    with contextlib.suppress(*DAMAGED):
        if msgspec.json.decode(run_json, type=RunInfo).id == name:
            described: dict[str, Any] = msgspec.json.decode(run_json)
            return described
    raise SiteError(f"what was sent is no run.json of {name}")


def _cluster_of(asked: Enter) -> Site | None:
    """Return the cluster of the machine here that a run is meant for; None for the machine itself."""
    if asked.cluster is None:
        return None
    try:
        return replace(msgspec.convert(asked.cluster, Site), ssh="")
    except msgspec.ValidationError as error:
        raise SiteError(f"its table cannot be used there: {error}") from None


def _entry_of(demands: Demands, settings: list[str], attempts: int) -> QueueEntry:
    return QueueEntry(
        submitted=time.time(), device=demands.device, settings=settings, gpus=demands.gpus, attempts=attempts,
        priority=demands.priority, after=demands.after, share=demands.share, on_hold=demands.on_hold,
    )  # fmt: skip
