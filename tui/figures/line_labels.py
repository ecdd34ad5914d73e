"""Names beside their curves: each at the end of its line where all fit, in a legend where they do not.

::

    ┤        ___●── ViT-B       A line that ends at the right edge has its name in the gutter there, moved up or
    ┤   __--´  _●── BiT-S       down until no two overlap; one that ends before has it right behind its end,
    ┤ ●´__---´´                 if neither a curve nor another name is in the way.
    └──────────────┘ gutter
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.text import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

SIZE = 6.5
"""Points: the height of a name."""
GAP = 8.0
"""Points between the edge of the axes and the gutter's names."""
ABOVE = 6.0
"""Points between the upper edge of the axes, where marks may stand, and a legend."""
MARK = 26.0
"""Points that a legend's line and the spaces around it take."""
MOST = 0.36
"""How much of a figure's width the gutter may take."""
FARTHEST = 2.2
"""The largest distance of a name from the end of its line, in heights of a name."""


Offset = tuple[float, float]
"""Points to the right and up."""


@dataclass(frozen=True, eq=False)
class End:
    """A drawn line and where it ends."""

    artist: Line2D
    colour: str
    x: float
    y: float


def label(figure: Figure, axes: Axes, ends: Sequence[End], names: Sequence[str], *, wide: bool) -> None:
    """Name the lines at their ends, or in a legend where the names do not fit there, and fix the figure's layout.

    Args:
        figure: The figure, in a constrained layout.
        axes: The axes that hold the lines.
        ends: The lines.
        names: The name of each line.
        wide: Whether a legend stands beside the axes; else it stands above them.
    """
    offsets = _plan(figure, axes, ends, names)
    if offsets is None:
        _reserve(figure, 0.0)
        _add_legend(figure, axes, ends, names, wide=wide)
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for end, name, offset in zip(ends, names, offsets or [], strict=False):
        _write(axes, end, name, offset)


def layout_of(figure: Figure) -> ConstrainedLayoutEngine:
    """Return the layout engine of a figure that has a constrained layout."""
    return cast("ConstrainedLayoutEngine", figure.get_layout_engine())


def shorten_all(names: Sequence[str], width: int) -> list[str]:
    """Return names in at most ``width`` cells each; those that come out alike are numbered."""
    short = [shorten(name, width, "middle") for name in names]
    return [
        name
        if short.count(name) == 1
        else f"{shorten(name, width - 4, 'middle')} ({short[: i + 1].count(name)})"
        for i, name in enumerate(short)
    ]


def readable(colour: str, ground: str = "#ffffff") -> str:
    """Return a colour of lines as one of letters on a ground: the same hue, contrast of at least 4.5 to 1."""
    rgb, below = _parts(colour), _parts(ground)
    target = 0.0 if _luminance(below) > 0.18 else 1.0
    while _contrast(rgb, below) < 4.5:
        rgb = [0.96 * part + 0.04 * target for part in rgb]
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def spread(places: Sequence[float], height: float, low: float, high: float) -> list[float] | None:
    """Return places near the given ones, in the same order, ``height`` apart and from ``low`` to ``high``.

    Names that would overlap form a block that stands around the mean of the places they asked for.

    Args:
        places: Where the middle of each name belongs, in pixels.
        height: Pixels from the middle of a name to that of the next, at least.
        low: The lower edge of the room for names.
        high: The upper edge of the room for names.

    Returns:
        The middle of each name; None if the room is too small for all.
    """
    if height * len(places) > high - low:
        return None
    order = sorted(range(len(places)), key=lambda i: places[i])
    blocks: list[tuple[float, list[int]]] = []  # where its middle is, and who is in it, from below
    for index in order:
        middle, members = _inside(places[index], 1, height, low, high), [index]
        while blocks and middle - blocks[-1][0] < height * (len(members) + len(blocks[-1][1])) / 2 - 1e-9:
            members = blocks.pop()[1] + members
            mean_place = sum(places[i] for i in members) / len(members)
            middle = _inside(mean_place, len(members), height, low, high)
        blocks.append((middle, members))
    spread_places = [0.0] * len(places)
    for middle, members in blocks:
        for position, index in enumerate(members):
            spread_places[index] = middle + height * (position - (len(members) - 1) / 2)
    return spread_places


def _inside(middle: float, members: int, height: float, low: float, high: float) -> float:
    reach = members * height / 2
    return min(max(middle, low + reach), high - reach)


def _plan(figure: Figure, axes: Axes, ends: Sequence[End], names: Sequence[str]) -> list[Offset] | None:
    """Return where each name goes, seen from the end of its line; None when they do not all fit."""
    left, right = axes.get_xlim()
    edge = [i for i, end in enumerate(ends) if end.x > right - 0.04 * (right - left)]
    point = figure.dpi / 72  # pixels
    sizes = [measure(figure, name) for name in names]
    height = 1.1 * max(size.height for size in sizes)
    gutter = max((sizes[i].width + (GAP + 2) * point for i in edge), default=0.0) / figure.bbox.width
    if gutter > MOST:
        return None
    _reserve(figure, gutter)
    frame = axes.bbox
    places = axes.transData.transform([(end.x, end.y) for end in ends])  # (lines, 2), pixels
    rows = spread([places[i][1] for i in edge], height, frame.y0 - height / 2, frame.y1 + height / 2)
    if rows is None:
        return None
    offsets: dict[int, Offset] = {}
    for i, row in zip(edge, rows, strict=True):
        offsets[i] = ((frame.x1 - places[i][0]) / point + GAP, (row - places[i][1]) / point)
        if abs(row - places[i][1]) > FARTHEST * height:
            return None
    taken: list[Bbox] = []
    for i in range(len(ends)):
        if i not in offsets:
            spot = _free_spot(axes, [end.artist for end in ends], places[i], sizes[i], taken, point)
            if spot is None:
                return None
            taken.append(spot)
            offsets[i] = ((spot.x0 - places[i][0]) / point, ((spot.y0 + spot.y1) / 2 - places[i][1]) / point)
    return [offsets[i] for i in range(len(ends))]


def _free_spot(
    axes: Axes, lines: Sequence[Line2D], end: Offset, size: Bbox, taken: Sequence[Bbox], point: float
) -> Bbox | None:
    """Return a place for a name right behind the end of its line where nothing else is, in pixels."""
    from matplotlib.transforms import Bbox

    paths = [line.get_path().transformed(line.get_transform()) for line in lines]
    for up in (0.0, 0.6, -0.6, 1.1, -1.1):
        x, y = end[0] + (5 if abs(up) < 1 else 0) * point, end[1] + up * size.height
        spot = Bbox.from_bounds(x, y - size.height / 2, size.width, size.height)
        free = spot.padded(1.5 * point)
        inside = axes.bbox.y0 <= spot.y0 and spot.y1 <= axes.bbox.y1 + size.height and free.x1 <= axes.bbox.x1
        if (
            inside
            and not any(path.intersects_bbox(free, filled=False) for path in paths)
            and not free.count_overlaps(taken)
        ):
            return spot
    return None


def _write(axes: Axes, end: End, name: str, offset: Offset) -> None:
    """Write a name beside the end of its line, with a thin leader to it where it had to move away."""
    from matplotlib.colors import to_hex

    ground = to_hex(axes.get_facecolor())
    leader = {
        "arrowstyle": "-",
        "color": end.colour,
        "linewidth": 0.5,
        "shrinkA": 1,
        "shrinkB": 3,
        "relpos": (0, 0.5),
    }
    axes.annotate(
        name, (end.x, end.y), offset, textcoords="offset points", annotation_clip=False,
        va="center_baseline", fontsize=SIZE, color=readable(end.colour, ground),
        arrowprops=leader if abs(offset[1]) > 2 else None,
    )  # fmt: skip


def _add_legend(figure: Figure, axes: Axes, ends: Sequence[End], names: Sequence[str], *, wide: bool) -> None:
    """List the lines beside a wide figure, above a narrow one; the one that ends highest comes first."""
    from matplotlib.transforms import ScaledTranslation

    order = sorted(range(len(ends)), key=lambda i: -ends[i].y)
    longest = max(measure(figure, name).width for name in names) + MARK * figure.dpi / 72
    columns = 1 if wide else min(max(int(axes.bbox.width / longest), 1), 2, len(ends))
    away = ScaledTranslation(GAP / 72 * wide, ABOVE / 72 * (not wide), figure.dpi_scale_trans)
    legend = axes.legend(
        [ends[i].artist for i in order], [" "] * len(ends), ncols=columns, frameon=False, borderpad=0,
        loc="upper left" if wide else "lower left", bbox_to_anchor=(1.0, 1.0) if wide else (0.0, 1.0),
        bbox_transform=axes.transAxes + away, borderaxespad=0, handlelength=2.2, columnspacing=1.2,
        labelspacing=0.5 if wide else 0.3, fontsize=SIZE,
    )  # fmt: skip
    for text, i in zip(legend.get_texts(), order, strict=True):
        text.set_text(names[i])  # given to legend() itself, a name that begins with _ would be left out


def measure(figure: Figure, name: str) -> Bbox:
    """Return the bounding box of a name, in pixels."""
    text = figure.text(0, 0, name, fontsize=SIZE)
    box = text.get_window_extent()
    text.remove()
    return box


def _reserve(figure: Figure, share: float) -> None:
    """Keep a share of the figure's width free on its right, and lay the rest out."""
    engine = layout_of(figure)
    left, bottom, _, height = engine.get()["rect"]
    engine.set(rect=(left, bottom, 1 - share, height))
    figure.draw_without_rendering()


def _parts(colour: str) -> list[float]:
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def _contrast(rgb: Sequence[float], ground: Sequence[float] = (1.0, 1.0, 1.0)) -> float:
    """Return the contrast of two colours, as WCAG 2 defines it."""
    low, high = sorted((_luminance(rgb), _luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def _luminance(rgb: Sequence[float]) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
