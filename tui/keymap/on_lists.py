"""Keys on runs and lists of them: move, select, run, stop, label, sort; and those of the queue."""

from __future__ import annotations

from tui.keymap.action import Action, Key, Line, Situation

BOARD = ("Dashboard",)
RUN = ("RunScreen",)
QUEUE = ("QueueScreen",)
RUNS = ("RunList",)
CLASSES = ("ClassBars",)
LOG = ("Log",)
COLUMNS = ("ColumnList",)


def _stoppable(now: Situation) -> bool:
    return now.stoppable is not None


def _resumable(now: Situation) -> bool:
    return now.resumable is not None


def _waiting(now: Situation) -> bool:
    return now.waiting is not None


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
