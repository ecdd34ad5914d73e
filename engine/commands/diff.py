"""Why two runs differ: `engine diff`; and whether the tree is still what made a run: `engine check --run`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.completion import candidates
from engine.commands.options import option_json, option_runs
from engine.runs.store import Run, Store

if TYPE_CHECKING:
    from engine.analysis.provenance.differences import Difference
    from engine.analysis.provenance.run_origin import Code

DIFFERS = 1
"""The exit code where the tree is not what made a run."""


@click.command()
@click.argument("first", metavar="RUN", shell_complete=candidates.runs)
@click.argument("second", metavar="RUN", shell_complete=candidates.runs)
@option_runs
@option_json
@click.option(
    "--patch", is_flag=True, help="Print what each has beside its commit, of the files that differ."
)
def diff(first: str, second: str, root: Path, as_json: bool, patch: bool) -> None:
    """Say why two runs differ: what made one and not the other, the most suspicious first.

    Settings, code (commit, changes and new files), packages, images, GPU, precision and seed are compared; what was not
    kept of a run is named and not compared.
    """
    from engine.analysis.provenance.differences import differences, unknown
    from engine.analysis.provenance.run_origin import changed_lines, files_between, origin_of
    from engine.text import json_line, printable

    runs = [Store(root).find(name) for name in (first, second)]
    one, other = map(origin_of, runs)
    between = files_between(one.code, other.code, Path.cwd())
    told = differences(one, other, between)
    _print(told, [run.id for run in runs], unknown(one, other), as_json=as_json)
    if patch and as_json:
        for record in patch_records(one.code, other.code):
            click.echo(json_line(record))
    elif patch:
        for line, is_head in changed_lines(one.code, other.code, [run.id for run in runs]):
            click.echo(printable(f"==== {line}" if is_head else line))


def check_run(run: Run, root: Path, *, as_json: bool) -> None:
    """Say whether the code in the working folder is what made a run, and leave with 1 where it is not.

    Args:
        run: The run.
        root: The folder of runs.
        as_json: Whether to print JSON lines.
    """
    from engine.analysis.provenance.differences import code_differences
    from engine.analysis.provenance.run_origin import code_of_folder, files_between, origin_of

    origin = origin_of(run)
    now = code_of_folder(run.info().command, root)
    told = sorted(code_differences(origin.code, now, files_between(origin.code, now, Path.cwd())))
    if not (origin.code.commit or origin.code.digests):
        notes = [f"{run.id} does not say of which code it was made"]
    elif origin.code.dirty and not origin.code.files:
        notes = [f"{run.id} had changes that were not kept"]
    else:
        notes = []
    _print(told, [run.id, "this folder now"], notes, as_json=as_json)
    if told or notes:
        sys.exit(DIFFERS)


def _print(told: Sequence[Difference], names: Sequence[str], notes: Sequence[str], *, as_json: bool) -> None:
    from engine.commands.text_table import TableColumn, draw, terminal_width
    from engine.text import json_line, printable

    if as_json:
        for each in told:
            record = {
                "kind": each.kind,
                "what": each.what,
                "first": each.first,
                "second": each.second,
                "why": each.why,
            }
            click.echo(json_line(record))
    elif told:
        click.echo(f"first   {names[0]}\nsecond  {names[1]}\n")
        columns = [
            TableColumn("what", least=8, cut="middle"), TableColumn("first", least=6, cut="middle"),
            TableColumn("second", least=6, cut="middle"), TableColumn("why", least=8),
        ]  # fmt: skip
        rows = [list(map(printable, (each.what, each.first, each.second, each.why))) for each in told]
        for line in draw(columns, rows, terminal_width()):
            click.echo(line)
    else:
        click.echo(f"nothing that is known differs between {names[0]} and {names[1]}")
    for note in notes:
        click.echo(note, err=True)


def patch_records(one: Code, other: Code) -> Iterator[dict[str, str | None]]:
    """Yield what each of two codes has beside its commit in files that differ, for programs; None for nothing."""
    for file in one.files_that_differ(other):
        texts = (
            None if patch is None else patch.text.decode(errors="replace")
            for patch in (one.files.get(file), other.files.get(file))
        )
        yield {"kind": "patch", "what": file, **dict(zip(("first", "second"), texts, strict=True))}
