"""What stands on the dashboard until there is a first experiment, and until it has run."""

from __future__ import annotations

import textwrap
from pathlib import Path

from engine.config.sample_experiment import SAMPLE_EXPERIMENT

FIRST_STEPS = f"""\
There are no experiments yet. e writes this one into {{config}}:

{textwrap.indent(SAMPLE_EXPERIMENT, "    ")}
Experiments appear here as soon as the file is saved; r runs one.
`engine check` says what is wrong with the file."""


def first_steps(config: Path) -> list[str]:
    """Return the lines that say how to begin.

    Args:
        config: The experiments.toml to be written.
    """
    return FIRST_STEPS.format(config=config).splitlines()


def start_here(name: str, *, ready: str | None, readonly: bool = False) -> list[str]:
    """Return the lines that say what to do in a project where nothing has run yet.

    Args:
        name: The experiment under the cursor.
        ready: One that this machine trains in minutes: the same, if it is one; None where there is none.
        readonly: Whether nothing can be run from here.
    """
    if readonly:
        return ["Nothing has run here yet."]
    if ready == name:
        first = [f"Press r to train {name} on this machine."]
    else:
        first = [
            f"{name} wants a GPU, and this machine has none.",
            "r trains it here all the same, o elsewhere.",
        ]
        if ready is not None:
            first.append(f"{ready} is ready here: go there and press r.")
    return [
        *first,
        "",
        "The curves appear here as it trains. It goes on if you leave, and is here when you come back.",
        "",
        "Then enter opens it, space keeps its curve, c compares.",
        "",
        "Your own data: e, then c, copies an experiment; its dataset may be a folder of images.",
    ]
