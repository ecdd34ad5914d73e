"""What the row for messages says on the dashboard while there is no message: of the row under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from engine.runs.status import Status, was_taken_out
from tui.text import shorten
from tui.views.run_list_row import Row
from tui.widgets.runs.column_layout import LEAST_NAME, count_of


def resting_line(
    row: Row | None,
    status: Status | None,
    last_lines: Sequence[str],
    *,
    has_console: bool,
    unread: bool,
    waits: str = "",
    room: int = 200,
) -> str:
    """Return one line on a row: why its run waits, its last line where no console shows that, else how far it is.

    Args:
        row: The row under the cursor.
        status: Its run.
        last_lines: What the run has said last.
        has_console: Whether these lines stand elsewhere.
        unread: Whether it may have runs that have not been looked at yet.
        waits: Why its run waits and until when, where it does.
        room: Cells of the line; there the name gives way to that.
    """
    if row is None:
        return ""
    if row.group:
        return f"{row.label}: a group of experiments; → opens it"
    if status is None:
        return "reading the runs …" if unread else "not run; r runs it"
    name = f"{row.label}{count_of(row)}"
    if status.state == "queued":  # what it said last was before it was resumed
        says = f"  queued: {waits or row.note}"
        return shorten(name, min(cell_len(name), max(LEAST_NAME, room - cell_len(says)))) + says
    if last_lines and not has_console:
        return last_lines[-1]
    says_state = row.note.startswith(status.state) or was_taken_out(status)
    parts = [row.note if says_state and row.note else status.state]
    if status.epochs:
        parts.append(f"epoch {min(status.epoch, status.epochs):.3g} of {status.epochs}")
    if row.note and not says_state:
        parts.append(row.note)
    return f"{name}  {', '.join(parts)}"
