"""A table of texts for other programs: LaTeX (booktabs), CSV. Special characters are escaped."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterable, Sequence

from engine.text import Strong, csv_text, printable

Rows = Sequence[Sequence[str]]

# a bracket or a star that begins a row would be an argument of the row's end before it
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "-": "{-}", "'": r"\textquotesingle{}",
    "[": "{[}", "]": "{]}", "*": "{*}", "±": r"\textpm{}", "†": r"\textdagger{}",
    "×": r"\texttimes{}", "−": r"\textminus{}",
}  # fmt: skip


def as_latex(head: Sequence[str], rows: Rows, right: Collection[int] = ()) -> str:
    """Return a table for LaTeX with booktabs; the columns ``right`` stand at their right edge.

    Texts in quotes and dashes need T1 fonts and textcomp, as is usual.
    """
    alignments = "".join("r" if column in right else "l" for column in range(len(head)))
    lines = [
        f"\\begin{{tabular}}{{{alignments}}}",
        "\\toprule",
        _latex_row(head),
        "\\midrule",
        *map(_latex_row, rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def as_csv(head: Sequence[str], rows: Rows) -> str:
    """Return a table as RFC 4180 has it, with lines that end in a line feed and texts as ``csv_text`` writes them."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([map(csv_text, line) for line in (head, *rows)])
    return out.getvalue()


_NEGATIVE = re.compile(r"(?<![^\s(\[,;±])-(?=\.?\d)")
"""The minus of a number: what a name or a range has between its parts is a hyphen."""


def latex(text: str) -> str:
    """Return a text as it is written in LaTeX, a negative number with a minus."""
    return "".join(_LATEX.get(letter, letter) for letter in _NEGATIVE.sub("−", printable(text)))


def latex_notes(notes: Iterable[str]) -> str:
    """Return notes as small print below a table."""
    lines = "\\par\n".join(map(latex, notes))
    return f"\\par\\smallskip\n{{\\footnotesize\\raggedright\n{lines}\\par}}\n"


def _latex_cell(text: str) -> str:
    return f"\\textbf{{{latex(text)}}}" if isinstance(text, Strong) else latex(text)


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex_cell, cells)) + r" \\"
