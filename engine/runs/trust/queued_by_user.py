"""Whether this user queued a run: the one rule that all ask who start a run or say why it waits.

::

    proof = HMAC(the user's key, version, run id, inode of the run's folder, SHA-256 of run.json, all other fields)

The proof lies in queued.json. Who has no key can make none; one that is copied proves nothing, for it holds for one
folder, one run.json and one entry. The folder is named by its inode: moved on its disk it stays the same, a copy is
another, and unlike the number of the device it outlives a reboot. What others may write proves nothing either.

events.jsonl needs no proof, as nothing in it is executed: a run that goes on takes its command from run.json, and from
its last start only how it uses the machine (``engine.runs.resume_settings``).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from typing import NamedTuple

import msgspec

from engine.runs.queue_entry import DamagedEntry, QueueEntry
from engine.runs.store import Run, StoreError
from engine.runs.trust.user_key import read_key
from engine.system.files import read_small
from engine.system.permissions import ROOT_UID, is_own, user_name, who_else

VERSION = 1
"""What the proof is made of; another version makes other proofs."""
SHOWS_IT = "`engine hold --release` shows it and starts it"
BY_SOMEBODY_ELSE = f"queued by somebody else: {SHOWS_IT}"
BEFORE_THIS_VERSION = f"not queued by this version: {SHOWS_IT}"
DAMAGED_ENTRY = f"its queued.json is damaged: {SHOWS_IT}"


class Identity(NamedTuple):
    """Which run it is, and what it was when it was looked at."""

    run: str
    folder: int
    """The inode of its folder."""
    description: str
    """The SHA-256 of its run.json."""


class Look(NamedTuple):
    """A look at a run's folder."""

    identity: Identity
    exposed: str
    """Why the folder is not this user's alone, and the cure; empty where it is."""


def why_untrusted(run: Run, entry: QueueEntry) -> str:
    """Return why a run is not to be started by itself, and what to do about it; empty where this user queued it.

    Args:
        run: The run.
        entry: What its queued.json says, as ``queue_entry`` returns it.
    """
    try:
        if why := _why_root_is_exposed(run) or (look := look_at(run)).exposed:
            return why
        if isinstance(entry, DamagedEntry):
            return DAMAGED_ENTRY
        if not entry.proof:
            return BEFORE_THIS_VERSION
        if is_proved(read_key(), look.identity, entry):
            return ""
        run.info()  # a damaged one is told of as that
        return BY_SOMEBODY_ELSE
    except StoreError as error:
        return str(error)


def why_exposed(run: Run) -> str:
    """Return why others could have put a run there or changed it, and the cure; empty where only the user can.

    Raises:
        StoreError: It has no folder, or no run.json, of its own.
    """
    return _why_root_is_exposed(run) or look_at(run).exposed


def _why_root_is_exposed(run: Run) -> str:
    root = os.path.dirname(run.folder) or "."  # noqa: PTH120  a list asks this of many runs
    try:
        info = os.stat(root)  # noqa: PTH116
    except OSError as error:
        return f"{root} cannot be looked at: {error.strerror}"
    if info.st_uid not in (os.geteuid(), ROOT_UID):
        return f"{root} belongs to {user_name(info.st_uid)}: only a worker of that user starts its runs"
    return f"others can write {root}: `chmod go-w {root}`" if who_else(info, root) else ""


def look_at(run: Run) -> Look:
    """Return a run's identity, and whether its folder is this user's alone.

    All is read through one descriptor of the folder: a folder that is put in its place meanwhile does not mix in.

    Raises:
        StoreError: It has no folder, or no run.json, of its own.
    """
    name = ""
    try:
        folder = os.open(run.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            info = os.fstat(folder)
            name = "run.json"
            description = hashlib.sha256(read_small(name, folder=folder)).hexdigest()
            exposed = _why_exposed(run.folder, info, folder)
            for name in ("run.json", "queued.json"):
                exposed = exposed or _why_exposed_file(run.folder, name, folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise StoreError(f"its {name or 'folder'} cannot be used: {error.strerror or error}") from None
    return Look(Identity(run.id, info.st_ino, description), exposed)


def is_proved(key: bytes | None, identity: Identity, entry: QueueEntry) -> bool:
    """Return whether an entry of a run was written by who has the key."""
    if key is None or not entry.proof or isinstance(entry, DamagedEntry):
        return False
    return hmac.compare_digest(proof_of(key, identity, entry).encode(), entry.proof.encode(errors="replace"))


def proof_of(key: bytes, identity: Identity, entry: QueueEntry) -> str:
    """Return the proof that an entry of a run is the user's."""
    fields = msgspec.to_builtins(msgspec.structs.replace(entry, proof=""))
    message = msgspec.json.encode([VERSION, *identity, fields])
    return hmac.digest(key, message, "sha256").hex()


def _why_exposed_file(folder: str, name: str, descriptor: int) -> str:
    try:
        info = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return ""
    if not stat.S_ISREG(info.st_mode):
        return f"its {name} is no file of its own: move it away"
    return _why_exposed(f"{folder}/{name}", info, f"{folder}/{name}")


def _why_exposed(path: str, info: os.stat_result, where: str | int) -> str:
    if not is_own(info):
        which = "folder" if stat.S_ISDIR(info.st_mode) else os.path.basename(path)  # noqa: PTH119
        return f"its {which} belongs to {user_name(info.st_uid)}: a copy of the folder (`cp -r`) is yours to start"
    return f"others can write {path}: `chmod go-w {path}`" if who_else(info, where) else ""
