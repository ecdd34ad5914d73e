"""Steptime: where a training step's time goes, a bar of phases an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.analysis.statistics.seed_intervals import seed_mean
from engine.analysis.step_time import EVALUATION, in_step, mean_of
from engine.catalog.metrics import PHASES
from engine.text import milliseconds, shorten
from tui.axis_ticks import Unit
from tui.figures import line_labels
from tui.figures.axis_titles import Scale
from tui.figures.experiment_in_figure import Reading, Source
from tui.figures.figure_sheet import (
    NAMES,
    FigureSheet,
    begin,
    is_wide,
    name_rows,
    plain,
    room_of,
    seeds_in_words,
    with_counts,
)
from tui.figures.final_scores import ticks_of
from tui.figures.score_bars import LEAST_ROW, ROW, make_room
from tui.figures.style import Width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

COLOURS = {
    "data": "#e3a72f", "forward": "#8cc4e8", "backward": "#2f78b7", "optimizer": "#6e6e6e", EVALUATION: "#d98cb8",
}  # fmt: skip
"""Of the phases: neighbours differ in lightness too, for readers without colour."""
OTHERS = ("#a3b18a", "#b5651d", "#b0a8d8", "#4f7f6f")
UNITS = ((3_600_000.0, "h"), (60_000.0, "min"), (1000.0, "s"), (1.0, "ms"))
"""Milliseconds of each unit of the axis, and its name."""
MOST_MS = 1e12


@dataclass(frozen=True)
class Spent:
    """An experiment's step."""

    name: str
    phases: Mapping[str, float]
    """Milliseconds, means over steps and seeds."""
    seeds: int


def read(source: Source) -> Reading[Spent]:
    """Return what the phases of a step take, over the runs that have measured them."""
    phases_by_run = [phases for run in source.choice.runs if (phases := _phases(source, run.run.path))]
    if not phases_by_run:
        return Reading(None)
    names = list(dict.fromkeys(name for phases in phases_by_run for name in phases))
    means = {name: seed_mean([phases.get(name, 0.0) for phases in phases_by_run]) for name in names}
    return Reading(Spent(source.experiment.name, means, len(phases_by_run)))


def draw(sheet: FigureSheet, parts: Sequence[Spent]) -> Figure:
    """Draw bars, at least one."""
    fitting: Width = (
        "page" if len(parts) > 3 or max(len(part.name) for part in parts) > NAMES[1] else "column"
    )
    wide = is_wide(sheet, fitting)
    colours = _colours(parts)
    figure = begin(
        sheet,
        fitting,
        0.5 + ROW * len(parts),
        [_meaning(parts)],
        _key(colours),
        least=0.45 + LEAST_ROW * len(parts),
    )
    axes = figure.add_subplot()
    names = line_labels.shorten_all([plain(part.name) for part in parts], NAMES[not wide])
    size = name_rows(axes, with_counts(names, [part.seeds for part in parts]), room_of(figure) - 0.45)
    longest = max(sum(part.phases.values()) for part in parts) or 1.0
    scale = _scale(longest)
    widths = [{name: part.phases.get(name, 0.0) / scale.size for name in colours} for part in parts]
    for row, (part, spent) in enumerate(zip(parts, widths, strict=True)):
        _draw_bar(axes, row, spent, colours, sheet.look.ground)
        axes.annotate(
            milliseconds(sum(part.phases.values())), (sum(spent.values()), row), (4, 0),
            textcoords="offset points", va="center_baseline", fontsize=size,
        )  # fmt: skip
    axes.set_xlim(0, longest / scale.size)
    axes.set_xticks(*ticks_of(0, longest / scale.size, 6 if wide else 4, scale))
    axes.set_xlabel(scale.title)
    axes.grid(axis="x")
    make_room(figure, axes)
    for row, spent in enumerate(widths):
        _write_shares(figure, axes, row, spent, colours, 0.9 * size)
    return figure


def _scale(longest: float) -> Scale:
    """Return the axis of times up to ``longest`` milliseconds, in the unit that people would say them in."""
    size, name = next((unit for unit in UNITS if longest >= 2 * unit[0]), UNITS[-1])
    return Scale(f"Time of a step ({name})", Unit(floor=0.0), size)


def _phases(source: Source, path: Path) -> dict[str, float]:
    """Return a run's milliseconds by phase: those of the engine, and those that the user's own program measured."""
    history = source.history(path, None)
    means = {name: mean_of(column) for name, column in history.columns.items() if name.startswith("time/")}
    start = history.starts[-1] if history.starts else None
    every = (start.config if start else {}).get("evaluate_every", 1)
    step_phases = in_step(means, start.steps_per_epoch if start else None, every)
    engine_names = {f"time/{name}" for name in (*PHASES, EVALUATION)}
    others = {
        name.removeprefix("time/"): 1000 * value for name, value in means.items() if name not in engine_names
    }
    return {name: value for name, value in (step_phases | others).items() if 0 <= value <= MOST_MS}


def _colours(parts: Sequence[Spent]) -> dict[str, str]:
    """Return the colour of each phase that takes time, in the order of a step."""
    there = dict.fromkeys(name for part in parts for name, value in part.phases.items() if value > 0)
    engine_colours = {name: colour for name, colour in COLOURS.items() if name in there}
    others = [name for name in there if name not in COLOURS]
    return engine_colours | {name: OTHERS[index % len(OTHERS)] for index, name in enumerate(others)}


def _meaning(parts: Sequence[Spent]) -> str:
    shared = any(part.phases.get(EVALUATION) for part in parts)
    seeds = seeds_in_words([part.seeds for part in parts])
    return f"Means over all steps, {seeds}; shares in the bars." + (
        " An evaluation is shared out over the steps between two." if shared else ""
    )


def _key(colours: Mapping[str, str]) -> list[tuple[Patch, str]]:
    from matplotlib.patches import Patch

    return [(Patch(facecolor=colour), shorten(plain(name), 24, "middle")) for name, colour in colours.items()]


def _draw_bar(
    axes: Axes, row: int, widths: Mapping[str, float], colours: Mapping[str, str], ground: str
) -> None:
    left = 0.0
    for name, width in widths.items():
        axes.barh(row, width, 0.66, left=left, color=colours[name], edgecolor=ground, linewidth=0.5)
        left += width


def _write_shares(
    figure: Figure, axes: Axes, row: int, widths: Mapping[str, float], colours: Mapping[str, str], size: float
) -> None:
    """Write each phase's share where its piece of the bar has the room."""
    total = sum(widths.values())
    low, high = axes.get_xlim()
    pixels = axes.bbox.width / (high - low)
    left = 0.0
    for name, width in widths.items():
        colour = colours[name]
        share = f"{100 * width / total:.0f} %" if total else ""
        if line_labels.measure(figure, share).width * 1.15 < width * pixels:
            ink = "#ffffff" if colour in ("#2f78b7", "#6e6e6e", "#b5651d", "#4f7f6f") else "#111111"
            axes.text(
                left + width / 2, row, share, ha="center", va="center_baseline", fontsize=size, color=ink
            )
        left += width
