"""What every key does, on one page that can be searched; a line that is chosen is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from tui.keymap.action import UNLISTED, HelpLine, is_command
from tui.keymap.all_keys import LINES
from tui.keymap.bindings import Declared, bindings, page_of_keys
from tui.screens.command_palette.commands_from_keys import Does, command_of, commands_of, title_of
from tui.state.command_history import CommandHistory
from tui.terminal.dismissal import ClosesOnce
from tui.views.command_palette.search import Command, misfit
from tui.widgets.key_bar import KeyBar
from tui.widgets.key_list import KeyList, KeyRow
from tui.widgets.text_box import TextBox

KEYS = page_of_keys()
KEYS_WIDTH = max(len(key) for keys in KEYS.values() for key, _ in keys) + 3
"""Cells of the column of keys, whichever of them are shown."""
HOW = "type to search   ↑ ↓ enter does it   esc closes"
SEARCHING = "↑ ↓ enter does it   esc shows all"
WHERE = {
    "Dashboard": "on the dashboard: esc", "RunList": "in the list of runs: 1", "ChartGrid": "over the charts: 2",
    "RunScreen": "on the page of a run: enter",
    "LogPane": "in the log of a run: L", "LogView": "in the log of a run: L",
    "MatrixView": "on the matrix of a run: enter 2", "ClassBars": "on the classes of a run: enter 3",
    "EpochNavigation": "on the page of a run: enter 2", "QueueScreen": "on the page of the queue: 5 5",
    "MachinePane": "over the machine: 5", "FilterInput": "while a filter is written: f",
    "CompletingInput": "in a line that is written", "ColumnList": "where columns are chosen: C",
    "VituiApp": "on the dashboard: esc", "TimeSlider": "while the past is shown: @",
}  # fmt: skip
"""Where something is done, and the keys that lead there, by what does it."""
WORST = 100
"""How badly a text fits a line of the page that has it, and whose commands it does not find."""


class HelpScreen(ClosesOnce, ModalScreen[Callable[[], None] | None]):
    """The keys; what is typed leaves those that it is found in, escape takes it back and then closes.

    Returns what is to be done once it is closed; None for nothing.

    Args:
        first: The section that stands over the others: that of the pane or screen it was asked for on.
        does: The commands there.
    """

    DEFAULT_CSS = """
    HelpScreen {
        & > Vertical { width: 76; max-width: 95%; height: 90%; max-height: 66; padding: 0 1; background: $surface;
                       border: round $primary; border-title-style: bold; border-subtitle-color: $foreground 75%; }
        & Input { height: 1; border: none; padding: 0 1; background: $panel; }
        & KeyList { height: 1fr; margin-top: 1; }
        & KeyList > .styled-lines--cursor { background: $primary 20%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("HelpScreen")

    def __init__(self, first: str, does: Does) -> None:
        super().__init__()
        self._first = first
        self._does = does

    def compose(self) -> ComposeResult:
        """A line to search with, over the keys."""
        with Vertical() as box:
            box.border_title = "Keys"
            box.border_subtitle = Content(HOW)
            line = TextBox(placeholder="stop, zoom, ctrl …", compact=True, id="help-search")
            line.cursor_blink = False
            yield line
            yield KeyList(KEYS_WIDTH)
        yield KeyBar()

    def on_mount(self) -> None:
        """Show all keys."""
        self._show("")

    @on(Input.Changed)
    def _search(self, message: Input.Changed) -> None:
        self._show(message.value)

    def _show(self, text: str) -> None:
        sections = matching(text, self._first)
        rows = {name: [KeyRow(*row) for row in found] for name, found in sections.items()}
        self.query_one(KeyList).show(rows, needles(text))
        self._say(self._how if sections else "No key does that.")
        self.query_one(KeyBar).wording = {"back": "Show all"} if text else {}

    @property
    def _how(self) -> str:
        return SEARCHING if self.query_one(Input).value else HOW

    def _say(self, text: str) -> None:
        self.query_one(Vertical).border_subtitle = Content(text)

    def action_back(self) -> None:
        """Show all keys again, or close."""
        line = self.query_one(Input)
        if line.value:
            line.value = ""
        else:
            self.dismiss(None)

    def action_choose(self, lines: int) -> None:
        """Choose another line, so many further down."""
        self.query_one(KeyList).move(lines)
        self._say(self._how)

    def action_page(self, pages: int) -> None:
        """Go up or down by pages."""
        page = self.query_one(KeyList)
        page.move(pages * max(page.size.height - 1, 1))

    def action_do_line(self) -> None:
        """Do what the chosen line says, or say why that is not possible here."""
        if (row := self.query_one(KeyList).chosen) is not None:
            self._do(row)

    @on(KeyList.Picked)
    def _picked(self, message: KeyList.Picked) -> None:
        self._do(message.row)

    def _do(self, row: KeyRow) -> None:
        line = next(line for line in LINES if (line.keys, line.words) == (row.keys, row.words))
        commands = [command for command in self._does if command.words == line.words]
        if len(commands) == 1:
            self.dismiss(self._does[commands[0]])
        elif commands:
            self.dismiss(lambda: self._ask_which(commands))
        elif line.keys.startswith(":"):  # what is typed there has more to it
            begin = line.keys.partition(" ")[0]
            self.dismiss(
                lambda: self.app.call_later(self.app.run_action, f"command_palette({begin + ' '!r})")
            )
        else:
            self._say(why_not(line))

    def _ask_which(self, commands: Sequence[Command]) -> None:
        """List the commands of a line that has several keys."""
        from tui.screens.command_palette.screen import CommandScreen

        does = {command: self._does[command] for command in commands}
        self.app.push_screen(CommandScreen(does, [], CommandHistory()), _done)


def open_help(app: App[str], screen: Screen[Any], first: str) -> None:
    """Show what every key does, over a screen whose section, or that of its pane, comes first."""
    app.push_screen(HelpScreen(first, commands_of(app, screen)), _done)


def _done(do: Callable[[], None] | None) -> None:
    if do is not None:
        do()


def why_not(line: HelpLine) -> str:
    """Return why a line that no command of a screen is about cannot be done there."""
    if not line.actions:
        return (
            "the mouse does that" if line.keys in ("click", "drag") else "nothing to do: it says what is seen"
        )
    if not any(map(is_command, line.actions)):
        return "only its keys do that"
    owners = (owner for action in line.actions if is_command(action) for owner in action.owners)
    return f"not here, but {next((WHERE[owner] for owner in owners if owner in WHERE), 'elsewhere')}"


def matching(text: str, first: str = "") -> dict[str, list[tuple[str, str]]]:
    """Return the keys that have every word of a text in their line or section, or whose commands it finds.

    The best come first, as where commands are listed, and their sections with them.

    Args:
        text: What is looked for; all keys for nothing.
        first: The section that comes before others that fit as well.
    """
    typed = as_typed(text)
    fits = {
        line: fit
        for line in LINES
        if line.section != UNLISTED and (fit := _misfit(line, typed) if typed else 0) is not None
    }
    best: dict[str, int] = {}
    for line, fit in fits.items():
        best[line.section] = min(fit, best.get(line.section, fit))
    sections: dict[str, list[tuple[str, str]]] = {}
    for line in sorted(fits, key=lambda each: (best[each.section], each.section != first, fits[each])):
        sections.setdefault(line.section, []).append((line.keys, line.words))
    return sections


def _misfit(line: HelpLine, typed: str) -> int | None:
    """Return how badly words fit the commands of a line, or its text, which is worse; None where they do not."""
    commands = (
        command_of(Declared(line, action, key), key.display or line.keys)
        for action in filter(is_command, line.actions)
        for key in action.keys
        if title_of(key)
    )
    fits = [fit for command in commands if (fit := misfit(command, typed)) is not None]
    text = f"{line.section} {line.keys} {line.words}".casefold()
    return min(fits) if fits else WORST if all(word in text for word in typed.casefold().split()) else None


def as_typed(text: str) -> str:
    """Return what a text asks for, capitals being keys; a slash before it is how searches begin elsewhere."""
    typed = " ".join(text.split())
    return typed.removeprefix("/").lstrip() or typed


def needles(text: str) -> list[str]:
    """Return the words that a text asks for."""
    return as_typed(text).casefold().split()
