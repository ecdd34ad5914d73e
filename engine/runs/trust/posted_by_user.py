"""Whether this user posted a run to a site: who may act on its job, and what a job may start.

::

    proof     HMAC(the user's key, run id, inode of the folder, SHA-256 of run.json, all other fields of posted.json)
    contents  SHA-256(run id, SHA-256 of run.json, name of the posting, settings)

No job is cancelled, begun anew or moved for a posted.json without ``proof``: a stranger's, or that of a copied folder.
The job itself may run where that key does not reach; but only this user can hand in a job of this user. So the digest
of what is to run travels in the job, ``contents``, and a folder that was changed meanwhile is not started. A far end
that queues for itself enters what this user's ssh brought with the key of the user there.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec
from msgspec.structs import replace

from engine.runs.posted.posting import Posting, posting_of, write_posting
from engine.runs.store import Run, StoreError
from engine.runs.trust.queued_by_user import Identity, look_at
from engine.runs.trust.user_key import make_key, read_key

VERSION = 1


def enter_posting(run: Run, posting: Posting) -> Posting:
    """Replace a run's posting by what this user, or a process of this user, says, with the proof of it.

    Args:
        run: The run; the caller holds its lock, is still making it, or is the only bridge.
        posting: The posting.

    Raises:
        StoreError: Others can write its folder, or the user's key cannot be used.
        OSError: It cannot be written; the old file remains.
    """
    key, look = make_key(), look_at(run)
    if look.exposed:
        raise StoreError(f"{run.id} cannot be sent anywhere: {look.exposed}")
    proved = replace(posting, proof=_proof_of(key, look.identity, posting))
    write_posting(run, proved)
    return proved


def own_posting(run: Run) -> Posting | None:
    """Return a run's posting where this user made it; None without one, or for a stranger's or a copied one."""
    posting = posting_of(run)
    return posting if posting is not None and not why_not_own(run, posting) else None


def why_not_own(run: Run, posting: Posting) -> str:
    """Return why a posting is not this user's to act on; empty where it is."""
    try:
        key, look = read_key(), look_at(run)
    except StoreError as error:
        return str(error)
    if look.exposed:
        return look.exposed
    proof = posting.proof.encode(errors="replace")
    if key is None or not posting.proof:
        return "posted by somebody else"
    if not hmac.compare_digest(_proof_of(key, look.identity, posting).encode(), proof):
        return "posted by somebody else, or copied"
    return ""


def contents_of(run: Run, posting: Posting) -> str:
    """Return the digest of what a job of this posting is to run.

    Raises:
        StoreError: The run has no folder, or no run.json, of its own.
    """
    identity = look_at(run).identity
    said = msgspec.json.encode([VERSION, identity.run, identity.description, posting.name, posting.settings])
    return hashlib.sha256(said).hexdigest()


def _proof_of(key: bytes, identity: Identity, posting: Posting) -> str:
    fields = msgspec.to_builtins(replace(posting, proof=""))
    return hmac.digest(key, msgspec.json.encode(["posting", VERSION, *identity, fields]), "sha256").hex()
