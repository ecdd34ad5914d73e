"""What is done to runs that wait: moved in the queue, held, let go. On the dashboard as on the queue's own screen."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

from engine.runs.status import Status
from engine.runs.store import Run, StoreError
from tui.screens.actions.approve import do_approved
from tui.screens.actions.bulk_action import count_text, do_each, why_not
from tui.screens.actions.screen_protocol import Target, situation_of
from tui.state.undo_history import UndoHistory
from tui.views.site_facts import is_held_there, waiting_at

if TYPE_CHECKING:
    from engine.queue.move_and_hold import Where

Move = tuple[str, str | None]
"""A run, and the one that it goes before; None for the end of the queue."""


class QueueActions:
    """Moves and holds the runs that wait."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def action_shift(self, places: int) -> None:
        """Move the runs that are meant in their queues by one place, as a block where they stand together."""
        if not (waiting := self._waiting("Nothing to move")):
            return
        target = self._target
        store, snapshot, runs = target.store, target.snapshot, target.project.runs
        sites = dict.fromkeys(status.on for status in waiting)

        def move() -> str:
            from engine.queue import move_and_hold as queue
            from engine.remote import verbs

            said = []
            for site in sites:
                order = waiting_at(snapshot, site) if site else [run.id for run in queue.waiting(store)]
                meant = {status.run for status in waiting if status.on == site}
                if missing := meant - set(order):
                    raise StoreError(f"{min(missing)} does not wait in the queue")
                for run, before in moves(order, meant, up=places < 0):
                    where: Where | Run = Run(runs / before) if before is not None else "last"
                    said.append(verbs.move(store, Run(runs / run), where))
            if said:
                target.deeds.add(f"{count_text(waiting)} moved in the queue", cure="K and J move it")
            end = "first" if places < 0 else "last"
            if len(waiting) == 1:
                return said[0] if said else f"{waiting[0].run} is {end} already"
            return (
                f"{len(said)} runs moved {'up' if places < 0 else 'down'}"
                if said
                else f"they are {end} already"
            )

        target.do("It cannot be moved", move)

    def action_work(self) -> None:
        """Start the worker of the queue, unless one serves it."""

        def start() -> str:
            from tui.screens.actions.submit_runs import serve_queue

            begun = serve_queue(self._target.store, self._target.project.config)
            return f"a worker serves the queue{'' if begun else ' already'}"

        self._target.do("No worker is started", start)

    def action_hold(self) -> None:
        """Keep the runs that are meant from being started; let them start where all are held."""
        if not (waiting := self._waiting("Nothing to hold")):
            return
        if free := [status for status in waiting if not self._is_held(status)]:
            self._hold(free, self._deeds)
        else:
            self._release(waiting, self._deeds)
        self._target.unmark()

    @property
    def _deeds(self) -> UndoHistory:
        return self._target.deeds

    def _hold(self, free: Sequence[Status], deeds: UndoHistory) -> None:
        """Keep runs from being started; what was done is kept among some deeds."""
        held: list[Status] = []

        def hold(status: Status) -> str:
            from engine.remote import verbs

            said = verbs.hold(self._run(status))
            held.append(status)
            return said if status.on else f"{status.run} is held; H lets it go"

        def work() -> str:
            try:
                return do_each(free, hold, "{} runs are held; H lets them go".format)
            finally:
                if held:
                    deeds.add(f"{count_text(held)} held", lambda: self._release(held, UndoHistory()))

        self._target.do("It cannot be held", work)

    def _release(self, held: Sequence[Status], deeds: UndoHistory) -> None:
        """Let runs start; what this user did not queue is shown first. What was done is kept among some deeds."""
        from engine.queue.approval import Approval, approval_of_release, release

        freed: list[Status] = []

        def look(status: Status) -> Approval | None:
            return None if status.on else approval_of_release(self._run(status))

        def let_go(status: Status, approval: Approval | None) -> str:
            from engine.remote import verbs
            from tui.screens.actions.submit_runs import serve_queue

            run = self._run(status)
            outcome = verbs.hold(run, release=True) if approval is None else release(approval)
            if not status.on:
                serve_queue(self._target.store, self._target.project.config)
            freed.append(status)
            if len(freed) == 1:
                deeds.add(f"{count_text(held)} let go", lambda: self._hold(freed, UndoHistory()))
            return outcome

        do_approved(self._target, "It is not let go", held, look, let_go, "{} runs are let go".format)

    def _is_held(self, status: Status) -> bool:
        queue = self._target.snapshot.queue
        if status.on:
            return is_held_there(self._target.snapshot, status)
        entry = queue.entries.get(status.run)
        return status.run in queue.untrusted or (entry is not None and entry.on_hold)

    def _waiting(self, title: str) -> tuple[Status, ...]:
        """Return the runs that are meant and wait; say so if there are none."""
        waiting = situation_of(self._target).waiting
        if not waiting:
            self._target.refuse(title, why_not(self._target))
        return waiting

    def _run(self, status: Status) -> Run:
        return Run(self._target.project.runs / status.run)


def moves(order: Sequence[str], meant: Set[str], *, up: bool) -> list[Move]:
    """Return the moves, to be made one after the other, that bring some of a queue one place on.

    Args:
        order: The queue.
        meant: Those of it that go; what is at the end already stays, and what stands behind it too.
        up: Whether they go towards the beginning.
    """
    line, made = list(order), list[Move]()
    step = -1 if up else 1
    for at in range(len(line)) if up else reversed(range(len(line))):
        to = at + step
        if line[at] not in meant or not 0 <= to < len(line) or line[to] in meant:
            continue
        before = to if up else to + 1
        made.append((line[at], line[before] if before < len(line) else None))
        line[at], line[to] = line[to], line[at]
    return made
