"""Keys on what is looked at: the charts, and the page of one run."""

from __future__ import annotations

from textual.binding import Binding

from tui.keymap.action import Action, Key, Line, Situation

BOARD = ("Dashboard",)
RUN = ("RunScreen",)
RUNS = ("RunList",)
MATRIX = ("MatrixView",)
CLASSES = ("ClassBars",)
LOG = ("Log",)
MATCHES = Binding.Group("Matches", compact=True)
EPOCH = Binding.Group("Epoch", compact=True)


def _run(now: Situation) -> bool:
    return now.run is not None


ON_CHARTS = (
    Line(
        "Charts", "x", "x axis: step, time, samples …",
        (Action("axis", BOARD, (Key("x", "X axis", on_bar=True),), rank=13),),
    ),
    Line("Charts", "y", "y axis: linear, logarithmic", (Action("log_y", BOARD, (Key("y", "Log y"),)),)),
    Line(
        "Charts", "+ -  =", "smooth more, less, not at all",
        (
            Action(
                "smooth", BOARD,
                (
                    Key("plus", "Smooth more", "1"),
                    Key("minus", "Smooth less", "-1"),
                    Key("equals_sign", "Smooth nothing", "0"),
                ),
            ),
        ),
    ),
    Line(
        "Charts", "> <  wheel", "zoom in, out",
        (
            Action(
                "zoom", BOARD,
                (Key("greater_than_sign", "Zoom in", "1.5"), Key("less_than_sign", "Zoom out", "0.67")),
            ),
        ),
    ),
    Line("Charts", "drag", "zoom to the range; when zoomed with shift or the right button"),
    Line(
        "Charts", "{ }  drag", "pan what is zoomed; a double click shows all",
        (
            Action(
                "pan", BOARD,
                (
                    Key("left_curly_bracket", "Pan left", "-0.25"),
                    Key("right_curly_bracket", "Pan right", "0.25"),
                ),
            ),
        ),
    ),
    Line(
        "Charts", "i", "read the values at a cursor; ← → move it",
        (
            Action("inspect", BOARD, (Key("i", "Read values"),)),
            Action(
                "cursor", BOARD,
                (
                    Key("left,h", "Cursor left", "-1", priority=True),
                    Key("right,l", "Cursor right", "1", priority=True),
                ),
                moves=True,
            ),
        ),
    ),
    Line(
        "Charts", "b", "draw each seed, or their mean and a band",
        (Action("bands", BOARD, (Key("b", "Fold seeds into bands"),)),),
    ),
    Line(
        "Charts", "/", "only metrics that match",
        (Action("search", BOARD, (Key("slash", "Search metrics"),)),),
    ),
    Line(
        "Charts", "n N", "more charts",
        (Action("page", BOARD, (Key("n", "More charts", "1"), Key("N", "Charts before", "-1"))),),
    ),
    Line("Charts", "z", "one chart alone", (Action("full_screen", BOARD, (Key("z", "One chart"),)),)),
    Line(
        "Charts", "E", "export this view: png, svg, pdf",
        (Action("export", BOARD, (Key("E", "Export", on_bar=True),), rank=12),),
    ),
)  # fmt: skip

ON_A_RUN = (
    Line(
        "A run", "enter  L", "open the run; its full log",
        (
            Action("open", (*RUNS, *BOARD), (Key("enter", "Open", on_bar=True, display="enter"),), rank=1,
                   applies=_run),
            Action("open_log", BOARD, (Key("L", "Full log"),)),
        ),
    ),
    Line(
        "A run", "1 … 5  tab", "overview, confusion, classes, console, events",
        (
            Action(
                "tab", RUN,
                (
                    Key("1", "Overview", "0"), Key("2", "Confusion", "1"), Key("3", "Classes", "2"),
                    Key("4", "Console", "3"), Key("5", "Events", "4"), Key("L", "Full log", "3"),
                ),
            ),
            Action("step", RUN, (Key("tab", "Next tab", "1"), Key("shift+tab", "Tab before", "-1"))),
        ),
    ),
    Line(
        "A run", "← →  home end", "epoch before, after; first, last",
        (
            Action(
                "scrub", ("Scrubs",),
                (
                    Key("left", "Epoch before", "'back'", on_bar=True, group=EPOCH),
                    Key("right", "Epoch after", "'on'", on_bar=True, group=EPOCH),
                    Key("home", "First epoch", "'first'"), Key("end", "Last epoch", "'last'"),
                ),
            ),
        ),
    ),
    Line(
        "A run", "h j k l", "read another cell of the matrix",
        (
            Action(
                "move", MATRIX,
                (
                    Key("up,k", "Up", "-1,0"), Key("down,j", "Down", "1,0"),
                    Key("h", "Left", "0,-1"), Key("l", "Right", "0,1"),
                    Key("g", "First class", "-1000000,0"), Key("G", "Last class", "1000000,0"),
                    Key("pageup", "Page up", "-10,0"), Key("pagedown", "Page down", "10,0"),
                ),
                moves=True,
            ),
        ),
    ),
    Line(
        "A run", "%  z", "counts or shares; numbers or shades",
        (
            Action("shares", MATRIX, (Key("percent_sign", "Share", on_bar=True, display="%"),)),
            Action("numbers", MATRIX, (Key("z", "Shade", on_bar=True),)),
        ),
    ),
    Line(
        "A run", "s S", "split of the matrix; order of the classes",
        (
            Action("split", RUN, (Key("s", "Split"),)),
            Action("sort", CLASSES, (Key("s", "Sort", on_bar=True),)),
            Action("reverse", CLASSES, (Key("S", "Sort the other way"),)),
        ),
    ),
    Line(
        "A run", "/  n N", "search the log; next match, match before",
        (
            Action("search", ("LogPane",), (Key("slash", "Search", on_bar=True),)),
            Action(
                "hit", LOG,
                (
                    Key("n", "Next match", "1", on_bar=True, group=MATCHES),
                    Key("N", "Match before", "-1", on_bar=True, group=MATCHES),
                ),
            ),
        ),
    ),
    Line(
        "A run", "f  w", "follow the end of the log; wrap its lines",
        (
            Action("follow", LOG, (Key("f", "Follow", on_bar=True),), rank=-1),
            Action("wrap", LOG, (Key("w", "Wrap", on_bar=True),), rank=-1),
        ),
    ),
)  # fmt: skip
