"""How figures look: on paper or on slides, in a column or over a page; and in which fonts.

Names may be in any script: what the usual font lacks is drawn from another that is installed, or told.
"""

from __future__ import annotations

import contextlib
import logging
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Style = Literal["paper", "slides"]
Width = Literal["column", "page"]

USUAL_FONT = "DejaVu Sans"
UNFIT = ("Last Resort", "Color", "Emoji")
"""Parts of the names of fonts that draw boxes for everything, or pictures that matplotlib cannot draw."""
BOX = "\N{WHITE SQUARE}"
SHOWN = 12
"""Characters that are named."""

STYLE: dict[str, Any] = {
    "font.family": USUAL_FONT,
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
    theme: str = "vitui-light"
    """Whose colours curves have."""
    aspect: float | None = None
    """Height over width; None where a figure is as high as what it shows needs."""

    @property
    def is_dark(self) -> bool:
        """Whether its ground is dark."""
        return self.theme == "vitui-dark"

    def size(self, width: Width, height: float) -> tuple[float, float]:
        """Return width and height in inches of a figure that would like to be so high."""
        inches = self.widths[width]
        return inches, height if self.aspect is None else inches * self.aspect


PAPER = Look("#ffffff", "#222222", "#777777", STYLE, {"column": 3.4, "page": 7.0}, 300)
SLIDES = Look(
    "#1e1e1e",
    "#ececec",
    "#a8a8a8",
    STYLE | _DARK,
    {"column": 3.4, "page": 5.0},
    480,
    "vitui-dark",
    aspect=9 / 16,
)
AT_NIGHT = Look(
    "#0e1116",
    "#ececec",
    "#a8a8a8",
    STYLE | _DARK | {"figure.facecolor": "#0e1116", "axes.facecolor": "#0e1116"},
    PAPER.widths,
    PAPER.dpi,
    "vitui-dark",
)
"""As on paper, on the ground of the report's page in dark mode."""
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


@dataclass(frozen=True)
class FontChoice:
    """The fonts that a text takes."""

    families: tuple[str, ...] = ()
    """Those beside the usual one, the first that has a character first."""
    lacking: frozenset[str] = frozenset()
    """The characters that no font here has."""


@dataclass
class _Lettering:
    """What is written while a figure is drawn."""

    more: frozenset[int] = frozenset()
    """The code points of the fonts beside the usual one."""
    missed: set[str] = field(default_factory=set)
    """The characters that were written and that no font in use has."""


_LETTERING: ContextVar[_Lettering | None] = ContextVar("lettering", default=None)


def drawn_in_fonts(draw: Callable[[], Figure], look: Look = PAPER) -> tuple[Figure, frozenset[str]]:
    """Return a figure in fonts that have its characters, and those that none here has; within ``style(look)``.

    Args:
        draw: Draws the figure; it is called again where the usual font does not do.
        look: How the figure looks.
    """
    figure, missed = _drawn(draw, _Lettering())
    if not missed:
        return figure, frozenset()
    choice = choose_fonts(missed)
    if choice.families:
        logging.getLogger("matplotlib.font_manager").setLevel(
            logging.ERROR
        )  # a font may come in one weight only
        fonts = _installed()
        more = frozenset().union(*(_characters(fonts[name]) for name in choice.families))
        with style(look, choice.families):
            figure, _ = _drawn(draw, _Lettering(more))
    return figure, choice.lacking


def _drawn(draw: Callable[[], Figure], lettering: _Lettering) -> tuple[Figure, set[str]]:
    token = _LETTERING.set(lettering)
    try:
        return draw(), lettering.missed
    finally:
        _LETTERING.reset(token)


def drawable(text: str) -> str:
    """Return a text with a box for every character that no font in use has."""
    if text.isascii():
        return text
    lettering = _LETTERING.get() or _Lettering()
    known = _usual()
    missed = {each for each in text if ord(each) not in known and ord(each) not in lettering.more}
    lettering.missed.update(each for each in missed if unicodedata.category(each)[0] not in "CZM")
    return "".join(BOX if each in missed else each for each in text)


def no_font(characters: Collection[str]) -> str:
    """Return a line on characters that no font here has; empty for none."""
    if not characters:
        return ""
    shown = " ".join(sorted(characters)[:SHOWN])
    more = f" and {len(characters) - SHOWN} more" if len(characters) > SHOWN else ""
    wide = any(unicodedata.east_asian_width(each) in "WF" for each in characters)
    return (
        f"no font here has {shown}{more}: install {'Noto Sans CJK' if wide else 'a Noto font that has them'}"
    )


def choose_fonts(characters: Iterable[str]) -> FontChoice:
    """Return the installed fonts that have some characters between them, those that have the most first."""
    left = set(characters)
    families: list[str] = []
    fonts = _installed()
    while left:
        best = max(fonts, key=lambda name: (_has(fonts[name], left), "Sans" in name, name), default=None)
        if best is None or not _has(fonts[best], left):
            break
        left -= {each for each in left if ord(each) in _characters(fonts[best])}
        families.append(best)
        del fonts[best]
    return FontChoice(tuple(families), frozenset(left))


def _has(path: str, characters: Collection[str]) -> int:
    known = _characters(path)
    return sum(ord(each) in known for each in characters)


@cache
def _usual() -> frozenset[int]:
    from matplotlib.font_manager import findfont

    return _characters(findfont(USUAL_FONT))


def _installed() -> dict[str, str]:
    """Return the files of the fonts here by their names, those too that came since matplotlib looked last."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    listed = {entry.fname for entry in manager.ttflist}
    for path in font_manager.findSystemFonts():
        if path not in listed:
            try:
                manager.addfont(path)
            except (OSError, RuntimeError, ValueError):  # no font that it can read
                continue
    fonts: dict[str, str] = {}
    for entry in manager.ttflist:
        if entry.name != USUAL_FONT and not any(part in entry.name for part in UNFIT):
            fonts.setdefault(entry.name, entry.fname)
    return fonts


@lru_cache(1024)
def _characters(path: str) -> frozenset[int]:
    """Return the code points that a font has; none for a file that cannot be read."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return frozenset()
