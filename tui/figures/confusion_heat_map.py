"""Confusion: a heat map an experiment, its rows the true classes, each cell a share of its row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.analysis.curves import Array
from tui.figures import line_labels as labels
from tui.figures.experiment_in_figure import Reading, Source
from tui.figures.figure_sheet import FigureSheet, begin, is_wide, plain, room_of, seeds_in_words
from tui.figures.last_confusion import last_matrices
from tui.figures.style import Look, Width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

BLUES_ON_PAPER = ("#6aaad6", "#08306b")
"""The colours of half and of all of a class's images; none of them have the colour of the ground."""
BLUES_ON_SLIDES = ("#2162bc", "#bfe0ff")
LEAST_CELL = 10.0
"""Points that a cell needs for a number in it."""
LEAST_LABEL = 6.6
"""Points from one class's name to the next."""
LEAST_SIDE = 0.4
"""Inches of a heat map."""
LONGEST = 12
"""Characters of a class's name."""
LETTERS = 17
"""Letters of a title in an inch."""
NAMES_ROOM, BAR_ROOM = 0.8, 0.55
"""Inches beside the heat maps for the names of classes, and for what the colours mean."""


@dataclass(frozen=True, eq=False)
class Summed:
    """The confusion of an experiment, over all of its seeds."""

    name: str
    colour: str
    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    """Images (C, C), rows the true classes."""
    seeds: int

    @property
    def percent(self) -> Array:
        """Of each row (C, C); zeros for a class without images."""
        shares: Array = 100 * self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1)
        return shares


def read(source: Source) -> Reading[Summed]:
    """Return the confusion of an experiment."""
    matrices, remarks = last_matrices(source)
    if not matrices:
        return Reading(None, remarks)
    counts = np.sum([matrix.counts for matrix in matrices], axis=0)
    summed = Summed(source.experiment.name, source.colour, matrices[0].labels, counts, len(matrices))
    return Reading(summed, remarks)


def draw(sheet: FigureSheet, parts: Sequence[Summed]) -> Figure:
    """Draw heat maps, at least one."""
    fitting: Width = "page" if len(parts) > 1 else "column"
    inches, high = sheet.look.size(sheet.width or fitting, 0.0)
    columns = _columns_of(len(parts), is_wide(sheet, fitting), inches, high)
    rows = math.ceil(len(parts) / columns)
    most = max(len(part.labels) for part in parts)
    side = (inches - NAMES_ROOM) / columns - 0.1
    side -= BAR_ROOM / columns
    numbers = 72 * side / most >= LEAST_CELL
    above = 0.2 if max(len(part.name) for part in parts) <= side * LETTERS else 0.28
    figure = begin(
        sheet,
        fitting,
        rows * (side + above) + NAMES_ROOM,
        _notes(parts),
        least=rows * (LEAST_SIDE + above) + NAMES_ROOM,
        compressed=True,
    )
    wide, _ = figure.get_size_inches()  # a slide that has to hold much is drawn larger
    side = min(side * wide / inches, (room_of(figure) - NAMES_ROOM) / rows - above)
    numbers = numbers and 72 * side / most >= LEAST_CELL
    grid = figure.subplots(rows, columns, squeeze=False)
    alike = len({part.labels for part in parts}) == 1
    colours, norm = _scale(sheet.look, many=not numbers)
    names = _titles(parts, max(10, int(side * LETTERS)))
    image: Any = None
    for index, axes in enumerate(grid.flat):
        if index >= len(parts):
            axes.remove()
            continue
        part = parts[index]
        image = axes.imshow(part.percent, cmap=colours, norm=norm, interpolation="nearest")
        axes.set_title(
            names[index], fontsize=labels.SIZE, pad=3, color=labels.readable(part.colour, sheet.look.ground)
        )
        _name_classes(
            axes, part, 72 * side / len(part.labels),
            left=not alike or index % columns == 0, below=not alike or index + columns >= len(parts),
        )  # fmt: skip
        axes.set_ylabel("True class" if index % columns == 0 else "")
        if numbers:
            _write_cells(axes, part, 72 * side / len(part.labels), image, sheet.look)
    _, bottom, *_ = labels.layout_of(figure).get()["rect"]
    figure.supxlabel("Taken for", y=bottom + 0.01, fontsize=labels.SIZE)
    bar = figure.colorbar(image, ax=list(grid.flat[: len(parts)]), fraction=0.03, aspect=30, pad=0.02)
    percents = (
        [0, 25, 50, 75, 100] if numbers else [0, 1, 5, 20, 50, 100] if side * rows > 1.4 else [0, 5, 20, 100]
    )
    bar.set_ticks(percents, labels=[f"{percent}{' %' * (percent == 100)}" for percent in percents])
    bar.ax.tick_params(labelsize=5.5)
    bar.outline.set_visible(False)
    return figure


def _columns_of(count: int, wide: bool, inches: float, high: float) -> int:
    """Return how many heat maps stand side by side; where the height is given, so that they are largest."""
    if high:
        room = max(0.5, high - 1.3)
        sizes = {
            columns: min((inches - NAMES_ROOM) / columns, room / math.ceil(count / columns))
            for columns in range(1, count + 1)
        }
        return max(sizes, key=lambda columns: (sizes[columns], -columns))
    if count <= 2:
        return count
    return 2 if not wide or count == 4 else 3


def _titles(parts: Sequence[Summed], width: int) -> list[str]:
    """Return the experiments' names in at most two lines of ``width`` characters."""
    names = labels.shorten_all([plain(part.name) for part in parts], 2 * width)
    return [name if len(name) <= width else _in_two(name, width) for name in names]


def _in_two(name: str, width: int) -> str:
    """Return a name in two lines of at most ``width`` characters, broken behind a dash or a space if possible."""
    breaks = [cut for cut in range(len(name) - width, width + 1) if name[cut - 1] in "- "]
    cut = breaks[-1] if breaks else width
    return f"{name[:cut].rstrip()}\n{name[cut:].lstrip()}"


def _notes(parts: Sequence[Summed]) -> list[str]:
    seeds = {part.seeds for part in parts}
    several = f", {'summed over ' * (seeds != {1})}{seeds_in_words(seeds)}"
    if len(seeds) > 1:
        several = f", summed over seeds ({', '.join(f'{part.name} N = {part.seeds}' for part in parts)})"
    return [f"Cells: % of the images of a true class, at the last evaluation{several}."]


def _scale(look: Look, *, many: bool) -> tuple[Colormap, Normalize]:
    """Return colours from nothing to all; where no numbers are written, small shares are told apart by colour."""
    from matplotlib.colors import LinearSegmentedColormap, Normalize, PowerNorm

    blues = BLUES_ON_SLIDES if look.is_dark else BLUES_ON_PAPER
    norm = PowerNorm(0.5, 0, 100) if many else Normalize(0, 100)
    return LinearSegmentedColormap.from_list("shares", (look.ground, *blues)), norm


def _name_classes(axes: Axes, part: Summed, cell: float, *, left: bool, below: bool) -> None:
    """Name the classes, or as many of them as there is room for."""
    every = max(1, math.ceil(LEAST_LABEL / cell))
    positions = list(range(0, len(part.labels), every))
    names = labels.shorten_all([plain(label) for label in part.labels], LONGEST)
    written = [names[position] for position in positions]
    axes.set_yticks(positions, written if left else [""] * len(positions), fontsize=5.5)
    axes.set_xticks(positions, written if below else [""] * len(positions), fontsize=5.5, rotation=90)
    axes.tick_params(length=0, pad=1.5)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4)


def _write_cells(axes: Axes, part: Summed, cell: float, image: Any, look: Look) -> None:
    """Write each cell's percentage, quietly where it rounds to nothing; none in the row of a class without images."""
    percent = part.percent
    seen = np.flatnonzero(part.counts.sum(axis=1)).tolist()
    for row, column in ((row, column) for row in seen for column in range(percent.shape[1])):
        red, green, blue, _ = image.cmap(image.norm(percent[row, column]))
        dark = 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2 < 0.25
        axes.text(
            column, row, f"{percent[row, column]:.0f}", ha="center", va="center_baseline",
            fontsize=min(6.5, 0.48 * cell),
            color=look.quiet if percent[row, column] < 0.5 else "#ffffff" if dark else "#111111",
        )  # fmt: skip
