"""What is sent of a run to a machine: what it asks of the queue there, and the files that it begins or goes on with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.config.site import Site
from engine.runs.liveness import status_of
from engine.runs.posted.posting import Posting
from engine.runs.queue_entry import queue_entry
from engine.runs.store import Run, StoreError
from engine.sites.far_end_frames import PIECE
from engine.sites.far_end_messages import CarriedFile, Carry, Demands, Enter, Part


def entering(run: Run, posting: Posting, request: str) -> Enter:
    """Return what has a run wait there.

    Args:
        run: The run.
        posting: Its posting.
        request: The id of the request.
    """
    site = posting.site
    cluster = msgspec.to_builtins(on_login_node(site)) if site.slurm else None
    return Enter(
        run=run.id, id=request, name=posting.name, settings=posting.settings, demands=_demands_of(run),
        events=_size_of_events(run), cluster=cluster,
    )  # fmt: skip


def files_sent_for(run: Run, code: str = "") -> Iterator[tuple[Carry | Part, bytes]]:
    """Yield the frames that bring a run: its run.json, and where it began already its events and checkpoints.

    Args:
        run: The run.
        code: The digest of the code that it runs; empty for what lies there.

    Raises:
        StoreError: Its files cannot be read, or its checkpoint is elsewhere.
    """
    events = _size_of_events(run)
    if events and status_of(run).checkpoint and not (run.checkpoints / "last.pt").is_file():
        raise StoreError(
            f"{run.id} cannot go on there without its checkpoint: `engine fetch {run.id} last` first"
        )
    try:
        yield Carry(run=run.id, home=str(Path.home()), code=code, events=events), run.read("run.json")
        files: dict[CarriedFile, Path] = {
            "events.jsonl": run.events, "last.pt": run.checkpoints / "last.pt", "best.pt": run.checkpoints / "best.pt"
        }  # fmt: skip
        for file, path in files.items() if events else ():
            if path.is_file() and not path.is_symlink():
                yield from _parts_of(run, file, path)
    except OSError as error:
        raise StoreError(f"{run.id} cannot be read: {error.strerror}") from None


def on_login_node(site: Site) -> Site:
    """Return a cluster over ssh as it is on its login node: the cluster alone."""
    return replace(site, ssh="", folder="", code="there", bring="none")


def _parts_of(run: Run, file: CarriedFile, path: Path) -> Iterator[tuple[Part, bytes]]:
    with path.open("rb") as opened:
        at = 0
        while data := opened.read(PIECE):
            yield Part(run=run.id, file=file, at=at), data
            at += len(data)


def _demands_of(run: Run) -> Demands:
    """Return what a run asked of the queue here, where it was in it; else what its experiment needs."""
    entry, gpus = queue_entry(run), run.config().get("gpus")
    if entry is None:
        return Demands(gpus=gpus if isinstance(gpus, int) else 1)
    return Demands(
        device=entry.device, gpus=entry.gpus, priority=entry.priority, after=entry.after, share=entry.share,
        on_hold=entry.on_hold,
    )  # fmt: skip


def _size_of_events(run: Run) -> int:
    try:
        return run.events.lstat().st_size
    except OSError:
        return 0
