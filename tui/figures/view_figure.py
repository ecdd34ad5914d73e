"""The charts on the screen as figures, a file each: the same curves, signs, axis, zoom, smoothing and bands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from engine.analysis.curves import Curve
from engine.analysis.runs_that_count import Candidate
from engine.catalog.metrics import Axis
from engine.catalog.output_folders import FIGURES_AND_TABLES
from engine.runs.status import Status
from engine.runs.store import Run
from tui.figures.curves import Picture, draw_picture
from tui.figures.files import FORMATS, ExportError, Format, origin_of, replace_file, save
from tui.figures.style import drawn_in_fonts, no_font, style
from tui.palette import UNKNOWN, Sign
from tui.state.chart_line import ChartLine

MOST_BYTES = 80
"""Of a metric or an experiment in the name of a file."""


@dataclass(frozen=True, eq=False)
class ChartView:
    """What the charts show."""

    curves: Mapping[str, Sequence[Curve]]
    """By metric, those of the charts on the screen in their order."""
    names: Mapping[str, str]
    """What each run is called."""
    signs: Mapping[str, Sign]
    statuses: Mapping[str, Status]
    axis: Axis
    smoothing: float = 0.0
    zoom: tuple[float, float] | None = None
    log_y: bool = False


def default_path(view: ChartView) -> Path:
    """Return a name for the figures: that of the only experiment, or of the metric of several."""
    experiments = {status.experiment for status in view.statuses.values()}
    metrics = list(view.curves)
    only = len(metrics) == 1
    parts = [*(experiments if len(experiments) == 1 else []), *(metrics if only else [])] or ["comparison"]
    return FIGURES_AND_TABLES / f"{slug('-'.join(parts))}.png"


def slug(text: str) -> str:
    """Return a text as part of a file's name: letters of any script, in at most ``MOST_BYTES``."""
    words = re.sub(r"[^\w.]+|_+", "-", text).strip("-.")
    return words.encode(errors="ignore")[:MOST_BYTES].decode(errors="ignore").strip("-.") or "figure"


def paths_of(view: ChartView, path: Path) -> dict[str, Path]:
    """Return the file of each metric: the path itself for one, with the metric's name for several.

    Raises:
        ExportError: The path does not end in one of ``FORMATS``, or the charts are empty.
    """
    if path.suffix[1:] not in get_args(Format):
        raise ExportError(f"{path}: it has to end in {', '.join(f'.{kind}' for kind in FORMATS)}")
    metrics = [metric for metric in view.curves if list(lines_of(view, metric))]
    if not metrics:
        raise ExportError("There is nothing in the charts yet.")
    if len(metrics) == 1:
        return {metrics[0]: path}
    names = {metric: slug(metric) for metric in metrics}
    twice = {name for name, count in Counter(names.values()).items() if count > 1}
    return {
        metric: path.with_name(f"{path.stem}-{name}{f'-{number}' if name in twice else ''}{path.suffix}")
        for number, (metric, name) in enumerate(names.items(), 1)
    }


def export_view(
    view: ChartView, path: Path, runs: Path, say: Callable[[str], None] = lambda _: None
) -> list[Path]:
    """Write the figures of a view; takes seconds, and loads matplotlib.

    Args:
        view: What is shown.
        path: The file, or what the files of several metrics are called after; its ending is the format.
        runs: The folder of runs.
        say: Called with a line on characters that no font here has, if there are some.

    Returns:
        The files that were written.

    Raises:
        ExportError: A file cannot be written, or there is nothing to draw.
        StoreError: A run cannot be read.
    """
    files = paths_of(view, path)
    kind: Format = next(kind for kind in FORMATS if path.suffix == f".{kind}")
    unwritable: set[str] = set()
    with style():
        for metric, file in files.items():
            statuses = [
                view.statuses[curve.run] for curve in view.curves[metric] if curve.run in view.statuses
            ]
            names = list(dict.fromkeys(status.experiment for status in statuses))
            title = f"{metric}: {', '.join(names)}"
            lines = tuple(lines_of(view, metric))
            notes = tuple(_notes(statuses))
            picture = Picture(
                title, metric, view.axis, lines, "", view.smoothing, notes, view.zoom, view.log_y
            )
            candidates = [Candidate(run := Run(runs / status.run), run.info(), status) for status in statuses]
            figure, lacking = drawn_in_fonts(partial(draw_picture, picture))
            unwritable |= lacking
            replace_file(file, save(figure, kind, title, origin_of(candidates)))
    if unwritable:
        say(no_font(unwritable))
    return list(files.values())


def lines_of(view: ChartView, metric: str) -> Iterator[ChartLine]:
    """Yield the curves of a metric that have something to show in the view."""
    for curve in view.curves[metric]:
        visible = curve if view.zoom is None else curve.within(*view.zoom)
        if not (np.isfinite(visible.y) & ((visible.y > 0) | (not view.log_y))).any():
            continue
        name = view.names.get(curve.run) or view.statuses[curve.run].experiment
        sign = view.signs.get(curve.run, UNKNOWN)
        yield ChartLine(name, sign.colour, visible, sign.mark)


def _notes(statuses: Sequence[Status]) -> Iterator[str]:
    """Yield a sentence on each run that has not finished."""
    for status in statuses:
        if status.state != "finished":
            name = f"{status.experiment} (seed {status.seed})"
            yield f"{name} has not finished: {status.state} at epoch {status.epoch:.3g}."
