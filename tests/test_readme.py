"""What the README tells a user to type exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

import engine.cli
import tui.cli

README = (Path(__file__).parent.parent / "README.md").read_text()
ROOTS: dict[str, click.Command] = {"engine": engine.cli.main, "vitui": tui.cli.main}


def commands() -> list[str]:
    """Return every command of ours in a code span or a shell block, without its comment."""
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    said = [line.split("  #")[0] for block in blocks for line in block.splitlines()]
    said += [span.replace("\n", " ") for span in re.findall(r"`([^`]+)`", README.replace("```", ""))]
    return sorted({each.strip() for each in said if each.split(" ")[0] in ROOTS})


@pytest.mark.parametrize("typed", commands())
def test_its_verbs_and_options_exist(typed: str) -> None:
    words = shlex.split(typed)
    command = ROOTS[words[0]]
    if isinstance(command, click.Group):
        verb = words[1] if len(words) > 1 else ""
        command = command.get_command(click.Context(command), verb) or (
            command.commands["open"] if isinstance(command, tui.cli.OpenByDefault) else command
        )
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    asked = {word.partition("=")[0] for word in words if word.startswith("--")}
    assert asked <= known | {"--help", "--version"}


def test_there_are_many() -> None:
    assert len(commands()) > 30
    assert "vitui --theme light" in commands()
