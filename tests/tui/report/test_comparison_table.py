"""A comparison for other programs: Markdown, LaTeX and CSV have the same cells, and names are no syntax."""

from __future__ import annotations

import csv
import io

from engine.analysis.comparison import Table, compare
from engine.analysis.comparison_sides import sides
from engine.analysis.conclusions.evidence import Evidence
from engine.runs.metadata import RunMetadata, summaries_of
from engine.runs.status import Status
from tests.engine.analysis.agreement_views import latex_rows
from tui.report.comparison_table import comparison_text
from tui.report.latex_and_csv_syntax import latex


def compared(name: str) -> Table:
    runs = [
        Status(
            run=f"{experiment}-{seed}", experiment=experiment, seed=seed, state="finished",
            last={"test/f1": first + seed / 100}, best={"gpu/memory_peak": 2.0**30},
        )
        for experiment, first in (("vit", 0.6), (name, 0.8))
        for seed in range(3)
    ]  # fmt: skip
    metadata = {
        run.run: RunMetadata({"model": "vit_b" if run.experiment == "vit" else "bit"}) for run in runs
    }
    facts = summaries_of(runs, metadata)
    return compare(sides(facts, None), Evidence({}, facts))


def test_markdown_has_deltas_in_a_column_and_all_that_is_concluded() -> None:
    text = comparison_text(compared("a|b*c"), "Markdown")
    head, rule, *rows = text.splitlines()
    assert head == "|  | vit ×3 | a\\|b\\*c ×3 | less vit |"
    assert rule == "| --- | ---: | ---: | ---: |"
    assert rows[0] == "| test F1 | 0.610 ± 0.010 | 0.810 ± 0.010 | **\\+0.200 (0.177 to 0.223)** |"
    assert rows[1] == "| memory, most | 1.0 GiB | 1.0 GiB | \\= |"
    assert rows[2] == "| model | vit\\_b | bit |  |"
    assert "\n- a\\|b\\*c beats vit by 0.200 F1 (0.177 to 0.223, 95 %" in text
    assert "\n- Bold: told apart from the baseline.\n" in text


def test_latex_is_a_table_with_booktabs_and_small_print() -> None:
    text = comparison_text(compared("a_b & c"), "LaTeX")
    assert text.startswith("\\begin{tabular}{lrrr}\n\\toprule\n & vit $") or "\\toprule" in text
    assert "a\\_b \\& c \\texttimes{}3" in text
    assert (
        "test F1 & 0.610 \\textpm{} 0.010 & 0.810 \\textpm{} 0.010 & \\textbf{+0.200 (0.177 to 0.223)} \\\\"
        in text
    )
    assert "\\footnotesize" in text
    assert latex("-0.3 (-.4 to -0.2) ViT-32 1-3 1e-05") == (
        r"\textminus{}0.3 (\textminus{}.4 to \textminus{}0.2) ViT{-}32 1{-}3 1e{-}05"
    )
    assert len({len(row) for row in latex_rows(text)}) == 1


def test_csv_has_the_cells_alone() -> None:
    head, *rows = csv.reader(io.StringIO(comparison_text(compared("bit"), "CSV")))
    assert head == ["", "vit ×3", "bit ×3", "less vit"]
    assert rows[0] == ["test F1", "0.610 ± 0.010", "0.810 ± 0.010", "'+0.200 (0.177 to 0.223)"]
    assert all(len(row) == len(head) for row in rows)
