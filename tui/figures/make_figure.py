"""A figure of experiments.toml -> its files and its notes: what `vitui export` and the report share.

For each experiment of a figure ``engine.analysis.runs_that_count`` says which runs count, and the figure's kind
(``tui.figures.registry``) reads and draws them. What a figure lacks is said, with the command that would make it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.runs_that_count import Candidate, choose
from engine.config.loader import Config
from engine.config.schema import Experiment, Figure
from engine.history.reader import History
from engine.runs.store import Store
from tui.curve_palette import assign, shown_in
from tui.figures.caveats import FigureEntry, cautions, lacks, made_with, other_settings, whats_missing
from tui.figures.experiment_in_figure import Reading, Source
from tui.figures.figure_files import Format, origin_of, save
from tui.figures.figure_sheet import FigureSheet
from tui.figures.registry import KINDS
from tui.figures.style import PAPER, Look, Width, drawn_in_fonts, style
from tui.state.session import kept_signs

KEPT = 64
"""Runs that are kept in memory for the next figure."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure as it came out.

    Attributes:
        files: The file of each format; empty where nothing can be shown.
        experiments_shown: How many experiments it shows.
        experiments_total: How many experiments the figure has.
        runs: How many runs it was made from.
        notes: What a reader has to know about it, a sentence each.
    """

    files: Mapping[Format, bytes]
    experiments_shown: int
    experiments_total: int
    runs: int
    notes: tuple[str, ...]


class Library:
    """The runs of a store as what figures show; of those that were read, the last ``KEPT`` are in memory."""

    def __init__(self, config: Config, store: Store, candidates: Sequence[Candidate]) -> None:
        self.config = config
        self.store = store
        self.candidates = candidates
        self.unwritable: set[str] = set()
        """The characters in the figures drawn from it that no font here has."""
        self.evidence = Evidence(config.experiments, candidates, config.statistics, store.root)
        self._colours = assign(config.experiments, kept_signs(Path.cwd()))
        self._histories: dict[tuple[Path, str | None], History] = {}

    def entries(self, figure: Figure, look: Look = PAPER) -> list[FigureEntry]:
        """Return the experiments of a figure, in its order, with colours for the ground of a look."""
        names = dict.fromkeys(figure.experiments)
        return [self._entry(figure, self.config.experiments[name], look) for name in names]

    def _entry(self, figure: Figure, experiment: Experiment, look: Look) -> FigureEntry:
        choice = choose(experiment, self.candidates, figure.y)
        colour = shown_in(self._colours[experiment.name], look.theme)
        source = Source(figure, experiment, colour, choice, self.candidates, self.evidence, self._history)
        reading: Reading[Any] = KINDS[figure.kind].read(source)
        return FigureEntry(experiment, choice, reading.part, reading.remarks)

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


def make(
    figure: Figure,
    library: Library,
    formats: Sequence[Format],
    look: Look = PAPER,
    width: Width | None = None,
    *,
    titled: bool = True,
) -> Drawn:
    """Draw a figure.

    Args:
        figure: What to draw.
        library: The runs.
        formats: Of ``tui.figures.figure_files.FORMATS``.
        look: On paper or on slides.
        width: In a column or over a page; None for what the figure needs.
        titled: Whether its title stands in it.

    Returns:
        The figure's files and its notes.
    """
    entries = library.entries(figure, look)
    drawn = [entry for entry in entries if entry.part is not None]
    unexplained = [entry.experiment.name for entry in entries if entry.part is None and not entry.remarks]
    notes = [note for entry in drawn for note in cautions(entry)]
    notes += [remark for entry in entries for remark in entry.remarks]
    metric = KINDS[figure.kind].needs(figure)
    printed = [*notes, *lacks(unexplained, metric, library.candidates)]
    if figure.kind != "steptime":
        printed = [*made_with(drawn), *printed]
    files: Mapping[Format, bytes] = {}
    if drawn:
        files = _files(figure, drawn, printed, formats, look, width, library.unwritable, titled)
    others = [line for entry in drawn for line in other_settings(entry)]
    missing = whats_missing(metric, unexplained, library.candidates, library.config, library.store)
    runs = sum(len(entry.choice.runs) for entry in drawn)
    return Drawn(files, len(drawn), len(entries), runs, (*notes, *others, *missing))


def _files(
    figure: Figure,
    drawn: Sequence[FigureEntry],
    notes: Sequence[str],
    formats: Sequence[Format],
    look: Look,
    width: Width | None,
    unwritable: set[str],
    titled: bool,
) -> dict[Format, bytes]:
    """Return the file of each format; ``unwritable`` gets the characters that no font here has."""
    title = figure.title or figure.name
    sheet = FigureSheet(
        title if titled else "",
        figure.y,
        figure.x,
        figure.y_label,
        figure.smoothing,
        tuple(notes),
        look=look,
        width=width,
    )
    origin = origin_of(run for entry in drawn for run in entry.choice.runs)
    with style(look):
        parts = [entry.part for entry in drawn]
        canvas, lacking = drawn_in_fonts(lambda: KINDS[figure.kind].draw(sheet, parts), look)
        unwritable |= lacking
        return {kind: save(canvas, kind, title, origin) for kind in formats}
