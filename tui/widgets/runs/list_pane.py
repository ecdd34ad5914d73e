"""The pane of the run list, whose right border can be dragged."""

from __future__ import annotations

from textual import events
from textual.containers import Vertical
from textual.reactive import reactive

LEAST, BESIDE = 28, 34
"""Cells that the pane keeps, and that it leaves to what stands beside it."""


class ListPane(Vertical):
    """Stands at the left of a screen, as wide as the style sheet says or as its border was dragged."""

    dragged_to: reactive[int] = reactive(0)
    """The cells across that the border was dragged to; 0 for what the style sheet says."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._held = False

    def watch_dragged_to(self) -> None:
        """Be as wide."""
        self._fit()

    def on_resize(self) -> None:
        """Leave room beside the pane, and the whole width to it where it stands over the charts."""
        self._fit()

    def _fit(self) -> None:
        self.styles.width = None if self._is_stacked else pane_width(self.dragged_to, self._room)

    @property
    def _is_stacked(self) -> bool:
        """Whether it stands over the charts and not beside them."""
        return self.screen.has_class("-narrow")

    @property
    def _room(self) -> int:
        """The cells that it shares with the charts."""
        overview = sum(pane.outer_size.width for pane in self.siblings if pane.id == "right" and pane.display)
        return self.screen.size.width - overview

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the border."""
        if event.button == 1 and event.screen_x == self.region.right - 1 and not self._is_stacked:
            self._held = True
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Carry the border along."""
        if self._held:
            self.dragged_to = pane_width(max(event.screen_x + 1 - self.region.x, 1), self._room) or 0

    def on_mouse_up(self) -> None:
        """Let go of the border."""
        if self._held:
            self._held = False
            self.release_mouse()


def pane_width(dragged_to: int, room: int) -> int | None:
    """Return the cells that a pane gets across; None for what the style sheet says.

    Args:
        dragged_to: How far its border was dragged; 0 for not at all.
        room: The cells that it shares with what stands beside it.
    """
    if dragged_to <= 0 or room < LEAST + BESIDE:
        return None
    return max(LEAST, min(dragged_to, room - BESIDE))
