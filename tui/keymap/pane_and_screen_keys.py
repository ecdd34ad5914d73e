"""Keys that lead from pane to pane and from screen to screen, and those of the screens over others."""

from __future__ import annotations

from textual.binding import Binding

from tui.keymap.action import APP, UNLISTED, WAY_OUT, Action, HelpLine, Hotkey

BOARD = ("Dashboard",)
RUN = ("RunScreen",)
QUEUE = ("QueueScreen",)
FORM = ("FormScreen",)
COLUMNS = ("ColumnList",)
PAGES = ("CompareScreen", "DifferencesScreen", "MistakeScreen", "MessageScreen", "ColumnsScreen")
"""What lies over a screen, and is neither a question nor a line to write in."""
CHOICE = Binding.Group("Choose", compact=True)


ELSEWHERE = (
    HelpLine(
        UNLISTED, "↑ ↓  pageup pagedown", "choose a line of the page of keys",
        (
            Action("choose", ("HelpScreen",), (Hotkey("up", "Up", "-1"), Hotkey("down", "Down", "1")), moves=True),
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
        also="clipboard table",
    ),
    HelpLine(
        UNLISTED, "s 0", "sort by the column; the columns as at first",
        (
            Action("sort", COLUMNS, (Hotkey("s", "Sort by the column", on_bar=True),)),
            Action("reset", COLUMNS, (Hotkey("0", "The columns as at first", on_bar=True),)),
        ),
        also="order default",
    ),
    HelpLine(
        UNLISTED, "/", "find a column, a key of the form",
        (
            Action("search", ("ColumnsScreen",), (Hotkey("slash", "Find a column", on_bar=True),)),
            Action("search", FORM, (Hotkey("slash", "Find a key", on_bar=True),)),
        ),
        group="Form", also="search setting metric",
    ),
    HelpLine(
        UNLISTED, "enter  d", "change a setting; use its default",
        (
            Action("inherit", FORM, (Hotkey("d,delete", "Use default", on_bar=True, display="d"),)),
            Action(
                "edit", FORM, (Hotkey("enter", "Change", on_bar=True, display="enter", command="Change value"),),
                rank=11, changes=True,
            ),
        ),
        group="Form", also="set value unset default",
    ),
    HelpLine(
        UNLISTED, "enter  ctrl+u", "take the value that is typed; clear it",
        (
            Action(
                "submit", ("ValueBox",), (Hotkey("enter", "Take it", on_bar=True, display="enter"),),
                rank=1, moves=True,
            ),
            Action("delete_left_all", ("ValueBox",), (Hotkey("ctrl+u", "Empty it", on_bar=True),), rank=2, moves=True),
        ),
        group="Form", also="accept erase",
    ),
    HelpLine(
        UNLISTED, "n  ctrl+s", "name a copy; save",
        (
            Action("name", FORM, (Hotkey("n", "Name of the copy", on_bar=True),)),
            Action("save", FORM, (Hotkey("ctrl+s", "Save", on_bar=True, command="Save experiment"),), changes=True),
        ),
        group="Form", also="write copy clone rename",
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
        also="focus pane window switch",
    ),
    HelpLine(
        "Screen", "4 5", "below: console, machine and queue; 5 again: whole",
        (
            Action("console", BOARD, (Hotkey("4", "Show the console"),)),
            Action("machine", BOARD, (Hotkey("5", "Show machine and queue"),)),
            Action(
                "queue", ("MachinePane",),
                (Hotkey("enter", "Queue", on_bar=True, display="enter", command="Open queue"),),
                screen="Dashboard",
            ),
        ),
        also="gpu memory cpu machines stdout waiting sites",
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
        also="sidebar left right widen toggle",
    ),
    HelpLine("Screen", "drag", "mouse: the border between list and charts; 0 puts it back"),
    HelpLine(
        "Screen", "0  ctrl+l", "reset the layout; draw everything anew",
        (
            Action("reset", BOARD, (Hotkey("0", "Reset the layout"),)),
            Action("redraw", ("VituiApp",), (Hotkey("ctrl+l", "Redraw screen"),)),
        ),
        also="default refresh repaint clear",
    ),
    HelpLine(
        "Screen", "?  esc", "all keys, enter does one; one layer out",
        (
            Action(
                "help", (*BOARD, *RUN, *QUEUE),
                (Hotkey("question_mark", "Help", on_bar=True, display="?", command="Show all keys"),), rank=WAY_OUT + 1,
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
                "do_line", ("HelpScreen",), (Hotkey("enter", "Do it", on_bar=True, display="enter", priority=True),),
                rank=1, moves=True,
            ),
            Action(
                "dismiss", ("ExportScreen", "VariationScreen"), (Hotkey("escape", "Back", on_bar=True),),
                rank=WAY_OUT + 3,
            ),
            Action(
                "dismiss", ("Prompt",), (Hotkey("escape", "Leave as it was", "None", on_bar=True),),
                rank=WAY_OUT + 3,
            ),
        ),
        also="shortcuts bindings hotkeys manual keyboard",
    ),
    HelpLine(
        "Screen", ": ctrl+p", "commands by name, key or what they do; :run :sort :filter :theme",
        (
            Action(
                "command_palette", ("VituiApp",),
                (
                    Hotkey("colon", "More", "':'", on_bar=True, display=":"),
                    Hotkey("ctrl+p", priority=True),
                ),
                rank=WAY_OUT, moves=True,
            ),
            Action(
                "command_palette", PAGES,
                (
                    Hotkey("colon", "More", "':'", on_bar=True, display=":"),
                    Hotkey("ctrl+p", priority=True),
                ),
                rank=WAY_OUT, moves=True, screen=APP,
            ),
            Action(
                "choose", ("CommandLine",),
                (
                    Hotkey("up", "Choose", "-1", on_bar=True, group=CHOICE),
                    Hotkey("down", "Choose", "1", on_bar=True, group=CHOICE),
                    Hotkey("pageup", "Commands before", "-10"), Hotkey("pagedown", "More commands", "10"),
                ),
                rank=1, moves=True, screen="CommandScreen",
            ),
            Action(
                "submit", ("CommandLine",), (Hotkey("enter", "Do it", on_bar=True, display="enter"),),
                rank=2, moves=True,
            ),
            Action(
                "explain", ("CommandLine",),
                (Hotkey("question_mark", "What it does", on_bar=True, display="?", priority=True),),
                rank=3, moves=True, screen="CommandScreen",
            ),
            Action(
                "back", ("CommandScreen",), (Hotkey("escape", "Back", on_bar=True, display="esc"),),
                rank=WAY_OUT,
            ),
        ),
        also="palette action",
    ),
    HelpLine(
        "Screen", "M", "all messages",
        (
            Action("messages", ("VituiApp",), (Hotkey("M", "Show messages"),)),
            Action("close", ("MessageScreen",), (Hotkey("escape,q,enter,M", "Close", on_bar=True),), rank=WAY_OUT),
        ),
        also="log notifications errors toasts history said",
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
            Action(
                "choose", ("MistakeScreen",),
                (
                    Hotkey("down,j", "Next mistake", "1", priority=True),
                    Hotkey("up,k", "Mistake before", "-1", priority=True),
                ),
                moves=True,
            ),
        ),
        also="check doctor validate errors problems syntax toml",
    ),
    HelpLine(
        "Screen", ":check", "check experiments.toml: mistakes, and what is odd",
        (Action("check", BOARD, (Hotkey("", "Check experiments.toml"),)),),
        also="validate lint notes warnings odd",
    ),
    HelpLine(
        "Screen", "q  ctrl+z", "leave; the runs go on, as when suspended",
        (
            Action(
                "leave", ("VituiApp",),
                (
                    Hotkey("q", "Leave", on_bar=True, command="Leave the app"),
                    Hotkey("ctrl+c", "Leave", priority=True, command="Leave the app"),
                ),
                rank=WAY_OUT + 4,
            ),
            Action("suspend_process", ("VituiApp",), (Hotkey("ctrl+z", "Suspend the app"),)),
        ),
        also="q wq quit exit close background stop",
    ),
)  # fmt: skip
