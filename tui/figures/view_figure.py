"""The charts on the screen as figures, a file each: the same curves, signs, axis, zoom, smoothing and bands."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np

from engine.analysis.curves import Curve
from engine.analysis.runs_that_count import Candidate
from engine.catalog.export_folders import FIGURES_AND_TABLES
from engine.catalog.metrics import Axis
from engine.runs.status import Status
from engine.runs.store import Run
from tui.curve_palette import UNKNOWN, Sign
from tui.figures.axis_titles import title as metric_title
from tui.figures.curve_figure import Picture, draw_picture
from tui.figures.figure_files import FORMATS, ExportError, Format, origin_of, replace_file, save
from tui.figures.style import drawn_in_fonts, no_font, style
from tui.state.chart_line import ChartLine

MOST_BYTES = 80
"""Of a metric or an experiment in the name of a file."""
MOST_NAMES, MOST_SEEDS = 2, 8
"""How many experiments a title names, and how many seeds small print lists."""


@dataclass(frozen=True, eq=False)
class ChartView:
    """What the charts show."""

    curves: Mapping[str, Sequence[Curve]]
    """By metric, those of the charts on the screen in their order."""
    names: Mapping[str, str]
    """What each run is called."""
    signs: Mapping[str, Sign]
    statuses: Mapping[str, Status]
    """Of the runs, and of those that curves are means of."""
    axis: Axis
    smoothing: float = 0.0
    zoom: tuple[float, float] | None = None
    log_y: bool = False
    folds: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By run, all runs that its curve may be the mean of."""

    def behind(self, curve: Curve, metric: str) -> list[Status]:
        """Return the runs that a curve of a metric is of."""
        runs = self.folds.get(curve.run, (curve.run,)) if curve.n > 1 else (curve.run,)
        known = [self.statuses[run] for run in runs if run in self.statuses]
        return [status for status in known if metric in status.last] or known


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
            picture = picture_of(view, metric)
            statuses = [status for line in picture.lines for status in view.behind(line.curve, metric)]
            candidates = [Candidate(run := Run(runs / status.run), run.info(), status) for status in statuses]
            figure, lacking = drawn_in_fonts(partial(draw_picture, picture))
            unwritable |= lacking
            replace_file(file, save(figure, kind, picture.title, origin_of(candidates)))
    if unwritable:
        say(no_font(unwritable))
    return list(files.values())


def without_count(name: str) -> str:
    """Return what a chart calls a curve without its number of runs, ``ViT-B ×3``; empty where that is all."""
    return re.sub(r" ?×\d+$", "", name)


def picture_of(view: ChartView, metric: str) -> Picture:
    """Return a chart of the view as a picture for paper: its title in words, and of which seeds its curves are."""
    lines = tuple(lines_of(view, metric))
    shown = [view.behind(line.curve, metric) for line in lines]
    statuses = [status for behind in shown for status in behind]
    notes = (*_seeds(shown), *_notes(statuses))
    return Picture(
        _title(metric, statuses), metric, view.axis, lines, "", view.smoothing, notes, view.zoom, view.log_y
    )


def lines_of(view: ChartView, metric: str) -> Iterator[ChartLine]:
    """Yield the curves of a metric that have something to show in the view."""
    for curve in view.curves[metric]:
        visible = curve if view.zoom is None else curve.within(*view.zoom)
        if not (np.isfinite(visible.y) & ((visible.y > 0) | (not view.log_y))).any():
            continue
        name = view.names.get(curve.run) or view.statuses[curve.run].experiment
        sign = view.signs.get(curve.run, UNKNOWN)
        yield ChartLine(name, sign.colour, visible, sign.mark)


def _title(metric: str, statuses: Sequence[Status]) -> str:
    """Return what is shown, in words: the metric, and one or two experiments."""
    names = list(dict.fromkeys(status.experiment for status in statuses))
    if len(names) > MOST_NAMES:
        return f"{metric_title(metric)} of {len(names)} experiments"
    return f"{metric_title(metric)}: {' and '.join(names)}" if names else metric_title(metric)


def _seeds(shown: Sequence[Sequence[Status]]) -> Iterator[str]:
    """Yield which seeds the curves are of, each given as its runs."""
    words = {}
    for behind in filter(None, shown):
        seeds = list(dict.fromkeys(str(status.seed) for status in behind))
        few = seeds if len(seeds) <= MOST_SEEDS else [*seeds[: MOST_SEEDS - 1], "…", seeds[-1]]
        words[behind[0].experiment] = f"seed{'s' * (len(seeds) > 1)} {', '.join(few)}"
    if len(set(words.values())) == 1:
        text = next(iter(words.values()))
        yield f"{text[0].upper()}{text[1:]}."
    elif words:
        yield f"{'; '.join(f'{name}: {seeds}' for name, seeds in words.items())}."


def _notes(statuses: Sequence[Status]) -> Iterator[str]:
    """Yield a sentence on each run that has not finished."""
    for status in statuses:
        if status.state != "finished":
            name = f"{status.experiment} (seed {status.seed})"
            yield f"{name} has not finished: {status.state} at epoch {status.epoch:.3g}."
