"""The user's editor, and how it is told the line to begin on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

JUMP = frozenset({"vi", "vim", "nvim", "gvim", "view", "nano", "emacs", "emacsclient"})
"""Editors that take ``+LINE`` before the file."""


def editor_command(environment: Mapping[str, str], path: Path, line: int) -> list[str] | None:
    """Return the command that opens a file in $VISUAL or $EDITOR, at a line where it can; None if neither is set."""
    for name in ("VISUAL", "EDITOR"):
        try:
            words = shlex.split(environment.get(name, ""))
        except ValueError:  # a quote that is not closed
            continue
        if words:
            at = [f"+{line}"] if Path(words[0]).name.lower() in JUMP else []
            return [*words, *at, str(path)]
    return None
