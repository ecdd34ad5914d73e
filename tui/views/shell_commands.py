"""The command that does a run again, goes on with it, or shows a moment of the past."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from engine.config.overrides import override
from engine.config.schema import IDENTITY, Experiment
from engine.config.validate import ConfigError
from engine.runs.status import RESUMABLE, Status
from tui.state.moment import iso
from tui.state.snapshot import Project
from tui.views.experiment_form_rows import written

_ROUNDS = 3


def repeat_command(
    name: str, experiment: Experiment | None, config: Mapping[str, Any], seed: int | None, project: Project
) -> str:
    """Return the command that runs an experiment as it was run.

    Args:
        name: The experiment's name.
        experiment: As the configuration has it now; None if it no longer does.
        config: What the run was made with; empty for what the configuration says.
        seed: The run's seed; None leaves it to the experiment.
        project: Where configuration and runs are.
    """
    words = ["engine", "run", *_places(project)]
    if experiment is not None:
        for setting in settings_for(experiment, config):
            words += ["--set", setting]
    if seed is not None:
        words += ["--seed", str(seed)]
    return shlex.join([*words, *(["--"] if name.startswith("-") else []), name])


def resume_command(status: Status, project: Project) -> str | None:
    """Return the command that goes on with a run; None for a run that cannot be resumed."""
    if status.state not in RESUMABLE:
        return None
    return shlex.join(["engine", "resume", *_places(project, config=False), status.run])


def at_command(moment: float, project: Project) -> str:
    """Return the command that opens the app at a moment of the past."""
    return shlex.join(["vitui", *_places(project), "--at", iso(moment)])


def settings_for(experiment: Experiment, config: Mapping[str, Any]) -> list[str]:
    """Return the ``key=value`` settings that make an experiment what a run was made with, as far as settings can."""
    settings: dict[str, str] = {}
    experiment_now = experiment
    for _ in range(_ROUNDS):  # one setting may have others of the recipe follow it
        have = msgspec.to_builtins(experiment_now)
        different = {
            key: written(value)
            for key, value in config.items()
            if key in have and key not in IDENTITY and value is not None and have[key] != value
        }
        if not different:
            break
        settings |= different
        try:
            experiment_now = override(experiment, [f"{key}={value}" for key, value in settings.items()])
        except ConfigError:
            break
    return [f"{key}={value}" for key, value in settings.items()]


def _places(project: Project, *, config: bool = True) -> list[str]:
    words = []
    if config and project.config != Path("experiments.toml"):
        words += ["--config", str(project.config)]
    if project.runs != Path("runs"):
        words += ["--runs", str(project.runs)]
    return words
