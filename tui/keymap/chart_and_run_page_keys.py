"""Keys on what is looked at: the charts, and the page of one run."""

from __future__ import annotations

from textual.binding import Binding

from tui.keymap.action import Action, HelpLine, Hotkey, Situation

BOARD = ("Dashboard",)
RUN = ("RunScreen",)
RUNS = ("RunList",)
CHARTS = "ChartGrid"
MATRIX = ("MatrixView",)
CLASSES = ("ClassBars",)
LOG = ("LogView",)
MATCHES = Binding.Group("Matches", compact=True)
POINT = Binding.Group("Point", compact=True)
EPOCH = Binding.Group("Epoch", compact=True)


def _run(now: Situation) -> bool:
    return now.run is not None


ON_CHARTS = (
    HelpLine(
        "Charts", "x", "x axis: step, time, samples …",
        (
            Action(
                "axis", BOARD, (Hotkey("x", "X axis", on_bar=True, command="X axis: the next", pane=CHARTS),), rank=14
            ),
        ),
        also="epoch step time samples hours domain horizontal",
    ),
    HelpLine(
        "Charts", "y", "y axis: linear, logarithmic",
        (Action("log_y", BOARD, (Hotkey("y", "Y axis", command="Y axis: linear or log", pane=CHARTS),), rank=15),),
        also="logarithmic scale vertical lr",
    ),
    HelpLine(
        "Charts", "+ -  =", "smooth more, less, not at all",
        (
            Action(
                "smooth", BOARD,
                (
                    Hotkey("plus", "Smooth", "1", command="Smoothing: more", display="+", pane=CHARTS),
                    Hotkey("minus", "Smoothing: less", "-1"),
                    Hotkey("equals_sign", "Smoothing: off", "0"),
                ),
                rank=2,
            ),
        ),
        also="ema average noise raw",
    ),
    HelpLine(
        "Charts", "> <  wheel", "zoom in, out",
        (
            Action(
                "zoom", BOARD,
                (Hotkey("greater_than_sign", "Zoom charts in", "1"), Hotkey("less_than_sign", "Zoom charts out", "-1")),
            ),
        ),
        also="magnify range closer scale",
    ),
    HelpLine("Charts", "drag", "zoom to the range; when zoomed with shift or the right button"),
    HelpLine(
        "Charts", "{ }  drag", "pan what is zoomed; a double click shows all",
        (
            Action(
                "pan", BOARD,
                (
                    Hotkey("left_curly_bracket", "Pan charts left", "-1"),
                    Hotkey("right_curly_bracket", "Pan charts right", "1"),
                ),
            ),
        ),
        also="scroll shift move",
    ),
    HelpLine(
        "Charts", "i", "read values at measured points: ← →, ⇧ ten, home end, 5 goes there",
        (
            Action("inspect", BOARD, (Hotkey("i", "Read", command="Read values", pane=CHARTS),)),
            Action(
                "cursor", BOARD,
                (
                    Hotkey("left,h", "Point before", "-1", True, "←", group=POINT, priority=True),
                    Hotkey("right,l", "Point after", "1", True, "→", group=POINT, priority=True),
                    Hotkey("shift+left,pageup", "Ten points left", "-10", priority=True),
                    Hotkey("shift+right,pagedown", "Ten points right", "10", priority=True),
                ),
                moves=True, rank=-1,
            ),
            Action(
                "cursor_end", BOARD,
                (
                    Hotkey("home", "First point", "False", priority=True),
                    Hotkey("end", "Last point", "True", priority=True),
                ),
                moves=True,
            ),
            Action(
                "read_at", (*RUNS, "ChartGrid"),
                (
                    *(Hotkey(digit, "Read there", f"'{digit}'") for digit in "0123456789"),
                    Hotkey("full_stop", "Read there", "'.'"),
                ),
                moves=True, screen="Dashboard",
            ),
        ),
        also="cursor crosshair tooltip inspect readout number",
    ),
    HelpLine(
        "Charts", "b", "draw each seed, or their mean and a band",
        (
            Action(
                "bands", BOARD, (Hotkey("b", "Seeds", command="Seeds: band or each", pane=CHARTS),), rank=16
            ),
        ),
        also="mean deviation std average fold repeats",
    ),
    HelpLine(
        "Charts", "/", "only metrics that match",
        (Action("search", BOARD, (Hotkey("slash", "Search metrics"),)),),
        also="find loss lr regex filter",
    ),
    HelpLine(
        "Charts", "n N", "more charts; the next chart to read",
        (Action("page", BOARD, (Hotkey("n", "Next charts", "1"), Hotkey("N", "Previous charts", "-1"))),),
        also="more scroll page",
    ),
    HelpLine(
        "Charts", "z", "one chart alone",
        (Action("full_screen", BOARD, (Hotkey("z", "Zoom", command="One chart alone", pane=CHARTS),), rank=1),),
        also="zoom maximize full screen big",
    ),
    HelpLine("Charts", ":grid 3x2", "columns and rows of charts in the grid; auto: as they fit"),
    HelpLine("Charts", "click", "mouse, while values are read: the line goes there"),
    HelpLine(
        "Charts", "E", "export this view: png, svg, pdf",
        (Action("export", BOARD, (Hotkey("E", "Export", on_bar=True, command="Export view"),), rank=13, of_now=True),),
        also="save picture figure plot png svg pdf",
    ),
    HelpLine("Charts", ":figure NAME", "draw a figure of experiments.toml by its name"),
    HelpLine(
        "Charts", ":report", "write the report: figures, tables and what they say",
        (Action("report", BOARD, (Hotkey("", "Write the report"),), changes=True),),
        also="html markdown export figures tables paper save",
    ),
)  # fmt: skip

ON_A_RUN = (
    HelpLine(
        "A run", "enter  L", "open the run; its full log",
        (
            Action(
                "open", (*RUNS, *BOARD), (Hotkey("enter", "Open", on_bar=True, display="enter", command="Open run"),),
                rank=1, applies=_run,
            ),
            Action("open_log", BOARD, (Hotkey("L", "Open full log"),)),
        ),
        group="Run", also="show details console output stdout tail",
    ),
    HelpLine(
        "A run", "1 … 5  tab", "overview, confusion, classes, console, events",
        (
            Action(
                "tab", RUN,
                (
                    Hotkey("1", "Tab: overview", "0"), Hotkey("2", "Tab: confusion", "1"),
                    Hotkey("3", "Tab: classes", "2"), Hotkey("4", "Tab: console", "3"),
                    Hotkey("5", "Tab: events", "4"), Hotkey("L", "Open full log", "3"),
                ),
            ),
            Action("step", RUN, (Hotkey("tab", "Next tab", "1"), Hotkey("shift+tab", "Tab before", "-1"))),
        ),
        group="Tabs", also="page show confusion mistakes matrix",
    ),
    HelpLine(
        "A run", "← →  home end", "epoch before, after; first, last",
        (
            Action(
                "scrub", ("EpochNavigation",),
                (
                    Hotkey("left", "Epoch before", "'back'", on_bar=True, group=EPOCH),
                    Hotkey("right", "Epoch after", "'on'", on_bar=True, group=EPOCH),
                    Hotkey("home", "First epoch", "'first'"), Hotkey("end", "Last epoch", "'last'"),
                ),
            ),
        ),
        group="Matrix and classes", also="slider time history",
    ),
    HelpLine(
        "A run", "h j k l", "read another cell of the matrix",
        (
            Action(
                "move", MATRIX,
                (
                    Hotkey("up,k", "Up", "-1,0"), Hotkey("down,j", "Down", "1,0"),
                    Hotkey("h", "Left", "0,-1"), Hotkey("l", "Right", "0,1"),
                    Hotkey("g", "First class", "-1000000,0"), Hotkey("G", "Last class", "1000000,0"),
                    Hotkey("pageup", "Page up", "-10,0"), Hotkey("pagedown", "Page down", "10,0"),
                ),
                moves=True,
            ),
        ),
    ),
    HelpLine(
        "A run", "%  z", "counts or shares; numbers or shades",
        (
            Action(
                "shares", MATRIX,
                (Hotkey("percent_sign", "Share", on_bar=True, display="%", command="Matrix: counts or shares"),),
            ),
            Action("numbers", MATRIX, (Hotkey("z", "Shade", on_bar=True, command="Matrix: numbers or shades"),)),
        ),
        group="Matrix and classes", also="percent normalize heatmap colour",
    ),
    HelpLine(
        "A run", "s S", "split of the matrix; order of the classes",
        (
            Action("split", RUN, (Hotkey("s", "Matrix: the other split"),)),
            Action("sort", CLASSES, (Hotkey("s", "Sort", on_bar=True, command="Sort classes"),)),
            Action("reverse", CLASSES, (Hotkey("S", "Sort classes the other way"),)),
        ),
        group="Matrix and classes", also="order val test train validation",
    ),
    HelpLine(
        "A run", "/  n N  &", "search the log; next match, match before; only what matches",
        (
            Action("search", ("LogPane",), (Hotkey("slash", "Search", on_bar=True, command="Search the log"),)),
            Action(
                "hit", LOG,
                (
                    Hotkey("n", "Next match", "1", on_bar=True, group=MATCHES),
                    Hotkey("N", "Match before", "-1", on_bar=True, group=MATCHES),
                ),
            ),
            Action(
                "only_matches", LOG,
                (Hotkey("ampersand", "Only matches", on_bar=True, display="&", command="Log: only what matches"),),
            ),
        ),
        group="Log", also="find grep hit filter narrow",
    ),
    HelpLine(
        "A run", "f  w  t", "follow the end of the log; wrap its lines; their times",
        (
            Action("follow", LOG, (Hotkey("f", "Follow", on_bar=True, command="Follow the log"),), rank=-1),
            Action("wrap", LOG, (Hotkey("w", "Wrap", on_bar=True, command="Wrap lines of the log"),), rank=-1),
            Action("times", LOG, (Hotkey("t", "Times", command="Log: times of lines"),)),
        ),
        group="Log", also="tail end scroll long lines timestamps stamps clock",
    ),
    HelpLine(
        "A run", "Y", "copy: lines of the log, the path",
        (Action("copy", RUN, (Hotkey("Y", "Copy lines, path"),)),),
        group="Run", also="clipboard yank",
    ),
    HelpLine(
        "A run", "{ }", "the seed before, after, of the same experiment",
        (
            Action(
                "seed", RUN,
                (
                    Hotkey("left_curly_bracket", "Run of the seed before", "-1"),
                    Hotkey("right_curly_bracket", "Run of the next seed", "1"),
                ),
            ),
        ),
        group="Run", also="other repeat next previous",
    ),
)  # fmt: skip
