"""Export this view: asks for a file's name, whose ending is the format."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.text import clean
from tui.figures.figure_files import ExportError
from tui.figures.view_figure import ChartView, paths_of
from tui.keymap.bindings import bindings
from tui.terminal.dismissal import ClosesOnce
from tui.text import mistake
from tui.widgets.completing_input import CompletingInput

ENDINGS = (".png", ".svg", ".pdf")


class ExportScreen(ClosesOnce, ModalScreen[Path | None]):
    """Asks where to; returns the path, None when left. An existing file is overwritten after a second enter only.

    Args:
        view: What is to be drawn.
        default: The path that stands there at first.
    """

    DEFAULT_CSS = """
    ExportScreen {
        & > Vertical { width: 90%; max-width: 84; height: auto; padding: 1 2; background: $surface;
                       border: round $primary; border-title-style: bold; }
        & Input { height: 1; border: none; padding: 0 1; background: $panel; }
        & Static { height: auto; margin-top: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("ExportScreen")

    def __init__(self, view: ChartView, default: Path) -> None:
        super().__init__()
        self._view, self._default = view, default
        self._warned: str | None = None

    def compose(self) -> ComposeResult:
        """The name, and what will be drawn."""
        with Vertical() as box:
            box.border_title = "Export this view"
            box.border_subtitle = "tab png, svg, pdf  enter draws  esc leaves"
            yield CompletingInput(_with_endings, str(self._default), id="export-path")
            yield Static(self._described(), id="export-said", markup=False)

    def on_mount(self) -> None:
        """Begin with a sensible name."""
        box = self.query_one(CompletingInput)
        box.cursor_position = len(box.value)
        box.focus()

    def _described(self) -> str:
        view = self._view
        count = len(view.curves)
        charts = f"{count} charts, a file each" if count > 1 else "one chart"
        parts = [f"{charts}: {', '.join(map(clean, view.curves))}", f"x: {view.axis}"]
        parts += [f"smoothing {view.smoothing:g}"] if view.smoothing else []
        parts += ["zoomed"] if view.zoom else []
        parts += ["logarithmic y"] if view.log_y else []
        return "; ".join(parts) + ("\nz on the dashboard shows one chart alone" if count > 1 else "")

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        """Look in a thread whether the files can be written."""
        text = message.value.strip()

        def work() -> None:
            path = Path(text).expanduser()
            try:
                there = [str(file) for file in paths_of(self._view, path).values() if file.exists()]
            except (ExportError, ValueError, RuntimeError, OSError) as error:
                self.app.call_from_thread(self._say, str(error))
                return
            if there and self._warned != text:
                self._warned = text
                self.app.call_from_thread(
                    self._say, f"{', '.join(there)}: there already; enter writes over it"
                )
            else:
                self.app.call_from_thread(self.dismiss, path)

        self.run_worker(work, thread=True, group="actions", exit_on_error=False)

    def _say(self, text: str) -> None:
        if self.is_attached:
            self.query_one("#export-said", Static).update(mistake(text))


def _with_endings(text: str, cursor: int) -> list[str]:
    """Return a path with each of the formats' endings, those after the one that it has first."""
    text = text[:cursor]
    stem = next((text.removesuffix(ending) for ending in ENDINGS if text.endswith(ending)), text)
    now = ENDINGS.index(text[len(stem) :]) + 1 if text != stem else 0
    return [stem + ending for ending in (*ENDINGS[now:], *ENDINGS[:now])]
