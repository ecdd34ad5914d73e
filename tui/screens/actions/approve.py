"""What would start that this user did not queue is shown before it does; without a yes nothing is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from engine.errors import UserError
from engine.runs.status import Status
from tui.app_options import READONLY
from tui.screens.actions.bulk_action import do_each
from tui.screens.actions.screen_protocol import Target
from tui.screens.dialogs import Choice, Dialog
from tui.state.messages import Failed, Succeeded

if TYPE_CHECKING:
    from engine.queue.approval import Approval


def do_approved(
    target: Target,
    title: str,
    runs: Sequence[Status],
    look: Callable[[Status], Approval | None],
    act: Callable[[Status, Approval | None], str],
    done: Callable[[int], str],
) -> None:
    """Do something in a thread that may start runs; ask about each of which the user has to see what that is.

    Args:
        target: The screen that it is done on.
        title: What is not done, for the message that says why.
        runs: The runs.
        look: Returns what the user has to agree to for a run, None where there is nothing to ask.
        act: Does it to a run, and returns how it went in words.
        done: Returns how it went with so many.
    """
    if target.readonly:
        target.refuse(title, READONLY)
        return
    to_ask: list[tuple[Status, Approval]] = []

    def do_or_ask(status: Status) -> str:
        approval = look(status)
        if approval is None:
            return act(status, None)
        to_ask.append((status, approval))
        return ""

    def work() -> None:
        try:
            if outcome := do_each(runs, do_or_ask, done):
                target.report(Succeeded(outcome))
        except (UserError, OSError) as error:
            target.report(Failed(title, str(error)))
        if to_ask:
            target.ask_from_thread(*question())

    def question() -> tuple[Dialog, Callable[[bool | None], None]]:
        status, approval = to_ask.pop(0)

        def chosen(agreed: bool | None) -> None:
            if agreed:
                target.do(title, lambda: act(status, approval))
            if to_ask:
                target.ask(*question())

        start = Choice("y", "start it: what it says is executed as you", value=True)
        return Dialog("Start what you did not queue?", "\n".join(approval.lines), [start]), chosen

    target.start(work)
