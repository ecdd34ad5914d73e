"""`vitui report`: figures, tables and what the numbers say, as one HTML file that needs nothing else, and as Markdown.

Every sentence is made from the runs by rule (``tui.report.statements``); no clock but the runs' own goes in, so the
same runs make the same bytes.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from engine.analysis.comparison_sides import Side
from engine.analysis.results import read_gpu_hours, result_of
from engine.analysis.runs_that_count import Candidate, Choice, choose, read_candidates, settings_of
from engine.config.loader import Config
from engine.config.schema import Figure
from engine.runs.store import Store
from engine.text import Strong, clean, markdown, markdown_table, printable, setting_text
from tui.figures.caveats import not_counted, not_drawn, satisfied, waiting_for_runs
from tui.figures.export_figures import find_figures
from tui.figures.figure_files import origin_of, replace_file
from tui.figures.make_figure import Library, make
from tui.figures.registry import KINDS
from tui.figures.style import AT_NIGHT, no_font
from tui.report.results_table import ResultsTable
from tui.report.statements import Statement, Statements
from tui.report.summary import HEAD, SummaryRow, shared_notes, summary_rows

ENLARGED = 1.35
"""By how much a figure for paper is larger on the page, whose letters are larger too."""


@dataclass(frozen=True)
class Grid:
    """A table of texts; the first cell of a row names it."""

    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class ReportSection:
    """A figure with its sentences, its results, its settings and its runs."""

    name: str
    title: str
    alt: str
    svg: str
    """The picture in base64; empty where none could be drawn."""
    svg_at_night: str
    """The same for a dark page."""
    width: int
    """Its width in pixels of the page."""
    png: bytes
    statements: tuple[Statement, ...]
    notes: tuple[str, ...]
    results: Grid
    footnotes: tuple[str, ...]
    """The notes to these results, a sentence each."""
    legend: tuple[str, ...]
    """How any such table is read, a sentence each."""
    differing: Grid
    alike: Grid
    runs: Grid


@dataclass(frozen=True)
class Report:
    """The content of both files of the report."""

    title: str
    origin: str
    summary: tuple[SummaryRow, ...]
    sections: tuple[ReportSection, ...]
    reading: tuple[str, ...]
    """How its tables are read, a sentence each."""
    methods: tuple[str, ...]
    """How its p values and intervals come about, a sentence for each metric."""


def write_report(
    config: Config, store: Store, names: Sequence[str], out: Path, *, say: Callable[[str], None]
) -> bool:
    """Write ``report.html`` and ``report.md`` with its pictures into a folder, and say what was written.

    Args:
        config: What figures and experiments there are.
        store: Where the runs are.
        names: Which figures; none means all.
        out: The folder; it is made if need be.
        say: Called with each line for the user; it is plain text without control characters.

    Returns:
        Whether the figures that were asked for could be drawn, as ``tui.figures.export_figures.satisfied`` says.

    Raises:
        ConfigError: A name is no figure's.
        ExportError: A file cannot be written.
    """
    figures = find_figures(config, names)
    candidates, troubles = read_candidates(store)
    for trouble in troubles:
        say(clean(f"passed over: {trouble}"))
    library = Library(config, store, candidates)
    statements = Statements(library.evidence, figures)
    sections = [_section(figure, number, library, statements) for number, figure in enumerate(figures)]
    chosen = [
        candidate
        for figure in figures
        for _, choice in _choices(figure, config, candidates)
        for candidate in choice.runs
    ]
    summary = [
        row
        for number, section in enumerate(sections)
        for row in summary_rows(
            number + 1, section.title, statements.leaders(number), is_drawn=bool(section.png)
        )
    ]
    reading = shared_notes([section.legend for section in sections])
    report = Report(
        _title(config), _origin(chosen), tuple(summary), tuple(sections), tuple(reading),
        tuple(statements.methods),
    )  # fmt: skip
    for section in sections:
        if section.png:
            replace_file(out / f"{section.name}.png", section.png)
    replace_file(out / "report.html", as_html(report).encode())
    replace_file(out / "report.md", as_text(report).encode())
    drawn = {section.name for section in sections if section.png}
    count = len({*map(_id, chosen)})
    runs = f"{count} run{'s' * (count != 1)}"
    say(f"{clean(str(out / 'report.html'))}: {len(drawn)} of {len(sections)} figures, {runs}")
    say(f"{clean(str(out / 'report.md'))}: the same in Markdown, its pictures beside it")
    for section in sections:
        if not section.png:
            for line in not_drawn(section.name, section.notes):
                say(clean(line))
    if library.unwritable:
        say(clean(no_font(library.unwritable)))
    if drawn and (waiting := waiting_for_runs(figures, drawn, candidates)):
        say(clean(waiting))
    return satisfied(figures, drawn, candidates, named=bool(names))


def as_html(report: Report) -> str:
    """Return the report as one HTML page without scripts that loads nothing from elsewhere."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tui.report", "."), autoescape=True, undefined=StrictUndefined
    )
    environment.tests["strong"] = lambda text: isinstance(text, Strong)
    template = environment.get_template("report.html.j2")
    return template.render(report=report, head=HEAD, version=version("vitui")) + "\n"


def as_text(report: Report) -> str:
    """Return the report in Markdown; it names the pictures that lie beside it."""
    parts = [f"# {_prose(report.title)}", _prose(report.origin)]
    if report.summary:
        parts.append(markdown_table(HEAD, [(row.title, *row.cells) for row in report.summary]).rstrip())
    for section in report.sections:
        parts.append(f"## {_prose(section.title)}")
        if section.png:
            parts.append(f"![{_prose(section.alt)}]({quote(section.name)}.png)")
        parts += [_list(map(str, section.statements)), _list(section.notes)]
        if section.results.rows:
            parts += ["### Results", markdown_table(section.results.head, section.results.rows).rstrip()]
            parts.append(_list(section.footnotes))
        for title, grid in (("What differs", section.differing), ("Runs", section.runs)):
            if grid.rows:
                parts += [f"### {title}", markdown_table(grid.head, grid.rows).rstrip()]
    if report.reading:
        parts += ["## How the tables are read", _list(report.reading)]
    if report.methods:
        parts += ["## How this was judged", _list(report.methods)]
    return "\n\n".join(filter(None, parts)) + "\n"


def _section(figure: Figure, number: int, library: Library, statements: Statements) -> ReportSection:
    config, candidates = library.config, library.candidates
    choices = _choices(figure, config, candidates)
    sides = [
        Side(clean(name), settings_of(choice.runs[0].config), choice)
        for name, choice in choices
        if choice.runs
    ]
    drawn = make(figure, library, ("svg", "png"), titled=False)
    dark = make(figure, library, ("svg",), AT_NIGHT, titled=False)
    results, footnotes, legend = _results(figure, config, candidates, statements)
    names = ", ".join(side.name for side in sides)
    return ReportSection(
        name=figure.name,
        title=clean(figure.title or figure.name),
        alt=f"{clean(KINDS[figure.kind].words(figure))}: {names}",
        svg=base64.b64encode(drawn.files.get("svg", b"")).decode(),
        svg_at_night=base64.b64encode(dark.files.get("svg", b"")).decode(),
        width=_pixels(drawn.files.get("svg", b"")),
        png=drawn.files.get("png", b""),
        statements=tuple(statements.of(number)),
        notes=tuple(map(printable, drawn.notes)),
        results=results,
        footnotes=tuple(clean(note) for note in footnotes if note not in legend),
        legend=tuple(map(clean, legend)),
        differing=_made(sides, differ=True),
        alike=_made(sides, differ=False),
        runs=_runs(choices),
    )


def _pixels(svg: bytes) -> int:
    """Return how wide a picture is on the page: letters of all figures have the same height there."""
    found = re.search(rb'<svg[^>]* width="([\d.]+)pt"', svg[:4096])
    return round(float(found[1]) * 96 / 72 * ENLARGED) if found else 0


def _choices(
    figure: Figure, config: Config, candidates: Sequence[Candidate]
) -> list[tuple[str, Choice[Candidate]]]:
    return [
        (name, choose(config.experiments[name], candidates, figure.y))
        for name in dict.fromkeys(figure.experiments)
    ]


def _results(
    figure: Figure, config: Config, candidates: Sequence[Candidate], statements: Statements
) -> tuple[Grid, list[str], list[str]]:
    """Return the table of a figure's experiments, its footnotes, and those of them that say how it is read."""
    names = dict.fromkeys(figure.experiments)
    results_or_none = [result_of(config.experiments[name], candidates, read_gpu_hours) for name in names]
    results = [result for result in results_or_none if result is not None]
    if not results:
        return Grid(), [], []
    notes = [note for result in results for note in not_counted(result.experiment, result.choice)]
    table = ResultsTable(results, statements.judgements, notes, with_method=False)
    grid = Grid(tuple(table.formatted), tuple(zip(*table.formatted.values(), strict=True)))
    return grid, table.footnotes, table.legend


def _made(sides: Sequence[Side], *, differ: bool) -> Grid:
    """Return the settings in which the sides differ, a column each; or those that they share."""
    keys = dict.fromkeys(key for side in sides for key in side.config)
    values = {key: [setting_text(side.config.get(key), "–") for side in sides] for key in keys}
    keys_shown = [key for key, side_values in values.items() if (len(set(side_values)) > 1) == differ]
    if not differ:
        return Grid(
            ("setting", "value"),
            tuple((clean(key), values[key][0]) for key in keys_shown if values[key][0] != "–"),
        )
    rows = tuple((side.name, *(values[key][i] for key in keys_shown)) for i, side in enumerate(sides))
    return Grid(("experiment", *map(clean, keys_shown)), rows if keys_shown else ())


def _runs(choices: Iterable[tuple[str, Choice[Candidate]]]) -> Grid:
    rows = []
    for name, choice in choices:
        for candidate in choice.runs:
            status = candidate.status
            commit = clean(candidate.info.commit()) or "–"
            device = clean(status.device) or "–"
            rows.append(
                (clean(candidate.run.id), clean(name), str(status.seed), status.state, device, commit)
            )
    return Grid(("run", "experiment", "seed", "state", "device", "commit"), tuple(rows))


def _origin(chosen: Sequence[Candidate]) -> str:
    if not chosen:
        return "No runs yet."
    origin = origin_of(chosen)
    commits = ", ".join(clean(commit)[:10] + clean(commit)[40:] for commit in origin.commits)
    runs = len(set(origin.runs))
    text = f"{runs} run{'s' * (runs != 1)}, the newest of {origin.date}"
    return text + (f"; commit {commits}" if commits else "")


def _title(config: Config) -> str:
    folder = config.path.absolute().parent.name
    return f"Experiments: {clean(folder)}" if folder else "Experiments"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_prose(line)}" for line in lines)


def _prose(text: str) -> str:
    """Return a text as Markdown that reads as that text."""
    return markdown(clean(text))


def _id(candidate: Candidate) -> Any:
    return candidate.run.id
