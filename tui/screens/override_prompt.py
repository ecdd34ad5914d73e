"""Run with changes: a prompt of ``key=value`` pairs that completes, says what is wrong, and is taken by enter."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from engine.config.schema import Experiment
from engine.config.site import Site
from engine.text import clean
from tui.keymap.bindings import bindings
from tui.terminal.dismissal import ClosesOnce
from tui.text import mistake
from tui.views.run_destination import HERE
from tui.views.run_overrides import NO_SITES, Variation, complete, settings_line, unfinished, vary
from tui.widgets.completing_input import CompletingInput, completion_line


class VariationScreen(ClosesOnce, ModalScreen[Variation | None]):
    """Asks what is to be different in a run; returns it, None when left.

    Args:
        experiment: What is run.
        of_project: The sites of experiments.toml.
        sites: The names of all sites, for completion.
        usual: Where the run goes if nothing else is asked for: ``here`` or the name of a site.
    """

    DEFAULT_CSS = """
    VariationScreen {
        & > Vertical { width: 90%; max-width: 100; height: auto; padding: 1 2; background: $surface;
                       border: round $primary; border-title-style: bold; }
        & Input { height: 1; border: none; padding: 0 1; background: $panel; }
        & #variation-offer { height: 1; color: $foreground 66%; }
        & #variation-said { height: auto; min-height: 1; }
        & #variation-said.-wrong { color: $error; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("VariationScreen")

    def __init__(
        self, experiment: Experiment, of_project: Mapping[str, Site] = NO_SITES,
        sites: Collection[str] = (), usual: str = HERE,
    ) -> None:  # fmt: skip
        super().__init__()
        self._experiment = experiment
        self._of_project, self._sites, self._usual = of_project, sites, usual
        self._asked = 0

    def compose(self) -> ComposeResult:
        """The prompt; below it what tab offers, and what is wrong or would be queued."""
        with Vertical() as box:
            box.border_title = Content(clean(f"Run {self._experiment.name} with changes"))
            box.border_subtitle = "tab completes  enter queues  esc leaves"
            yield CompletingInput(self._complete, placeholder="lr=1e-3 seeds=0,1,2", id="variation")
            yield Static(id="variation-offer", markup=False)
            yield Static(id="variation-said", markup=False)

    def on_mount(self) -> None:
        """Begin to type."""
        self.query_one(CompletingInput).focus()

    def _complete(self, text: str, cursor: int) -> list[str]:
        return complete(self._experiment, text[:cursor], self._sites)

    def _vary(self, text: str) -> Variation:
        return vary(self._experiment, text, self._of_project, self._usual)

    @on(CompletingInput.Offered)
    def _offer(self) -> None:
        line = self.query_one(CompletingInput)
        self.query_one("#variation-offer", Static).update(
            completion_line(line.before, line.offers(), line.chosen)
        )

    @on(Input.Changed)
    def _judge(self, message: Input.Changed) -> None:
        """Find out in a thread what the text means: a setting may name a folder."""
        self._offer()
        self._asked += 1
        offered = bool(self.query_one(CompletingInput).offers())
        asked, begun = self._asked, unfinished(message.value, is_offered=offered)
        text = message.value.removesuffix(begun)

        def work() -> None:
            variation = self._vary(text)
            self.app.call_from_thread(self._judged, variation, asked, begun)

        self.run_worker(work, thread=True, group="actions", exit_on_error=False)

    def _judged(self, variation: Variation, asked: int, begun: str = "") -> None:
        if asked == self._asked and self.is_attached:
            message = self.query_one("#variation-said", Static)
            message.set_class(bool(variation.mistakes), "-wrong")
            message.update(
                clean_lines(variation.mistakes)
                or (f"{mistake(begun)} …" if begun else settings_line(variation, self._usual))
            )

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        text = message.value
        self._asked += 1
        asked = self._asked

        def work() -> None:
            variation = self._vary(text)
            if variation.mistakes:
                self.app.call_from_thread(self._judged, variation, asked)
            else:
                self.app.call_from_thread(self.dismiss, variation)

        self.run_worker(work, thread=True, group="actions", exit_on_error=False)


def clean_lines(lines: tuple[str, ...]) -> str:
    """Return sentences on what is wrong as text that can be shown, one a line."""
    return "\n".join(f"✗ {mistake(line)}" for line in lines)
