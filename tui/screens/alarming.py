"""Tells what happens to runs: one toast for an event; the bell and a desktop notification where nobody looks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from textual.screen import Screen

from engine.states import Status
from tui.rows import Row
from tui.snapshot import Snapshot
from tui.text import clean
from tui.watching import Watcher

now = time.time
MOST_TEXT = 200
"""Characters of a desktop notification."""


class Alarming(Screen[None]):
    """A screen that is told of new snapshots."""

    def __init__(self) -> None:
        super().__init__()
        self._watcher = Watcher()

    def watch_over(self, snapshot: Snapshot) -> None:
        """Tell what is new with the runs that live."""
        experiments = {status.run: status.experiment for status in snapshot.runs}
        for alarm in self._watcher.look(snapshot.runs, now()):
            self.tell(
                f"{experiments[alarm.run]}: {alarm.text}", title=alarm.kind, severe=alarm.kind == "diverged"
            )

    def tell_end(self, status: Status) -> None:
        """Tell how a run has ended."""
        f1 = status.last.get("test/f1")
        words = f"{status.experiment}: {status.state}" + (f", test F1 {f1:.3f}" if f1 is not None else "")
        bad = status.state in ("failed", "crashed")
        if bad and status.reason:
            words += f"\n{status.reason}"
        self.tell(words, severe=bad, warning=False)

    def tell(self, text: str, *, title: str = "", severe: bool, warning: bool = True) -> None:
        """Show a toast; call somebody who looks elsewhere."""
        kind = "error" if severe else "warning" if warning else "information"
        self.notify(text, title=title, severity=kind, markup=False, timeout=8)  # type: ignore[arg-type]
        if not self.app.app_focus:
            self.app.bell()
            desktop_notify(self.app, f"{title} {text}" if title else text)

    def badged(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows, with a word at those of runs that something is the matter with."""
        badges = self._watcher.badges
        return [replace(row, badge=badges.get(row.run or "", "")) for row in rows] if badges else list(rows)


def desktop_notify(app: object, text: str) -> None:
    """Have the terminal notify the desktop (OSC 9), where it knows how."""
    driver = getattr(app, "_driver", None)
    if driver is not None:
        driver.write(osc9(text))


def osc9(text: str) -> str:
    """Return what has a terminal notify the desktop; the text cannot be anything but a text."""
    words = clean(text.replace("\n", ", "))[:MOST_TEXT]
    return f"\x1b]9;vitui: {words}\x07"
