"""Names of curves, whatever their number and length: apart from the curves, which keep their room."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from engine.analysis.curves import Curve
from tui.curve_palette import assign
from tui.figures import curve_figure
from tui.figures.figure_sheet import wrap
from tui.figures.style import LOOKS, Style, Width, style
from tui.state.chart_line import ChartLine

SHORT = [f"ViT-{letter}" for letter in "abcdefghijk"]
LONG = [f"vit-base-patch16-224-in21k-finetuned-cifar10-lr1e-{number}" for number in range(11)]
SIZES = [
    pytest.param(*size, marks=pytest.mark.slow) if size[0] == 5 else size
    for size in itertools.product((2, 5, 11), (SHORT, LONG), (None, "column", "page"), LOOKS)
]


@pytest.mark.slow
@pytest.mark.parametrize(("count", "names", "width", "name"), SIZES)
def test_a_legend_touches_no_plot_and_leaves_it_its_room(
    count: int, names: list[str], width: Width | None, name: Style
) -> None:
    look, colours, x = LOOKS[name], assign(names), np.arange(1.0, 15)
    lines = tuple(
        ChartLine(each, colours[each], Curve("", x, 0.7 * (1 - np.exp(-x / 4)) + i / 99))
        for i, each in enumerate(names[:count])
    )
    with style(look):
        figure = curve_figure.draw_picture(
            curve_figure.Picture("F1-Score: ViT", "test/f1", "epoch", lines), look, width
        )
        figure.draw_without_rendering()
        axes = figure.axes[0]
        frame, point = axes.get_window_extent(), figure.dpi / 72
        assert frame.height > 0.35 * figure.bbox.height
        assert frame.width > 0.4 * figure.bbox.width
        if (legend := axes.get_legend()) is None:
            return
        box = legend.get_window_extent()
        assert box.y0 > frame.y1 + 4 * point or box.x0 > frame.x1 + 5 * point
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1


def test_the_lines_of_a_title_are_as_long_as_each_other() -> None:
    assert wrap("What came of it: ViT vs BiT vs Hybrid", 34) == "What came of it: ViT\nvs BiT vs Hybrid"
    assert wrap("ViT vs BiT", 34) == "ViT vs BiT"
    assert wrap("word " * 40, 34).endswith(" …")
