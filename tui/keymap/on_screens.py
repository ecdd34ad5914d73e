"""Keys that lead from pane to pane and from screen to screen, and those of the screens over others."""

from __future__ import annotations

from tui.keymap.action import UNLISTED, WAY_OUT, Action, Key, Line

BOARD = ("Dashboard",)
RUN = ("RunScreen",)
QUEUE = ("QueueScreen",)
FORM = ("FormScreen",)
COLUMNS = ("ColumnList",)


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
