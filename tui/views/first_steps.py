"""What stands on the dashboard while there are no experiments yet."""

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
