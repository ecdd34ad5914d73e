"""All that is known of one run, for the run view: made by the feed while that view is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from engine.events import Checkpoint, End, Start
from engine.history.confusion_index import MatrixLocation
from engine.runs.store import RunInfo
from tui.state.log_buffer import Lines

if TYPE_CHECKING:
    from engine.analysis.confusion import Matrix
    from engine.runs.posted.whereabouts import Whereabouts


Tab = Literal["overview", "confusion", "classes", "console", "events"]
TABS: tuple[Tab, ...] = ("overview", "confusion", "classes", "console", "events")
"""What the run view has, in order."""


@dataclass(frozen=True)
class Page:
    """What the run view shows: a run, and which of its confusion matrices."""

    run: str
    place: MatrixLocation | None = None
    """None for the newest."""
    split: str = ""
    """Of which split the newest is meant; empty for whichever there is."""


@dataclass(frozen=True, eq=False)
class Record:
    """A run whole."""

    run: str
    info: RunInfo | None = None
    whereabouts: Whereabouts | None = None
    """The site that it was sent to, and what that says of it; None for a run of this folder."""
    starts: tuple[Start, ...] = ()
    end: End | None = None
    """The last one."""
    checkpoints: tuple[Checkpoint, ...] = ()
    places: tuple[MatrixLocation, ...] = ()
    """Its confusion matrices, in order."""
    place: MatrixLocation | None = None
    """Which of them is looked at."""
    matrix: Matrix | None = None
    """None where there is none, or it cannot be shown."""
    phases: Mapping[str, float] = field(default_factory=dict)
    """Seconds by ``time/*`` metric: the mean of all that was measured."""
    console: Lines = field(default_factory=Lines)
    """Its events and what its process printed besides."""
    story: Lines = field(default_factory=Lines)
    """Its attempts, logs, checkpoints and ends."""
    cut: int = 0
    """Bytes of console.log before what was read."""
    loading: bool = False
    """Whether there is more to read."""

    @property
    def splits(self) -> list[str]:
        """The splits that there are confusion matrices of."""
        return list(dict.fromkeys(matrix.split for matrix in self.places))

    def series(self, split: str) -> list[MatrixLocation]:
        """Return the matrices of a split, in order."""
        return [matrix for matrix in self.places if matrix.split == split]
