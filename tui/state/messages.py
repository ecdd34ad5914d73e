"""What the feed and the widgets tell the screens."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from textual.message import Message

from engine.analysis.alarms import Alarm
from tui.state.snapshot import Snapshot


@dataclass
class Changed(Message):
    """Something in the project is new."""

    snapshot: Snapshot
    ended: tuple[str, ...] = ()
    """Runs that were live a tick ago and are no longer."""
    alarms: tuple[Alarm, ...] = ()
    """What is newly wrong with live runs."""
    taken: threading.Event = field(default_factory=threading.Event, compare=False)
    """Set by who shows it; nothing is looked at anew before."""


@dataclass
class CursorMoved(Message):
    """Another row of the run list is under the cursor."""

    key: str | None


@dataclass
class ListChanged(Message):
    """Other rows of the run list are overlaid, marked or unfolded."""


@dataclass
class NothingToOverlay(Message):
    """The row that was to be overlaid has no run."""


@dataclass
class MarksHidden(Message):
    """Rows are no longer listed, and so no longer marked."""

    rows: Mapping[str, tuple[str, ...]]
    """The runs that each stood for, by its key; none where that is not known."""

    def still_there(self, runs: Collection[str]) -> int:
        """Return of how many one of these runs is there still, or may be."""
        return sum(not of_row or any(run in runs for run in of_row) for of_row in self.rows.values())


@dataclass
class HeadingClicked(Message):
    """The heading of a column was clicked."""

    column: str


@dataclass
class Opened(Message):
    """The row under the cursor is to be shown whole."""


@dataclass
class Queued(Message):
    """A run was queued that its experiment's row does not stand for: it is to be seen."""

    run: str
    folds: str
    """The name of that row among those that are unfolded."""


@dataclass
class Failed(Message):
    """Something that a user asked for could not be done."""

    title: str
    text: str
    meanwhile: str = ""
    """What stood in the row while it was tried; the reason stands there then, as a dialog would come late."""


@dataclass
class Succeeded(Message):
    """Something that a user asked for has been done."""

    text: str
    """How it went; of several lines the first stands in the row."""
    meanwhile: str = ""
    """What stood in the row while it was done."""
