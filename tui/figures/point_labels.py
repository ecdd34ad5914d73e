"""Names beside points, so that none lies on another, on a point or on its error bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from engine.analysis.curves import Array
from tui.figures import line_labels
from tui.figures.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Bbox

REACHES = (5.0, 9.0, 15.0, 22.0, 30.0)
"""Points between a mark and its name: the nearest is tried first."""
SIDES = ((1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1), (0, 1), (0, -1))
"""Where a name may stand, right and up being positive; those that read best come first."""


def name_points(
    figure: Figure, axes: Axes, points: Array, names: Sequence[str], colours: Sequence[str], look: Look
) -> bool:
    """Write a name beside each point, and fix the layout of the figure.

    A name that cannot stand near has a thin line to its point. Where they do not all fit none is written.

    Args:
        figure: The figure, in a constrained layout.
        axes: The axes that hold the points.
        points: Where the points stand (N, 2), in the values of the axes.
        names: The name of each point.
        colours: The colour of each point.
        look: The look of the figure, whose ground the names are readable on.

    Returns:
        Whether the names all fit.
    """
    figure.draw_without_rendering()
    boxes = _plan(figure, axes, points, names)
    if boxes is None:
        return False
    figure.set_layout_engine("none")
    point = figure.dpi / 72  # pixels
    pixels = axes.transData.transform(points)
    for pixel, spot, name, colour, value in zip(pixels, boxes, names, colours, points, strict=True):
        offset = (spot.x0 - pixel[0]) / point, ((spot.y0 + spot.y1) / 2 - pixel[1]) / point
        aside = max(spot.x0 - pixel[0], pixel[0] - spot.x1, spot.y0 - pixel[1], pixel[1] - spot.y1)
        leader = {"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 1, "shrinkB": 4,
                  "relpos": (0.0 if spot.x0 > pixel[0] else 1.0 if spot.x1 < pixel[0] else 0.5, 0.5)}  # fmt: skip
        axes.annotate(
            name, (float(value[0]), float(value[1])), offset, textcoords="offset points", annotation_clip=False,
            va="center_baseline", fontsize=line_labels.SIZE, color=line_labels.readable(colour, look.ground),
            arrowprops=leader if aside > 1.5 * REACHES[0] * point else None,
        )  # fmt: skip
    return True


def _plan(figure: Figure, axes: Axes, points: Array, names: Sequence[str]) -> list[Bbox] | None:
    """Return where each name goes, in pixels; None where they do not all fit."""
    point = figure.dpi / 72
    pixels = axes.transData.transform(points)  # (N, 2)
    taken = [*_marks(pixels, point), *_bars(axes, point)]
    name_boxes: list[Bbox] = []
    for pixel, name in zip(pixels, names, strict=True):
        size = line_labels.measure(figure, name)
        spots = _spots(pixel, size.width, 0.85 * size.height, point)
        spot = next(
            (
                free_spot
                for free_spot in spots
                if _is_free(free_spot, axes, figure, [*taken, *name_boxes], point)
            ),
            None,
        )
        if spot is None:
            return None
        name_boxes.append(spot)
    return name_boxes


def _spots(pixel: Array, width: float, height: float, point: float) -> Iterator[Bbox]:
    from matplotlib.transforms import Bbox

    for reach in REACHES:
        for right, up in SIDES:
            x = pixel[0] + right * reach * point - (width if right < 0 else width / 2 if right == 0 else 0)
            y = pixel[1] + up * reach * point - (height if up < 0 else height / 2 if up == 0 else 0)
            yield Bbox.from_bounds(x, y, width, height)


def _is_free(spot: Bbox, axes: Axes, figure: Figure, taken: Sequence[Bbox], point: float) -> bool:
    inside = axes.bbox.x0 + 2 * point <= spot.x0 and spot.x1 <= figure.bbox.x1 - 3 * point
    inside = inside and axes.bbox.y0 + 2 * point <= spot.y0 and spot.y1 <= axes.bbox.y1 + 4 * point
    return inside and not spot.padded(1.2 * point).count_overlaps(taken)


def _marks(places: Array, point: float) -> list[Bbox]:
    from matplotlib.transforms import Bbox

    return [Bbox.from_bounds(x - 3 * point, y - 3 * point, 6 * point, 6 * point) for x, y in places]


def _bars(axes: Axes, point: float) -> Iterator[Bbox]:
    """Yield the room of error bars and of the lines that are drawn, in pixels."""
    from matplotlib.collections import LineCollection
    from matplotlib.transforms import Bbox

    bars = [each for each in axes.collections if isinstance(each, LineCollection)]
    paths = [path.transformed(axes.transData) for each in bars for path in each.get_paths()]
    paths += [line.get_path().transformed(line.get_transform()) for line in axes.lines]
    for path in paths:
        ends = np.asarray(path.vertices, dtype=np.float64)  # (N, 2)
        for pair in np.stack([ends[:-1], ends[1:]], axis=1):
            yield Bbox([pair.min(axis=0), pair.max(axis=0)]).padded(0.5 * point)
