"""What is done to runs: stop, resume; files and processes are touched in threads.

What does it is imported when it is done: the app is to open at once.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence

from engine.errors import UserError
from engine.runs.status import TAKEN_OUT, Status
from engine.runs.stop_request import Request
from engine.runs.store import Run
from engine.text import clean
from tui.app_options import READONLY
from tui.screens.actions.approve import do_approved
from tui.screens.actions.bulk_action import count_text, do_each, who_is_meant, why_not
from tui.screens.actions.screen_protocol import Target, situation_of
from tui.screens.actions.stop_question import Way, stop_question
from tui.screens.dialogs import Choice, Dialog
from tui.state.messages import Failed, Succeeded
from tui.views.run_names import run_label

_RUN = re.compile(r"([\w.()+-]+)-s(\d+)-\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)


class RunActions:
    """Stops and resumes the runs that are meant on a screen."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def action_stop(self) -> None:
        """Ask how to stop the runs that are meant, and whether to take those that wait out of the queue."""
        target = self._target
        runs = situation_of(target).stoppable
        if not runs:
            target.refuse("Nothing to stop", why_not(target))
            return
        live = [status for status in runs if status.state != "queued"]
        waiting = [status for status in runs if status.state == "queued"]
        target.ask(Dialog(*stop_question(target, live, waiting)), lambda way: self._stop(live, waiting, way))

    def _stop(self, live: Sequence[Status], waiting: Sequence[Status], way: Way | None) -> None:
        if way == "force":
            for status in live:
                self._force(Run(self._target.project.runs / status.run))
        elif way == "cancel":
            self._request(waiting, "stop-now")
        elif way == "all":
            self._request([*waiting, *live], "stop-now")
        elif way is not None:
            self._request(live, way)
        if way is not None:
            self._target.unmark()

    def _request(self, runs: Sequence[Status], request: Request) -> None:
        target = self._target

        asked: list[Status] = []

        def request_it(status: Status) -> str:
            from engine.remote.verbs import request_stop

            said = request_stop(Run(target.project.runs / status.run), request)
            asked.append(status)
            return said

        def done(_count: int) -> str:
            waited = all(status.state == "queued" for status in asked)
            them = "it" if len(asked) == 1 else "them"
            return what_was_asked(asked) + (f"; R queues {them} again" if waited else "")

        def work() -> str:
            from tui.screens.actions.submit_runs import look_after

            try:
                return do_each(runs, request_it, done)
            finally:
                if asked:
                    target.deeds.add(what_was_asked(asked), cure="R queues again what has stopped")
                if any(status.on for status in runs):  # it carries what was asked to a site over ssh
                    look_after(target.store, target.project.config)

        target.do("It cannot be stopped", work)

    def _force(self, run: Run) -> None:
        """Stop a run by force, in a thread that does not keep the app from being left."""
        target = self._target
        if target.readonly:
            target.refuse("It is not stopped", READONLY)
            return

        def say(text: str) -> None:
            target.report(Succeeded(text))

        def work() -> None:
            from engine.remote.verbs import force_stop

            try:
                target.report(Succeeded(force_stop(run, say)))
            except (UserError, OSError) as error:
                target.report(Failed("It cannot be stopped", str(error)))

        threading.Thread(target=work, name="force", daemon=True).start()

    def action_resume(self) -> None:
        """Queue the runs that are meant again, from their last checkpoints; ask first if they are several."""
        target = self._target
        runs = situation_of(target).resumable
        if not runs:
            why = why_not(target).removesuffix(".")
            target.refuse("Nothing to resume", f"{why}; R resumes what was stopped, failed or crashed")
        elif len(runs) == 1:
            self._resume(runs)
        else:
            choice = Choice("enter", "queue them, each to go on from its last checkpoint", value=True)
            text = "\n".join(who_is_meant(target, runs))
            dialog = Dialog(f"Resume {count_text(runs)}?", text, [choice])
            target.ask(dialog, lambda yes: self._resume(runs) if yes else None)

    def _resume(self, runs: Sequence[Status]) -> None:
        from engine.queue.approval import Approval, approval_of_resume

        target, focused = self._target, self._target.focused_run

        def look(status: Status) -> Approval | None:
            return approval_of_resume(Run(target.project.runs / status.run), here=False)

        def queue(status: Status, approval: Approval | None) -> str:
            from engine.remote.verbs import request_resume
            from tui.screens.actions.submit_runs import look_after, serve_queue

            run = Run(target.project.runs / status.run)
            request_resume(run, seen=None if approval is None else approval.identity)
            (look_after if status.on else serve_queue)(target.store, target.project.config)
            which = status.experiment if status is focused else f"{status.experiment} {run_label(status)}"
            return f"{which} is queued{f' on {status.on}' if status.on else ''} to {how_it_goes_on(status)}"

        do_approved(target, "It cannot be resumed", runs, look, queue, "{} runs are queued to go on".format)
        target.unmark()


def what_was_asked(runs: Sequence[Status]) -> str:
    """Return what became of runs that were to stop: ``2 runs taken out of the queue, 1 run asked to stop``."""
    waited = [status for status in runs if status.state == "queued"]
    live = [status for status in runs if status.state != "queued"]
    both = ((waited, TAKEN_OUT), (live, "asked to stop"))
    return ", ".join(f"{count_text(some)} {how}" for some, how in both if some)


def how_it_goes_on(status: Status) -> str:
    """Return where a run goes on that is resumed."""
    if status.checkpoint is None:
        return "begin anew: it has no checkpoint"
    if (epoch := status.epochs_at(status.checkpoint)) is not None:
        return f"go on from epoch {epoch:.3g}"
    return f"go on from step {status.checkpoint:,}"


def briefly(text: str, runs: Iterable[Status]) -> str:
    """Return a sentence with the ids of runs shortened to experiment and seed."""
    if _RUN.search(text) is None:
        return text
    short_names = {status.run: f"{clean(status.experiment)} s{status.seed}" for status in runs}
    return _RUN.sub(lambda match: short_names.get(match[0], f"{match[1]} s{match[2]}"), text)
