"""What would start that this user did not queue is shown before it does; without a yes nothing is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.errors import UserError
from tui.app_options import READONLY
from tui.screens.actions.target import Target
from tui.screens.dialogs import Choice, Dialog
from tui.state.messages import Failed, Succeeded

if TYPE_CHECKING:
    from engine.queue.approval import Approval


def do_approved(
    target: Target,
    title: str,
    look: Callable[[], Approval | None],
    action: Callable[[Approval | None], str],
) -> None:
    """Do something in a thread that may start a run; ask first where the user has to see what that is.

    Args:
        target: The screen that it is done on.
        title: What is not done, for the message that says why.
        look: Returns what the user has to agree to, None where there is nothing to ask.
        action: Does it, and returns how it went in words.
    """
    if target.readonly:
        target.refuse(title, READONLY)
        return

    def work() -> None:
        try:
            approval = look()
            if approval is None:
                target.report(Succeeded(action(None)))
                return
        except (UserError, OSError) as error:
            target.report(Failed(title, str(error)))
            return

        def chosen(agreed: bool | None) -> None:
            if agreed:
                target.do(title, lambda: action(approval))

        start = Choice("y", "start it: what it says is executed as you", value=True)
        target.ask_from_thread(
            Dialog("Start what you did not queue?", "\n".join(approval.lines), [start]), chosen
        )

    target.start(work)
