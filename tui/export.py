"""`vitui export`: the figures of experiments.toml, drawn from the runs there are, written as files.

For each experiment of a figure `engine.analysis.selection` says which runs count, and `tui.drawing` draws them.
What a figure lacks is said, with the command that would make it.
"""

from __future__ import annotations

import datetime
import os
import secrets
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.analysis.selection import Candidate, Choice, choose, read_candidates, settings
from engine.config.loader import Config
from engine.config.schema import Experiment, Figure
from engine.config.validate import ConfigError, Mistake
from engine.history.reader import History
from engine.runs.store import Store
from engine.text import nearest, printable
from tui import figures
from tui.drawing.kinds import KINDS
from tui.drawing.look import PAPER, Look, Width, style
from tui.drawing.sheet import Sheet
from tui.drawing.source import Reading, Source
from tui.figures import Format, Origin
from tui.palette import assign

Say = Callable[[str], None]
KEPT = 64
"""Runs that are kept in memory for the next figure."""


class ExportError(Exception):
    """A file cannot be written; the message says which and why."""


@dataclass(frozen=True, eq=False)
class Entry:
    """An experiment of a figure: the runs that speak for it and what is shown of them, None where nothing can be."""

    experiment: Experiment
    choice: Choice
    part: Any = None
    remarks: tuple[str, ...] = ()
    """What is left out, or why nothing is shown though there are runs; a sentence each."""


def export_figures(
    config: Config,
    store: Store,
    names: Sequence[str],
    out: Path,
    formats: Sequence[Format],
    *,
    say: Say,
    look: Look = PAPER,
    width: Width | None = None,
) -> bool:
    """Write figures as ``out/<figure>.<format>`` and say what was written, what was not, and why.

    Args:
        config: What figures and experiments there are.
        store: Where the runs are.
        names: Which figures; none means all.
        out: The folder to write into; it is made if need be.
        formats: Of ``tui.figures.FORMATS``.
        say: Called with each line for the user; it is plain text without control characters.
        look: On paper or on slides.
        width: In a column or over a page; None for what each figure needs.

    Returns:
        Whether what was asked for was drawn, as ``satisfied`` says. One that lacks some of its experiments is drawn
        and says so.

    Raises:
        ConfigError: A name is no figure's; all such names are told at once.
        ExportError: A file cannot be written.
    """
    wanted = find_figures(config, names)
    candidates, troubles = read_candidates(store)
    tell = teller(say)
    for trouble in troubles:
        tell(f"passed over: {trouble}")
    if not wanted:
        tell(f"there is no [figures.NAME] in {config.path}")
    library = _Library(config, candidates)
    done: set[str] = set()
    for figure in wanted:
        entries = library.entries(figure)
        drawn = [entry for entry in entries if entry.part is not None]
        unexplained = [entry.experiment.name for entry in entries if entry.part is None and not entry.remarks]
        notes = [note for entry in drawn for note in cautions(entry)]
        notes += [remark for entry in entries for remark in entry.remarks]
        wanted_of_runs = KINDS[figure.kind].wanted(figure)
        if drawn:
            runs = sum(len(entry.choice.runs) for entry in drawn)
            lack = _lack(unexplained, wanted_of_runs, candidates)
            for path in _write(figure, drawn, [*notes, *lack], out, formats, look, width):
                tell(f"{path}: {len(drawn)} of {len(entries)} experiments, {runs} run{'s' * (runs != 1)}")
            done.add(figure.name)
        else:
            tell(f"{figure.name} is not drawn")
        others = [line for entry in drawn for line in _other_settings(entry, candidates)]
        for line in [*notes, *others, *whats_missing(wanted_of_runs, unexplained, candidates, config, store)]:
            tell(f"  {line}")
    if done and (waiting := waiting_for_runs(wanted, done, candidates)):
        tell(waiting)
    return satisfied(wanted, done, candidates, named=bool(names))


def satisfied(
    figures: Iterable[Figure], done: Collection[str], candidates: Sequence[Candidate], *, named: bool
) -> bool:
    """Return whether what was asked for is there.

    Of figures that were named that is each of them. Where all were asked for it is each that has a finished run, and
    one at least: the others wait for their runs, which is no mistake.
    """
    due = [figure for figure in figures if named or _has_runs(figure, candidates)]
    return bool(done) and all(figure.name in done for figure in due)


def waiting_for_runs(
    figures: Sequence[Figure], done: Collection[str], candidates: Sequence[Candidate]
) -> str:
    """Return a line on the figures that are not there because none of their runs has finished; empty for none."""
    names = [each.name for each in figures if each.name not in done and not _has_runs(each, candidates)]
    if not names:
        return ""
    return (
        f"{len(names)} of {len(figures)} figures wait{'s' * (len(names) == 1)} for runs: {', '.join(names)}"
    )


def _has_runs(figure: Figure, candidates: Iterable[Candidate]) -> bool:
    """Return whether a run of an experiment of the figure has finished."""
    return any(
        each.status.state == "finished" and each.info.experiment in figure.experiments for each in candidates
    )


def _lack(missing: Sequence[str], wanted: str, candidates: Iterable[Candidate]) -> list[str]:
    """Return what the small print says of experiments that nothing is shown of."""
    trained = {each.info.experiment for each in candidates if each.status.state == "finished"}
    lists = {
        "No runs yet": [name for name in missing if name not in trained],
        f"No usable {wanted}": [name for name in missing if name in trained],
    }
    return [f"{why}: {', '.join(names)}." for why, names in lists.items() if names]


class _Library:
    """The runs of a store as what figures show; of those that were read, the last ``KEPT`` are in memory."""

    def __init__(self, config: Config, candidates: Sequence[Candidate]) -> None:
        self._experiments = config.experiments
        self._candidates = candidates
        self._colours = assign(config.experiments)
        self._histories: dict[tuple[Path, str | None], History] = {}

    def entries(self, figure: Figure) -> list[Entry]:
        """Return the experiments of a figure, in its order."""
        return [self._entry(figure, self._experiments[name]) for name in dict.fromkeys(figure.experiments)]

    def _entry(self, figure: Figure, experiment: Experiment) -> Entry:
        choice = choose(experiment, self._candidates, figure.y)
        colour = self._colours[experiment.name]
        source = Source(figure, experiment, colour, choice, self._candidates, self._history)
        found: Reading[Any] = KINDS[figure.kind].read(source)
        return Entry(experiment, choice, found.part, found.remarks)

    def _history(self, path: Path, only: str | None) -> History:
        """Read a run: one metric of it, or all."""
        history = self._histories.pop((path, only), None)
        if history is None:
            history = History(path, only=None if only is None else [only])
            history.update()
        self._histories[path, only] = history
        while len(self._histories) > KEPT:
            del self._histories[next(iter(self._histories))]
        return history


def cautions(entry: Entry) -> Iterator[str]:
    """Yield what a reader has to know about an experiment's runs, a sentence each."""
    name, choice = entry.experiment.name, entry.choice
    if choice.changes:
        changes = ", ".join(
            f"{key} {_show(was)} instead of {_show(now)}" for key, (was, now) in choice.changes.items()
        )
        yield f"{name} is shown by runs with another configuration: {changes}."
    if not choice.finished:
        far = ", ".join(f"{each.status.state} at epoch {each.status.epoch:.3g}" for each in choice.runs)
        yield f"{name} has not finished: {far}."
    for each in choice.left_out:
        yield f"{name} is shown without seed {each.info.seed}: {each.status.state} at epoch {each.status.epoch:.3g}."


def _other_settings(entry: Entry, candidates: Iterable[Candidate]) -> Iterator[str]:
    """Yield how many runs of an experiment are not shown because they were made with something else, and with what."""
    name, chosen = entry.experiment.name, entry.choice.runs
    if not chosen:
        return
    made = settings(chosen[0].info.config)
    found = [
        settings(each.info.config) for each in candidates if each.info.experiment == name and each.status.last
    ]
    others = [other for other in found if other != made]
    if others:
        keys = [key for key in made if any(other[key] != made[key] for other in others)]
        said = ", ".join(
            f"{key} {' or '.join(dict.fromkeys(_show(other[key]) for other in others if other[key] != made[key]))}"
            for key in keys[:3]
        )
        count = f"{len(others)} run{'s' * (len(others) > 1)}"
        yield f"{name}: {count} with other settings not shown ({said}); `vitui` compares them"


def find_figures(config: Config, names: Sequence[str]) -> list[Figure]:
    """Return the figures of some names, all of them for none.

    Raises:
        ConfigError: A name is no figure's; all such names are told at once.
    """
    known = ", ".join(config.figures) or "none yet"
    mistakes = [
        Mistake(str(config.path), f"no figure {name!r}{nearest(name, config.figures)} Known: {known}")
        for name in names
        if name not in config.figures
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return [config.figures[name] for name in dict.fromkeys(names)] or list(config.figures.values())


def whats_missing(
    metric: str, missing: Sequence[str], candidates: Iterable[Candidate], config: Config, store: Store
) -> Iterator[str]:
    """Yield why experiments show nothing of a metric, and what to run for those that nothing is under way for."""
    newest = {each.info.experiment: each.status for each in candidates}
    to_run = []
    for name in missing:
        if name not in newest:
            yield f"{name}: no runs yet"
            to_run.append(name)
        elif newest[name].state in ("queued", "starting", "running"):
            yield f"{name}: no {metric} yet, its newest run is {newest[name].state}"
        else:
            device = f" on {newest[name].device}" if newest[name].device else ""
            yield f"{name}: no usable {metric}, its newest run {newest[name].state}{device}"
            to_run.append(name)
    if to_run:
        yield f"to make them: {shlex.join(_command(to_run, config, store))}"


def _command(names: Sequence[str], config: Config, store: Store) -> list[str]:
    """Return the command that runs experiments from where this one was called."""
    command = ["engine", "run" if len(names) == 1 else "submit"]
    if config.path != Path("experiments.toml"):
        command += ["--config", str(config.path)]
    if store.root != Path("runs"):
        command += ["--runs", str(store.root)]
    return [*command, *(["--"] if any(name.startswith("-") for name in names) else []), *names]


def _write(
    figure: Figure,
    drawn: Sequence[Entry],
    notes: Sequence[str],
    out: Path,
    formats: Sequence[Format],
    look: Look,
    width: Width | None,
) -> Iterator[Path]:
    """Draw a figure and write it in each format; yield each file written."""
    title = figure.title or figure.name
    sheet = Sheet(
        title, figure.y, figure.x, figure.y_label, figure.smoothing, tuple(notes), look=look, width=width
    )
    with style(look):
        canvas = KINDS[figure.kind].draw(sheet, [entry.part for entry in drawn])
        for kind in formats:
            data = figures.save(
                canvas, kind, title, origin_of(each for entry in drawn for each in entry.choice.runs)
            )
            path = out / f"{figure.name}.{kind}"
            replace_file(path, data)
            yield path


def origin_of(runs: Iterable[Candidate]) -> Origin:
    """Return what a figure of these runs, at least one, was made from."""
    chosen = list(runs)
    commits = {_commit(each) for each in chosen if each.info.git}
    newest = max(max(each.status.heartbeat, each.info.created) for each in chosen)
    return Origin(
        runs=tuple(each.run.id for each in chosen),
        commits=tuple(sorted(commits)),
        date=datetime.datetime.fromtimestamp(newest, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _commit(candidate: Candidate) -> str:
    git = candidate.info.git or {}
    return f"{git.get('commit')}{' with changes' if git.get('dirty') else ''}"


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        ExportError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(2)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(data)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}") from None


def _show(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def teller(say: Say) -> Say:
    """Return ``say`` for any text: names come from people and from files, what is said is printable."""
    return lambda line: say(printable(line))
