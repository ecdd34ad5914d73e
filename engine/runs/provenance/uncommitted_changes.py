"""What differs from a commit, as a patch that ``git apply`` takes: files with changes, and new files of code.

Of secrets and of what is too large only the names are kept.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.runs.provenance import repository
from engine.runs.provenance.git_patch_format import files_of, left_out, new_file
from engine.runs.provenance.repository import GitFailed, TooMuch
from engine.system.files import MAX_FILE

MOST_OF_A_FILE = 1024 * 1024
"""Bytes beyond which a tracked file with changes is only named."""
MOST_OF_A_NEW_FILE = 256 * 1024
"""Bytes beyond which a file that git does not track is only named."""
MOST_HASHED = 64 * 1024 * 1024
"""Bytes beyond which a file is named without its digest."""
MOST_NAMED = 1000
"""Files that a patch has, or names, at most."""
DEEPEST = 3
"""How deep submodules in submodules are looked into."""
LOOKING_FOR_NEW_FILES_S = 2.0
SOURCE = (
    "*.py", "*.pyx", "*.pyi", "*.ipynb", "*.sh", "*.bash", "*.c", "*.cc", "*.cpp", "*.cu", "*.cuh", "*.h", "*.hpp",
    "*.rs", "*.go", "*.jl", "*.R", "*.lua", "*.js", "*.ts", "*.toml", "*.yaml", "*.yml", "*.json", "*.cfg", "*.ini",
    "*.gin", "*.patch", "*requirements*.txt", "*Makefile", "*Dockerfile", "*.sbatch", "*.slurm",
)  # fmt: skip
"""Which of the files that git does not track are code or its configuration."""
_SECRET = re.compile(
    r"(^|/)(\.env|\.netrc|\.pypirc|id_[a-z0-9]+$)|\.(pem|key|p12|pfx|kdbx)$"
    r"|(secret|credential|passw(or)?d|api[-_]?key)[^/]*\.(json|ya?ml|toml|ini|cfg|txt|sh|env)$",
    re.IGNORECASE,
)
"""Names that promise secrets: such a file is named, and nothing of it is kept."""


def changes_as_patch(
    here: Path, commit: str | None, changed: Sequence[str], runs: Path | None
) -> tuple[bytes, bool]:
    """Return what differs from a commit, at most as long as what is read of a small file, and whether tracked files do.

    Where all of it would be longer, the files are named, each with its size and digest.

    Args:
        here: The folder below which new files are looked for.
        commit: The commit of its repository.
        changed: The tracked files with changes, by their names from the top.
        runs: The folder of runs, no file of which is code.
    """
    try:
        top = repository.top_of(here)
        tracked = list(filter(None, _tracked(top, commit, changed, b"")))
    except GitFailed as error:
        return f"# there is no patch: {error}\n".encode(), bool(changed)
    named: list[bytes] = []
    texts: list[bytes] = []
    for text in (*tracked, *_new_files(here, top, runs)):
        (texts if text.startswith(b"diff ") else named).append(text)
    patch = b"".join((*named, *texts))
    if len(patch) > MAX_FILE:
        names = [*changed, *(name for text in texts for name in files_of(text))]
        lines = [_line_on(top, name) for name in list(dict.fromkeys(names))[:MOST_NAMED]]
        patch = b"".join((b"# there is no patch: it has more than 4 MiB\n", *lines))
    return patch, bool(tracked)


def _line_on(top: Path, name: str, prefix: bytes = b"") -> bytes:
    """Return the line on a file that is only named."""
    return left_out(prefix + os.fsencode(name), _size_and_digest(top / name))


def _tracked(
    top: Path, commit: str | None, changed: Sequence[str], prefix: bytes, depth: int = 0
) -> Iterator[bytes]:
    """Yield the patch of the tracked files of a repository and its submodules, and a line on each file left out.

    Args:
        top: The top of the repository.
        commit: Its commit.
        changed: Its files with changes.
        prefix: The path to it from the outermost repository, with its slash.
        depth: How many repositories it is in.
    """
    apart = [name for name in changed if _is_left_out(name, top / name, MOST_OF_A_FILE)]
    for name in apart[:MOST_NAMED]:
        yield _line_on(top, name, prefix)
    if len(changed) > len(apart) and repository.has_commit(commit):
        where = os.fsdecode(prefix)
        prefixes = [f"--src-prefix=a/{where}", f"--dst-prefix=b/{where}"]
        without = [f":(top,exclude,literal){name}" for name in apart[:MOST_NAMED]]
        words = (*repository.AS_PATCH, *prefixes, "HEAD", "--", repository.WITHOUT_FILTER, *without)
        try:
            yield repository.ask(top, *words)
        except TooMuch:
            for name in changed[:MOST_NAMED]:
                yield _line_on(top, name, prefix)
    for name in repository.submodules_of(top) if depth < DEEPEST else ():
        inner, inside = repository.commit_and_changes(top / name)
        yield from _tracked(top / name, inner["commit"], inside, prefix + os.fsencode(name) + b"/", depth + 1)


def _new_files(here: Path, top: Path, runs: Path | None) -> Iterator[bytes]:
    """Yield the patch of each file of code below a folder that git neither tracks nor ignores."""
    without = []
    if runs is not None and runs.resolve().is_relative_to(here):
        without = [f":(exclude,literal){runs.resolve().relative_to(here)}"]
    words = ("ls-files", "--others", "--exclude-standard", "--full-name", "-z", "--", *SOURCE, *without)
    try:
        answer = repository.ask(here, *words, timeout_s=LOOKING_FOR_NEW_FILES_S)
    except GitFailed as error:
        yield f"# files that git does not track are not looked for: {error}\n".encode()
        return
    for name in sorted(filter(None, answer.split(b"\0")))[:MOST_NAMED]:
        path = top / os.fsdecode(name)
        try:
            info = path.lstat()
            if not stat.S_ISREG(info.st_mode):
                continue
            if not _is_left_out(os.fsdecode(name), path, MOST_OF_A_NEW_FILE):
                data = path.read_bytes()
                if b"\0" not in data:
                    yield new_file(name, data, executable=bool(info.st_mode & stat.S_IXUSR))
                    continue
        except OSError:
            continue
        yield left_out(name, _size_and_digest(path))


def _is_left_out(name: str, path: Path, most: int) -> bool:
    try:
        return is_secret_file(name) or path.lstat().st_size > most
    except OSError:  # it was deleted
        return is_secret_file(name)


def is_secret_file(name: str) -> bool:
    """Return whether a file is one to keep nothing of, by its name."""
    return _SECRET.search(name) is not None


def _size_and_digest(path: Path) -> str:
    """Return what is said of a file that is only named; nothing that a secret could be told from."""
    try:
        info = path.lstat()
        if not stat.S_ISREG(info.st_mode):
            return "no file"
        size = f"{info.st_size:,} bytes"
        return size if is_secret_file(str(path)) else f"{size}, {digest_of(path)}"
    except OSError:
        return "deleted"


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file; its size where it is too large to be read for that."""
    import hashlib

    size = path.stat().st_size
    if size > MOST_HASHED:
        return f"{size:,} bytes"
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
