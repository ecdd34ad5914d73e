"""Which experiment each place tells to be the best of a figure: ``WINNERS`` has a function for each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from engine.analysis.comparison import compare
from engine.analysis.comparison_sides import sides
from tests.engine.analysis.agreement_folder import CONTESTS
from tests.engine.analysis.agreement_read import Read
from tests.engine.analysis.agreement_views import html_rows, latex_rows, markdown_rows


def _only(names: Iterable[str]) -> str | None:
    """Return the one that there is, None for none."""
    found = list(names)
    assert len(found) < 2, found
    return found[0] if found else None


def best_of_csv(read: Read, contest: str) -> str | None:
    """Return the best of a figure's table as CSV."""
    return _only(row["experiment"] for row in read.csv(contest) if row["test_f1_best"] == "true")


def best_of_parquet(read: Read, contest: str) -> str | None:
    """Return the best of a figure's table as Parquet."""
    return _only(row["experiment"] for row in read.parquet(contest) if row["test_f1_best"])


def best_of_markdown(read: Read, contest: str) -> str | None:
    """Return what is bold in a figure's table in Markdown."""
    return _bold(markdown_rows(read.table("md", contest).read_text().replace("\\", "")))


def best_of_latex(read: Read, contest: str) -> str | None:
    """Return what is bold in a figure's table in LaTeX."""
    rows = latex_rows(read.table("tex", contest).read_text())
    return _only(row["experiment"] for row in rows if "textbf" in row["test F1"])


def best_of_report(read: Read, contest: str) -> str | None:
    """Return what is bold in a figure's table in the report."""
    return _bold(markdown_rows(read.section(contest).partition("### Results\n\n")[2]))


def best_of_html(read: Read, contest: str) -> str | None:
    """Return what is bold in a figure's table in the report as HTML."""
    return _bold(html_rows(read, contest))


def best_of_summary(read: Read, contest: str) -> str | None:
    """Return what is bold in a figure's row of the table at the top of the report."""
    table = read.report[read.report.index("| figure |") :]
    rows = [row["first"] for row in markdown_rows(table) if row["figure"] == contest]
    return _only(first.strip("*") for first in rows if first.startswith("**"))


def _bold(rows: Iterable[Mapping[str, str]]) -> str | None:
    return _only(row["experiment"] for row in rows if row["test F1"].startswith("**"))


def best_in_words(read: Read, contest: str) -> str | None:
    """Return the experiment that the report's sentences on a figure say beats each other one."""
    text = read.section(contest).partition("### Results")[0]
    names = CONTESTS[contest].scores
    beaten = [re.search(r"^- (\w+) beats ", line) for line in text.splitlines()]
    winners = [found[1] for found in beaten if found is not None]
    called = re.findall(r"^- (\w+) is the best of ", text, re.MULTILINE)
    if called:
        return _only(dict.fromkeys(called))
    return _only(name for name in names if len(names) == 2 and name in winners)


def best_of_comparison(read: Read, contest: str) -> str | None:
    """Return which beats each other one when it is compared with them."""
    names = list(CONTESTS[contest].scores)
    found = []
    for name in names:
        runs = [run for run in read.facts if run.status.experiment in names]
        baseline = next(run.status.run for run in runs if run.status.experiment == name)
        lines = compare(sides(runs, baseline), read.evidence).verdicts
        beaten = {other for other in names for line in lines if line.startswith(f"{name} beats {other} ")}
        found += [name] if len(beaten) == len(names) - 1 else []
    return _only(found)


WINNERS: Mapping[str, Callable[[Read, str], str | None]] = {
    "table csv": best_of_csv,
    "table parquet": best_of_parquet,
    "table md": best_of_markdown,
    "table latex": best_of_latex,
    "report": best_of_report,
    "report html": best_of_html,
    "report's sentences": best_in_words,
    "report's summary": best_of_summary,
    "comparison": best_of_comparison,
}
OF_REPORT = {"report", "report html", "report's sentences", "report's summary"}
"""What judges all figures together."""
