"""Who else may write into a run's folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from engine.diagnostics.findings import FILES, Case, Finding
from engine.system.permissions import ROOT_UID, user_name, who_else_can_write


def check_permissions(case: Case) -> Iterator[Finding]:
    """May others write into it?"""
    paths = [case.run.path, case.run.checkpoints, *(case.run.path / name for name in FILES)]
    for path in [*paths, *(case.run.checkpoints / name for name in ("last.pt", "best.pt"))]:
        what = "its folder" if path == case.run.path else str(path.relative_to(case.run.path))
        found = list(open_to_others(case.run.id, path, what))
        yield from found
        if path == case.run.path and found and not found[0].remedy:
            return  # all of it is another user's


def open_to_others(where: str, path: Path, what: str, consequence: str = "") -> Iterator[Finding]:
    """Yield a finding where others than this user and root may write a file or folder.

    Args:
        where: What the finding is about: the id of a run, or a name.
        path: The file or folder; one that is missing is well.
        what: It, in words.
        consequence: What may come of it, as the end of a sentence.
    """
    with contextlib.suppress(OSError):
        if who := who_else_can_write(path):
            text = f"{who} may write {what}{consequence}"
            if path.lstat().st_uid in (os.geteuid(), ROOT_UID):
                yield Finding(where, "permissions", text, f"chmod go-w {path}", "close", path)
            else:
                owner = user_name(os.geteuid())
                yield Finding(where, "permissions", text, f"where you trust it: chown -R {owner} {path}")
