"""The question how runs are stopped: who is meant, and the ways for those that run and for those that wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from engine.runs.status import Status
from engine.runs.stop_request import Request
from engine.text import clean
from tui.screens.actions.bulk_action import count_text, names_here, who_else_is_active, who_is_meant
from tui.screens.actions.screen_protocol import Target
from tui.screens.dialogs import Choice

Way = Request | Literal["force", "cancel", "all"]
"""How runs are stopped: as a run is asked to, by force, those that wait alone, or all of them at once."""


def stop_question(
    target: Target, live: Sequence[Status], waiting: Sequence[Status]
) -> tuple[str, str, list[Choice]]:
    """Return the title, the text and the answers of the question how to stop runs.

    Args:
        target: The screen that it is asked on.
        live: Those that run or start.
        waiting: Those that wait in a queue.
    """
    runs = [*live, *waiting]
    lines = who_is_meant(target, runs) if len(runs) > 1 else []
    if besides := who_else_is_active(target, runs):
        lines.append(besides)
    choices: list[Choice] = []
    if live:
        lines.append("enter and n keep a checkpoint, from which R resumes it.")
        choices = _ways_to_stop(live)
    elif len(waiting) == 1:
        lines.append("It has not begun; R queues it again.")
        choices = [Choice("enter", "take it out of the queue", "cancel")]
    else:
        lines.append("They have not begun; R queues them again.")
        choices = [Choice("enter", f"take {len(waiting)} out of the queue", "cancel")]
    if live and waiting:
        which = "the one that waits" if len(waiting) == 1 else f"the {len(waiting)} that wait"
        choices += [
            Choice("c", f"cancel {which}, and let {'it' if len(live) == 1 else 'them'} run", "cancel"),
            Choice("a", "stop and cancel all of them now", "all"),
        ]
        title = f"{_counted(live, 'runs', 'run')}, {_counted(waiting, 'waits', 'wait')}: stop which?"
    elif len(runs) == 1:
        title = f"{'Stop' if live else 'Cancel'} {names_here(target, runs)[runs[0].run]}?"
    else:
        title = f"Stop {count_text(live)}?" if live else f"Cancel {len(waiting)} waiting runs?"
    return title, "\n".join(lines), choices


def _counted(runs: Sequence[Status], one: str, several: str) -> str:
    return f"{len(runs)} {one if len(runs) == 1 else several}"


def _ways_to_stop(live: Sequence[Status]) -> list[Choice]:
    force = "kill it (no new checkpoint)"
    after = "stop after their present epochs"
    if len(live) > 1:
        force = force.replace(" it ", " them ")
        if any(status.on for status in live):
            force += "; at a site: cancel the job"
    else:
        (status,) = live
        after = f"stop after this epoch ({int(status.epoch) + 1} of {status.epochs or '?'})"
        if status.on:
            force = f"make it stop: have its job on {clean(status.on)} cancelled"
    return [
        Choice("enter", after, "stop-after-epoch"),
        Choice("n", "stop now", "stop-now"),
        Choice("f", force, "force"),
    ]
