"""`vitui export`: the figures of experiments.toml, drawn from the runs and written as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.analysis.runs_that_count import read_candidates
from engine.config.loader import Config
from engine.config.schema import Figure
from engine.config.validate import ConfigError, Mistake
from engine.runs.store import Store
from engine.text import nearest, printable
from tui.figures.caveats import Say, not_drawn, satisfied, waiting_for_runs
from tui.figures.figure_files import Format, replace_file
from tui.figures.make_figure import Library, make
from tui.figures.style import PAPER, Look, Width, no_font


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
        formats: Of ``tui.figures.figure_files.FORMATS``.
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
    figures = find_figures(config, names)
    candidates, troubles = read_candidates(store)
    tell = teller(say)
    for trouble in troubles:
        tell(f"passed over: {trouble}")
    if not figures:
        tell(f"there is no [figures.NAME] in {config.path}")
    library = Library(config, store, candidates)
    done: set[str] = set()
    for figure in figures:
        drawn = make(figure, library, formats, look, width)
        for kind, data in drawn.files.items():
            path = out / f"{figure.name}.{kind}"
            replace_file(path, data)
            runs = f"{drawn.runs} run{'s' * (drawn.runs != 1)}"
            tell(f"{path}: {drawn.experiments_shown} of {drawn.experiments_total} experiments, {runs}")
        if drawn.experiments_shown:
            done.add(figure.name)
            lines = [f"  {note}" for note in drawn.notes]
        else:
            lines = not_drawn(figure.name, drawn.notes)
        for line in lines:
            tell(line)
    if library.unwritable:
        tell(no_font(library.unwritable))
    if done and (waiting := waiting_for_runs(figures, done, candidates)):
        tell(waiting)
    return satisfied(figures, done, candidates, named=bool(names))


def find_figures(config: Config, names: Sequence[str]) -> list[Figure]:
    """Return the figures of some names, all of them for none.

    Raises:
        ConfigError: A name is no figure's; all such names are told at once.
    """
    figure_names = ", ".join(config.figures) or "none yet"
    mistakes = [
        Mistake(str(config.path), f"no figure {name!r}{nearest(name, config.figures)} Known: {figure_names}")
        for name in names
        if name not in config.figures
    ]
    if mistakes:
        raise ConfigError(mistakes)
    return [config.figures[name] for name in dict.fromkeys(names)] or list(config.figures.values())


def teller(say: Say) -> Say:
    """Return ``say`` for any text: names come from users and files, and control characters are taken out."""
    return lambda line: say(printable(line))
