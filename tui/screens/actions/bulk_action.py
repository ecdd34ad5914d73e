"""The same done to several runs: what each refuses keeps no other from it; and who is meant, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from engine.errors import UserError
from engine.runs.status import LIVE, State, Status
from engine.runs.store import StoreError
from engine.text import clean
from tui.keymap.action import Situation
from tui.screens.actions.screen_protocol import Target, situation_of
from tui.views.run_names import full_names

NAMED = 5
"""How many runs a question or an answer names."""


def do_each(runs: Sequence[Status], act: Callable[[Status], str], done: Callable[[int], str]) -> str:
    """Do something to runs, one after the other, and return how it went in words.

    Args:
        runs: The runs.
        act: Does it to one, and returns how it went; empty where there is nothing to say.
        done: Returns how it went with so many.

    Raises:
        StoreError: Some refuse it, once it is done to the others; for one run alone what that raises.
        UserError: The one run refuses it.
        OSError: Its files cannot be read or written.
    """
    if len(runs) == 1:
        return act(runs[0])
    outcomes, refusals = [], []
    for status in runs:
        try:
            outcomes.append(act(status))
        except (UserError, OSError) as error:
            refusals.append(str(error))
    count = sum(map(bool, outcomes))
    if refusals:
        lines = [f"{done(count)}; {len(refusals)} not:" if count else "None of them:", *_first(refusals)]
        raise StoreError("\n".join(lines))
    return done(count) if count else ""


def count_text(runs: Sequence[Status]) -> str:
    """Return how many runs there are: 1 run, 3 runs."""
    return f"{len(runs)} run{'s' * (len(runs) != 1)}"


def no_run(target: Target) -> str:
    """Return that what is meant has no run."""
    marked = situation_of(target).marked
    return "The marked rows have no run." if marked else "There is no run under the cursor."


def why_not(target: Target) -> str:
    """Return why nothing can be done to what is meant: how its runs are, or that it has none."""
    now = situation_of(target)
    if not now.meant:
        return no_run(target)
    return how_they_are(now, names_here(target, now.meant)[now.meant[0].run])


def how_they_are(now: Situation, name: str) -> str:
    """Return how the runs are that are meant: ``the 2 marked runs have finished``.

    Args:
        now: The runs, at least one.
        name: What the first of them is called.
    """
    count, marked = len(now.meant), now.marked
    if marked and count != marked:
        runs = f"{count} runs" if count > 1 else "run"
        who = f"the {runs} of the {f'{marked} marked rows' if marked > 1 else 'marked row'}"
    elif marked:
        who = f"the {count} marked runs" if count > 1 else "the marked run"
    else:
        who = name if count == 1 else f"the {count} runs under the cursor"
    states = Counter(status.state for status in now.meant)
    if len(states) == 1:
        return f"{who} {_HOW[now.meant[0].state][count > 1]}"
    return f"{who}: {', '.join(f'{number} {state}' for state, number in states.most_common())}"


def names_here(target: Target, runs: Sequence[Status]) -> dict[str, str]:
    """Return what tells runs from all others of the project, by id."""
    return full_names(runs, target.snapshot.runs, target.snapshot.metadata)


def who_is_meant(target: Target, runs: Sequence[Status]) -> list[str]:
    """Return which runs a verb means, one a line, and what is not meant although one might think so."""
    return [*names_of_meant(target, runs), *of_marked_rows(target)]


def names_of_meant(target: Target, runs: Sequence[Status]) -> list[str]:
    """Return the names of the first runs that a verb means, and how many more there are."""
    names, unlike = names_here(target, runs), len({status.state for status in runs}) > 1
    return _first([f"{names[status.run]}{f', {status.state}' if unlike else ''}" for status in runs])


def of_marked_rows(target: Target) -> list[str]:
    """Return that the marked rows are meant, and what then is not; an empty list where none is marked."""
    if not (marked := situation_of(target).marked):
        return []
    lines = [f"These are of the {marked} marked rows." if marked > 1 else "This is of the marked row."]
    row = target.row
    if row is not None and all(row.key != other.key for other in target.marked_rows):
        lines.append(f"Not meant: {clean(row.label)}, under the cursor.")
    return lines


def who_else_is_active(target: Target, runs: Sequence[Status]) -> str:
    """Return which runs of the same experiments live or wait besides, and are not meant; empty where none does."""
    meant, experiments = {status.run for status in runs}, {status.experiment for status in runs}
    others = [
        other for other in target.snapshot.runs if other.experiment in experiments and other.run not in meant
    ]
    running = sum(other.state in LIVE for other in others)
    waiting = sum(other.state == "queued" for other in others)
    parts = [f"{count} {word}" for count, word in ((running, "running"), (waiting, "waiting")) if count]
    of = clean(next(iter(experiments))) if len(experiments) == 1 else "the same experiments"
    return f"Not meant: {' and '.join(parts)} of {of}." if parts else ""


_HOW: Mapping[State, tuple[str, str]] = {
    "queued": ("waits", "wait"), "starting": ("is starting", "are starting"), "running": ("runs", "run"),
    "silent": ("is silent", "are silent"), "finished": ("has finished", "have finished"),
    "failed": ("has failed", "have failed"), "crashed": ("has crashed", "have crashed"),
    "stopped": ("was stopped", "were stopped"),
}  # fmt: skip
"""How one run is in a state, and how several are."""


def _first(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - NAMED
    return [*lines[:NAMED], *([f"and {rest} more"] if rest > 0 else [])]
