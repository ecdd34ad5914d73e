"""Git asked about a repository that a stranger may have configured: it runs no other program, and changes nothing.

Pagers, external diffs, text conversions, hooks and monitors are switched off; a file whose attributes name a filter,
such as one of Git LFS, is left out, since comparing it runs the filter; a submodule is never looked into on the way;
objects that are not here are not fetched.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TIMEOUT_S = 5.0
"""Seconds that one question may take."""
MOST = 4 * 1024 * 1024
"""Bytes of an answer that are read."""
WITHOUT_FILTER = ":(top,attr:!filter)"
"""Means the files that git compares by itself."""
_SAFE = (
    "--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}",
    "-c", "core.quotePath=true", "-c", "protocol.allow=never",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none", "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}  # fmt: skip
_SETS_MEANING = (
    "GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS", "GIT_LITERAL_PATHSPECS", "GIT_ICASE_PATHSPECS", "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
)  # fmt: skip
"""Variables of the user's shell that would change what an answer says."""
AS_PATCH = (
    "diff-index", "-p", "--binary", "--full-index", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
    "--ignore-submodules=dirty", "--submodule=short", "--src-prefix=a/", "--dst-prefix=b/", "--unified=3",
)  # fmt: skip
BETWEEN_COMMITS = (
    "diff-tree",
    "-r",
    "-z",
    "--raw",
    "--no-abbrev",
    "--numstat",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
)


class GitFailed(Exception):  # noqa: N818  it says what is the case
    """Git is missing, is no help with that folder, or takes too long; the message says which in a few words."""


class TooMuch(GitFailed):
    """The answer is longer than what is read of one."""


def ask(folder: Path, *words: str, most: int = MOST, timeout_s: float = TIMEOUT_S) -> bytes:
    """Return what git answers in a folder.

    Args:
        folder: Where git is started.
        words: The command and its options.
        most: Bytes beyond which it is too much.
        timeout_s: Seconds until it is given up.

    Raises:
        GitFailed: It does not answer, or not in time.
        TooMuch: It answers more.
    """
    import signal
    import subprocess
    import threading

    environment = {name: value for name, value in os.environ.items() if name not in _SETS_MEANING}
    try:
        git = subprocess.Popen(
            ["git", *_SAFE, *words], cwd=folder, env=environment | _ENVIRONMENT,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, process_group=0,
        )  # fmt: skip
    except OSError:
        raise GitFailed("git is not installed") from None
    late = threading.Event()

    def end() -> None:
        late.set()
        with contextlib.suppress(OSError):
            os.killpg(git.pid, signal.SIGKILL)  # its own, and what it has started, which holds the pipe too

    timer = threading.Timer(timeout_s, end)
    timer.daemon = True
    timer.start()
    with git:
        try:
            answer = git.stdout.read(most + 1) if git.stdout is not None else b""
            if len(answer) > most:
                end()
        except BaseException:
            end()
            raise
        finally:
            timer.cancel()
    if len(answer) > most:
        raise TooMuch(f"git says more than {most >> 20} MiB")
    if late.is_set():
        raise GitFailed(f"git took longer than {timeout_s:g} s")
    if git.returncode:
        raise GitFailed("git does not know it")
    return answer


def git_commit(folder: Path | None = None) -> dict[str, Any] | None:
    """Return the commit of a folder and whether tracked files have changes; None outside a repository.

    Args:
        folder: The folder; None for the working folder.
    """
    try:
        return commit_and_changes(folder or Path.cwd())[0]
    except GitFailed:
        return None


def commit_and_changes(folder: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the commit of a folder, and the tracked files that have changes, by their names from the top.

    Raises:
        GitFailed: There is no repository, or git does not answer.
    """
    answer = ask(
        folder, "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--no-renames",
        "--ignore-submodules=dirty", "--", WITHOUT_FILTER,
    )  # fmt: skip
    commit, changed = None, []
    for line in map(os.fsdecode, answer.split(b"\0")):
        if line.startswith("# branch.oid "):
            commit = line.split()[-1]
        elif line[:2] in ("1 ", "u "):  # what follows the modes and digests is the name
            changed.append(line.split(" ", 8 if line[0] == "1" else 10)[-1])
    return {"commit": commit, "dirty": bool(changed)}, changed


def top_of(folder: Path) -> Path:
    """Return the top of the repository that a folder is in; raises GitFailed where there is none."""
    return Path(os.fsdecode(ask(folder, "rev-parse", "--show-toplevel").removesuffix(b"\n")))


def has_commit(commit: str | None) -> bool:
    """Return whether a word of git's names a commit: a repository that has none says ``(initial)``."""
    return (
        commit is not None
        and 40 <= len(commit) <= 64
        and all(digit in "0123456789abcdef" for digit in commit)
    )


def submodules_of(top: Path) -> Iterator[str]:
    """Yield the folders of submodules that are checked out, from the top; raises GitFailed where git is no help."""
    if not (top / ".gitmodules").is_file():
        return
    for line in ask(top, "ls-files", "--stage", "-z").split(b"\0"):
        head, _, name = line.partition(b"\t")
        if head.startswith(b"160000 ") and (top / os.fsdecode(name) / ".git").exists():
            yield os.fsdecode(name)


class Change(NamedTuple):
    """How a file differs between two commits."""

    before: str
    """Git's name of its contents, zeros where it is not there."""
    after: str
    lines: int
    """Lines that are added or removed; 0 for a binary file."""


def changed_between(folder: Path, before: str, after: str) -> dict[str, Change] | None:
    """Return the files that differ between two commits; None where git does not have both in a folder."""
    if not (has_commit(before) and has_commit(after)):
        return None
    try:
        words = map(os.fsdecode, ask(folder, *BETWEEN_COMMITS, before, after).split(b"\0"))
    except GitFailed:
        return None
    files: dict[str, Change] = {}
    for word in words:
        if word.startswith(":"):
            _, _, old, new, _ = word.split(" ")
            files[next(words)] = Change(old, new, 0)
        elif word:
            added, removed, name = word.split("\t", 2)
            if name in files:
                files[name] = files[name]._replace(lines=_lines(added) + _lines(removed))
    return files


def _lines(word: str) -> int:
    """Return a count of lines; 0 for a binary file, of which git writes a dash."""
    return int(word) if word.isdecimal() else 0
