"""Keys in turn: each waits until the screen that the key before it opened can take keys.

Over a slow line keys come in bursts. A key passes from the focused widget through its ancestors to the app; its
action may send a message the same way, and then a screen may open. Keys right behind it would meanwhile reach the
screen below, and act there or be lost. So they wait for callbacks that are sent behind the key and behind its message
to come through the same queues, and through that of the screen on top, which runs callbacks once it is mounted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

PATIENCE_S = 2.0
"""Seconds after which a key that is still unfinished lets the others have their turn."""
LOOK_S = 0.02
"""Seconds between two looks whether a screen that is made in a thread is there."""
OPENING = "opening"
"""The name of workers that make a screen: keys typed meanwhile are for it."""
MOST_WAITING = 300
"""Keys that wait at most, the last ones: more come from no hand, and the app would be deaf to it for minutes."""
AT_ONCE = frozenset({"ctrl+c"})
"""Keys that wait for nothing."""


class KeyQueueApp(App[str]):
    """An app that acts on one key after the other."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: deque[events.Key] = deque(maxlen=MOST_WAITING)
        self._turn = 0
        """Which key is acted on, counted from the first."""
        self._busy: asyncio.TimerHandle | None = None
        """Ends the turn of a key that is lost; None while no key is acted on."""

    async def on_event(self, event: events.Event) -> None:
        """Keep a key until its turn."""
        if not isinstance(event, events.Key) or event.is_forwarded or event.key in AT_ONCE:
            await super().on_event(event)
        elif self._busy is not None:
            self._waiting.append(event)
        else:
            await self._give(event)

    async def _give(self, key: events.Key) -> None:
        """Have a key acted on, and find out when it has been."""
        self._turn += 1
        turn = self._turn
        self._busy = asyncio.get_running_loop().call_later(PATIENCE_S, self.call_later, self._next, turn)
        way = [node for node in (self.focused or self.screen).ancestors_with_self if node is not self]
        await super().on_event(key)
        self._behind(way, lambda: self._behind(way, lambda: self._acted(turn)))

    def _behind(self, way: Sequence[MessagePump], then: Callable[[], object]) -> None:
        """Do something when what waits in the queues on a way, and last in the app's, has been worked off."""
        for at, node in enumerate(way, 1):
            if node.call_later(self._behind, way[at:], then):
                return
        self.call_later(then)

    def _acted(self, turn: int) -> None:
        """Wait for the screen that is on top now, and the focus that it may have asked for."""
        opening = any(worker.name == OPENING and not worker.is_finished for worker in self.workers)
        if opening and turn == self._turn:
            self.set_timer(LOOK_S, lambda: self._acted(turn))
        else:
            self._behind([self.screen], lambda: self._next(turn))

    async def _next(self, turn: int) -> None:
        """Give the key whose turn it is, if ``turn`` has not been over before."""
        if turn != self._turn or self._busy is None:
            return
        self._busy.cancel()
        self._busy = None
        if self._waiting:
            await self._give(self._waiting.popleft())
