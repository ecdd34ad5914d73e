"""What is done to runs that wait: moved in the queue, held, let go. On the dashboard as on the queue's own screen."""

from __future__ import annotations

from engine.runs.store import Run, StoreError
from tui.screens.actions.approve import do_approved
from tui.screens.actions.target import Target, situation_of
from tui.views.site_facts import is_held_there, waiting_at


class QueueActions:
    """Moves and holds the run that waits."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def action_shift(self, places: int) -> None:
        """Move the run that is meant in the queue."""
        if (run := self._waiting("Nothing to move")) is None:
            return
        store, snapshot = self._target.store, self._target.snapshot
        on = snapshot.by_id[run.id].on if run.id in snapshot.by_id else ""
        at_site = [Run(store.root / name) for name in waiting_at(snapshot, on)] if on else None

        def move() -> str:
            from engine.queue import order as queue
            from engine.remote import verbs

            order = at_site if at_site is not None else queue.waiting(store)
            here = next((i for i, other in enumerate(order) if other.id == run.id), None)
            if here is None:
                raise StoreError(f"{run.id} does not wait in the queue")
            if not 0 <= here + places < len(order):
                return f"{run.id} is {'first' if places < 0 else 'last'} already"
            before = here + places + (places > 0)
            return verbs.move(store, run, order[before] if before < len(order) else "last")

        self._target.do("It cannot be moved", move)

    def action_hold(self) -> None:
        """Keep the run that is meant from being started, or let it start."""
        if (run := self._waiting("Nothing to hold")) is None:
            return
        target = self._target
        entry = target.snapshot.queue.entries.get(run.id)
        status = target.snapshot.by_id.get(run.id)
        if status is not None and status.on:
            release = is_held_there(target.snapshot, status)

            def ask_site() -> str:
                from engine.remote import verbs

                return verbs.hold(run, release=release)

            target.do("It is not let go" if release else "It cannot be held", ask_site)
            return
        if run.id in target.snapshot.queue.untrusted or (entry is not None and entry.on_hold):
            self._release(run)
            return

        def hold() -> str:
            from engine.queue import order as queue

            queue.hold(run)
            return f"{run.id} is held; H lets it go"

        target.do("It cannot be held", hold)

    def _release(self, run: Run) -> None:
        """Let a run start; what this user did not queue is shown first."""
        from engine.queue.approval import Approval, approval_of_release, release

        def let_go(approval: Approval | None) -> str:
            from engine.queue import order as queue
            from tui.screens.actions.submit_runs import serve_queue

            outcome = queue.hold(run, release=True) if approval is None else release(approval)
            serve_queue(self._target.store, self._target.project.config)
            return outcome

        do_approved(self._target, "It is not let go", lambda: approval_of_release(run), let_go)

    def _waiting(self, title: str) -> Run | None:
        """Return the run that is meant if it waits; else say that it does not."""
        status = situation_of(self._target).waiting
        if status is None:
            self._target.refuse(title, "The run under the cursor does not wait in the queue.")
            return None
        return Run(self._target.project.runs / status.run)
