"""What the row for messages says on the dashboard while there is no message: of the row under the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from engine.runs.status import Status
from tui.views.run_list_row import Row
from tui.widgets.runs.column_layout import count_of


def resting_line(
    row: Row | None, status: Status | None, last_lines: Sequence[str], *, has_console: bool, unread: bool
) -> str:
    """Return one line on a row: its run's last line where no console shows that, else how far it is.

    Args:
        row: The row under the cursor.
        status: Its run.
        last_lines: What the run has said last.
        has_console: Whether these lines stand elsewhere.
        unread: Whether it may have runs that have not been looked at yet.
    """
    if row is None:
        return ""
    if row.group:
        return f"{row.label}: a group of experiments; → opens it"
    if status is None:
        return "reading the runs …" if unread else "not run; r runs it"
    if last_lines and not has_console:
        return last_lines[-1]
    parts = [f"{row.label}{count_of(row)}", status.state]
    if status.epochs:
        parts.append(f"epoch {min(status.epoch, status.epochs):.3g} of {status.epochs}")
    if row.note and row.note != status.state:
        parts.append(row.note)
    return "  ".join([parts[0], ", ".join(parts[1:])])
