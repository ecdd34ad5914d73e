"""Who else may write what lies in and beside a folder of runs; for the files of a run there is a check of its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from engine.catalog import export_folders
from engine.diagnostics.findings import Finding
from engine.diagnostics.run_permissions import open_to_others
from engine.runs.store import Store
from engine.runs.trust import user_key
from engine.system.permissions import user_name, who_else_can_write
from engine.system.user_folders import state_folder

MOST_OUTPUTS = 10_000
"""Exported files that are looked at, at most."""


def check_folder(store: Store) -> Iterator[Finding]:
    """May others put runs into the folder, or change what the worker and its users read?"""
    root = store.root.resolve()
    yield from open_to_others(
        str(store.root), root, "it", consequence=": runs can be put into it and taken away"
    )
    for path in sorted(root.glob(".*")):
        if not path.name.startswith(".trash") and path.is_file():
            yield from open_to_others(path.name, path, "it")
    yield from open_to_others(".trash", root / ".trash", "it")


def check_outputs(store: Store) -> Iterator[Finding]:
    """May others change what was exported beside the runs?"""
    for name in export_folders.ALL:
        folder = store.root.absolute().parent / name
        open_paths = [path for path in _members(folder) if _is_open(path)]
        if open_paths:
            more = f" and {len(open_paths) - 1} more" if len(open_paths) > 1 else ""
            which = "it" if open_paths == [folder] else f"{open_paths[0].relative_to(folder.parent)}{more}"
            text = f"others than you may write {which}"
            yield Finding(f"{name}/", "permissions", text, f"chmod -R go-w {folder}")


def check_key() -> Iterator[Finding]:
    """Is the key that marks the runs of this user this user's alone, where there is one?"""
    if (folder := state_folder()) is None:
        return
    key = folder / user_key.NAME
    with contextlib.suppress(OSError):
        info = key.lstat()
        if stat.S_ISLNK(info.st_mode):
            text, cure = "is a link", f"rm {key}"
        elif info.st_uid != os.geteuid():
            text, cure = f"belongs to {user_name(info.st_uid)}", f"rm {key}"
        elif info.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            text, cure = "can be read by others, who may then queue runs as you", f"chmod 600 {key}"
        else:
            yield from open_to_others(str(key), folder, "its folder")
            return
        yield Finding(str(key), "permissions", f"the key of your queue {text}", cure)


def _members(folder: Path) -> Iterator[Path]:
    """Yield a folder and what is in it; links are not followed."""
    inside = (Path(here, name) for here, folders, files in os.walk(folder) for name in (*folders, *files))
    yield from itertools.islice(itertools.chain([folder], inside), MOST_OUTPUTS)


def _is_open(path: Path) -> bool:
    try:
        return bool(who_else_can_write(path))
    except OSError:
        return False
