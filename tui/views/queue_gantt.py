"""The queue as bars on one axis of time. Pure: forecasts in, lines out.

::

                               now       +10 min
    » ViT-B s0  ends 15:10     ████▒▒▒▒▒▒▒▒
    … BiT-M s0  15:10–15:31    │           ░░░░░░
    … ViT-L s0  after 15:31    │waiting for GPU 0 (runs ViT-B …)
    » ViT-S s0 on jz  15:20    ████▒▒▒▒▒▒   ┤
    … ViT-S s1 on jz  ?        │not known: Priority

The time of a job at a site is up at ``┤``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from engine.runs.state_symbols import HELD, MARKS
from engine.runs.status import State, Status
from engine.text import clean, span
from tui.state.snapshot import Snapshot
from tui.text import Line, shorten
from tui.views.run_names import full_names
from tui.views.site_facts import age_text

STEPS = (
    10,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    10800,
    21600,
    43200,
    86400,
    172_800,
    604_800,
    2_592_000,
)
"""Seconds between the marks of an axis, at choice."""
MARK_CELLS = 12
"""Cells from one mark to the next, at least."""
WHEN_CELLS = 12
SHORTEST_S = 60.0
"""Seconds that an axis shows of the future, at least."""
LIMIT = "┤"
"""When the time of a job is up."""
BEHIND = "stall ahead"
"""What is said instead of a time where a run that stalls is before it; ``WHEN_CELLS`` at most."""
BEFORE = 0.5
"""How much of the past is shown at most, as a share of the future."""
LIMITS = 2.0
"""How much longer an axis is at most for the time limits of jobs, which may be days off."""
UNKNOWN = 0.2
"""How much longer an axis is than what is known, where the end of a run is not."""


@dataclass(frozen=True)
class Bar:
    """A run that lives or waits."""

    run: str
    label: str
    state: State
    start: float | None
    finish: float | None
    why: str = ""
    """Why it waits, in words."""
    held: bool = False
    devices: tuple[str, ...] = ()
    earliest: float | None = None
    """Before when it does not start, where no more is known."""
    earliest_finish: float | None = None
    how: str = ""
    """What its times rest on, in words."""
    limit: float | None = None
    """When the time of its job at a site is up."""
    age: str = ""
    """How old its state is, where its site does not answer: ``3 min ago``."""
    stalled: bool = False
    """Whether it makes no step, or waits for a run that makes none."""
    guess: str = ""
    """Whose guess its start is, where a site says it: ``Slurm's guess``."""


@dataclass(frozen=True)
class TimeAxis:
    """From when to when; seconds since the epoch."""

    start: float
    now: float
    end: float
    cells: int

    def cell(self, when: float) -> int:
        """Return the cell that a time is in, within the axis."""
        position = (when - self.start) / (self.end - self.start) * self.cells
        return max(0, min(self.cells, round(position)))


def bars(snapshot: Snapshot) -> list[Bar]:
    """Return the runs that live, then those that wait, in the order of the queue."""
    run_bars = []
    there = [
        snapshot.by_id[forecast.run]
        for forecast in snapshot.queue.forecasts
        if forecast.run in snapshot.by_id
    ]
    names = full_names(there, there, snapshot.metadata)
    for forecast in snapshot.queue.forecasts:
        if (status := snapshot.by_id.get(forecast.run)) is None:
            continue
        label = names[status.run]
        held = status.state == "queued" and is_held(snapshot, status.run)
        why = why_it_waits(snapshot, status)
        guess = ""
        age = (
            age_text(status.heard, snapshot.machine.time) if status.heard and status.state != "queued" else ""
        )
        if status.on:
            label += f" on {clean(status.on)}"
            why = f"not known: {why}"
            guess = _whose_guess(snapshot, status.run) if status.state == "queued" else ""
        run_bars.append(
            Bar(
                forecast.run, label, status.state, forecast.start, forecast.finish, why, held,
                tuple(map(snapshot.queue.name_of, forecast.devices)),
                forecast.earliest, forecast.earliest_finish, forecast.how, forecast.limit,
                age, forecast.stalled, guess,
            )
        )  # fmt: skip
    return run_bars


def is_held(snapshot: Snapshot, run: str) -> bool:
    """Return whether a waiting run starts only once its user lets it."""
    entry = snapshot.queue.entries.get(run)
    return (entry is not None and entry.on_hold) or run in snapshot.queue.untrusted


def why_it_waits(snapshot: Snapshot, status: Status) -> str:
    """Return in words why a run waits that has not started."""
    if status.on:
        return clean(status.why) or "waits at its site"
    held = is_held(snapshot, status.run)
    return clean(status.reason) or ("held" if held else "the worker has not seen it yet")


def why_and_until(snapshot: Snapshot, status: Status | None) -> str:
    """Return why a run waits and when it starts, as far as that is known; empty if it does not wait."""
    if status is None or status.state != "queued":
        return ""
    its_turn = " ".join(filter(None, turn(snapshot, status.run)))
    return "; ".join(filter(None, (why_it_waits(snapshot, status), its_turn)))


def _whose_guess(snapshot: Snapshot, run: str) -> str:
    posting = snapshot.queue.postings.get(run)
    return "Slurm's guess" if posting is not None and posting.site.slurm else "its site's guess"


def all_done(run_bars: Sequence[Bar], now: float) -> str:
    """Return when all that is not held has ended, in words; empty where nothing is to come or nothing is known."""
    counted = [bar for bar in run_bars if not bar.held]
    if any(bar.stalled for bar in counted):
        return "a run stalls: nobody knows when all is done"
    ends = [end for bar in counted if (end := bar.finish or bar.earliest_finish) is not None]
    if not ends:
        return ""
    how = "about" if all(bar.finish is not None for bar in counted) else "not before"
    return f"all done {how} {clock(max(ends), now)}" + (
        ", but for what is held" if len(counted) < len(run_bars) else ""
    )


def gantt(run_bars: Sequence[Bar], now: float, width: int) -> list[Line]:
    """Return the axis and a line for each run, in so many cells."""
    label = max(12, min(32, width // 3, max((len(bar.label) for bar in run_bars), default=12)))
    axis = axis_of(run_bars, now, max(1, width - label - WHEN_CELLS - 4))
    heading: Line = [(" " * (width - axis.cells), "quiet"), (marks(axis), "quiet")]
    return [heading, *(_line(bar, axis, label) for bar in run_bars)]


def axis_of(run_bars: Sequence[Bar], now: float, cells: int) -> TimeAxis:
    """Return an axis on which all that is known has its place, and not more of the past than helps."""
    times = [time for bar in run_bars for time in (bar.start, bar.finish) if time is not None]
    end = max([now + SHORTEST_S, *times])
    if any(bar.start is not None and bar.finish is None for bar in run_bars):
        end += UNKNOWN * (end - now)
    limits = [bar.limit for bar in run_bars if bar.limit is not None]
    end = max(end, min(max(limits, default=end), now + LIMITS * (end - now)))
    return TimeAxis(max(min([now, *times]), now - BEFORE * (end - now)), now, end, cells)


def marks(axis: TimeAxis) -> str:
    """Return the axis as text: now, and a mark every so often."""
    step = next(
        (step for step in STEPS if step / (axis.end - axis.start) * axis.cells >= MARK_CELLS), STEPS[-1]
    )
    text = ""
    for number in range(math.ceil((axis.end - axis.now) / step) + 1):
        cell = axis.cell(axis.now + number * step)
        word = "now" if number == 0 else f"+{span(number * step, 2)}"
        if cell >= len(text) + (number > 0) and cell + len(word) <= axis.cells:
            text += " " * (cell - len(text)) + word
    return text


def clock(when: float, now: float) -> str:
    """Return a time of the next day or the last as 15:10, one further off as days: +3 d."""
    if abs(when - now) < 86_400:
        return time.strftime("%H:%M", time.localtime(when))
    return f"{(when - now) / 86_400:+.0f} d"


def when(bar: Bar, now: float) -> str:
    """Return when a run has its turn, as far as that is known."""
    finish = "?" if bar.finish is None else clock(bar.finish, now)
    if bar.age:
        return bar.age
    if bar.stalled:
        return "stalls" if bar.state != "queued" else BEHIND
    if bar.state != "queued":
        return f"ends {finish}"
    if bar.start is None:
        if bar.earliest is not None:
            return f"after {clock(bar.earliest, now)}"
        return "held" if bar.held else "?"
    return f"{clock(bar.start, now)}–{finish}"


def start_text(start: float, now: float) -> str:
    """Return when a waiting run starts, as far as is known: now, about 15:10."""
    return "now" if start <= now else f"about {clock(start, now)}"


def turn(snapshot: Snapshot, run: str) -> tuple[str, str]:
    """Return when a live run ends or a waiting one starts: ``("starts", "about 15:10")``; empty where none can tell."""
    status, now = snapshot.by_id.get(run), snapshot.now
    if status is None:
        return "", ""
    if status.left_s is not None:
        return "ends", clock(now + status.left_s, now)
    forecast = next((each for each in snapshot.queue.forecasts if each.run == run), None)
    if status.state != "queued" or forecast is None:
        return "", ""
    if forecast.stalled:
        return "starts", "once a run that stalls has ended"
    if forecast.start is not None:
        return "starts", start_text(forecast.start, now)
    return ("starts", f"not before {clock(forecast.earliest, now)}") if forecast.earliest else ("", "")


def _line(bar: Bar, axis: TimeAxis, label: int) -> Line:
    waits = bar.state == "queued"
    mark = HELD if bar.held else MARKS["running" if bar.age and bar.state == "silent" else bar.state][0]
    line: Line = [
        (f"{mark} ", "wait" if waits or bar.age else "good"),
        (shorten(bar.label, label), "name"),
        (f" {when(bar, axis.now):<{WHEN_CELLS}} ", "quiet"),
    ]
    return line + (_bar(bar, axis) if bar.start is not None else _reason(bar, axis))


def _bar(bar: Bar, axis: TimeAxis) -> Line:
    """Return what has been in full, what is to come lighter, and what waits lightest; without an end it fades."""
    assert bar.start is not None  # noqa: S101  the caller has seen it
    here, first = axis.cell(axis.now), min(axis.cell(bar.start), axis.cells - 1)
    end = bar.finish if bar.finish is not None else bar.limit
    last = axis.cells if end is None else max(first + 1, axis.cell(end))
    if bar.state == "queued":
        before = " " * first if first <= here else " " * here + "│" + " " * (first - here - 1)
        fill, tone, past = "░" * (last - first), "wait", ""
    else:
        before, past = " " * first, "█" * max(0, min(here, last) - first)
        fill, tone = "▒" * (last - first - len(past)), "good"
    mark = _limit_mark(bar, axis, len(before + past + fill))
    if mark == LIMIT:  # it ends with its job
        past, fill = (past, fill[:-1]) if fill else (past[:-1], fill)
    if bar.finish is None:
        fill = (fill[:-3] + "· ?")[-len(fill) :] if fill else "" if mark else "?"
    taken = len(before + past + fill + mark)
    line: Line = [(before, "quiet"), (past + fill, tone), *([(mark, "quiet")] if mark else [])]
    if bar.guess and axis.cells - taken > len(words := f" {bar.guess} {clock(bar.start, axis.now)}"):
        line.append((words, "quiet"))
    return line


def _limit_mark(bar: Bar, axis: TimeAxis, end: int) -> str:
    """Return the mark of a bar's time limit with the blanks before it; empty where the axis ends before it.

    Args:
        bar: The bar.
        axis: The axis.
        end: The cell behind the bar.
    """
    if bar.limit is None or bar.limit > axis.end:
        return ""
    return " " * max(0, min(axis.cell(bar.limit), axis.cells - 1) - end) + LIMIT


def _reason(bar: Bar, axis: TimeAxis) -> Line:
    here = axis.cell(axis.now)
    room = max(0, axis.cells - here - 2)
    words = bar.why
    if room < len(words):  # rather the words than their place
        return [(shorten(words, axis.cells), "quiet")]
    return [(" " * here + "│ ", "quiet"), (shorten(words, room), "quiet")]
