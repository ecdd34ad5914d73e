"""What a verb has done, a line for each run: words for people, or with ``--json`` one object a line."""

from __future__ import annotations

from typing import Any

import click

from engine.runs.store import Run
from engine.text import json_line


class Answers:
    """Says on stdout what a verb has done with runs.

    Args:
        verb: Its name.
        as_json: Say it as JSON: ``verb``, ``run``, ``state`` (what the run is now), ``text`` (what is said without
            ``--json``), and what else a verb knows.
    """

    def __init__(self, verb: str, *, as_json: bool) -> None:
        self._verb = verb
        self.as_json = as_json

    def say(self, run: Run | str, text: str, *, plain: str | None = None, **facts: Any) -> None:
        """Say what was done with a run.

        Args:
            run: The run, or the id of a run that is no longer there.
            text: What was done, in words.
            plain: What people are shown instead: ``engine submit`` prints ids alone; empty for nothing.
            facts: What the JSON has besides.
        """
        if not self.as_json:
            if (shown := text if plain is None else plain) != "":
                click.echo(shown)
            return
        known = {"verb": self._verb, "run": run if isinstance(run, str) else run.id}
        click.echo(json_line({**known, **_state(run), "text": text, **facts}))


def _state(run: Run | str) -> dict[str, str]:
    from engine.runs.liveness import status_of

    return {"state": status_of(run).state} if isinstance(run, Run) and run.path.is_dir() else {}
