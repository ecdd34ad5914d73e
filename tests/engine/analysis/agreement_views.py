"""What each place says of the experiments of a folder: which runs count, and the numbers over them.

``RUNS`` and ``NUMBERS`` have a function for each place; what a place does not say is left out of what it
returns. Numbers are read from what is shown, with what its last digit leaves open.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from typing import Any

from engine.analysis.runs_that_count import curves_of
from engine.catalog.metrics import metric_of, over_gpus
from engine.commands.run_table import print_log
from engine.queue.submit import seeds_present
from tests.engine.analysis.agreement_read import Answers, Printed, Read, Said, exact, shown
from tui.figures.registry import KINDS
from tui.state.run_page_record import Record
from tui.views.run_list_columns import find_column
from tui.views.run_page_facts import sections
from tui.widgets.runs.run_overview import facts

# ---- which runs count


def runs_of_list(read: Read) -> Answers:
    """Return what the rows of the run list are the mean of."""
    return read.answer({name: row.runs for name, row in read.folder.rows.items()})


def runs_of_list_count(read: Read) -> Answers:
    """Return the same, as far as the rows count it."""
    return read.answer({name: row.runs[: row.seeds] for name, row in read.folder.rows.items()})


def runs_of_comparison(read: Read) -> Answers:
    """Return the seeds that count on the side of each row when it is compared."""
    return read.answer(
        {name: [run.run for run in table.sides[0].counted] for name, table in read.comparisons.items()}
    )


def runs_of_charts(read: Read) -> Answers:
    """Return the runs that are the curve of each row."""
    return read.answer(
        {
            name: [run for curve in curves_of(read.facts, row.runs) for run in curve.runs]
            for name, row in read.folder.rows.items()
        }
    )


def runs_of_drawn_figure(read: Read) -> Answers:
    """Return the runs that the exported figure says it was made from."""
    return read.answer(read.by_experiment(run for run in read.folder.seeds if run.encode() in read.figure))


def runs_of_kind(kind: str) -> Callable[[Read], Answers]:
    """Return what tells the runs that a kind of figure reads."""

    def answers(read: Read) -> Answers:
        entries = read.entries(kind, "energy" if kind == "scatter" else "epoch")
        for entry in entries:
            told = getattr(entry.part, "seeds", len(entry.choice.runs))
            assert told == len(entry.choice.runs), entry.experiment.name
        return read.answer(
            {entry.experiment.name: [run.run.id for run in entry.choice.runs] for entry in entries}
        )

    return answers


def runs_of_csv(read: Read) -> Answers:
    """Return the runs of the rows of the table of results."""
    rows = read.csv()
    assert all(int(row["seeds"]) == len(row["runs"].split()) for row in rows)
    return read.answer({row["experiment"]: row["runs"].split() for row in rows})


def runs_of_parquet(read: Read) -> Answers:
    """Return the same of the table as Parquet."""
    return read.answer({row["experiment"]: row["runs"].split() for row in read.parquet()})


def runs_of_report(read: Read) -> Answers:
    """Return the runs that the report lists."""
    listed = read.section("all").rpartition("### Runs")[2]
    return read.answer(read.by_experiment(run for run in read.folder.seeds if run in listed))


def runs_of_rerun(read: Read) -> Answers:
    """Return the runs for which an experiment need not be run again; of those alone that have all been made."""
    snapshot = read.folder.snapshot
    return read.answer(
        {
            name: [
                run.run for run in seeds_present(experiment, snapshot.runs, snapshot.metadata).values()
            ]
            for name, experiment in read.folder.config.experiments.items()
            if read.folder.right[name].own
        }
    )  # fmt: skip


def runs_of_plot(read: Read) -> Answers:
    """Return the runs that `vitui plot` draws as the mean of each experiment."""
    curves = read.plotted.curves
    return read.answer({read.plotted.runs[curve.runs[-1]].status.experiment: curve.runs for curve in curves})


RUNS: Mapping[str, Callable[[Read], Answers]] = {
    "list": runs_of_list,
    "list's count": runs_of_list_count,
    "comparison": runs_of_comparison,
    "charts": runs_of_charts,
    "drawn figure": runs_of_drawn_figure,
    **{f"figure {kind}": runs_of_kind(kind) for kind in KINDS},
    "table csv": runs_of_csv,
    "table parquet": runs_of_parquet,
    "report": runs_of_report,
    "rerun": runs_of_rerun,
    "plot": runs_of_plot,
}
PARTIAL = {"drawn figure", "report", "rerun"}
"""What says nothing of some experiments: those that no figure of all shows, or that have to be run."""


# ---- numbers


def numbers_of_list(read: Read) -> Said:
    """Return what stands in the columns of the rows that have finished."""
    return {
        name: shown(*(_column(column, read, name) for column in ("test/f1", "peak", "gpu/energy")))
        for name, row in read.folder.rows.items()
        if row.state == "finished"
    }


def _column(name: str, read: Read, experiment: str) -> str:
    column = find_column(name)
    assert column is not None
    return column.text(read.folder.rows[experiment])


def numbers_of_overview(read: Read) -> Said:
    """Return the mean score that the overview of a row's run tells."""
    found = {}
    for name, row in read.folder.rows.items():
        told = dict(facts(row.facts[0].status, None, {}, row=row))
        if "mean of" in told.get("F1", "") or (row.seeds == 1 and row.state == "finished"):
            found[name] = shown(told["F1"].partition(",")[0])
    return found


def numbers_of_comparison(read: Read) -> Said:
    """Return the cells of the side of each row that has finished."""
    found = {}
    for name, table in read.comparisons.items():
        cells = {title: row[0].value for title, row in table.measured}
        if table.sides[0].finished:
            found[name] = shown(cells["test F1"], cells.get("memory, most", ""), cells.get("energy", ""))
    return found


def numbers_of_charts(read: Read) -> Said:
    """Return what the legends of the charts say came of the curves of several seeds."""
    write = metric_of("test/f1").kind.text
    folds = tuple(
        curve.runs for row in read.folder.rows.values() for curve in curves_of(read.facts, row.runs)
    )
    names = {run: status.experiment for status in read.folder.snapshot.runs for run in [status.run]}
    found = {}
    for curve in read.folder.watched(folds).curves["test/f1"]:
        if (outcome := curve.outcome) is not None:
            spread = "" if outcome.spread is None else f"±{write(outcome.spread)}"
            found[names[curve.run]] = shown(write(outcome.last) + spread)
        elif curve.n == 1:
            found[names[curve.run]] = shown(write(float(curve.y[-1])))
    return found


def numbers_of_curves(read: Read) -> Said:
    """Return where the lines of a figure end, and how far the seeds lie apart there."""
    found = {}
    for entry in read.entries("curves"):
        if entry.part is not None:
            curve = entry.part.curve
            found[entry.experiment.name] = exact(mean=float(curve.y[-1]), sd=curve.deviation(-1))
    return found


def numbers_of_bars(read: Read) -> Said:
    """Return the bars of a figure."""
    parts = [entry.part for entry in read.entries("bars") if entry.part is not None]
    return {part.name: exact(mean=part.score.mean, sd=part.score.sd) for part in parts}


def numbers_of_scatters(read: Read) -> Said:
    """Return the points of two figures: of memory, and of energy."""
    found: dict[str, dict[str, Printed]] = {}
    for axis, name in (("gpu-memory", "memory"), ("energy", "energy")):
        for entry in read.entries("scatter", axis):
            if (part := entry.part) is not None:
                told = exact(mean=part.scored.score.mean, sd=part.scored.score.sd, **{name: part.cost})
                found.setdefault(part.scored.name, {}).update(told)
    return found


def numbers_of_csv(read: Read) -> Said:
    """Return the numbers of the table of results as CSV."""
    return {row["experiment"]: _plain(row) for row in read.csv()}


def numbers_of_parquet(read: Read) -> Said:
    """Return the numbers of the table of results as Parquet."""
    return {row["experiment"]: _plain(row) for row in read.parquet()}


def _plain(row: Mapping[str, Any]) -> dict[str, Printed]:
    names = {
        "mean": "test_f1_mean",
        "sd": "test_f1_sd",
        "memory": "gpu_memory_bytes",
        "energy": "energy_joules",
    }
    values = {name: row[key] for name, key in names.items()}
    return exact(**{name: None if value in ("", None) else float(value) for name, value in values.items()})


def markdown_rows(text: str) -> Iterator[dict[str, str]]:
    """Yield the rows of the first table of a text in Markdown."""
    lines = [line for line in text.partition("\n\n")[0].splitlines() if line.startswith("|")]
    head, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    for row in rows:
        yield dict(zip(head, row, strict=True))


def latex_rows(text: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a table in LaTeX."""
    text = text.replace("\\_", "_").replace("$\\pm$", "±").replace("\\,", " ")
    lines = [line.removesuffix("\\\\") for line in text.splitlines() if " & " in line]
    head, *rows = ([cell.strip() for cell in line.split(" & ")] for line in lines)
    for row in rows:
        yield dict(zip(head, row, strict=True))


def _for_people(rows: Iterable[Mapping[str, str]]) -> Said:
    return {
        row["experiment"]: shown(row["test F1"], row["GPU memory"], row["energy"]) for row in rows
    }  # fmt: skip


def numbers_of_markdown(read: Read) -> Said:
    """Return the numbers of the table of results in Markdown."""
    return _for_people(markdown_rows(read.table("md").read_text().replace("\\", "")))


def numbers_of_latex(read: Read) -> Said:
    """Return the numbers of the table of results in LaTeX."""
    return _for_people(latex_rows(read.table("tex").read_text()))


def numbers_of_report(read: Read) -> Said:
    """Return the numbers of the report's table of all cases."""
    return _for_people(markdown_rows(read.section("all").partition("### Results\n\n")[2]))


def numbers_of_html(read: Read) -> Said:
    """Return the numbers of the same table in HTML."""
    return _for_people(html_rows(read, "all"))


def html_rows(read: Read, figure: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a figure's table of results in the report as HTML; what is best stands between stars."""
    assert read.report
    text = (read.folder.path / "report" / "report.html").read_text()
    tables = re.findall(r"<table.*?</table>", text, re.DOTALL)
    wanted = list(read.folder.config.figures[figure].experiments)
    for table in tables:
        lines = [re.findall(r"<t[hd].*?</t[hd]>", row) for row in table.split("<tr>")[1:]]
        head, *rows = ([_text(cell) for cell in line] for line in lines)
        if "test F1" in head and [row[0] for row in rows] == wanted:
            yield from (dict(zip(head, row, strict=True)) for row in rows)
            return


def _text(cell: str) -> str:
    return re.sub(r"<.*?>", "", re.sub(r"</?strong>", "**", cell))


def numbers_of_ls_json(read: Read) -> Said:
    """Return what is right of what `engine ls --json` tells of each run."""
    return read.over_seeds(lambda run: _measured(read.listed[run]["last"], read.listed[run]["best"]))  # type: ignore[index]


def _measured(last: Mapping[str, float | None], best: Mapping[str, float | None]) -> dict[str, Printed]:
    return exact(
        mean=last.get("test/f1"), memory=over_gpus(best, "memory_peak"), energy=over_gpus(last, "energy")
    )


def numbers_of_ls(read: Read) -> Said:
    """Return what is right of the scores that `engine ls` prints of each run."""
    return read.over_seeds(lambda run: shown(read.listed_for_people[run]))


def numbers_of_logs_json(read: Read) -> Said:
    """Return what is right of the last metrics that `engine logs --json` prints of each run."""

    def last(run: str) -> dict[str, Printed]:
        events = [json.loads(line) for line in _log(read, run, as_json=True)]
        values = [event["values"] for event in events if event["event"] == "metrics"][-1]
        return _measured(values, values)

    return read.over_seeds(last)


def numbers_of_logs(read: Read) -> Said:
    """Return what is right of the last score that `engine logs` prints of each run."""

    def last(run: str) -> dict[str, Printed]:
        told = re.findall(r"test f1 ([\d.]+)", "\n".join(_log(read, run, as_json=False)))
        return shown(told[-1]) if told else {}

    return read.over_seeds(last)


def _log(read: Read, run: str, *, as_json: bool) -> list[str]:
    with redirect_stdout(io.StringIO()) as out:
        print_log(read.folder.store.find(run), as_json=as_json, follow=False)
    return out.getvalue().splitlines()


def numbers_of_run_facts(read: Read) -> Said:
    """Return what is right of the scores that the facts of each run tell."""
    by_run = {status.run: status for status in read.folder.snapshot.runs}

    def told(run: str) -> dict[str, Printed]:
        (result,) = (each for each in sections(by_run[run], {}, Record(run)) if each.title == "Result")
        return shown(dict(result.facts).get("F1", ""))

    return read.over_seeds(told)


def numbers_of_plot(read: Read) -> Said:
    """Return what `vitui plot` prints beside the names of the curves."""
    return {
        name: shown(told[1])
        for name in read.names
        if (told := re.search(rf"\S {name}(?: ×\d+)? ([\d.]+(?: ±\S+)?)", "\n".join(read.plotted_legend)))
    }


NUMBERS: Mapping[str, Callable[[Read], Said]] = {
    "list": numbers_of_list,
    "overview": numbers_of_overview,
    "comparison": numbers_of_comparison,
    "charts": numbers_of_charts,
    "figure curves": numbers_of_curves,
    "figure bars": numbers_of_bars,
    "figure scatter": numbers_of_scatters,
    "table csv": numbers_of_csv,
    "table parquet": numbers_of_parquet,
    "table md": numbers_of_markdown,
    "table latex": numbers_of_latex,
    "report": numbers_of_report,
    "report html": numbers_of_html,
    "ls --json": numbers_of_ls_json,
    "ls": numbers_of_ls,
    "logs --json": numbers_of_logs_json,
    "logs": numbers_of_logs,
    "run facts": numbers_of_run_facts,
    "plot": numbers_of_plot,
}
