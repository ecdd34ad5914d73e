"""What is done to runs: queue, stop, resume; files and processes are touched in threads.

What does it is imported when it is done: the app is to open at once.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import Literal

from engine.analysis.differing_settings import distinguishing_settings
from engine.errors import UserError
from engine.runs.status import Status
from engine.runs.stop_request import Request
from engine.runs.store import Run
from engine.text import clean
from tui.app_options import READONLY
from tui.screens.actions.approve import do_approved
from tui.screens.actions.target import Target, situation_of
from tui.screens.dialogs import Choice, Dialog
from tui.state.messages import Failed, Succeeded
from tui.views.run_names import run_label

_RUN = re.compile(r"([\w.()+-]+)-s(\d+)-\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)


class RunActions:
    """Queues, stops and resumes the run that is meant on a screen."""

    def __init__(self, target: Target) -> None:
        self._target = target

    def action_run(self) -> None:
        """Queue the experiment under the cursor: the seeds that there is no run of yet, else all of them again."""
        target = self._target
        row, config, store = target.row, target.snapshot.config, target.store
        if row is None or config is None or row.experiment not in config.experiments:
            refuse_row(target)
            return
        from engine.queue.submit import seeds_present, seeds_to_queue
        from tui.screens.actions.submit_runs import site_used_last, submit_runs
        from tui.views.queued_message import queued_message
        from tui.views.run_destination import newest_run

        experiment = config.experiments[row.experiment]
        there = seeds_present(experiment, target.snapshot.runs, target.snapshot.metadata)
        newest = newest_run(target.snapshot, experiment.name)
        as_it_stood = how_it_stood(target)

        def queue() -> str:
            site = site_used_last(store, newest, config.sites)
            ids, odd = submit_runs(store, experiment, seeds_to_queue(experiment, there), site, config.path)
            on = site.name if site is not None else ""
            return queued_message(experiment, there, ids, on) + odd + as_it_stood

        target.do(f"{experiment.name} cannot be queued", queue)

    def action_stop(self) -> None:
        """Ask how to stop the run under the cursor."""
        target = self._target
        status = situation_of(target).stoppable
        if status is None:
            target.refuse("Nothing to stop", "The run under the cursor does not run.")
            return
        force = "make it stop: SIGTERM, then SIGKILL (no new checkpoint)"
        if status.on:
            force = f"make it stop: have its job on {clean(status.on)} cancelled"
        if status.state == "queued":
            text = "It has not begun; R queues it again."
            choices = [Choice("enter", "take it out of the queue", "stop-now")]
        else:
            text = "enter and n keep a checkpoint, from which R resumes it."
            choices = [
                Choice("enter", f"stop after this epoch ({int(status.epoch) + 1} of {status.epochs or '?'})",
                       "stop-after-epoch"),
                Choice("n", "stop now", "stop-now"),
                Choice("f", force, "force"),
            ]  # fmt: skip
        run = Run(target.project.runs / status.run)

        def request_it(request: Request) -> str:
            from engine.remote.verbs import request_stop
            from tui.screens.actions.submit_runs import look_after

            outcome = request_stop(run, request)
            if status.on:
                look_after(
                    target.store, target.project.config
                )  # it carries what was asked to a site over ssh
            return outcome

        def chosen(request: Request | Literal["force"] | None) -> None:
            if request == "force":
                self._force(run)
            elif request is not None:
                target.do("It cannot be stopped", lambda: request_it(request))

        runs = [other for other in target.snapshot.runs if other.experiment == status.experiment]
        made = distinguishing_settings(runs, target.snapshot.metadata).get(status.run, "")
        which = f"{status.experiment} (seed {status.seed})" if len(runs) > 1 else status.experiment
        which += f", {clean(made)}" if made else ""
        target.ask(Dialog(f"Stop {which}?", text, choices), chosen)

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
        """Queue the run under the cursor again, from its last checkpoint."""
        target = self._target
        status, focused = situation_of(target).resumable, target.focused_run
        if status is None:
            target.refuse("Nothing to resume", "Only a stopped, failed or crashed run can be resumed.")
            return

        from engine.queue.approval import Approval, approval_of_resume

        run = Run(target.project.runs / status.run)

        def queue(approval: Approval | None) -> str:
            from engine.remote.verbs import request_resume
            from tui.screens.actions.submit_runs import look_after, serve_queue

            request_resume(run, seen=None if approval is None else approval.identity)
            (look_after if status.on else serve_queue)(target.store, target.project.config)
            which = status.experiment if status is focused else f"{status.experiment} {run_label(status)}"
            return f"{which} is queued{f' on {status.on}' if status.on else ''} to {how_it_goes_on(status)}"

        do_approved(target, "It cannot be resumed", lambda: approval_of_resume(run, here=False), queue)


def how_it_stood(target: Target) -> str:
    """Return what is to be added on an experiment that is queued while its file cannot be read."""
    if not target.snapshot.config_error:
        return ""
    return f"; {target.project.config.name} has a mistake: it is queued as it stood before that"


def refuse_row(target: Target) -> None:
    """Say why nothing can be run from the row that is meant."""
    if target.row is None:
        text = f"There is none yet: {target.project.config} says what there is to train."
    elif target.row.group:
        text = "This is a group; → shows its experiments."
    else:
        text = f"{target.project.config} has none of that name any more."
    target.refuse("No experiment here", text)


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
