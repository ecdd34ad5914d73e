"""Verbs that look at runs: ls, logs."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from engine.commands.completion import candidates
from engine.commands.options import option_json, option_runs, warn
from engine.runs.store import Store


class _FilterCommand(click.Command):
    """Takes ``-state=failed`` for a filter's term and not for options: its own are long, and -h."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        valued = {name for param in self.params if not getattr(param, "is_flag", True) for name in param.opts}
        options: list[str] = []
        terms: list[str] = []
        rest = iter(args)
        for word in rest:
            if word == "--":
                terms += rest
            elif word.startswith("--") or (len(word) == 2 and word[0] == "-"):
                options.append(word)
                if word in valued:
                    if (value := next(rest, None)) is None:
                        return super().parse_args(ctx, options)  # click says what is missing
                    options.append(value)
            else:
                terms.append(word)
        return super().parse_args(ctx, [*options, "--", *terms])


@click.command(cls=_FilterCommand)
@click.argument("terms", nargs=-1, metavar="[FILTER...]", shell_complete=candidates.terms)
@option_runs
@option_json
@click.option(
    "--sort", metavar="KEY", help="Order by a key of filters, the least first; -KEY: the most first.",
    shell_complete=candidates.sort_keys,
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(0), metavar="N", help="Only the first N; without --sort the newest N."
)
def ls(terms: tuple[str, ...], root: Path, as_json: bool, sort: str | None, limit: int | None) -> None:
    """List the runs, oldest first: all of them, or those that a filter means.

    A filter has terms, which all have to hold: 'state=failed model~vit test/f1>0.8 age<2d'. Operators are = != ~ (has
    in it) !~ < <= > >=; a value may be several: state=failed,crashed. A word alone is looked for in id, experiment
    and tags; -TERM or not TERM is the opposite. Keys are state, experiment, seed, epoch, age, duration, tag, note and
    others, every key of experiments.toml, options.NAME, and metrics: test/f1 is the last, best:test/f1 that of the best
    checkpoint, which the validation split chose; highest:test/f1 the highest of all epochs, chosen on the test split.
    """
    from engine.commands.run_table import print_run_table
    from engine.query.select import nothing_fits, select_runs
    from engine.remote.start_bridge import ensure_bridge_if_needed

    gc.disable()  # thousands of statuses are no garbage, and to look through them is a tenth of the time
    click.get_current_context().call_on_close(gc.enable)
    ensure_bridge_if_needed(Store(root))
    statuses = select_runs(Store(root), " ".join(terms), sort, limit)
    if sort is not None and statuses and "/" in sort:
        metric = sort.removeprefix("-").rpartition(":")[2]
        if not any(metric in status.last for status in statuses):
            warn(f"none of these runs has measured {metric}: they stand by age")
    if as_json:
        from engine.text import json_line

        click.echo("".join(f"{json_line(status)}\n" for status in statuses), nl=False)
    elif statuses:
        print_run_table(statuses)
    elif terms:
        click.echo(nothing_fits(Store(root), " ".join(terms)), err=True)
    else:
        click.echo(f"no runs in {root}; `engine run NAME` makes one")


@click.command()
@click.argument("run_name", metavar="RUN", shell_complete=candidates.runs)
@option_runs
@option_json
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
def logs(run_name: str, root: Path, as_json: bool, follow: bool) -> None:
    """Print what a run has said: its events with --json, else lines for people."""
    from engine.commands.run_table import print_log

    print_log(Store(root).find(run_name), as_json=as_json, follow=follow)
