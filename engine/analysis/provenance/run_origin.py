"""What made a run, gathered from its folder: settings, code, packages, images, device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from engine.events import Data, Start, decode
from engine.runs.provenance.code_snapshot import patch_of, take_snapshot
from engine.runs.provenance.git_patch_format import FilePatch, files_of
from engine.runs.provenance.packages import Environment, environment_in
from engine.runs.provenance.repository import Change, changed_between
from engine.runs.store import Run
from engine.system.files import tail_with

CHUNK = 4 * 1024 * 1024
"""Bytes of events that are searched at once."""
MOST_LINES = 2000
"""Lines of changes that are shown."""


@dataclass(frozen=True)
class Code:
    """The code that a run was made from, or a folder as it is now."""

    commit: str = ""
    """Empty outside a repository, and where there was no commit yet."""
    dirty: bool = False
    """Whether tracked files had changes."""
    patch: str = ""
    """SHA-256 of the patch; empty where there is none."""
    files: Mapping[str, FilePatch] = field(default_factory=dict)
    """What the patch changes, by file; empty where it is not here."""
    digests: Mapping[str, str] | None = None
    """SHA-256 of the files of its program, by name; None where they were not kept."""
    is_program: bool = False
    """Whether the code of the repository is what trains: else vitui's own does."""

    def files_that_differ(self, other: Code) -> list[str]:
        """Return the files that differ between the patches of this and of another code."""
        return sorted(
            name
            for name in self.files.keys() | other.files.keys()
            if self.files.get(name) != other.files.get(name)
        )


@dataclass(frozen=True)
class RunOrigin:
    """What made a run."""

    run: str
    config: Mapping[str, Any] = field(default_factory=dict)
    """The settings of its last attempt."""
    seed: int = 0
    code: Code = Code()
    environment: Environment | None = None
    """None where it was not kept."""
    data: Data | None = None
    """None where it is not known."""
    device: str = ""
    precision: str = ""
    init: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


def origin_of(run: Run) -> RunOrigin:
    """Return what made a run.

    Raises:
        StoreError: Its run.json is missing or damaged.
    """
    info, start = run.info(), last_start(run)
    code = _code(info.git, patch_of(run.folder), info.code or None, info.command)
    environment = environment_in(run.folder)
    if start is None:
        return RunOrigin(run.id, info.config, info.seed, code, environment)
    return RunOrigin(
        run.id, start.config or info.config, info.seed, code, environment, data=start.data, device=start.device,
        precision=start.precision, init=start.init, versions=start.versions,
    )  # fmt: skip


def last_start(run: Run) -> Start | None:
    """Return the start of a run's last attempt; None for a run that has not begun."""
    start, offset = None, 0
    while True:
        lines, end = tail_with(run.events, offset, CHUNK, [b'"start"'])
        if end == offset:
            return start
        offset = end
        start = next((event for line in reversed(lines) if isinstance(event := decode(line), Start)), start)


def code_of_folder(command: Sequence[str], runs: Path) -> Code:
    """Return the code in the working folder as it is now.

    Args:
        command: The program of the run that it is compared with.
        runs: The folder of runs, which is no code.
    """
    now = take_snapshot(command, runs)
    return _code(now.git, now.patch, now.code, command)


def _code(
    git: Mapping[str, Any] | None, patch: bytes, digests: Mapping[str, str] | None, command: Sequence[str]
) -> Code:
    git = git or {}
    return Code(
        commit=str(git.get("commit") or ""), dirty=bool(git.get("dirty")), patch=str(git.get("patch") or ""),
        files=files_of(patch), digests=digests, is_program=bool(command),
    )  # fmt: skip


def changed_lines(one: Code, other: Code, names: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield what each of two codes has beside its commit in files that differ, line by line as it stands there.

    Args:
        one: The first.
        other: The second.
        names: What the two are called.

    Yields:
        A line, with whether it says whose file follows; ``MOST_LINES`` at most.
    """
    yield from islice(_changed_lines(one, other, names), MOST_LINES)


def _changed_lines(one: Code, other: Code, names: Sequence[str]) -> Iterator[tuple[str, bool]]:
    for file in one.files_that_differ(other):
        for name, code in zip(names, (one, other), strict=True):
            yield "", False
            yield f"{file} of {name}", True
            if (patch := code.files.get(file)) is None:
                yield "as in its commit" if code.commit else "nothing is known", False
            else:
                yield from ((line, False) for line in patch.text.decode(errors="replace").splitlines())


def files_between(one: Code, other: Code, folder: Path) -> Mapping[str, Change] | None:
    """Return the files that differ between the commits of two codes; None where git in a folder does not have both."""
    return {} if one.commit == other.commit else changed_between(folder, one.commit, other.commit)
