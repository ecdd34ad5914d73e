"""The logs, event files and runs of other trackers that a folder holds; all else in it is counted by kind.

Links are followed, each file and folder is met once, under its real name where it has one in the folder.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from engine.exchange.log_file_names_and_endings import TABLES, is_log
from engine.exchange.log_recognition import may_hold_curves
from engine.exchange.trackers.event_folders import EventFolder
from engine.exchange.trackers.mlflow_database import is_mlflow_database
from engine.exchange.trackers.mlflow_reader import began, is_mlflow_run
from engine.exchange.trackers.tensorboard_reader import is_event_file

Format = Literal["tensorboard", "csv", "json", "wandb", "mlflow"]
MOST_ENTRIES = 1_000_000
"""Files and folders that are looked at."""
DEEPEST = 64
"""Folders within folders."""
PASSED_FOLDERS = frozenset({"__pycache__", "node_modules", "site-packages"})
WANDB = ".wandb"


class ImportSource(NamedTuple):
    """A file or a folder that holds runs."""

    format: Format | None
    """None for a log whose content says what it is."""
    path: Path
    parts: tuple[str, ...]
    """Its path from ``root``."""
    root: Path = Path()
    """The folder that was asked for, or that a file lies in."""
    files: tuple[Path, ...] = ()
    """Its event files."""
    splits: tuple[tuple[str, Path], ...] = ()
    """The logs that are read together, each with what the names of its metrics begin with."""
    folders: tuple[EventFolder, ...] = ()
    """The folders of its event files, where these are several or one that is called otherwise."""
    named: bool = False
    """Whether the user has named it, so that its name decides nothing."""

    @property
    def all_files(self) -> list[Path]:
        """The files that it is read from; the folder itself, where these are not known."""
        files = [*self.files, *(file for folder in self.folders for file in folder.files)]
        return files or [file for _, file in self.splits] or [self.path]


@dataclass
class Findings:
    """What was met in a folder."""

    sources: list[ImportSource] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)
    """How many files and folders were passed over, by kind: in words for one and for several, with a bar between."""
    troubles: list[str] = field(default_factory=list)
    """Folders that could not be read."""


def find_sources(root: Path, only: Format | None = None) -> Findings:
    """Return what a file or a folder holds that can be imported, in the order of its names.

    Args:
        root: The file or folder.
        only: The format to look for; None for all of them.
    """
    if not root.is_dir():
        return Findings([_file_source(root, only)])
    walk = _Walk(root)
    walk.run()
    findings = walk.findings
    sources = [source for contents in walk.folders.values() for source in _sources_of(contents, findings)]
    if only is not None:
        wanted = [source for source in sources if _fits(source, only)]
        if left := len(sources) - len(wanted):
            findings.passed[f"of another format than {only}"] += left
        sources = [source._replace(format=only) for source in wanted]
    findings.sources = in_order([source._replace(root=root) for source in sources])
    return findings


def in_order(sources: Sequence[ImportSource]) -> list[ImportSource]:
    """Return sources in the order of their names, as people count; runs of MLflow, named by chance, as they began."""
    return sorted(sources, key=_order)


def _order(source: ImportSource) -> list[list[tuple[bool, int, str]]]:
    parts = source.parts
    if source.format == "mlflow" and not source.named and source.path.is_dir():
        parts = (*parts[:-1], str(began(source.path)), *parts[-1:])
    return [natural(part) for part in parts]


def natural(text: str) -> list[tuple[bool, int, str]]:
    """Return what sorts names as people count: version_2 before version_10."""
    return [
        (not part.isdecimal(), int(part) if part.isdecimal() else 0, part)
        for part in re.split(r"([0-9]+)", text)
    ]


def _fits(source: ImportSource, only: Format) -> bool:
    """Return whether a source is of a format, which of a log its ending says."""
    if source.format is not None:
        return source.format == only
    is_table = source.path.name.lower().removesuffix(".gz").endswith(TABLES)
    is_json = ".json" in source.path.name.lower() or source.path.suffix == ".ndjson"
    return (only == "csv" and not is_json) or (only == "json" and not is_table)


def _file_source(path: Path, only: Format | None) -> ImportSource:
    """Return a file that the user has named."""
    kind: Format | None = only
    if kind is None and is_event_file(path):
        kind = "tensorboard"
    elif kind is None and path.suffix == WANDB:
        kind = "wandb"
    elif kind is None and is_mlflow_database(path):
        kind = "mlflow"
    files = (path,) if kind == "tensorboard" else ()
    return ImportSource(kind, path, (path.name,), path.parent, files, named=True)


@dataclass
class _Contents:
    """What a folder holds, links included."""

    path: Path
    parts: tuple[str, ...]
    files: list[Path] = field(default_factory=list)
    is_mlflow: bool = False


class _Walk:
    """Goes through a folder: first through its own files, then through those that links lead to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.findings = Findings()
        self.folders: dict[tuple[str, ...], _Contents] = {}
        self._seen: set[str] = set()
        self._links: list[tuple[Path, tuple[str, ...]]] = []
        self._entries = 0

    def run(self) -> None:
        self._folder(self.root, ())
        real_root = os.path.realpath(self.root)
        for link, parts in self._links:  # grows by the links in what links lead to
            real = os.path.realpath(link)
            if link.is_dir():
                above = os.path.commonpath([real, real_root]) == real
                if above or real in self._seen:
                    self.findings.passed["link to what is met anyway|links to what is met anyway"] += 1
                else:
                    self._folder(link, parts)
            elif not link.exists():
                self.findings.passed["link that leads nowhere|links that lead nowhere"] += 1
            elif real in self._seen:
                self.findings.passed["link to what is met anyway|links to what is met anyway"] += 1
            else:
                self._file(link, parts[:-1])

    def _folder(self, path: Path, parts: tuple[str, ...]) -> None:
        """Take in a folder and those below it, but for links."""
        waiting = [(path, parts)]
        while waiting:
            folder, where = waiting.pop()
            self._seen.add(os.path.realpath(folder))
            try:
                with os.scandir(folder) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError as error:
                self.findings.troubles.append(f"{folder} cannot be read: {error.strerror}")
                continue
            names = {entry.name for entry in entries}
            if {"run.json", "events.jsonl"} <= names:
                self.findings.passed[
                    "run of vitui, which --runs shows|runs of vitui, which --runs shows"
                ] += 1
                continue
            if "pyvenv.cfg" in names:
                self.findings.passed["virtual environment|virtual environments"] += 1
                continue
            contents = self._contents(folder, where)
            contents.is_mlflow = {"meta.yaml", "metrics"} <= names and is_mlflow_run(folder)
            if contents.is_mlflow:
                continue
            is_wandb = any(name.endswith(WANDB) for name in names)
            for entry in entries:
                self._entries += 1
                if self._entries == MOST_ENTRIES:
                    self.findings.troubles.append(
                        f"{self.root} holds over {MOST_ENTRIES:,} files: name what is in it"
                    )
                if self._entries >= MOST_ENTRIES:
                    return
                below = (*where, entry.name)
                if entry.is_symlink():
                    self._links.append((Path(entry.path), below))
                elif not entry.is_dir(follow_symlinks=False):
                    self._file(Path(entry.path), where)
                elif entry.name.startswith(".") or entry.name in PASSED_FOLDERS:
                    self.findings.passed["hidden folder|hidden folders"] += 1
                elif len(below) > DEEPEST:
                    self.findings.passed["folder too deep within others|folders too deep within others"] += 1
                elif not (is_wandb and entry.name in ("files", "logs", "tmp")):
                    waiting.append((Path(entry.path), below))

    def _file(self, path: Path, parts: tuple[str, ...]) -> None:
        try:
            is_file = stat.S_ISREG(path.stat().st_mode)
        except OSError as error:
            self.findings.troubles.append(f"{path} cannot be read: {error.strerror}")
            return
        if not is_file:
            self.findings.passed["pipe, socket or device|pipes, sockets and devices"] += 1
            return
        if (
            is_event_file(path) or path.suffix == WANDB or is_log(path)
        ):  # by this name it is read, if it can be
            self._seen.add(os.path.realpath(path))
        self._contents(path.parent, parts).files.append(path)

    def _contents(self, path: Path, parts: tuple[str, ...]) -> _Contents:
        return self.folders.setdefault(parts, _Contents(path, parts))


def _sources_of(contents: _Contents, findings: Findings) -> Iterator[ImportSource]:
    """Yield what a folder holds, and count what it holds besides."""
    path, parts = contents.path, contents.parts
    if contents.is_mlflow:
        yield ImportSource("mlflow", path, parts)
        return
    files = sorted(contents.files)
    event_files = tuple(each for each in files if is_event_file(each))
    logs = []
    for each in files:
        if is_event_file(each):
            continue
        if is_mlflow_database(each):
            yield ImportSource("mlflow", each, (*parts, each.name))
        elif each.suffix == WANDB:
            yield ImportSource("wandb", each, (*parts, each.stem))
        elif may_hold_curves(each):
            logs.append(each)
        else:
            findings.passed[_kind_of(each)] += 1
    if event_files:
        yield ImportSource("tensorboard", path, parts, files=event_files)
    for each in logs:
        yield ImportSource(None, each, (*parts, each.name))


def _kind_of(path: Path) -> str:
    """Return the kind of a file that is passed over."""
    suffix = path.suffix.lower()
    if is_log(path):
        return f"{suffix} file without a step or an epoch|{suffix} files without a step or an epoch"
    return f"{suffix or 'other'} file|{suffix or 'other'} files"


def told(passed: Counter[str]) -> str:
    """Return in words what was passed over, the most first."""
    words = []
    for kinds, count in passed.most_common():
        one, _, several = kinds.partition("|")
        words.append(f"{count:,} {one if count == 1 or not several else several}")
    return ", ".join(words)
