"""Whether the newest saved weights of a run can be gone on from, and which others can."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from engine.diagnostics.findings import Case, Finding
from engine.runs.status import RESUMABLE


def check_checkpoint(case: Case) -> Iterator[Finding]:
    """Is there what a resume would go on from?"""
    run, status = case.run, case.status
    if case.held or status.checkpoint is None or status.state not in RESUMABLE:
        return
    if (why := why_unreadable(run.checkpoints / "last.pt")) is None:
        return
    best = run.checkpoints / "best.pt"
    cure = f"without it `engine resume {run.id}` begins anew"
    if why_unreadable(best) is None:
        cure = f"`cp {best} {run.checkpoints / 'last.pt'}` goes on from the best one; {cure}"
    yield case.finding("checkpoint", f"checkpoints/last.pt, of step {status.checkpoint:,}, {why}", cure)


def why_unreadable(path: Path) -> str | None:
    """Return why a checkpoint cannot be one of ours, None where it can; nothing is unpickled, nothing is inflated."""
    if path.parent.is_symlink():
        return "is in a folder that is a link"
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    info = os.fstat(handle)
    if not stat.S_ISREG(info.st_mode):
        os.close(handle)
        return "is no file"
    with os.fdopen(handle, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                parts = archive.infolist()
                if any(part.compress_type != zipfile.ZIP_STORED for part in parts):
                    return "is packed as no checkpoint is"
                if sum(part.file_size for part in parts) > info.st_size:
                    return "claims to hold more than it does"
                if not any(part.filename.endswith("/data.pkl") for part in parts):
                    return "is no checkpoint"
                damaged = archive.testzip()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError):
            return "is damaged or cut off"
    return f"is damaged in {damaged}" if damaged else None
