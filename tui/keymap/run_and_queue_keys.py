"""Keys on runs and lists of them: move, select, run, stop, label, sort; and those of the queue."""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding

from engine.runs.status import Status
from tui.keymap.action import WAY_OUT, Action, HelpLine, Hotkey, Situation

BOARD = ("Dashboard",)
RUN = ("RunScreen",)
QUEUE = ("QueueScreen",)
RUNS = ("RunList",)
CLASSES = ("ClassBars",)
LOG = ("LogView",)
COLUMNS = ("ColumnList",)
FILTER = ("FilterInput",)
DIFFERENCES = ("DifferencesScreen",)
SAVED = Binding.Group("Saved filters", compact=True)


def _stoppable(now: Situation) -> bool:
    return bool(now.stoppable)


def _resumable(now: Situation) -> bool:
    return bool(now.resumable)


def _waiting(now: Situation) -> bool:
    return bool(now.waiting)


def _to_many(words: str, runs: Sequence[Status]) -> str:
    return f"{words} {len(runs)}" if len(runs) > 1 else ""


def _stop_words(now: Situation) -> str:
    if now.stoppable and now.waiting == now.stoppable:
        return _to_many("Cancel", now.waiting) or "Cancel"
    return _to_many("Stop", now.stoppable)


def _move(owner: str, far: int, *, pages: bool = True) -> Action:
    """Return the action of a list whose cursor goes up and down."""
    page = (
        (Hotkey("pagedown,ctrl+d", "Page down", "10"), Hotkey("pageup,ctrl+u", "Page up", "-10"))
        if pages
        else ()
    )
    keys = (
        Hotkey("down,j", "Down", "1"), Hotkey("up,k", "Up", "-1"), *page,
        Hotkey("g,home", "Top", f"-{far}"), Hotkey("G,end", "Bottom", f"{far}"),
    )  # fmt: skip
    return Action("move", (owner,), keys, moves=True)


def _scroll(owners: tuple[str, ...], key: str, way: str) -> Action:
    return Action(f"scroll_{way}", owners, (Hotkey(key, way.capitalize()),), moves=True)


ON_RUNS = (
    HelpLine(
        "Runs", "↑ ↓  j k  g G", "move",
        (
            _move("RunList", 1_000_000),
            Action("move_list", BOARD, (Hotkey("down,j", "Down", "1"), Hotkey("up,k", "Up", "-1")), moves=True),
            _move("QueueList", 1_000_000, pages=False),
            _move("FormList", 1_000),
            _move("ColumnList", 1_000_000),
            _scroll(("LogView", "ClassBars", "FactSheet"), "j", "down"),
            _scroll(("LogView", "ClassBars", "FactSheet"), "k", "up"),
            _scroll(LOG, "h", "left"),
            _scroll(LOG, "l", "right"),
            Action("first", LOG, (Hotkey("home,g", "First line"),), moves=True),
            Action("last", LOG, (Hotkey("end,G", "Last line"),), moves=True),
            Action(
                "scroll_to", CLASSES, (Hotkey("g", "First class", "0"), Hotkey("G", "Last class", "1")), moves=True
            ),
        ),
    ),
    HelpLine(
        "Runs", "→ ←  l h", "show or hide the runs of an experiment",
        (
            Action(
                "fold", RUNS,
                (
                    Hotkey("right,l", "Show the runs of a row", "True"),
                    Hotkey("left,h", "Hide the runs of a row", "False"),
                ),
            ),
        ),
        group="List", also="expand collapse fold unfold tree children",
    ),
    HelpLine("Runs", "×4 …1 ✗1 –1", "hides 4 runs: 1 waits, 1 failed, 1 was stopped"),
    HelpLine("Runs", "≠2 »1", "behind it: runs of 2 other settings, 1 goes on"),
    HelpLine("Runs", "2 of 3", "a filter leaves 2 of the 3 runs of its mean"),
    HelpLine(
        "Runs", "space  V A", "look at it: overlay the row; up to here, all",
        (
            Action(
                "overlay", RUNS,
                (Hotkey("space", "Overlay", on_bar=True, display="space", command="Overlay row"),), rank=2,
            ),
            Action("overlay_range", RUNS, (Hotkey("V", "Overlay up to here"),)),
            Action("overlay_all", RUNS, (Hotkey("A", "Overlay all, or none"),)),
        ),
        group="List", also="select show draw plot add",
    ),
    HelpLine(
        "Runs", "m  v a", "mean it: mark the row for . R H K J D t T r; up to here, all",
        (
            Action("mark", RUNS, (Hotkey("m", "Mark", on_bar=True, command="Mark row"),), rank=3),
            Action("mark_range", RUNS, (Hotkey("v", "Mark up to here"),)),
            Action("mark_all", RUNS, (Hotkey("a", "Mark all, or none"),)),
        ),
        group="List", also="select choose tick multiple",
    ),
    HelpLine(
        "Runs", "p", "pin as the baseline ⚑, over the others; again unpins",
        (Action("pin", BOARD, (Hotkey("p", "Pin as the baseline"),)),),
        group="List", also="reference compare against favourite unpin",
    ),
    HelpLine(
        "Runs", "c", "compare the overlaid runs",
        (
            Action(
                "compare", BOARD, (Hotkey("c", "Compare", on_bar=True, command="Compare runs"),), rank=9, of_now=True
            ),
        ),
        group="List", also="diff versus difference significance deltas test",
    ),
    HelpLine(
        "Runs", "w", "why two runs differ: code, packages, images, settings, seed",
        (
            Action("differ", BOARD, (Hotkey("w", "Why runs differ"),), of_now=True),
            Action("changes", DIFFERENCES, (Hotkey("p", "Changes of the code", on_bar=True),)),
            Action("close", DIFFERENCES, (Hotkey("escape,q,enter,w", "Close", on_bar=True),), rank=WAY_OUT),
        ),
        group="List", also="diff cause reason reproduce provenance versions",
    ),
    HelpLine(
        "Runs", "s S", "sort by the next column; the other way round",
        (
            Action("sort", BOARD, (Hotkey("s", "Sort by the next column"),)),
            Action("reverse", BOARD, (Hotkey("S", "Sort the other way"),)),
        ),
        group="List", also="order rank arrange best",
    ),
    HelpLine(
        "Runs", "C", "choose columns; space shows or hides, J K move",
        (
            Action("columns", BOARD, (Hotkey("C", "Choose columns"),)),
            Action("put", COLUMNS, (Hotkey("space", "Show the column, or not", on_bar=True),)),
            Action(
                "carry", COLUMNS,
                (
                    Hotkey("J,shift+down", "Move the column to the right", "1", on_bar=True),
                    Hotkey("K,shift+up", "Move the column to the left", "-1", on_bar=True),
                ),
            ),
        ),
        group="List", also="fields metrics table show hide lr",
    ),
    HelpLine(
        "Runs", "B", "group by settings: model lr; tab completes",
        (Action("group", BOARD, (Hotkey("B", "Group by settings"),)),),
        group="List", also="hyperparameters config fold pivot lr",
    ),
    HelpLine(
        "Runs", "r", "run it where it ran last; missing seeds, else asks which",
        (Action("run", BOARD, (Hotkey("r", "Run", on_bar=True, command="Run experiment"),), rank=4, changes=True),),
        group="Run", also="start train launch submit queue execute seeds",
    ),
    HelpLine(
        "Runs", "o", "run it with changes: lr=1e-3 seeds=0,1 on=jz",
        (Action("vary", BOARD, (Hotkey("o", "Run with changes", on_bar=True),), rank=11, changes=True),),
        group="Run", also="override set hyperparameters lr sweep vary submit site",
    ),
    HelpLine(
        "Runs", ".", "stop what runs, cancel what waits; asks",
        (
            Action(
                "stop", (*BOARD, *RUN, *QUEUE),
                (
                    Hotkey("full_stop", "Stop", on_bar=True, display=".", command="Stop or cancel runs"),
                    Hotkey("delete", "Take out of the queue", only="QueueScreen"),
                ),
                rank=5, changes=True, applies=_stoppable, says=_stop_words,
            ),
        ),
        group="Run", also="kill cancel end abort terminate dequeue",
    ),
    HelpLine(
        "Runs", "R", "resume from the last checkpoint",
        (
            Action(
                "resume", (*BOARD, *RUN), (Hotkey("R", "Resume", on_bar=True, command="Resume runs"),),
                rank=6, changes=True, applies=_resumable, says=lambda now: _to_many("Resume", now.resumable),
            ),
        ),
        group="Run", also="continue restart retry checkpoint again",
    ),
    HelpLine(
        "Runs", "e", "edit or clone the experiment",
        (Action("edit", BOARD, (Hotkey("e", "Edit", on_bar=True, command="Edit experiment"),), rank=12, changes=True),),
        group="Run", also="new change configuration toml clone duplicate write",
    ),
    HelpLine(
        "Runs", ":new", "a new experiment: a copy in the form; in an empty folder a first file",
        (Action("new", BOARD, (Hotkey("", "New experiment"),), changes=True),),
        group="Run", also="add create begin write copy clone first",
    ),
    HelpLine(
        "Runs", "Y", "copy: row, path, command, list; a table for papers",
        (Action("copy", BOARD, (Hotkey("Y", "Copy row, path, command, table"),)),),
        group="List", also="clipboard yank markdown latex csv results",
    ),
    HelpLine(
        "Runs", "t T", "tag, note: the marked rows, or the one under the cursor",
        (
            Action(
                "tag", BOARD, (Hotkey("t", "Tag", on_bar=True, command="Tag runs"),), rank=15, changes=True,
                says=lambda now: _to_many("Tag", now.meant),
            ),
            Action(
                "note", BOARD, (Hotkey("T", "Note", on_bar=True, command="Note on runs"),), rank=16, changes=True,
                says=lambda now: _to_many("Note", now.meant),
            ),
        ),
        group="Run", also="label annotate comment name description",
    ),
    HelpLine(
        "Runs", "delete D", "move to the trash; asks",
        (Action("throw_away", BOARD, (Hotkey("D,delete", "Delete runs"),), changes=True),),
        group="Run", also="remove trash rm erase throw",
    ),
    HelpLine(
        "Runs", "u", "take back: delete, tag, note, hold, an overlay that esc let go",
        (Action("undo", BOARD, (Hotkey("u", "Undo the last deed"),), changes=True),),
        group="Run", also="restore untrash revert recover delete back",
    ),
    HelpLine(
        "Runs", "f", "filter: state=failed test/f1>0.8 age<2d vit; tab completes",
        (
            Action("filter", BOARD, (Hotkey("f", "Filter", on_bar=True, command="Filter runs"),), rank=10),
            Action(
                "complete", ("CompletingInput",),
                (Hotkey("tab", "Complete", "1", on_bar=True), Hotkey("shift+tab", "Complete otherwise", "-1")),
            ),
        ),
        group="List", also="find search where select query grep",
    ),
    HelpLine(
        "Runs", "↑ ↓  ctrl+s", "in the filter: those that are saved; save it by a name",
        (
            Action(
                "recall", FILTER,
                (
                    Hotkey("up", "Saved filters", "-1", on_bar=True, group=SAVED),
                    Hotkey("down", "Saved filters", "1", on_bar=True, group=SAVED),
                ),
                rank=1,
            ),
            Action(
                "save_filter", FILTER, (Hotkey("ctrl+s", "Save", on_bar=True),), rank=2, screen="Dashboard"
            ),
            Action("submit", FILTER, (Hotkey("enter", "Keep", on_bar=True, display="enter"),), rank=3),
            Action(
                "back", FILTER, (Hotkey("escape", "Clear", on_bar=True, display="esc"),), rank=WAY_OUT,
                screen="Dashboard",
            ),
        ),
        also="saved views bookmarks",
    ),
    HelpLine("Runs", "click", "mouse: go to a row; twice: open it; a heading: sort by it"),
)  # fmt: skip

ON_THE_QUEUE = (
    HelpLine(
        "Queue", "K J", "move a run that waits up, down; in the list too",
        (
            Action(
                "shift", (*BOARD, *QUEUE),
                (
                    Hotkey("K", "Earlier", "-1", on_bar=True, command="Queue: move up"),
                    Hotkey("J", "Later", "1", on_bar=True, command="Queue: move down"),
                ),
                rank=7, changes=True, applies=_waiting,
            ),
        ),
        group="Queue", also="priority order earlier later reorder",
    ),
    HelpLine(
        "Queue", "H", "hold it, let it go; in the list too",
        (
            Action(
                "hold", (*BOARD, *QUEUE),
                (Hotkey("H", "Hold, let go", on_bar=True, command="Queue: hold or release"),),
                rank=8, changes=True, applies=_waiting, says=lambda now: _to_many("Hold", now.waiting),
            ),
        ),
        group="Queue", also="pause release wait approve unhold",
    ),
    HelpLine(
        "Queue", ":work", "start the worker that serves the queue of this folder",
        (Action("work", BOARD, (Hotkey("", "Queue: start the worker"),), changes=True),),
        group="Queue", also="serve begin worker daemon idle",
    ),
    HelpLine("Queue", ". delete", "take it out, stop it; asks"),
    HelpLine(
        "Queue", "s", "sort the processes: GPU memory, CPU, memory; a click on a heading",
        (Action("sort_processes", QUEUE, (Hotkey("s", "Sort processes", on_bar=True),), rank=9),),
        group="Queue", also="order top htop nvitop busiest largest",
    ),
    HelpLine(
        "Queue", "Y", "copy: the run's path, or what ends a program of yours",
        (Action("copy", QUEUE, (Hotkey("Y", "Copy path, or what ends it"),)),),
        group="Queue", also="clipboard yank process end terminate signal",
    ),
)  # fmt: skip
