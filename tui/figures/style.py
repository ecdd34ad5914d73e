"""How figures look: on paper or on slides, in a column or over a page; and the settings that every look shares."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Style = Literal["paper", "slides"]
Width = Literal["column", "page"]

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "text.parse_math": False,  # names come from people: a dollar is a dollar
    "text.color": "#222222",
    "axes.edgecolor": "#555555",
    "axes.labelcolor": "#222222",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.labelpad": 3,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.solid_capstyle": "round",
    "xtick.color": "#555555",
    "xtick.labelcolor": "#222222",
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.color": "#555555",
    "ytick.labelcolor": "#222222",
    "ytick.major.size": 0,
    "pdf.fonttype": 42,
    "svg.hashsalt": "vitui",
}
_DARK: dict[str, Any] = {
    "figure.facecolor": "#1e1e1e",
    "axes.facecolor": "#1e1e1e",
    "text.color": "#ececec",
    "axes.edgecolor": "#9a9a9a",
    "axes.labelcolor": "#ececec",
    "grid.color": "#3a3a3a",
    "xtick.color": "#9a9a9a",
    "xtick.labelcolor": "#ececec",
    "ytick.color": "#9a9a9a",
    "ytick.labelcolor": "#ececec",
}


@dataclass(frozen=True)
class Look:
    """A look. Type has the same points in each; on a slide it is large because the slide has few inches."""

    ground: str
    ink: str
    quiet: str
    """The colour of small print."""
    rc: Mapping[str, Any]
    widths: Mapping[Width, float]
    """Inches."""
    dpi: int
    aspect: float | None = None
    """Height over width; None where a figure is as high as what it shows needs."""

    def size(self, width: Width, height: float) -> tuple[float, float]:
        """Return width and height in inches of a figure that would like to be so high."""
        inches = self.widths[width]
        return inches, height if self.aspect is None else inches * self.aspect


PAPER = Look("#ffffff", "#222222", "#777777", STYLE, {"column": 3.4, "page": 7.0}, 300)
SLIDES = Look(
    "#1e1e1e", "#ececec", "#a8a8a8", STYLE | _DARK, {"column": 3.4, "page": 5.0}, 480, aspect=9 / 16
)
LOOKS: Mapping[Style, Look] = {"paper": PAPER, "slides": SLIDES}


@contextlib.contextmanager
def style(look: Look = PAPER, more_fonts: Sequence[str] = ()) -> Iterator[None]:
    """Apply a look, instead of the user's own matplotlib settings, to what is drawn and saved within the context.

    Args:
        look: The look.
        more_fonts: Families of fonts for characters that the look's own font lacks.
    """
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(look.rc)  # type: ignore[arg-type]
        if more_fonts:
            matplotlib.rcParams["font.family"] = [look.rc["font.family"], *more_fonts]
        yield
