"""Verbs that take care of runs: tag, note, rm, restore, doctor."""

from __future__ import annotations

import datetime
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.commands.completion import candidates
from engine.commands.options import fail, option_json, option_runs, warn
from engine.commands.result_lines import Answers
from engine.errors import UserError
from engine.runs.store import Run, Store

if TYPE_CHECKING:
    from engine.runs.trash import TrashEntry


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
    options_metavar="[--runs DIR] [--json]",
)
@click.argument(
    "words", nargs=-1, required=True, metavar="RUN... [+TAG|-TAG]...", shell_complete=candidates.runs_and_tags
)
@option_runs
@option_json
def tag(words: tuple[str, ...], root: Path, as_json: bool) -> None:
    """Tag runs: +TAG adds, -TAG removes; without tags it prints those there are.

    Runs come first. From the first +TAG or -TAG on all words are tags, and one without a sign is added.
    """
    from engine.runs.labels import change_tags, labels_of
    from engine.text import printable

    first = next((i for i, word in enumerate(words) if word[:1] in ("+", "-")), len(words))
    store = Store(root)
    runs, tags = [store.find(name) for name in words[:first]], words[first:]
    if not runs:
        fail("which runs? `engine tag RUN +TAG` tags one")
    if wrong := next((word for word in tags if word.startswith("--")), None):
        fail(f"no such option: {wrong}; a tag does not begin with -")
    add = [tag_word.removeprefix("+") for tag_word in tags if not tag_word.startswith("-")]
    remove = [tag_word[1:] for tag_word in tags if tag_word.startswith("-")]
    answers = Answers("tag", as_json=as_json)
    for run in runs:
        labels = change_tags(run, add, remove) if tags else labels_of(run)
        shown = printable(f"{run.id}  {' '.join(labels.tags) or '(no tags)'}")
        answers.say(run, shown, tags=list(labels.tags))


@click.command()
@click.argument("run_name", metavar="RUN", shell_complete=candidates.runs)
@click.argument("text", required=False)
@option_runs
@option_json
@click.option("--edit", is_flag=True, help="Write it in $EDITOR.")
@click.option("--clear", is_flag=True, help="Remove the note.")
def note(run_name: str, text: str | None, root: Path, as_json: bool, edit: bool, clear: bool) -> None:
    """Write a note on a run; without a text, print the note."""
    from engine.runs.labels import change_note, labels_of
    from engine.text import printable

    run, answers = Store(root).find(run_name), Answers("note", as_json=as_json)
    if sum((text is not None, edit, clear)) > 1:
        fail("a text, --edit or --clear: one of them")
    if edit:
        text = click.edit(labels_of(run).notes, extension=".md")
        if text is None:
            click.echo("not saved: nothing is changed", err=True)
            return
    if clear:
        text = ""
    if text is not None:
        change_note(run, text.strip())
        answers.say(run, "its note is changed", plain="", note=text.strip())
        return
    notes = labels_of(run).notes
    shown = "\n".join(printable(line) for line in notes.splitlines())
    answers.say(run, shown or "no note", plain=shown, note=notes)


@click.command()
@click.argument("names", nargs=-1, metavar="[RUN...]", shell_complete=candidates.runs_to_throw_away)
@option_runs
@option_json
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Throw away runs of machines that are silent, too.")
@click.option("--list", "listing", is_flag=True, help="Show what is in the trash.")
@click.option("--purge", is_flag=True, help="Empty the trash, for good.")
@click.option(
    "--older-than", metavar="AGE", help="With --purge: what was thrown away so long ago, as 7d or 12h."
)
def rm(
    names: tuple[str, ...], root: Path, as_json: bool, yes: bool, force: bool, listing: bool, purge: bool,
    older_than: str | None,
) -> None:  # fmt: skip
    """Throw runs away: they go to runs/.trash, and `engine restore RUN` brings them back.

    A run that lives or waits is not thrown away. `engine rm --purge` empties the trash.
    """
    store, answers = Store(root), Answers("rm", as_json=as_json)
    if bool(names) + listing + purge != 1:
        fail("runs to throw away, --list or --purge: one of them")
    if older_than is not None and not purge:
        fail("--older-than goes with --purge")
    if purge:
        _purge(store, older_than, answers, yes=yes)
    elif listing:
        _list(store, answers)
    else:
        runs = [store.find(name) for name in dict.fromkeys(names)]
        _throw_away(store, runs, answers, yes=yes, force=force)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="RUN...")
@option_runs
@option_json
def restore(names: tuple[str, ...], root: Path, as_json: bool) -> None:
    """Bring runs back that were thrown away."""
    from engine.runs.trash import restore as bring_back

    answers = Answers("restore", as_json=as_json)
    for name in names:
        run = bring_back(Store(root), name)
        answers.say(run, f"{run.id} is back")


@click.command()
@option_runs
@option_json
@click.option("--fix", is_flag=True, help="Repair what can be; what is in the way goes to the trash.")
def doctor(root: Path, as_json: bool, fix: bool) -> None:
    """Say what is not well with each run, why, and the cure."""
    from engine.diagnostics.doctor import report
    from engine.diagnostics.folder_checks import kind_of_locks
    from engine.remote.orphaned_jobs import check_sites

    for line in report(Store(root), fix=fix, as_json=as_json, further=check_sites):
        click.echo(line)
    if kind := kind_of_locks(Store(root)):
        warn(f"{root}: {kind}")


def _throw_away(store: Store, runs: list[Run], answers: Answers, *, yes: bool, force: bool) -> None:
    from engine.remote.verbs import why_not_thrown_away
    from engine.runs.trash import throw_away

    if refused := [why for run in runs if (why := why_not_thrown_away(run, force=force))]:
        fail("\n".join(refused))
    if not yes and sys.stdin.isatty():
        click.confirm(
            f"{', '.join(run.id for run in runs)}\nthrow away? (`engine restore` undoes it)",
            abort=True,
            err=answers.as_json,
        )
    for run in runs:
        throw_away(store, run, force=force)
        answers.say(run, f"{run.id} is in the trash; `engine restore {run.id}` brings it back")


def _list(store: Store, answers: Answers) -> None:
    from engine.runs.trash import trash_entries
    from engine.text import disk_size

    entries = trash_entries(store)
    for entry in entries:
        when = entry.when.astimezone().strftime("%Y-%m-%d %H:%M")
        size = entry.size()
        shown = f"{when}  {disk_size(size):>8}  {entry.name}"
        answers.say(entry.name, shown, thrown_away=entry.when.isoformat(), bytes=size)
    click.echo(f"{len(entries)} in the trash" if entries else "the trash is empty", err=answers.as_json)


def _purge(store: Store, older_than: str | None, answers: Answers, *, yes: bool) -> None:
    from engine.runs.trash import purge, trash_entries
    from engine.text import disk_size

    entries = trash_entries(store)
    if older_than is not None:
        limit = datetime.datetime.now(datetime.UTC) - _age(older_than)
        entries = [entry for entry in entries if entry.when <= limit]
    if not entries:
        click.echo("nothing to remove", err=answers.as_json)
        return
    size, what = disk_size(sum(entry.size() for entry in entries)), _count(entries)
    if not yes:
        if not sys.stdin.isatty():
            raise UserError(
                f"{what} would be removed for good and free {size}: `--yes` says that this is meant"
            )
        click.confirm(f"remove {what} for good and free {size}?", abort=True, err=answers.as_json)
    purge(entries)
    for entry in entries if answers.as_json else ():
        answers.say(entry.name, "removed for good")
    click.echo(f"{what} removed, {size} freed", err=answers.as_json)


def _count(entries: list[TrashEntry]) -> str:
    return f"{len(entries)} thing{'s' * (len(entries) != 1)}"


def _age(text: str) -> datetime.timedelta:
    from engine.query.units import read_number

    seconds = read_number(text, "seconds") if re.fullmatch(r"\d{1,6}[a-z]+", text) else None
    if seconds is None:
        raise UserError(f"{text!r} is no age: 30m, 12h, 7d and 2w are")
    return datetime.timedelta(seconds=seconds)
