"""The last confusion matrices of an experiment's runs: what heat maps and classes are made of."""

from __future__ import annotations

from engine.analysis.confusion import Matrix, make_matrix
from engine.analysis.runs_that_count import Candidate
from engine.config.schema import Figure
from engine.history.confusion_index import read_matrix
from tui.figures.experiment_in_figure import Source


def split_of(figure: Figure) -> str:
    """Return the split whose matrices a figure shows: that of its metric."""
    return figure.y.partition("/")[0]


def matrix_name(figure: Figure) -> str:
    """Return what a figure's confusion matrices are called."""
    return f"confusion matrix of {split_of(figure)}"


def last_matrices(source: Source) -> tuple[list[Matrix], tuple[str, ...]]:
    """Return the last matrix of each run, all of the same classes, and a sentence on each run that is left out."""
    matrices: list[Matrix] = []
    remarks = []
    for run in source.choice.runs:
        matrix = _last(run, source)
        trouble = (
            f"has no {matrix_name(source.figure)}" if matrix is None
            else "has other classes" if matrices and matrix.labels != matrices[0].labels
            else ""
        )  # fmt: skip
        if matrix is not None and not trouble:
            matrices.append(matrix)
        else:
            remarks.append(f"{source.experiment.name}: seed {run.info.seed} {trouble} and is left out.")
    return matrices, tuple(remarks) if matrices else ()


def _last(candidate: Candidate, source: Source) -> Matrix | None:
    """Return the last matrix of a run that can be used; one without images cannot."""
    for matrix_place in reversed(source.history(candidate.run.path, None).matrices):
        if matrix_place.split == split_of(source.figure):
            event = read_matrix(candidate.run.events, matrix_place)
            matrix = None if event is None else make_matrix(event, matrix_place)
            if matrix is not None and matrix.images:
                return matrix
    return None
