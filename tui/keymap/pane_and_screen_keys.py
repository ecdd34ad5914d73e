"""Keys that lead from pane to pane and from screen to screen, and those of the screens over others."""

from __future__ import annotations

from tui.keymap.action import UNLISTED, WAY_OUT, Action, HelpLine, Hotkey

BOARD = ("Dashboard",)
RUN = ("RunScreen",)
QUEUE = ("QueueScreen",)
FORM = ("FormScreen",)
COLUMNS = ("ColumnList",)


ELSEWHERE = (
    HelpLine(
        UNLISTED, "↑ ↓  pageup pagedown", "scroll the page of keys",
        (
            Action("scroll", ("HelpScreen",), (Hotkey("up", "Up", "-1"), Hotkey("down", "Down", "1")), moves=True),
            Action(
                "page", ("HelpScreen",), (Hotkey("pageup", "Page up", "-1"), Hotkey("pagedown", "Page down", "1"))
            ),
        ),
    ),
    HelpLine(
        UNLISTED, "p  Y", "compare with the next side as the baseline; copy as Markdown, LaTeX or CSV",
        (
            Action("baseline", ("CompareScreen",), (Hotkey("p", "Next baseline", on_bar=True),)),
            Action("copy", ("CompareScreen",), (Hotkey("Y", "Copy: Markdown, LaTeX, CSV", on_bar=True),)),
        ),
    ),
    HelpLine(
        UNLISTED, "s 0", "sort by the column; the columns as at first",
        (
            Action("sort", COLUMNS, (Hotkey("s", "Sort by the column", on_bar=True),)),
            Action("reset", COLUMNS, (Hotkey("0", "The columns as at first", on_bar=True),)),
        ),
    ),
    HelpLine(
        UNLISTED, "/", "find a column, a key of the form",
        (
            Action("search", ("ColumnsScreen",), (Hotkey("slash", "Find a column", on_bar=True),)),
            Action("search", FORM, (Hotkey("slash", "Find a key", on_bar=True),)),
        ),
    ),
    HelpLine(
        UNLISTED, "enter  d", "change a setting; use its default",
        (
            Action("inherit", FORM, (Hotkey("d,delete", "Use default", on_bar=True, display="d"),)),
            Action("edit", FORM, (Hotkey("enter", "Change", on_bar=True),), rank=11, changes=True),
        ),
    ),
    HelpLine(
        UNLISTED, "n  ctrl+s", "name a copy; save",
        (
            Action("name", FORM, (Hotkey("n", "Name of the copy", on_bar=True),)),
            Action("save", FORM, (Hotkey("ctrl+s", "Save", on_bar=True),), changes=True),
        ),
    ),
)  # fmt: skip

ON_THE_SCREEN = (
    HelpLine(
        "Screen", "1 2 3  tab", "go to runs, charts, overview",
        (
            Action("go_to_runs", BOARD, (Hotkey("1", "Go to the runs"),)),
            Action("go_to_charts", BOARD, (Hotkey("2", "Go to the charts"),)),
            Action("go_to_overview", BOARD, (Hotkey("3", "Go to the overview"),)),
        ),
    ),
    HelpLine(
        "Screen", "4 5", "below: console, machine and queue; 5 again: whole",
        (
            Action("console", BOARD, (Hotkey("4", "Show the console"),)),
            Action("machine", BOARD, (Hotkey("5", "Show machine and queue"),)),
            Action("queue", ("MachinePane",), (Hotkey("enter", "Queue", on_bar=True),), screen="Dashboard"),
        ),
    ),
    HelpLine(
        "Screen", "[ ]", "show or hide the side panes; [ first widens a list that lacks room",
        (
            Action(
                "pane", BOARD,
                (
                    Hotkey("left_square_bracket", "Show or hide the runs", "'left'"),
                    Hotkey("right_square_bracket", "Show or hide the overview", "'right'"),
                ),
            ),
        ),
    ),
    HelpLine(
        "Screen", "0  ctrl+l", "reset the layout; draw everything anew",
        (
            Action("reset", BOARD, (Hotkey("0", "Reset the layout"),)),
            Action("redraw", ("VituiApp",), (Hotkey("ctrl+l", "Redraw"),)),
        ),
    ),
    HelpLine(
        "Screen", "?  esc", "all keys; one layer out",
        (
            Action(
                "help", (*BOARD, *RUN, *QUEUE), (Hotkey("question_mark", "Help", on_bar=True, display="?"),),
                rank=WAY_OUT,
            ),
            Action("back", BOARD, (Hotkey("escape", "Back"),), rank=WAY_OUT + 1),
            Action("back", RUN, (Hotkey("escape", "Back", on_bar=True, display="esc"),), rank=WAY_OUT + 1),
            Action("back", FORM, (Hotkey("escape,q", "Back", on_bar=True, display="esc"),), rank=WAY_OUT + 1),
            Action("back", ("CompareScreen",), (Hotkey("escape", "Back", on_bar=True),), rank=WAY_OUT + 1),
            Action(
                "back", ("HelpScreen", "ColumnsScreen"), (Hotkey("escape", "Close", on_bar=True),),
                rank=WAY_OUT + 1,
            ),
            Action("close", RUN, (Hotkey("q", "Back to the dashboard"),), rank=WAY_OUT + 2),
            Action("close", QUEUE, (Hotkey("escape,5,q", "Back", on_bar=True, display="esc"),), rank=WAY_OUT + 2),
            Action("dismiss", ("CompareScreen",), (Hotkey("q,c"),), rank=WAY_OUT + 3),
            Action("dismiss", ("ColumnsScreen",), (Hotkey("q,enter,C", "Close"),), rank=WAY_OUT + 3),
            Action(
                "dismiss", ("HelpScreen",), (Hotkey("enter", "Close", on_bar=True, priority=True),),
                rank=WAY_OUT + 3,
            ),
            Action(
                "dismiss", ("ExportScreen", "VariationScreen"), (Hotkey("escape", "Back", on_bar=True),),
                rank=WAY_OUT + 3,
            ),
            Action(
                "dismiss", ("Prompt",), (Hotkey("escape", "Leave as it was", "None", on_bar=True),),
                rank=WAY_OUT + 3,
            ),
            Action(
                "dismiss", ("TourScreen",),
                (Hotkey("escape,q,enter,space,question_mark", "Begin", on_bar=True),), rank=WAY_OUT + 3,
            ),
        ),
    ),
    HelpLine(
        "Screen", ": ctrl+p", "command palette, themes",
        (Action("command_palette", ("VituiApp",), (Hotkey("colon", "Commands"),)),),
    ),
    HelpLine(
        "Screen", "M", "all messages",
        (
            Action("messages", ("VituiApp",), (Hotkey("M", "Messages"),)),
            Action("close", ("MessageScreen",), (Hotkey("escape,q,enter,M", "Close", on_bar=True),), rank=WAY_OUT),
        ),
    ),
    HelpLine(
        "Screen", "!", "what is wrong with experiments.toml; a click on ✗ above",
        (
            Action("mistakes", BOARD, (Hotkey("exclamation_mark", "Mistakes in experiments.toml", display="!"),)),
            Action(
                "close", ("MistakeScreen",), (Hotkey("escape,q,enter,exclamation_mark", "Close", on_bar=True),),
                rank=WAY_OUT,
            ),
            Action("edit", ("MistakeScreen",), (Hotkey("e,v", "Open the file", on_bar=True),), changes=True),
        ),
    ),
    HelpLine(
        "Screen", "q  ctrl+z", "leave; the runs go on, as when suspended",
        (
            Action(
                "leave", ("VituiApp",),
                (Hotkey("q", "Leave", on_bar=True), Hotkey("ctrl+c", "Leave", priority=True)),
                rank=WAY_OUT + 4,
            ),
            Action("suspend_process", ("VituiApp",), (Hotkey("ctrl+z", "Suspend"),)),
        ),
    ),
)  # fmt: skip
