"""The last confusion matrices of an experiment's runs: what heat maps and classes are made of."""

from __future__ import annotations

from engine.analysis.confusion import Matrix, make_matrix
from engine.analysis.selection import Candidate
from engine.config.schema import Figure
from engine.history.confusion import read_matrix
from tui.figures.source import Source


def split_of(figure: Figure) -> str:
    """Return the split whose matrices a figure shows: that of its metric."""
    return figure.y.partition("/")[0]


def wanted(figure: Figure) -> str:
    """Return what runs lack that have no matrix."""
    return f"confusion matrix of {split_of(figure)}"


def last_matrices(source: Source) -> tuple[list[Matrix], tuple[str, ...]]:
    """Return the last matrix of each run, all of the same classes, and a sentence on each run that is left out."""
    found: list[Matrix] = []
    remarks = []
    for each in source.choice.runs:
        matrix = _last(each, source)
        trouble = (
            f"has no {wanted(source.figure)}" if matrix is None
            else "has other classes" if found and matrix.labels != found[0].labels
            else ""
        )  # fmt: skip
        if matrix is not None and not trouble:
            found.append(matrix)
        else:
            remarks.append(f"{source.experiment.name}: seed {each.info.seed} {trouble} and is left out.")
    return found, tuple(remarks) if found else ()


def _last(candidate: Candidate, source: Source) -> Matrix | None:
    """Return the last matrix of a run that can be used; one without images cannot."""
    for place in reversed(source.history(candidate.run.path, None).matrices):
        if place.split == split_of(source.figure):
            event = read_matrix(candidate.run.events, place)
            matrix = None if event is None else make_matrix(event, place)
            if matrix is not None and matrix.images:
                return matrix
    return None
