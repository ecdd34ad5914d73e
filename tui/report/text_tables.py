"""A table of texts for other programs: Markdown, LaTeX (booktabs), CSV. Any text comes out as that text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Sequence

from engine.text import printable

Rows = Sequence[Sequence[str]]

# a bracket or a star that begins a row would be an argument of the row's end before it
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "`": r"\textasciigrave{}", "-": "{-}", "'": r"\textquotesingle{}",
    "[": "{[}", "]": "{]}", "*": "{*}", "±": r"\textpm{}", "†": r"\textdagger{}",
}  # fmt: skip


class Strong(str):
    """A text that stands out, where a format can make it."""

    __slots__ = ()


def as_markdown(head: Sequence[str], rows: Rows, right: Collection[int] = ()) -> str:
    """Return a table for Markdown with tables (GitHub's); the columns ``right`` stand at their right edge."""
    rule = ["---:" if place in right else "---" for place in range(len(head))]
    written = [list(map(_markdown_cell, head)), rule, *(list(map(_markdown_cell, row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in written)


def as_latex(head: Sequence[str], rows: Rows, right: Collection[int] = ()) -> str:
    """Return a table for LaTeX with booktabs; the columns ``right`` stand at their right edge.

    Texts in quotes and dashes need T1 fonts and textcomp, as is usual.
    """
    places = "".join("r" if place in right else "l" for place in range(len(head)))
    lines = [
        f"\\begin{{tabular}}{{{places}}}",
        "\\toprule",
        _latex_row(head),
        "\\midrule",
        *map(_latex_row, rows),
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def as_csv(head: Sequence[str], rows: Rows) -> str:
    """Return a table as RFC 4180 has it, with lines that end in a line feed."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(
        [[printable(cell) for cell in line] for line in (head, *rows)]
    )
    return out.getvalue()


FORMATS: dict[str, Callable[[Sequence[str], Rows], str]] = {
    "Markdown": as_markdown,
    "LaTeX": as_latex,
    "CSV": as_csv,
}


def markdown(text: str) -> str:
    """Return a text as it is written in a cell of Markdown: letters, digits and some marks as they are."""
    return re.sub(r"([!-/:-@\[-`{-~])", _marked, printable(text))


def latex(text: str) -> str:
    """Return a text as it is written in LaTeX."""
    return "".join(_LATEX.get(letter, letter) for letter in printable(text))


def _marked(match: re.Match[str]) -> str:
    """Escape a mark that could mean something in Markdown where it stands."""
    mark, before, after = match[0], match.string[: match.start()], match.string[match.end() :]
    if mark in ".)":
        quiet = not (before.strip().isdigit() and not after[:1].strip())  # else it would begin a list
    elif mark in "-/":
        quiet = before[-1:].isalnum() and after[:1].isalnum()
    elif mark == "=":
        quiet = bool(before.strip())  # else it could underline a heading
    else:
        quiet = mark in ",;'%(" or (mark == ":" and after[:1] == " ")
    return mark if quiet else f"\\{mark}"


def _markdown_cell(text: str) -> str:
    return f"**{markdown(text)}**" if isinstance(text, Strong) else markdown(text)


def _latex_cell(text: str) -> str:
    return f"\\textbf{{{latex(text)}}}" if isinstance(text, Strong) else latex(text)


def _latex_row(cells: Sequence[str]) -> str:
    return " & ".join(map(_latex_cell, cells)) + r" \\"
