"""Runs as text: the table of `engine ls`, the lines of `engine logs` and `engine doctor`."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Sequence

from engine.commands.text_table import TableColumn, draw, terminal_width, wants_colour
from engine.events import decode
from engine.runs.event_text import left_text, progress, sentence
from engine.runs.liveness import status_of
from engine.runs.state_symbols import MARKS
from engine.runs.status import ENDED, Status
from engine.runs.store import Run, stamp
from engine.system.files import tail
from engine.text import escaped_json, number, printable

ON = TableColumn("on", least=8)
"""The site of each run; left out where none was sent anywhere."""
EXPERIMENT = TableColumn("experiment", least=8, cut="middle")
"""The experiment of each run; left out where the ids say it."""
_SGR = {"red": 31, "green": 32, "yellow": 33, "cyan": 36}


def print_run_table(statuses: Sequence[Status]) -> None:
    """Print runs as a table: cut to the terminal, in full width elsewhere."""
    colours = [_SGR[MARKS[status.state][1]] for status in statuses] if wants_colour() else None
    left_out = set()
    if not any(status.on for status in statuses):  # a project without sites need not know of them
        left_out.add(ON)
    if _ids_say_experiments(statuses):
        left_out.add(EXPERIMENT)
    columns = [column for column in COLUMNS if column not in left_out]
    rows = list(zip(*(map(COLUMNS[column], statuses) for column in columns), strict=True))
    lines = draw(columns, rows, terminal_width(), colours)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # marks are no ASCII, and the terminal's encoding may be
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()  # here a reader that has gone is an error that a command knows of


def _ids_say_experiments(statuses: Sequence[Status]) -> bool:
    """Return whether runs can be told apart by their ids: these have the ASCII letters of a name alone."""
    if not all(status.experiment.isascii() for status in statuses):
        return False
    return _same_begin_same_experiment(statuses, _begin) or _same_begin_same_experiment(
        statuses, lambda run: _begin(run) if stamp(run) else run
    )


def _begin(run: str) -> str:
    """Return what stands in an id of vitui's own before seed, date, time and random digits."""
    return run.rsplit("-", 4)[0]


def _same_begin_same_experiment(statuses: Sequence[Status], begin: Callable[[str], str]) -> bool:
    names: dict[str, str] = {}
    return all(
        names.setdefault(begin(status.run), status.experiment) == status.experiment for status in statuses
    )


def _test_f1(status: Status) -> str:
    """Return the last F1; once the run has ended, with half of its interval."""
    if (final := status.final.get("test/f1")) is None:
        return number(status.last.get("test/f1"))
    return number(final.value) + (f" ±{number(final.margin)}" if final.margin is not None else "")


COLUMNS: dict[TableColumn, Callable[[Status], str]] = {
    TableColumn("state"): lambda status: f"{MARKS[status.state][0]} {status.state}",
    TableColumn("run", least=24, cut="middle"): lambda status: status.run,
    EXPERIMENT: lambda status: printable(status.experiment),
    ON: lambda status: printable(status.on),
    TableColumn("epoch", right=True): progress,
    TableColumn("left", right=True): left_text,
    TableColumn("test F1", right=True): _test_f1,
    TableColumn("best", right=True, spare=True): lambda status: number(status.best.get("test/f1")),
    TableColumn("loss", right=True, spare=True): lambda status: number(status.last.get("train/loss")),
    TableColumn("reason", least=16): lambda status: printable(status.why),
}
"""What the table shows of a run."""


def print_log(run: Run, *, as_json: bool, follow: bool) -> None:
    """Print a run's events, and go on until it ends when asked to follow."""
    offset = 0
    while True:
        ended = not follow or status_of(run).state in ENDED
        lines, end = tail(run.events, offset)
        for line in lines:
            if (event := decode(line)) is None:
                continue
            if as_json:
                sys.stdout.write(escaped_json(line.decode(errors="replace").strip()) + "\n")
            elif (text := sentence(event)) is not None:
                when = time.strftime("%H:%M:%S", time.localtime(event.time))
                sys.stdout.write(f"{when}  {printable(text)}\n")
        sys.stdout.flush()
        if end == offset:
            if ended:
                return
            time.sleep(0.5)
        offset = end
