"""`vitui export --table`: the results of experiments as Markdown, LaTeX, CSV or Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from engine.analysis.conclusions.evidence import Evidence
from engine.analysis.results import SCORES, Hours, Result, read_gpu_hours, result_of
from engine.analysis.runs_that_count import Candidate, read_candidates
from engine.config.loader import Config
from engine.config.schema import IMPORTED, Experiment
from engine.runs.store import Store
from engine.system.installed_extras import lacking
from engine.text import markdown, markdown_table, printable
from tui.figures.caveats import FigureEntry, Say, cautions, whats_missing
from tui.figures.export_figures import find_figures, teller
from tui.figures.figure_files import ExportError, Origin, origin_of, replace_file
from tui.report.latex_and_csv_syntax import as_csv, as_latex, latex_notes
from tui.report.results_table import TEXTS, Plain, ResultsTable, judge_results

TableFormat = Literal["md", "latex", "csv", "parquet"]
TABLE_FORMATS: tuple[TableFormat, ...] = get_args(TableFormat)
ENDINGS: Mapping[TableFormat, str] = {"md": "md", "latex": "tex", "csv": "csv", "parquet": "parquet"}
INTERVAL, OF_METRIC = "95 % CI", "95 % of "
"""What heads an interval in a paper, behind the metric that it is of, and how its title begins elsewhere."""
ALL = "results"
"""What the table of all experiments is called."""


def export_tables(
    config: Config, store: Store, names: Sequence[str], out: Path, formats: Sequence[TableFormat], *,
    metrics: Sequence[str] = SCORES, say: Say,
) -> bool:  # fmt: skip
    """Write tables as ``out/<figure>.<ending>``, a row an experiment, and say what was written, what was not, and why.

    Args:
        config: What figures and experiments there are.
        store: Where the runs are.
        names: Of which figures; none means one table of all experiments, ``results``, with those that were imported.
        out: The folder to write into; it is made if need be.
        formats: Of ``TABLE_FORMATS``.
        metrics: What is shown of each; the first that an experiment's runs measured decides which of them count.
        say: Called with each line for the user; it is plain text without control characters.

    Returns:
        Whether all tables asked for were written. One that lacks some of its experiments is written and says so.

    Raises:
        ConfigError: A name is no figure's; all such names are told at once.
        ExportError: A file cannot be written, or what writes Parquet is not installed.
    """
    by_figure = {figure.name: figure.experiments for figure in find_figures(config, names)} if names else {}
    if "parquet" in formats and (lacks := lacking("parquet")):
        raise ExportError(f"Parquet {lacks}; --format csv needs nothing")
    candidates, troubles = read_candidates(store)
    tell = teller(say)
    for trouble in troubles:
        tell(f"passed over: {trouble}")
    experiments = dict(config.experiments)
    if not names:
        imported = _imported(config, candidates)
        _tell_strangers(config, (*experiments, *imported), candidates, tell)
        experiments |= _with_scores(imported, candidates, metrics, tell)
    hours = _remembering(read_gpu_hours)
    evidence = Evidence(config.experiments, candidates, config.statistics, store.root)
    is_complete = True
    for name, shown in (by_figure or {ALL: list(experiments)}).items():
        results = {
            experiment: result_of(experiments[experiment], candidates, hours, metrics)
            for experiment in dict.fromkeys(shown)
        }
        lines = _export_table(name, results, experiments, evidence, out, formats, tell, metrics)
        is_complete &= any(result is not None for result in results.values())
        missing = [experiment for experiment, result in results.items() if result is None]
        for line in [*lines, *whats_missing(metrics[0], missing, candidates, config, store)]:
            tell(f"  {line}")
    return is_complete


def _imported(config: Config, candidates: Sequence[Candidate]) -> dict[str, Experiment]:
    """Return the experiments whose runs were imported and that are not in the configuration."""
    names = (candidate.info.experiment for candidate in candidates if candidate.info.imported is not None)
    return {name: Experiment(name=name, model=IMPORTED) for name in names if name not in config.experiments}


def _with_scores(
    imported: Mapping[str, Experiment], candidates: Sequence[Candidate], metrics: Sequence[str], tell: Say
) -> dict[str, Experiment]:
    """Return the imported experiments that have measured one of some metrics, and say which have not."""
    measured = {
        candidate.info.experiment
        for candidate in candidates
        if not candidate.status.last.keys().isdisjoint(metrics)
    }
    if lacking := [name for name in imported if name not in measured]:
        tell(
            f"passed over: imported without {' or '.join(metrics)}: {', '.join(lacking)}; "
            "`--metric NAME` tables what they have"
        )
    return {name: experiment for name, experiment in imported.items() if name in measured}


def _tell_strangers(
    config: Config, experiments: Collection[str], candidates: Sequence[Candidate], tell: Say
) -> None:
    """Say which experiments have runs, are not in the configuration and were not imported."""
    of_runs = (candidate.info.experiment for candidate in candidates)
    strangers = dict.fromkeys(name for name in of_runs if name not in experiments)
    if strangers:
        tell(f"passed over: runs of no experiment in {config.path}: {', '.join(strangers)}")


def _export_table(
    name: str,
    results: Mapping[str, Result | None],
    experiments: Mapping[str, Experiment],
    evidence: Evidence,
    out: Path,
    formats: Sequence[TableFormat],
    tell: Say,
    metrics: Sequence[str],
) -> list[str]:
    """Write one table and say where, or that there is none.

    Returns:
        Its footnotes without the one of what is missing, of which there is more to say.
    """
    tested = [result for result in results.values() if result is not None]
    missing = [experiment for experiment, result in results.items() if result is None]
    if not tested:
        tell(f"no table of {name} is written")
        return []
    table = table_of(tested, missing, experiments, evidence, metrics)
    for path in _write(name, table, out, formats):
        tell(f"{path}: {len(tested)} of {len(results)} experiments, {_runs(tested)}")
    return [note for note in table.footnotes if note != _lack(missing)]


def results_text(config: Config, store: Store, names: Iterable[str], kind: Literal["md", "latex"]) -> str:
    """Return the table of some experiments for a paper: of those alone that have results.

    Args:
        config: What experiments there are.
        store: Where the runs are.
        names: Which of them, and of those that were imported, in the order of the rows.
        kind: The format.

    Raises:
        ExportError: None of them has a result.
    """
    candidates, _ = read_candidates(store)
    experiments = _imported(config, candidates) | dict(config.experiments)
    known = [experiments[name] for name in dict.fromkeys(names) if name in experiments]
    rows = [row for each in known if (row := result_of(each, candidates, read_gpu_hours)) is not None]
    if not rows:
        raise ExportError(f"none of these experiments has a run with {' or '.join(SCORES)} yet")
    evidence = Evidence(config.experiments, candidates, config.statistics, store.root)
    return render(table_of(rows, [], experiments, evidence), kind).decode()


def table_of(
    results: Sequence[Result], missing: Sequence[str], experiments: Mapping[str, Experiment],
    evidence: Evidence, metrics: Sequence[str] = SCORES,
) -> ResultsTable:  # fmt: skip
    """Return the table of some results, with a note on what it lacks.

    Args:
        results: The results of the experiments that have some, at least one.
        missing: The names of the experiments that have none.
        experiments: Those of both, by name.
        evidence: All runs, by which the results are judged.
        metrics: What is shown of each.
    """
    entries = [FigureEntry(experiments[row.experiment], row.choice) for row in results]
    notes = [note for entry in entries for note in cautions(entry)]
    judgements = judge_results(results, evidence, metrics)
    return ResultsTable(results, judgements, [*notes, _lack(missing)] if missing else notes, metrics)


def _lack(missing: Sequence[str]) -> str:
    return f"No scores yet: {', '.join(missing)}."


def render(table: ResultsTable, kind: TableFormat) -> bytes:
    """Return a table as a file of a format; the same runs make the same bytes.

    Raises:
        ImportError: What writes Parquet is not installed.
    """
    origin = origin_of(candidate for row in table.results for candidate in row.choice.runs)
    if kind == "parquet":
        return _parquet(table, origin)
    return {"md": _markdown, "latex": _latex, "csv": _csv}[kind](table, origin).encode()


def _markdown(table: ResultsTable, origin: Origin) -> str:
    notes = "".join(f"- {markdown(note)}\n" for note in table.footnotes)
    source = _source(origin).replace(">", "&gt;")  # so that nothing in it ends the comment
    return f"{markdown_table(*_lines(table), _right(table))}\n{notes}\n<!-- {source} -->\n"


def _latex(table: ResultsTable, origin: Origin) -> str:
    head, rows = _lines(table)
    head = [INTERVAL if title.startswith(OF_METRIC) else title for title in head]
    lines = as_latex(head, rows, _right(table))
    return f"% {_source(origin)}; needs booktabs\n{lines}{latex_notes(table.footnotes)}"


def _csv(table: ResultsTable, _origin: Origin) -> str:
    return as_csv(
        list(table.plain), [list(map(_plain, row)) for row in zip(*table.plain.values(), strict=True)]
    )


def _parquet(table: ResultsTable, origin: Origin) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    clean = {
        name: [printable(value) if isinstance(value, str) else value for value in values]
        for name, values in table.plain.items()
    }
    about = {"vitui": _source(origin), "notes": json.dumps(list(map(printable, table.footnotes)))}
    file = io.BytesIO()
    parquet.write_table(pa.table(clean, metadata={key: text.encode() for key, text in about.items()}), file)
    return file.getvalue()


def _lines(table: ResultsTable) -> tuple[list[str], list[tuple[str, ...]]]:
    return list(table.formatted), list(zip(*table.formatted.values(), strict=True))


def _right(table: ResultsTable) -> list[int]:
    return [column for column, title in enumerate(table.formatted) if title not in TEXTS]


def _plain(value: Plain) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _source(origin: Origin) -> str:
    """Say in one line what a table was made from."""
    commits = f" at {', '.join(origin.commits)}" if origin.commits else ""
    return printable(f"made by vitui export --table{commits} of {origin.date} from {', '.join(origin.runs)}")


def _write(name: str, table: ResultsTable, out: Path, formats: Sequence[TableFormat]) -> list[Path]:
    files = {out / f"{name}.{ENDINGS[kind]}": render(table, kind) for kind in dict.fromkeys(formats)}
    for path, data in files.items():
        replace_file(path, data)
    return list(files)


def _runs(results: Sequence[Result]) -> str:
    count = sum(len(row.choice.runs) for row in results)
    return f"{count} run{'s' * (count != 1)}"


def _remembering(hours: Callable[[Candidate, str], float | None]) -> Hours:
    """Return a function that reads each run once, however many tables show it."""
    hours_read: dict[tuple[Path, str], float | None] = {}

    def of(candidate: Candidate, metric: str) -> float | None:
        key = candidate.run.path, metric
        if key not in hours_read:
            hours_read[key] = hours(candidate, metric)
        return hours_read[key]

    return of
