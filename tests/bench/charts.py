"""What drawing charts costs: our canvas, the whole chart, and plotext 5 drawing the same, in one run.

    python tests/bench/charts.py

Prints milliseconds of CPU time, the least and in brackets the median of the rounds, and plotext's least by ours.
`canvas` is the curves and their strips alone; `chart` is a whole chart: limits, axes, curves, legend, strips.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import plotext
from rich.style import Style
from rich.text import Text

from engine.analysis.curves import Curve
from tui.curve_palette import PALETTE
from tui.state.chart_line import ChartLine
from tui.widgets.chart.braille_canvas import Canvas, CellGrid
from tui.widgets.chart.chart_picture import Plot, Setting
from tui.widgets.chart.dot_spans import Floats, Window
from tui.widgets.chart.inks_and_glyphs import Ink

CASES = [
    # charts, width, height, curves, points
    (1, 80, 24, 5, 400),
    (1, 80, 24, 10, 1_000),
    (1, 200, 60, 5, 400),
    (1, 200, 60, 10, 1_000),
    (1, 200, 60, 10, 10_000),
    (8, 48, 28, 5, 1_000),
    (8, 48, 28, 5, 10_000),
]


def losses(curves: int, points: int) -> tuple[Floats, list[Floats]]:
    """Steps, and a noisy falling curve for each run."""
    rng = np.random.default_rng(0)
    x = np.arange(points, dtype=float)
    return x, [2 * np.exp(-4 * x / points) + i / 10 + rng.normal(0, 0.03, points) for i in range(curves)]


def cpu(work: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Least and median CPU time of `work`, in ms."""
    work()
    spent = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append((time.process_time() - start) * 1e3)
    return min(spent), statistics.median(spent)


def canvas(charts: int, width: int, height: int, x: Floats, ys: list[Floats], styles: list[Style]) -> None:
    """The curves alone, as strips."""
    low, high = min(float(y.min()) for y in ys), max(float(y.max()) for y in ys)
    for _ in range(charts):
        raster = Canvas(width, height, Window(0, x.size - 1, low, high))
        for index, y in enumerate(ys):
            raster.curve(x, y, index)
        sheet = CellGrid(width, height)
        sheet.codes, inks = raster.cells()
        sheet.inks = np.maximum(inks, 0)
        sheet.strips(styles)


def chart(charts: int, width: int, height: int, x: Floats, ys: list[Floats], styles: list[Style]) -> None:
    """Whole charts."""
    curves = [
        ChartLine(f"ViT-B-32x32-{i}", PALETTE[i % len(PALETTE)], Curve(str(i), x, y))
        for i, y in enumerate(ys)
    ]
    for _ in range(charts):
        Plot(curves, Setting("train/loss", width, height)).draw(None, styles)


def by_plotext(charts: int, width: int, height: int, x: list[float], ys: list[list[float]]) -> None:
    """The same by plotext, to Rich text as a widget would need it."""
    for _ in range(charts):
        plotext.clear_figure()
        plotext.limit_size(False, False)
        plotext.plot_size(width, height)
        plotext.title("train/loss")
        for index, y in enumerate(ys):
            plotext.plot(x, y, marker="braille", label=f"ViT-B-32x32-{index}")
        Text.from_ansi(plotext.build())


def main() -> None:
    """Print a table in Markdown."""
    print(
        "| charts | cells | curves x points | canvas | chart | plotext 5 | plotext / canvas | plotext / chart |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for charts, width, height, count, points in CASES:
        x, ys = losses(count, points)
        styles = [Style(color=PALETTE[i % len(PALETTE)]) for i in range(len(Ink) + 3 * count)]
        raster = cpu(lambda: canvas(charts, width, height, x, ys, styles), 15)  # noqa: B023
        whole = cpu(lambda: chart(charts, width, height, x, ys, styles), 15)  # noqa: B023
        x_list, y_lists = x.tolist(), [y.tolist() for y in ys]
        other = cpu(lambda: by_plotext(charts, width, height, x_list, y_lists), 3)  # noqa: B023
        cells = [f"{low:.1f} ({middle:.1f})" for low, middle in (raster, whole, other)]
        ratios = [f"{other[0] / raster[0]:.0f}", f"{other[0] / whole[0]:.0f}"]
        print(
            " | ".join(
                ["", str(charts), f"{width}x{height}", f"{count} x {points:,}", *cells, *ratios, ""]
            ).strip()
        )


if __name__ == "__main__":
    main()
