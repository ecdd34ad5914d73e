"""`vitui export`: the figures of experiments.toml, drawn from the runs there are, written as files.

For each experiment of a figure `engine.analysis.selection` says which runs count, and `tui.drawing` draws them.
What a figure lacks is said, with the command that would make it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.selection import Candidate, choose, read_candidates
from engine.config.loader import Config
from engine.config.schema import Experiment, Figure
from engine.config.validate import ConfigError, Mistake
from engine.history.reader import History
from engine.runs.store import Store
from engine.text import nearest, printable
from tui.figures.caveats import (
    Entry,
    Say,
    _lack,
    _other_settings,
    cautions,
    satisfied,
    waiting_for_runs,
    whats_missing,
)
from tui.figures.files import Format, origin_of, replace_file, save
from tui.figures.page import Sheet
from tui.figures.registry import KINDS
from tui.figures.source import Reading, Source
from tui.figures.style import PAPER, Look, Width, style
from tui.palette import assign

KEPT = 64
"""Runs that are kept in memory for the next figure."""


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
        formats: Of ``tui.figures.files.FORMATS``.
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
        others = [line for entry in drawn for line in _other_settings(entry)]
        for line in [*notes, *others, *whats_missing(wanted_of_runs, unexplained, candidates, config, store)]:
            tell(f"  {line}")
    if done and (waiting := waiting_for_runs(wanted, done, candidates)):
        tell(waiting)
    return satisfied(wanted, done, candidates, named=bool(names))


class _Library:
    """The runs of a store as what figures show; of those that were read, the last ``KEPT`` are in memory."""

    def __init__(self, config: Config, candidates: Sequence[Candidate]) -> None:
        self._experiments = config.experiments
        self._candidates = candidates
        self._evidence = Evidence(config.experiments, candidates, config.statistics)
        self._colours = assign(config.experiments)
        self._histories: dict[tuple[Path, str | None], History] = {}

    def entries(self, figure: Figure) -> list[Entry]:
        """Return the experiments of a figure, in its order."""
        return [self._entry(figure, self._experiments[name]) for name in dict.fromkeys(figure.experiments)]

    def _entry(self, figure: Figure, experiment: Experiment) -> Entry:
        choice = choose(experiment, self._candidates, figure.y)
        colour = self._colours[experiment.name]
        source = Source(figure, experiment, colour, choice, self._candidates, self._evidence, self._history)
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
            data = save(canvas, kind, title, origin_of(each for entry in drawn for each in entry.choice.runs))
            path = out / f"{figure.name}.{kind}"
            replace_file(path, data)
            yield path


def teller(say: Say) -> Say:
    """Return ``say`` for any text: names come from people and from files, what is said is printable."""
    return lambda line: say(printable(line))
