"""What the app remembers from one time to the next: how each project was looked at.

One small JSON file a project, in the user's state folder, readable by the user alone. Of a file that is damaged,
or made by another version, what can be read counts.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from engine.system.files import read_small, write_atomic
from engine.system.user_folders import state_folder

MOST = 1000
"""How many selected runs are remembered."""


class SavedView(msgspec.Struct, kw_only=True, frozen=True):
    """How a project was looked at."""

    axis: str = "epoch"
    log_y: bool = False
    smoothing: int = 0
    """A step of ``tui.state.smoothing_steps``."""
    grid: str = ""
    """The columns and rows of charts that were asked for, as ``3x2``; empty for as many as fit."""
    order: str = ""
    """The column that the list was sorted by; empty for the order of the configuration."""
    reverse: bool = False
    columns: list[str] = []
    """Those of the list, by name; empty for those that are shown by themselves."""
    groups: list[str] = []
    """The settings that the experiments stood in groups by."""
    each_seed: bool = False
    """Whether each seed was a curve of its own, and not part of their mean."""
    filter: str = ""
    filters: dict[str, str] = {}
    """The saved filters by name."""
    hidden: list[str] = []
    """The panes that were hidden, and those that were shown where they are not by themselves, as ``+NAME``."""
    wide_list: bool = False
    """Whether the list was widened for its columns."""
    list_width: int = 0
    """The cells that the list was dragged to; 0 where it was not."""
    commands: list[str] = []
    """The commands that were used last, the last first."""
    theme: str = ""
    selected: list[str] = []
    signs: dict[str, int] = {}
    """The number of the colour and sign of each experiment that was drawn."""
    pinned: str | None = None


def load(state: Path, project: Path) -> SavedView:
    """Return how a project was looked at last; as at first, where that is not known."""
    try:
        saved = msgspec.json.decode(read_small(_file(state, project)))
    except (OSError, ValueError, RecursionError):
        return SavedView()
    if not isinstance(saved, dict):
        return SavedView()
    understood: dict[str, Any] = {}
    for name, kind in get_type_hints(SavedView).items():
        try:
            understood[name] = msgspec.convert(saved[name], kind)
        except (KeyError, ValueError, OverflowError):
            continue
    return SavedView(**understood)


def save(state: Path, project: Path, view: SavedView) -> None:
    """Remember how a project is looked at.

    Raises:
        OSError: It cannot be written.
    """
    file = _file(state, project)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(file, msgspec.json.encode(view))


def kept_signs(project: Path) -> dict[str, int]:
    """Return the number of the colour and sign that each experiment has in the app, as far as that is known."""
    state = state_folder()
    return {} if state is None else load(state, project).signs


def _file(state: Path, project: Path) -> Path:
    path = str(project.absolute()).encode("utf-8", "surrogateescape")
    return state / "views" / f"{hashlib.blake2b(path, digest_size=16).hexdigest()}.json"
