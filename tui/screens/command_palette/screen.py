"""The commands: a line to type in, what it means, and below it all that it finds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.errors import NoWidget
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.errors import UserError
from engine.text import clean
from tui.keymap.bindings import bindings
from tui.screens.command_palette.commands_from_keys import Does
from tui.screens.command_palette.line_command import LineCommand, Meaning
from tui.state.command_history import CommandHistory
from tui.terminal.dismissal import ClosesOnce
from tui.terminal.key_queue import OPENING
from tui.text import mistake
from tui.views.command_palette.search import Command, asked, begun, found, unknown
from tui.widgets.command_list import CommandList, CommandRow
from tui.widgets.completing_input import MOST_SUGGESTIONS, CompletingInput
from tui.widgets.key_bar import KeyBar
from tui.widgets.message_row import Foot, MessageRow

COLON = ":"
LATELY = "Lately"
MOST_LATELY = 5
"""How many of those that were used last are listed."""


class CommandLine(CompletingInput):
    """The line."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("CommandLine")


class CommandScreen(ClosesOnce, ModalScreen[Callable[[], None] | None]):
    """Returns what is to be done once it is closed; None for nothing.

    Args:
        does: The commands of the screen below.
        typed: Those with arguments.
        history: What was used last.
        begin: What stands in the line at first.
    """

    DEFAULT_CSS = """
    CommandScreen {
        & #command-box { width: 70; max-width: 100%; height: 1fr; max-height: 30; margin: 2 0 0 0; background: $surface;
                       border: round $primary; border-title-style: bold; padding: 0 1; }
        &.-short #command-box { margin: 1 0 0 0; }
        & CommandLine { height: 1; border: none; padding: 0; background: $panel; }
        & #command-says { height: auto; min-height: 3; max-height: 5; color: $foreground 75%;
                          border-bottom: solid $foreground 22%; }
        & #command-says.-wrong { color: $error; }
        & CommandList { height: 1fr; }
        & CommandList > .styled-lines--cursor { background: $primary 20%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("CommandScreen")

    def __init__(
        self, does: Does, typed: Sequence[LineCommand], history: CommandHistory, begin: str = ""
    ) -> None:
        super().__init__()
        self._does = does
        self._typed = {each.command.name: each for each in typed}
        self._commands = [*does, *(each.command for each in typed)]
        self._history = history
        self._begin = begin
        self._recalled: int | None = None
        """Which of the typed lines stands in the line; None where another text does."""
        self._shown: tuple[object, ...] = ()
        self._notes: dict[str, str] = {}
        """A word on each completion."""
        self._previewing: LineCommand | None = None
        self._asked = 0
        self._is_doing = False
        """Whether what stands in the line is being done."""

    def compose(self) -> ComposeResult:
        """The line over what it means, over the list."""
        with Vertical(id="command-box") as box:
            box.border_title = "Commands"
            line = CommandLine(
                self._complete, self._begin, placeholder="a name, a key or what it does", id="command-line"
            )
            line.cursor_blink = False
            yield line
            yield Static(id="command-says", markup=False)
            yield CommandList(id="command-list")
        yield Foot()

    def on_mount(self) -> None:
        """Begin to type."""
        line = self.query_one(CommandLine)
        line.cursor_position = len(line.value)
        line.focus()
        self._show()

    def on_unmount(self) -> None:
        """Take a preview back that was not kept."""
        self._preview(None, "")

    # ---- what is typed

    def _split(self, text: str) -> tuple[LineCommand | None, str]:
        """Return the command with arguments that a text begins with, and its arguments.

        Of its name the beginning is enough, where it begins no other. The colon before it may be left out, as far as
        that is no search for another command.
        """
        name, blank, rest = text.lstrip(f"{COLON} ").partition(" ")
        names = begun(name, self._typed) if blank else []
        if len(names) != 1 or not (
            text.lstrip().startswith(COLON) or (rest and not found(self._commands, text))
        ):
            return None, ""
        return self._typed[names[0]], rest

    def _complete(self, text: str, cursor: int) -> list[str]:
        before = text[:cursor]
        command, rest = self._split(before)
        if command is None:
            self._notes = {}
            word = asked(before)
            names = (each.name for each in self._commands if each.name)
            lines = {each.command.name: each.command.line for each in self._typed.values()}
            whole = (lines.get(name, f"{COLON}{name}") for name in dict.fromkeys((*lines, *names)))
            return [each for each in whole if before.strip() and each.startswith(f"{COLON}{word}")]
        start = before[: len(before) - len(rest)]
        self._notes = {start + offer: note for offer, note in command.offers(rest).items()}
        return list(self._notes)

    @on(Input.Changed)
    @on(CompletingInput.Offered)
    def _show(self) -> None:
        line = self.query_one(CommandLine)
        offers = line.offers()
        if self._is_doing or (shown := (line.value, line.before, offers, line.chosen)) == self._shown:
            return
        self._shown = shown
        if self._recalled is not None and self._history.lines[self._recalled] != line.value:
            self._recalled = None
        command, rest = self._split(line.value)
        rows = list(
            self._typed_rows(command, line.before, offers) if command else self._found_rows(line.value)
        )
        self.query_one(CommandList).show(rows, choose=command is None)
        self.query_one(MessageRow).rest = self._resting(command, rows)
        self.query_one(KeyBar).wording = {"back": "Clear"} if self._has_text else {}
        self._preview(command, rest)
        self.refresh_bindings()
        if command is not None:
            self._judge(command, rest, do=False)
        else:
            self._asked += 1
            self._say_chosen()

    def _resting(self, command: LineCommand | None, rows: Sequence[CommandRow]) -> str:
        if command is not None:
            return f"{command.command.key}: {command.command.words}"
        count = len({row.command for row in rows if row.command is not None})
        return f"{count} of {len(self._commands)} commands; type a name, a key or what it does"

    def _found_rows(self, text: str) -> Iterator[CommandRow]:
        if not asked(text) and self._history.used:
            yield CommandRow(LATELY, head=True)
            yield from self._rows_of(self._history.used[:MOST_LATELY])
        for group, commands in found(self._commands, text, self._history.used):
            yield CommandRow(group, head=True)
            for command in commands:
                yield CommandRow(command.title, command.key, command)

    def _typed_rows(self, command: LineCommand, before: str, offers: Sequence[str]) -> Iterator[CommandRow]:
        if offers:
            yield CommandRow("tab completes", head=True)
        yield from self._offer_rows(command, offers)
        if before in offers and before.endswith("="):  # one of several keys: its values are what comes next
            start = before[: len(before) - len(self._split(before)[1])]
            if values := command.offers(self._split(before)[1]):
                yield CommandRow(clean(self._last_word(before, command)), head=True)
                self._notes |= {start + value: note for value, note in values.items()}
                yield from self._offer_rows(
                    command, [start + value for value in values if value.isprintable()]
                )
        typed = f"{COLON}{asked(before)}"
        lines = [each for each in self._history.lines if each.startswith(typed) and " " in each]
        if lines:
            yield CommandRow(LATELY, head=True)
            yield from self._rows_of(lines[:MOST_LATELY])

    def _offer_rows(self, command: LineCommand, offers: Sequence[str]) -> Iterator[CommandRow]:
        for offer in offers[:MOST_SUGGESTIONS]:
            yield CommandRow(clean(self._last_word(offer, command)), self._notes.get(offer, ""), line=offer)

    def _last_word(self, offer: str, command: LineCommand) -> str:
        """Return what a completion adds: its last word, or all behind the name of its command."""
        return offer.lstrip().partition(" ")[2] if command.at_once else offer.strip().rpartition(" ")[2]

    def _rows_of(self, used: Sequence[str]) -> Iterator[CommandRow]:
        """Yield the rows of what was used, in that order: lines go into the line, commands are done."""
        commands = {command.title: command for command in self._commands}
        last = next(iter(self._history.lines), "")
        for each in used:
            if each.startswith(COLON):
                yield CommandRow(clean(each), "↑" if each == last else "", line=each)
            elif (command := commands.get(each)) is not None:
                yield CommandRow(command.title, command.key, command)

    # ---- what it means

    def _judge(self, command: LineCommand, rest: str, *, do: bool) -> None:
        """Find out in a thread what arguments mean: a setting may name a folder."""
        self._asked += 1
        self._is_doing = do
        number = self._asked

        def work() -> None:
            try:
                meaning = command.meaning(rest)
            except (UserError, OSError) as error:
                meaning = Meaning(wrong=str(error))
            self.app.call_from_thread(self._judged, meaning, number, do)

        self.run_worker(work, OPENING if do else "", thread=True, group="actions", exit_on_error=False)

    def _judged(self, meaning: Meaning, number: int, do: bool) -> None:
        if number != self._asked or not self.is_attached:
            return
        if do and meaning.do is not None:
            command, rest = self._split(self.query_one(CommandLine).value)
            self._history.add(f"{COLON}{command.command.name if command else ''} {rest.strip()}".strip())
            self._previewing = None
            self.dismiss(meaning.do)
            return
        if self._is_doing:
            self._is_doing = False
            self._show()
        wrong = meaning.wrong or (meaning.lacks if do else "")
        self._say(mistake(wrong) if wrong else "\n".join(map(mistake, meaning.says)), wrong=bool(wrong))

    def _say(self, text: str | Text, *, wrong: bool = False) -> None:
        says = self.query_one("#command-says", Static)
        says.set_class(wrong, "-wrong")
        says.update(text)

    def _say_chosen(self) -> None:
        """Say what the chosen row does."""
        row, text = self.query_one(CommandList).chosen, self.query_one(CommandLine).value
        if row is None:
            self._say(mistake(unknown(self._commands, text)), wrong=True)
        elif row.command is not None:
            self._say(f"{row.command.words}{'; nothing to do it to now' if row.command.useless else ''}")
        else:
            self._say(f"writes {clean(row.line)} into the line")

    def _preview(self, command: LineCommand | None, rest: str) -> None:
        if self._previewing is not None and self._previewing is not command:
            self._previewing.preview("")
        self._previewing = command
        if command is not None:
            command.preview(rest)

    # ---- what keys do

    def action_choose(self, rows: int) -> None:
        """Choose another row; from the first one upwards, and in an empty line, the lines that were typed before."""
        line, rows_below = self.query_one(CommandLine), self.query_one(CommandList)
        lines = self._history.lines
        if lines and abs(rows) == 1 and (
            self._recalled is not None or (rows < 0 and rows_below.is_first and not asked(line.value))
        ):  # fmt: skip
            at = (-1 if self._recalled is None else self._recalled) - rows
            self._recalled = min(at, len(lines) - 1) if at >= 0 else None
            self._write(lines[self._recalled] if self._recalled is not None else self._begin)
            return
        rows_below.move(rows)
        row = rows_below.chosen
        command, rest = self._split(row.line if row is not None and row.line else line.value)
        if self._split(line.value)[0] is None:
            self._say_chosen()
        elif command is not None and command.at_once:
            self._preview(command, rest)
            self._judge(command, rest, do=False)

    def action_explain(self) -> None:
        """Say at length what the chosen command does, and by what words it is found."""
        row = self.query_one(CommandList).chosen
        if row is None or row.command is None:
            self.app.bell()
            return
        command = row.command
        typed = f", typed {COLON}{command.name}" if command.name else ""
        has_key = command.key and not command.key.startswith(COLON)
        key = f"key {command.key}" if has_key else ""
        how = f"{key}{typed}".removeprefix(", ")
        self._say(f"{command.group}: {command.words}\n{how}; found by: {command.also}".replace("\n; ", "\n"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  Textual's own
        """A question mark among arguments is one of them."""
        return (
            action != "explain"
            or not self.is_mounted
            or self._split(self.query_one(CommandLine).value)[0] is None
        )

    @property
    def _has_text(self) -> bool:
        """Whether there is more in the line than it began with."""
        text = self.query_one(CommandLine).value
        return text != self._begin and bool(asked(text))

    def action_back(self) -> None:
        """Take back what is typed, or close."""
        if self._has_text:
            self._write(self._begin)
        else:
            self.dismiss(None)

    def _write(self, text: str) -> None:
        line = self.query_one(CommandLine)
        line.value = text
        line.cursor_position = len(text)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        text, row = self.query_one(CommandLine).value, self.query_one(CommandList).chosen
        command, rest = self._split(text)
        if row is not None and (row.command is not None or row.line != text):
            self._do_row(row)
        elif command is not None and command.at_once and (only := self._only_offer(text)):
            self._do_row(CommandRow("", line=only))
        elif command is not None:
            self._judge(command, rest, do=True)
        else:
            self.app.bell()

    def _only_offer(self, text: str) -> str:
        """Return the one offer that a text begins, where it is not that already; else an empty text."""
        whole = [offer for offer in self.query_one(CommandLine).offers() if offer.startswith(text)]
        return whole[0] if len(whole) == 1 and whole[0] != text else ""

    @on(CommandList.Picked)
    def _picked(self, message: CommandList.Picked) -> None:
        self._do_row(message.row)

    def _do_row(self, row: CommandRow) -> None:
        if row.command is not None and not row.command.line:
            self._do(row.command)
            return
        text = row.command.line if row.command is not None else row.line
        self._write(text)
        command, rest = self._split(text)
        if command is not None and command.at_once and row.command is None:
            self._judge(command, rest, do=True)

    def _do(self, command: Command) -> None:
        self._history.add(command.title)
        self.dismiss(self._does[command])

    def on_click(self, event: events.Click) -> None:
        """Close, where it is beside the commands; pass over a click where the terminal has no cell any longer."""
        with contextlib.suppress(NoWidget):
            if self.get_widget_at(event.screen_x, event.screen_y)[0] is self:
                self.dismiss(None)
