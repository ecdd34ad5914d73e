"""Shows what would be done and asks first: of a run that the user did not queue, and of all runs that fit a filter."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

import click

from engine.commands.completion import candidates
from engine.commands.options import fail, warn
from engine.queue.approval import Approval
from engine.runs.store import Run, Store


def option_yes(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--yes``."""
    return click.option("--yes", is_flag=True, help="Say yes beforehand to what would be asked.")(command)


def option_where(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--where``, for a verb that has ``--yes`` and takes several runs."""
    return click.option(
        "--where", metavar="FILTER", shell_complete=candidates.terms,
        help="All that fit a filter of `engine ls` instead of RUN; they are named first.",
    )(command)  # fmt: skip


def runs_meant(
    store: Store, names: Sequence[str], where: str | None, find: Callable[[str], Run], verb: str,
    states: Collection[str], *, yes: bool,
) -> list[Run]:  # fmt: skip
    """Return the runs that a verb is for: those that are named, or all that fit a filter once the user agrees.

    It leaves with the exit code for wrong usage where neither or both are given, where none fits, and where the user
    cannot be asked.

    Args:
        store: Where they are.
        names: What the user calls them.
        where: The filter; None for none.
        find: Returns the run of a name.
        verb: What is done to them.
        states: The states of runs that it can be done to; the filter's others are left alone.
        yes: Whether the user has agreed beforehand.

    Raises:
        UserError: A name or the filter cannot be understood.
    """
    from engine.query.select import advice_on, select_runs

    if bool(names) == (where is not None):
        fail(
            f"say which to {verb}: RUN..., or --where FILTER, as in --where 'state=queued'; `engine ls` lists them"
        )
    if where is None:
        return [find(name) for name in names]
    found = select_runs(store, where)
    fitting = [status for status in found if status.state in states]
    if not fitting:
        advice = "" if found else advice_on(store, where)
        fail(f"no run that is {' or '.join(sorted(states))} fits: {where}{'; ' * bool(advice)}{advice}")
    count = f"{len(fitting)} run{'s' * (len(fitting) != 1)}"
    warn(f"{verb} {count}:\n" + "\n".join(f"  {status.run}  {status.state}" for status in fitting))
    if not yes and not sys.stdin.isatty():
        fail("nothing is done: there is no terminal to ask on; `--yes` agrees to the above")
    if not yes and not click.confirm(f"{verb.capitalize()} them?", default=False, err=True):
        return []
    return [Run(store.root / status.run) for status in fitting]


def is_approved(asked: Approval, *, yes: bool) -> bool:
    """Show on stderr what a run would start, and return whether the user agrees.

    Without a terminal to ask on it leaves with the exit code for wrong usage.

    Args:
        asked: What is to be agreed to.
        yes: Whether the user has agreed beforehand.
    """
    return is_agreed(asked.run, "\n".join(asked.lines), "Start it?", yes=yes)


def is_agreed(run: Run, text: str, question: str, *, yes: bool) -> bool:
    """Show on stderr what would be done with a run, and return whether the user agrees.

    Without a terminal to ask on it leaves with the exit code for wrong usage.

    Args:
        run: The run.
        text: What would be done.
        question: What is asked, after it.
        yes: Whether the user has agreed beforehand.
    """
    warn(text)
    if yes:
        return True
    if not sys.stdin.isatty():
        fail(f"{run.id} is not started: there is no terminal to ask on; `--yes` agrees to the above")
    return click.confirm(question, default=False, err=True)
