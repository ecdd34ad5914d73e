"""However much small print there is, the drawing keeps its room."""

from __future__ import annotations

from matplotlib.figure import Figure

from tui.figures.figure_sheet import write_notes
from tui.figures.line_labels import layout_of


def test_paper_becomes_higher_where_there_is_much_small_print() -> None:
    figure = Figure((7.0, 2.9), layout="constrained")
    write_notes(figure, [f"Sentence {number} of the small print." for number in range(60)], grows=True)
    width, height = figure.get_size_inches()
    _, bottom, _, share = layout_of(figure).get()["rect"]
    assert width == 7.0
    assert share * height > 2.8
    assert bottom * height > 6.0
