"""The line over a run that is shown whole: which it is, and how it goes, as far as there is room for that. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.text import Text

from engine.analysis.alarms import KINDS, Alarm
from engine.runs.event_text import left_text, progress
from engine.runs.state_symbols import MARKS
from engine.runs.status import Status
from engine.text import clean, score
from tui.text import shorten

LEAST_NAME = 12
"""Cells that a name keeps for facts to stand behind it."""


def title_of(
    run: str,
    status: Status | None,
    alarms: Sequence[Alarm],
    width: int,
    *,
    turn: tuple[str, str] = ("", ""),
    is_earlier: bool = False,
) -> Text:
    """Return the line: a name gives way to facts, and a fact is whole or left out.

    Args:
        run: The run's id; it stands for the name where the run has no experiment.
        status: How the run goes; None for a run whose folder is gone.
        alarms: What is wrong with the run, the gravest first.
        width: Cells of the line.
        turn: When it starts or ends, as ``tui.views.queue_gantt.turn`` says.
        is_earlier: Whether the page shows an earlier epoch than the last.

    Returns:
        A styled line of at most ``width`` cells, unless mark and shortest name need more.
    """
    if status is None:
        return Text(run, "bold").append("  is no longer there", "not bold")
    name = clean(status.experiment) or run
    mark, colour = MARKS[status.state]
    behind = Text(f"  s{status.seed}  {status.state}")
    for alarm in alarms:
        behind.append(f"  {alarm.kind}", "bold red" if alarm.kind == KINDS[0] else "bold yellow")
    least = min(cell_len(name), LEAST_NAME)
    for fact in (*_facts(status, turn, is_earlier=is_earlier), *(alarm.text for alarm in alarms)):
        if 2 + least + behind.cell_len + 3 + cell_len(fact) > width:
            break
        behind.append(f"   {fact}")
    room = min(cell_len(name), max(least, width - 2 - behind.cell_len))
    return Text.assemble((f"{mark} ", colour), (shorten(name, room), "bold"), behind)


def _facts(status: Status, turn: tuple[str, str], *, is_earlier: bool) -> Iterator[str]:
    """Yield facts on how the run goes, the most important first."""
    if epoch := progress(status):
        yield f"epoch {epoch}"
    if (f1 := status.last.get("test/f1")) is not None:
        yield f"{'last ' * is_earlier}F1 {score(f1)}"
    if left := left_text(status):
        yield left if status.stalled else f"{left} left"
    if status.asked is not None or (status.state == "queued" and status.why):
        yield clean(status.why)
    if turn[0]:
        yield " ".join(turn)
