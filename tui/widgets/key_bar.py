"""The keys that do something here, in one line at the bottom: those that matter now, and as many as there is room for.

One widget draws them all. Textual's footer mounts a widget for each key anew whenever the focus moves, which took
more time than all else that a key press does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.binding import Binding
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from tui.app_options import LOOKS_BACK, readonly
from tui.keymap.action import WAY_OUT
from tui.keymap.bindings import OF_NOW, declared

FIRST, BEHIND_COMPARE = -100, 9
"""Where the bar says what escape ends: before all others, and behind what is done in the list most."""
OUTWARDS = " ‹ "
"""Stands between a layer and the one that it lies over."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A key, or several that go together, and what they do."""

    keys: tuple[tuple[str, str], ...]
    """The name of each key, and how it is written."""
    words: str
    action: str
    rank: int = 0
    """Its place in the bar; those of the widget in focus come first."""
    pane: str = ""
    """The class of the pane over which it comes before what is of no pane."""
    anywhere: bool = True
    """Whether it is shown over other panes too."""
    changes: bool = False
    """Whether it changes runs, the queue or the configuration."""
    of_now: bool = False
    """Whether it is refused while a moment of the past is shown."""

    @property
    def width(self) -> int:
        """Cells that it takes: ` key words `."""
        return sum(cell_len(written) for _, written in self.keys) + cell_len(self.words) + 3


class KeyBar(Widget):
    """Shows the bindings of its screen that are to be shown; a click presses the key.

    Args:
        answers: The keys of a question, each with what it does, in the place of the bindings.
    """

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: 1; background: $panel; color: $foreground; }
    KeyBar > .key-bar--key { color: $accent; text-style: bold; }
    """
    COMPONENT_CLASSES = {"key-bar--key"}  # noqa: RUF012  as Textual has it

    needless: reactive[frozenset[str]] = reactive(frozenset())
    """Names of actions that would do nothing now; their keys are left out."""
    wording: reactive[Mapping[str, str]] = reactive[Mapping[str, str]](dict)
    """What actions do now, by their names, where that is more than what their keys always say."""

    pane: reactive[str] = reactive("")
    """The class of the pane that keys are about; empty for what has the focus."""
    way_out: reactive[str] = reactive("")
    """What escape ends now; empty where its binding says it."""
    gives_way: reactive[bool] = reactive(False)
    """Whether that stands behind the keys of the list, and is left out before them."""

    def __init__(self, answers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
        self.offers: tuple[Offer, ...] = tuple(
            Offer(((key, "esc" if key == "escape" else key),), words, "", WAY_OUT * (key == "escape"))
            for key, words in answers
        )
        """The keys and their words, before they are cut to the width."""
        self._focused = ""
        """The class of what has the focus."""

    def on_mount(self) -> None:
        """Follow the bindings, unless it has answers."""
        if self.offers:
            return
        self.screen.bindings_updated_signal.subscribe(self, self._follow)
        self._follow(self.screen)

    def _follow(self, screen: Screen[object]) -> None:
        if screen is not self.screen or not screen.is_current:
            return
        self._focused = type(screen.focused).__name__
        offers: list[Offer] = []
        actions: set[str] = set()
        group = None
        for _, binding, enabled, _ in screen.active_bindings.values():
            if not (binding.show and enabled) or binding.action in actions:
                continue
            actions.add(binding.action)
            key = (binding.key, self.app.get_key_display(binding))
            if binding.group is not None and binding.group is group:
                last = offers.pop()
                offers.append(replace(last, keys=(*last.keys, key)))
            else:
                words = binding.group.description if binding.group else binding.description
                offers.append(_offer(key, words, binding))
            group = binding.group
        offers.sort(key=lambda offer: offer.rank)
        if tuple(offers) != self.offers:
            self.offers = tuple(offers)
            self.refresh()

    def fitting_offers(self) -> list[Offer]:
        """Return the offers that matter and have room, in their order."""
        useful = [offer for offer in self.offers if _name(offer.action) not in self.needless]
        if readonly(self.app):
            useful = [offer for offer in useful if not offer.changes]
        if self.app.has_class(LOOKS_BACK):
            useful = [offer for offer in useful if not offer.of_now]
        pane = self.pane or self._focused
        useful = [offer for offer in useful if offer.anywhere or offer.pane == pane]
        room = self.size.width - sum(offer.width for offer in useful if offer.rank >= WAY_OUT)
        if self.way_out:
            useful.append(self._escape(room))
        useful.sort(key=lambda offer: (offer.rank >= 0 and offer.pane != pane, offer.rank))
        fitting = []
        for offer in (
            replace(each, words=self.wording.get(_name(each.action), each.words)) for each in useful
        ):
            if offer.rank >= WAY_OUT:
                fitting.append(offer)
            elif room >= offer.width:
                fitting.append(offer)
                room -= offer.width
        return fitting

    def _escape(self, room: int) -> Offer:
        """Return what escape ends, and as many of the layers behind it as there is room for."""
        layers = self.way_out.split(OUTWARDS)
        rank = BEHIND_COMPARE if self.gives_way else FIRST
        while True:
            offer = Offer((("escape", "esc"),), OUTWARDS.join(layers), "", rank)
            if offer.width <= room or len(layers) == 1:
                return offer
            layers.pop()

    def render_line(self, y: int) -> Strip:
        """Return the one line."""
        plain, key_style = self.rich_style, self.get_component_rich_style("key-bar--key")
        segments = []
        for offer in self.fitting_offers() if y == 0 else []:
            keys = "".join(written for _, written in offer.keys)
            segments += [Segment(f" {keys} ", key_style), Segment(f"{offer.words} ", plain)]
        return Strip(segments).adjust_cell_length(self.size.width, plain)

    def key_at(self, x: int) -> str | None:
        """Return the key that stands at a cell, with its words; None where there is none."""
        for offer in self.fitting_offers():
            if x < offer.width:
                x -= 1
                for name, written in offer.keys:
                    if x < cell_len(written):
                        return name
                    x -= cell_len(written)
                return offer.keys[-1][0]
            x -= offer.width
        return None

    def on_click(self, event: events.Click) -> None:
        """Do what the key that is clicked does."""
        if (key := self.key_at(event.x)) is not None:
            event.stop()
            self.app.simulate_key(key)


def _offer(key: tuple[str, str], words: str, binding: Binding) -> Offer:
    if (found := declared(binding)) is None:
        return Offer((key,), words, binding.action)
    action, hotkey = found.action, found.key
    return Offer(
        (key,), words, binding.action, action.rank, hotkey.pane, hotkey.on_bar or not hotkey.pane,
        action.changes, action.name in OF_NOW,
    )  # fmt: skip


def _name(action: str) -> str:
    """Return an action without its namespace and parameters."""
    return action.partition("(")[0].rpartition(".")[2]
