"""A checkpoint on its way to another machine: sent in parts from where the other end is, with the digest of all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

from engine.remote.other_machine.received_runs import own_carried
from engine.runs.store import Store, StoreError
from engine.sites.far_end_messages import Chunk, Fetch

CHUNK = 1024 * 1024
"""Bytes of a checkpoint that one frame carries."""


def send_checkpoint(store: Store, asked: Fetch) -> Iterator[tuple[Chunk, bytes]]:
    """Yield the parts of a checkpoint of a run here, the last with the digest of all.

    Args:
        store: The folder of runs here.
        asked: Which one, and what the other end has of which file.

    Raises:
        StoreError: There is no such checkpoint.
        OSError: It cannot be read.
    """
    run = own_carried(store, asked.run)
    try:
        handle = os.open(run.checkpoints / asked.file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise StoreError(f"{run.id} has no checkpoint {asked.file} there") from None
    with os.fdopen(handle, "rb") as file:
        info = os.fstat(handle)
        key, size = f"{info.st_size}-{info.st_mtime_ns}", info.st_size
        begin = asked.at if asked.key == key and asked.at <= size else 0
        digest, at = hashlib.sha256(), 0
        while at < begin:  # the other end has it: it is only counted in
            if not (data := file.read(min(CHUNK, begin - at))):
                raise StoreError(f"{run.id}: {asked.file} has become shorter")
            digest.update(data)
            at += len(data)
        while True:
            data = file.read(CHUNK)
            digest.update(data)
            is_last = at + len(data) >= size
            if not data and not is_last:
                raise StoreError(f"{run.id}: {asked.file} has become shorter")
            said = digest.hexdigest() if is_last else ""
            yield Chunk(run=run.id, file=asked.file, key=key, at=at, size=size, sha256=said), data
            at += len(data)
            if is_last:
                return
