"""The table of all actions, in the order of the page of keys."""

from __future__ import annotations

from textual.binding import Binding

from tui.keymap.action import UNLISTED, WAY_OUT, Action, Key, Line, Situation

BOARD = ("Dashboard",)
RUN = ("RunScreen",)
QUEUE = ("QueueScreen",)
RUNS = ("RunList",)
MATRIX = ("MatrixView",)
CLASSES = ("ClassBars",)
LOG = ("Log",)
FORM = ("FormScreen",)
COLUMNS = ("ColumnList",)

MATCHES = Binding.Group("Matches", compact=True)
EPOCH = Binding.Group("Epoch", compact=True)


def _run(now: Situation) -> bool:
    return now.run is not None


def _waiting(now: Situation) -> bool:
    return now.waiting is not None


def _stoppable(now: Situation) -> bool:
    return now.stoppable is not None


def _resumable(now: Situation) -> bool:
    return now.resumable is not None


def _move(owner: str, far: int, *, pages: bool = True) -> Action:
    """Return the action of a list whose cursor goes up and down."""
    page = (
        (Key("pagedown,ctrl+d", "Page down", "10"), Key("pageup,ctrl+u", "Page up", "-10")) if pages else ()
    )
    keys = (
        Key("down,j", "Down", "1"), Key("up,k", "Up", "-1"), *page,
        Key("g,home", "Top", f"-{far}"), Key("G,end", "Bottom", f"{far}"),
    )  # fmt: skip
    return Action("move", (owner,), keys, moves=True)


def _scroll(owners: tuple[str, ...], key: str, way: str) -> Action:
    return Action(f"scroll_{way}", owners, (Key(key, way.capitalize()),), moves=True)


ON_RUNS = (
    Line(
        "Runs", "↑ ↓  j k  g G", "move",
        (
            _move("RunList", 1_000_000),
            _move("QueueList", 1_000_000, pages=False),
            _move("FormList", 1_000),
            _move("ColumnList", 1_000_000),
            _scroll(("Log", "ClassBars", "Sheet"), "j", "down"),
            _scroll(("Log", "ClassBars", "Sheet"), "k", "up"),
            _scroll(LOG, "h", "left"),
            _scroll(LOG, "l", "right"),
            Action("first", LOG, (Key("home,g", "First line"),)),
            Action("last", LOG, (Key("end,G", "Last line"),)),
            Action(
                "scroll_to", CLASSES, (Key("g", "First class", "0"), Key("G", "Last class", "1")), moves=True
            ),
        ),
    ),
    Line(
        "Runs", "→ ←  l h", "show or hide the runs of an experiment",
        (Action("fold", RUNS, (Key("right,l", "Unfold", "True"), Key("left,h", "Fold", "False"))),),
    ),
    Line("Runs", "×4 ◌1 ✗1 ■1", "hides 4 runs: 1 waits, 1 failed, 1 was stopped"),
    Line("Runs", "≠2 ●1", "behind it: runs of 2 other settings, 1 goes on"),
    Line("Runs", "2 of 3", "a filter leaves 2 of the 3 runs of its mean"),
    Line(
        "Runs", "space  v a", "overlay the run; up to here, all",
        (
            Action("overlay", RUNS, (Key("space", "Overlay", on_bar=True, display="space"),), rank=2),
            Action("select_range", RUNS, (Key("v", "Overlay up to here"),)),
            Action("select_all", RUNS, (Key("a", "Overlay all, or none"),)),
        ),
    ),
    Line(
        "Runs", "p", "pin as the baseline, over the others",
        (Action("pin", BOARD, (Key("p", "Pin as the baseline"),)),),
    ),
    Line(
        "Runs", "c", "compare the overlaid runs",
        (Action("compare", BOARD, (Key("c", "Compare", on_bar=True),), rank=8),),
    ),
    Line(
        "Runs", "s S", "sort by the next column; the other way round",
        (
            Action("sort", BOARD, (Key("s", "Sort"),)),
            Action("reverse", BOARD, (Key("S", "Sort the other way"),)),
        ),
    ),
    Line(
        "Runs", "C", "choose columns; space in or out, J K move",
        (
            Action("columns", BOARD, (Key("C", "Choose columns"),)),
            Action("put", COLUMNS, (Key("space", "Show the column, or not", on_bar=True),)),
            Action(
                "carry", COLUMNS,
                (
                    Key("J,shift+down", "Move the column to the right", "1", on_bar=True),
                    Key("K,shift+up", "Move the column to the left", "-1", on_bar=True),
                ),
            ),
        ),
    ),
    Line(
        "Runs", "B", "group by settings: model lr; tab completes",
        (Action("group", BOARD, (Key("B", "Group by settings"),)),),
    ),
    Line(
        "Runs", "r", "run the experiment; missing seeds, else all",
        (Action("run", BOARD, (Key("r", "Run", on_bar=True),), rank=3, changes=True),),
    ),
    Line(
        "Runs", "o", "run it with changes: lr=1e-3 seeds=0,1,2",
        (Action("vary", BOARD, (Key("o", "Run with changes", on_bar=True),), rank=10, changes=True),),
    ),
    Line(
        "Runs", ".", "stop the run; asks how",
        (
            Action(
                "stop", (*BOARD, *RUN, *QUEUE),
                (
                    Key("full_stop", "Stop", on_bar=True, display="."),
                    Key("delete", "Take out of the queue", only="QueueScreen"),
                ),
                rank=4, changes=True, applies=_stoppable,
            ),
        ),
    ),
    Line(
        "Runs", "R", "resume from the last checkpoint",
        (
            Action(
                "resume", (*BOARD, *RUN), (Key("R", "Resume", on_bar=True),),
                rank=5, changes=True, applies=_resumable,
            ),
        ),
    ),
    Line(
        "Runs", "e", "edit or clone the experiment",
        (Action("edit", BOARD, (Key("e", "Edit", on_bar=True),), rank=11, changes=True),),
    ),
    Line(
        "Runs", "Y", "copy: row, path, command, the list as a table",
        (Action("copy", BOARD, (Key("Y", "Copy"),)),),
    ),
    Line(
        "Runs", "t T", "tag, note: the overlaid runs, or the one under the cursor",
        (
            Action("tag", BOARD, (Key("t", "Tag", on_bar=True),), rank=14, changes=True),
            Action("note", BOARD, (Key("T", "Note", on_bar=True),), rank=15, changes=True),
        ),
    ),
    Line(
        "Runs", "delete D", "move to the trash; asks",
        (Action("throw_away", BOARD, (Key("delete,D", "Throw away"),), changes=True),),
    ),
    Line(
        "Runs", "u", "bring back what was thrown away last",
        (Action("undo", BOARD, (Key("u", "Bring back what was thrown away last"),), changes=True),),
    ),
    Line(
        "Runs", "f", "filter: state=failed test/f1>0.8 age<2d vit; tab completes",
        (
            Action("filter", BOARD, (Key("f", "Filter", on_bar=True),), rank=9),
            Action(
                "complete", ("Completing",),
                (Key("tab", "Complete", "1"), Key("shift+tab", "Complete otherwise", "-1")),
            ),
        ),
    ),
)  # fmt: skip

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
        "Charts", "b", "fold seeds into a mean and a band",
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

ON_THE_QUEUE = (
    Line(
        "Queue", "K J", "move a run that waits up, down; in the list too",
        (
            Action(
                "shift", (*BOARD, *QUEUE),
                (
                    Key("K", "Earlier", "-1", on_bar=True, tooltip="moves a run that waits up in the queue"),
                    Key("J", "Later", "1", on_bar=True, tooltip="moves a run that waits down in the queue"),
                ),
                rank=6, changes=True, applies=_waiting,
            ),
        ),
    ),
    Line(
        "Queue", "H", "hold it, let it go; in the list too",
        (
            Action(
                "hold", (*BOARD, *QUEUE),
                (Key("H", "Hold, let go", on_bar=True, tooltip="keeps a run that waits from being started"),),
                rank=7, changes=True, applies=_waiting,
            ),
        ),
    ),
    Line("Queue", ". delete", "take it out, stop it; asks"),
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

ELSEWHERE = (
    Line(
        UNLISTED, "↑ ↓  pageup pagedown", "scroll the page of keys",
        (
            Action("scroll", ("HelpScreen",), (Key("up", "Up", "-1"), Key("down", "Down", "1")), moves=True),
            Action(
                "page", ("HelpScreen",), (Key("pageup", "Page up", "-1"), Key("pagedown", "Page down", "1"))
            ),
        ),
    ),
    Line(
        UNLISTED, "Y", "copy as Markdown",
        (Action("copy", ("CompareScreen",), (Key("Y", "Copy as Markdown", on_bar=True),)),),
    ),
    Line(
        UNLISTED, "s 0", "sort by the column; the columns as at first",
        (
            Action("sort", COLUMNS, (Key("s", "Sort by the column", on_bar=True),)),
            Action("reset", COLUMNS, (Key("0", "The columns as at first", on_bar=True),)),
        ),
    ),
    Line(
        UNLISTED, "/", "find a column",
        (Action("search", ("ColumnsScreen",), (Key("slash", "Find a column", on_bar=True),)),),
    ),
    Line(
        UNLISTED, "enter  d", "change a setting; take it out",
        (
            Action("inherit", FORM, (Key("d,delete", "Take out", on_bar=True, display="d"),)),
            Action("edit", FORM, (Key("enter", "Change", on_bar=True),), rank=11, changes=True),
        ),
    ),
    Line(
        UNLISTED, "n  ctrl+s", "name a clone; save",
        (
            Action("name", FORM, (Key("n", "Name of a clone", on_bar=True),)),
            Action("save", FORM, (Key("ctrl+s", "Save", on_bar=True),), changes=True),
        ),
    ),
)  # fmt: skip

ON_THE_SCREEN = (
    Line(
        "Screen", "1 2 3  tab", "go to runs, charts, overview",
        (
            Action("go_to_runs", BOARD, (Key("1", "Go to the runs"),)),
            Action("go_to_charts", BOARD, (Key("2", "Go to the charts"),)),
            Action("go_to_overview", BOARD, (Key("3", "Go to the overview"),)),
        ),
    ),
    Line(
        "Screen", "4 5", "below: console, machine and queue; 5 again: whole",
        (
            Action("console", BOARD, (Key("4", "Show the console"),)),
            Action("machine", BOARD, (Key("5", "Show machine and queue"),)),
            Action("queue", ("MachinePane",), (Key("enter", "Queue", on_bar=True),), screen="Dashboard"),
        ),
    ),
    Line(
        "Screen", "[ ]", "show or hide the side panes",
        (
            Action(
                "pane", BOARD,
                (
                    Key("left_square_bracket", "Show or hide the runs", "'left'"),
                    Key("right_square_bracket", "Show or hide the overview", "'right'"),
                ),
            ),
        ),
    ),
    Line(
        "Screen", "0  ctrl+l", "reset the layout; draw everything anew",
        (
            Action("reset", BOARD, (Key("0", "Reset the layout"),)),
            Action("redraw", ("VituiApp",), (Key("ctrl+l", "Redraw"),)),
        ),
    ),
    Line(
        "Screen", "?  esc", "all keys; one layer out",
        (
            Action(
                "help", (*BOARD, *RUN, *QUEUE), (Key("question_mark", "Help", on_bar=True, display="?"),),
                rank=WAY_OUT,
            ),
            Action("back", BOARD, (Key("escape", "Back"),), rank=WAY_OUT + 1),
            Action("back", RUN, (Key("escape", "Back", on_bar=True, display="esc"),), rank=WAY_OUT + 1),
            Action("back", FORM, (Key("escape,q", "Back", on_bar=True, display="esc"),), rank=WAY_OUT + 1),
            Action("back", ("CompareScreen",), (Key("escape", "Back", on_bar=True),), rank=WAY_OUT + 1),
            Action(
                "back", ("HelpScreen", "ColumnsScreen"), (Key("escape", "Close", on_bar=True),),
                rank=WAY_OUT + 1,
            ),
            Action("close", RUN, (Key("q", "Back to the dashboard"),), rank=WAY_OUT + 2),
            Action("close", QUEUE, (Key("escape,5,q", "Back", on_bar=True, display="esc"),), rank=WAY_OUT + 2),
            Action("dismiss", ("CompareScreen",), (Key("q,c"),), rank=WAY_OUT + 3),
            Action("dismiss", ("ColumnsScreen",), (Key("q,enter,C", "Close"),), rank=WAY_OUT + 3),
            Action(
                "dismiss", ("HelpScreen",), (Key("enter", "Close", on_bar=True, priority=True),),
                rank=WAY_OUT + 3,
            ),
            Action(
                "dismiss", ("ExportScreen", "VariationScreen"), (Key("escape", "Back", on_bar=True),),
                rank=WAY_OUT + 3,
            ),
            Action(
                "dismiss", ("Prompt",), (Key("escape", "Leave as it was", "None", on_bar=True),),
                rank=WAY_OUT + 3,
            ),
            Action(
                "dismiss", ("TourScreen",),
                (Key("escape,q,enter,space,question_mark", "Begin", on_bar=True),), rank=WAY_OUT + 3,
            ),
        ),
    ),
    Line(
        "Screen", ": ctrl+p", "command palette, themes",
        (Action("command_palette", ("VituiApp",), (Key("colon", "Commands"),)),),
    ),
    Line(
        "Screen", "q  ctrl+z", "leave; the runs go on, as when suspended",
        (
            Action(
                "leave", ("VituiApp",),
                (Key("q", "Leave", on_bar=True), Key("ctrl+c", "Leave", priority=True)),
                rank=WAY_OUT + 4,
            ),
            Action("suspend_process", ("VituiApp",), (Key("ctrl+z", "Suspend"),)),
        ),
    ),
)  # fmt: skip

LINES: tuple[Line, ...] = (*ON_RUNS, *ON_CHARTS, *ON_THE_QUEUE, *ON_A_RUN, *ELSEWHERE, *ON_THE_SCREEN)
"""The page of keys, and with it all actions."""
