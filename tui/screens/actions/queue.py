"""What is done to runs that wait: moved in the queue, held, let go. On the dashboard as on the queue's own screen."""

from __future__ import annotations

from engine.runs.store import Run, StoreError
from tui.screens.actions.runs import Doing


class Queueing(Doing):
    """A screen on which a run that waits can be moved and held."""

    def needless(self) -> frozenset[str]:
        """Return the actions that would do nothing to the run that is meant, as it is now."""
        return super().needless() | (frozenset() if self._queued is not None else {"shift", "hold"})

    def action_shift(self, places: int) -> None:
        """Move the run that is meant in the queue."""
        if (run := self._waiting("Nothing to move")) is None:
            return

        def move() -> str:
            from engine.queue import order as queue

            order = queue.waiting(self.store)
            here = next((i for i, other in enumerate(order) if other.id == run.id), None)
            if here is None:
                raise StoreError(f"{run.id} does not wait in the queue")
            if not 0 <= here + places < len(order):
                return f"{run.id} is {'first' if places < 0 else 'last'} already"
            before = here + places + (places > 0)
            return queue.move(self.store, run, order[before] if before < len(order) else "last")

        self._do("It cannot be moved", move)

    def action_hold(self) -> None:
        """Keep the run that is meant from being started, or let it start."""
        if (run := self._waiting("Nothing to hold")) is None:
            return
        ticket = self.snapshot.queue.tickets.get(run.id)
        release = ticket is not None and ticket.on_hold

        def hold() -> str:
            from engine.queue import order as queue
            from engine.queue.worker import ensure_worker

            said = queue.hold(run, release=release)
            if release:
                ensure_worker(self.store)
                return said
            return f"{run.id} is held; H lets it go"

        self._do("It cannot be held", hold)

    def _waiting(self, title: str) -> Run | None:
        """Return the run that is meant if it waits; else say that it does not."""
        status = self._queued
        if status is None:
            self._refuse(title, "The run under the cursor does not wait in the queue.")
            return None
        return Run(self.project.runs / status.run)
