"""Git repositories to look at: one that a friend made, and one whose configuration would run programs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

WHO = ["-c", "user.name=x", "-c", "user.email=x@x", "-c", "protocol.file.allow=always"]


def git(folder: Path, *words: str, data: bytes = b"") -> bytes:
    done = subprocess.run(["git", *WHO, *words], cwd=folder, input=data, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def repository(folder: Path, **files: str) -> Path:
    """Make a repository with one commit; a file's name has ``_`` for its dot."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    for name, text in {"train_py": "a\nb\nc\n", **files}.items():
        (folder / name.replace("_", ".")).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def hostile(folder: Path, traces: Path) -> Path:
    """Make a repository that runs a program at every chance git gives; each leaves a trace."""
    repository(folder, x_evil="x\n", submitted_py="s\n")
    traces.mkdir()
    hooks = folder / ".git/hooks"
    for hook in (
        "post-index-change",
        "post-checkout",
        "pre-commit",
        "fsmonitor-watchman",
        "reference-transaction",
    ):
        _program(hooks / hook, traces / f"hook-{hook}")
    for word in (
        "external",
        "textconv",
        "command",
        "clean",
        "smudge",
        "process",
        "fsmonitor",
        "pager",
        "ssh",
    ):
        _program(folder / ".git" / word, traces / word)
    settings = {
        "diff.external": "external", "diff.evil.textconv": "textconv", "diff.evil.command": "command",
        "filter.evil.clean": "clean", "filter.evil.smudge": "smudge", "filter.evil.process": "process",
        "core.fsmonitor": "fsmonitor", "core.pager": "pager", "pager.diff": "pager", "pager.status": "pager",
        "core.sshCommand": "ssh",
    }  # fmt: skip
    for name, word in settings.items():
        git(folder, "config", name, str(folder / ".git" / word))
    git(folder, "config", "filter.evil.required", "true")
    (folder / ".git/info/attributes").write_text("*.evil filter=evil\n*.py diff=evil\n")
    (folder / "x.evil").write_text("y\n")
    (folder / "train.py").write_text("a\nB\nc\n")
    for name in ("x.evil", "train.py", "submitted.py"):
        os.utime(folder / name, (1e9, 1e9))
    return folder


def _program(path: Path, trace: Path) -> None:
    path.write_text(f"#!/bin/sh\ntouch '{trace}'\nexit 1\n")
    path.chmod(0o755)
