"""Reads one run whole for the run view, in the feed's thread: a piece at a time, each file once.

The curves' history already knows where matrices stand and what the attempts were; one matrix is read when it is
looked at. The lines of the console and the story are read here, from the events and from console.log.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING

from engine.analysis.step_time import mean_of
from engine.events import decode
from engine.history.confusion_index import MatrixLocation, read_matrix
from engine.history.reader import CHUNK, History
from engine.runs.posted.whereabouts import whereabouts_of
from engine.runs.store import Run, RunInfo, StoreError
from engine.system.files import tail
from tui.feed.log_and_attempt_lines import all_said, story
from tui.state.log_buffer import MAX_LINE, LogLineKind, Transcript
from tui.state.run_page_record import Page, Record

if TYPE_CHECKING:
    from engine.analysis.confusion import Matrix

BUDGET_S = 0.05
"""Seconds that one look may spend on reading lines."""
MAX_PRINTED = 4 * 1024 * 1024
"""Bytes of console.log that are read: its last ones."""


class Reader:
    """Follows one run.

    Args:
        run: The run.
        until: The moment, in seconds since the epoch, at which it is shown. What its process printed has no times, and
            is left out where that is not now.
    """

    def __init__(self, run: Run, until: float = math.inf) -> None:
        self.run = run
        self.until = until
        self._reset()

    def _reset(self) -> None:
        """Start over, with nothing of the run read."""
        run = self.run
        self._info: RunInfo | None = None
        with contextlib.suppress(StoreError):
            self._info = run.info()
        self._console, self._story = Transcript(), Transcript()
        self._events_at, self._is_over = 0, False
        self._printed_at: int | None = None
        self._cut = 0
        self._page: Page | None = None
        self._history_at = -1
        self._shown: tuple[MatrixLocation | None, Matrix | None] = None, None
        self._record = Record(run.id, self._info)

    def look(self, page: Page, history: History | None) -> Record:
        """Return the run as it is now; the same object as before if nothing is new.

        Args:
            page: What the run view shows; its place is the matrix that is looked at.
            history: What the feed has read of the run; None before it has read anything.
        """
        if _size(self.run.events) < self._events_at:  # another file has taken its place
            self._reset()
        changes: dict[str, object] = {}
        if history is not None and (history.offset != self._history_at or page != self._page):
            self._history_at = history.offset
            changes |= self._from_history(page, history)
        self._page = page
        loading = self._read_lines()
        now = {
            "whereabouts": whereabouts_of(self.run) if self.until == math.inf else None,
            "console": self._console.view(),
            "story": self._story.view(),
            "cut": self._cut,
            "loading": loading,
        }
        changes |= {name: value for name, value in now.items() if value != getattr(self._record, name)}
        if changes:
            self._record = dataclasses.replace(self._record, **changes)  # type: ignore[arg-type]
        return self._record

    # ---- what the history knows

    def _from_history(self, page: Page, history: History) -> dict[str, object]:
        matrix_place = self._place_shown(page, history.matrices)
        return {
            "starts": tuple(history.starts),
            "end": history.ends[-1] if history.ends else None,
            "checkpoints": tuple(history.checkpoints),
            "places": tuple(history.matrices),
            "place": matrix_place,
            "matrix": self._matrix(matrix_place),
            "phases": {
                name: mean_of(column) for name, column in history.columns.items() if name.startswith("time/")
            },
        }

    @staticmethod
    def _place_shown(page: Page, places: list[MatrixLocation]) -> MatrixLocation | None:
        """Return the place of the matrix that is looked at: the page's own, else the newest of its split."""
        if page.place in places:
            return page.place
        splits = [matrix_place.split for matrix_place in places]
        split = next((name for name in (page.split, "test") if name in splits), None)
        return next(
            (matrix_place for matrix_place in reversed(places) if split in (None, matrix_place.split)), None
        )

    def _matrix(self, matrix_place: MatrixLocation | None) -> Matrix | None:
        if matrix_place is None:
            return None
        if self._shown[0] != matrix_place:
            from engine.analysis.confusion import make_matrix

            event = read_matrix(self.run.events, matrix_place)
            self._shown = matrix_place, None if event is None else make_matrix(event, matrix_place)
        return self._shown[1]

    # ---- lines

    def _read_lines(self) -> bool:
        """Read on for ``BUDGET_S``, and return whether more is left to read."""
        deadline = time.monotonic() + BUDGET_S
        for read in (self._read_printed, self._read_events):
            while read():
                if time.monotonic() > deadline:
                    return True
        return False

    def _read_printed(self) -> bool:
        if self.until < math.inf:
            return False
        size = _size(self.run.console)
        if self._printed_at is None or size < self._printed_at:
            self._printed_at = self._cut = max(0, size - MAX_PRINTED)
        lines, end = tail(self.run.console, self._printed_at, CHUNK)
        if end == self._printed_at:
            return False
        if self._printed_at == self._cut > 0:
            lines = lines[1:]  # the first one is torn
        self._printed_at = end
        for raw in lines:
            text = raw[-8 * MAX_LINE :].decode(errors="replace")
            if text.strip():
                self._console.append(f"│ {text}", LogLineKind.PRINTED)
        return True

    def _read_events(self) -> bool:
        lines, end = tail(self.run.events, self._events_at, CHUNK)
        if end == self._events_at or self._is_over:
            return False
        self._events_at = end
        for raw in lines:
            if raw.startswith(b'{"event":"confusion"') or (event := decode(raw)) is None:
                continue  # a matrix says nothing in words, and is the longest line there is
            if event.time > self.until:
                self._is_over = True
                return False
            for text, kind in all_said(event):
                self._console.append(text, kind)
            for text, kind in story(event):
                self._story.append(text, kind)
        return True


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
