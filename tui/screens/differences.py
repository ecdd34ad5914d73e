"""Why two runs differ: what made one and not the other, the most suspicious first, and the changes themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.analysis.provenance.differences import Difference, differences, unknown
from engine.analysis.provenance.run_origin import RunOrigin, changed_lines, files_between, origin_of
from engine.runs.store import Run, StoreError
from engine.text import cells, printable, shorten
from tui.keymap.bindings import bindings
from tui.terminal.dismissal import ClosesOnce
from tui.widgets.key_bar import KeyBar

if TYPE_CHECKING:
    from engine.analysis.provenance.run_origin import Code

FRAME = 8
"""Cells of the screen's width that border, padding and scrollbar take from the page."""
GAP = 2
"""Cells between two columns."""


class DifferencesScreen(ClosesOnce, ModalScreen[None]):
    """Shows in what two runs differ.

    Args:
        first: The run that the other is compared with.
        second: The other.
        folder: The project's, whose repository may know what lies between two commits.
        title: Which two they are, in words.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("DifferencesScreen")

    def __init__(self, first: Run, second: Run, folder: Path, title: str) -> None:
        super().__init__()
        self._runs = first, second
        self._folder = folder
        self._title = title
        self._origins: tuple[RunOrigin, RunOrigin] | None = None
        self._differences: list[Difference] = []
        self._has_changes = False
        """Whether the changes beside the commits are shown."""

    def compose(self) -> ComposeResult:
        """One page that scrolls, over its keys."""
        with VerticalScroll(id="differences") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = "p changes  esc close"
            yield Static("reading …", id="differences-page", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        """Read in a thread: events may be long, and git is asked."""
        self.query_one("#differences").focus()
        self.run_worker(self._read, thread=True, exit_on_error=False)

    def _read(self) -> None:
        try:
            one, other = map(origin_of, self._runs)
        except StoreError as error:
            self.app.call_from_thread(self._say, str(error))
            return
        told = differences(one, other, files_between(one.code, other.code, self._folder))
        self.app.call_from_thread(self._show, (one, other), told)

    def _say(self, text: str) -> None:
        for page in self.query("#differences-page").results(Static):
            page.update(Text(printable(text)))

    def _show(self, origins: tuple[RunOrigin, RunOrigin], told: list[Difference]) -> None:
        self._origins, self._differences = origins, told
        self._fill()

    def on_resize(self) -> None:
        """Put the texts into the width that there is."""
        self._fill()

    def _fill(self) -> None:
        if self._origins is None or not self.is_attached:
            return
        text = page(self._differences, self._origins, max(30, self.size.width - FRAME))
        if self._has_changes:
            variables = self.app.theme_variables
            colours = {"+": variables.get("success", ""), "-": variables.get("error", "")}
            text.append_text(changes(self._origins[0].code, self._origins[1].code, colours))
        for shown in self.query("#differences-page").results(Static):
            shown.update(text)

    def action_changes(self) -> None:
        """Show what each has beside its commit in the files that differ, or no longer."""
        self._has_changes = not self._has_changes
        self._fill()

    def action_close(self) -> None:
        """Go back."""
        self.dismiss()


def page(told: Sequence[Difference], origins: Sequence[RunOrigin], width: int) -> Text:
    """Return why two runs differ, a difference in two lines where one has no room.

    Args:
        told: The differences.
        origins: What made the two.
        width: The cells of a line.
    """
    lines = [
        Text.assemble((f"{word:<8}", "dim"), shorten(printable(origin.run), width - 8, "middle"))
        for word, origin in zip(("first", "second"), origins, strict=True)
    ]
    lines.append(Text())
    if not told:
        lines.append(Text("nothing that is known differs"))
    rows = [
        (printable(each.what), printable(f"{each.first} → {each.second}"), printable(each.why))
        for each in told
    ]
    widths = [max((cells(row[column]) for row in rows), default=0) for column in range(3)]
    for row in rows:
        if sum(widths) + 2 * GAP <= width:
            what, value = (
                text + " " * (room - cells(text) + GAP) for text, room in zip(row, widths[:2], strict=False)
            )
            lines.append(Text.assemble((what, "bold"), value, (row[2], "dim")))
            continue
        lines.append(Text(shorten(row[0], width, "middle"), "bold"))
        lines += [
            Text(f"  {shorten(row[1], width - 2, 'middle')}"),
            Text(f"  {shorten(row[2], width - 2)}", "dim"),
        ]
    for note in unknown(*origins):
        lines += [Text(), Text(printable(note), "dim")]
    return Text("\n").join(lines)


def changes(one: Code, other: Code, colours: Mapping[str, str]) -> Text:
    """Return what each of two codes has beside its commit in files that differ.

    Args:
        one: The first.
        other: The second.
        colours: Styles of lines by their sign.
    """
    parts = list(changed_lines(one, other, ("the first", "the second")))
    if not parts:
        return Text("\n\nneither has changes beside its commit that differ", "dim")
    text = Text("\n")
    for line, is_head in parts:
        text.append(f"\n{printable(line)}", "bold" if is_head else colours.get(line[:1], ""))
    return text
