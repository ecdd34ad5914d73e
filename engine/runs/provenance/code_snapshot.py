"""The code that a run is made from: its commit, what differs from that as a patch, and the files of its program.

It is taken once a submit. ``source.patch`` is written into the folder of the first run, and those of the others have
hard links to it: each folder has all of it, so that a run can be copied, thrown away and purged by itself, and the
disk keeps it once. A disk without hard links gets copies.

::

    runs/<run-id>/source.patch   `git diff HEAD --binary`, and new files that git does not ignore; `git apply` takes it
                  run.json       git.patch: its SHA-256; code: the SHA-256 of files by name
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.runs.provenance import repository
from engine.runs.provenance.repository import GitFailed
from engine.runs.provenance.uncommitted_changes import changes_as_patch, digest_of
from engine.system.files import read_small, write_atomic

FILE = "source.patch"
VITUI = "vitui"
"""What the trainer of vitui is called among the files of a run that has no program of its own."""
MOST_OF_COMMAND = 16


class CodeSnapshot:
    """The code as it was at one moment.

    Args:
        git: The commit, whether tracked files have changes, and the SHA-256 of the patch; None outside a repository.
        code: SHA-256 of files by name.
        patch: What differs from the commit.
    """

    def __init__(
        self, git: dict[str, Any] | None = None, code: dict[str, str] | None = None, patch: bytes = b""
    ) -> None:
        self.git = git
        self.code = code or {}
        self.patch = patch
        self._written: list[Path] = []
        """Where the patch was written last."""

    def of_program(self, command: Sequence[str]) -> CodeSnapshot:
        """Return the same with the files of a program; both share what is written.

        Args:
            command: The program of an experiment; empty where vitui trains.
        """
        files = dict(_files_of_command(command, Path.cwd())) if command else {VITUI: installation_digest()}
        snapshot = CodeSnapshot(self.git, files, self.patch)
        snapshot._written = self._written
        return snapshot

    def place(self, folder: Path, final: Path) -> None:
        """Put the patch into the folder of a run.

        Args:
            folder: The folder.
            final: The name that it takes afterwards.

        Raises:
            OSError: It cannot be written.
        """
        if not self.patch:
            return
        if self._written:
            try:
                os.link(self._written[0], folder / FILE, follow_symlinks=False)
            except OSError:  # thrown away meanwhile, linked too often, or a disk without links
                pass
            else:
                return
        write_atomic(folder / FILE, self.patch)
        self._written[:] = [final / FILE]


def take_snapshot(command: Sequence[str] = (), runs: Path | None = None) -> CodeSnapshot:
    """Return the code in the working folder as it is now; what git cannot tell is left out.

    Args:
        command: The program of an experiment; empty where vitui trains.
        runs: The folder of runs, no file of which is code.
    """
    return take_tree(runs).of_program(command)


def take_tree(runs: Path | None = None) -> CodeSnapshot:
    """Return the code in the working folder as git tells it, without the files of a program: several may be of it.

    Args:
        runs: The folder of runs, no file of which is code.
    """
    here = Path.cwd()
    try:
        commit, changed = repository.commit_and_changes(here)
    except GitFailed:
        return CodeSnapshot()
    patch, dirty = changes_as_patch(here, commit["commit"], changed, runs)
    if patch:
        commit |= {"dirty": dirty, "patch": _sha256(patch)}
    return CodeSnapshot(commit, patch=patch)


def patch_of(folder: str | os.PathLike[str]) -> bytes:
    """Return the patch in the folder of a run, empty where there is none that can be read."""
    try:
        return read_small(Path(folder) / FILE)
    except OSError:
        return b""


def installation_digest() -> str:
    """Return a SHA-256 over the names and contents of vitui's own engine, as it is installed."""
    import hashlib

    import engine

    top = Path(engine.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(top.rglob("*.py")):
        digest.update(os.fsencode(path.relative_to(top)) + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files_of_command(command: Sequence[str], here: Path) -> Iterator[tuple[str, str]]:
    """Yield the files that a command names, and the module of its ``-m``, each with its digest."""
    count = 0
    for place, word in enumerate(command):
        names = [word, word.partition("=")[2]]
        if place and command[place - 1] == "-m":
            module = word.replace(".", "/")
            names = [f"{module}.py", f"{module}/__main__.py"]
        for name in filter(None, names):
            if count < MOST_OF_COMMAND and (said := _digest_of_program(here / name)):
                count += 1
                yield name, said


def _digest_of_program(path: Path) -> str:
    """Return the digest of a file, empty for what is no file and for a program of the machine, such as python."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return ""
        with path.open("rb") as file:
            return "" if file.read(4) == b"\x7fELF" else digest_of(path)
    except (OSError, ValueError):
        return ""


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
