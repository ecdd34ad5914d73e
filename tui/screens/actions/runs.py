"""What the dashboard does to runs: queue, stop, resume; files and processes are touched in threads.

What does it is imported when it is done: the app is to open at once.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from typing import Literal

from textual import on
from textual.screen import Screen

from engine.analysis.run_groups import told_apart
from engine.runs.status import LIVE, RESUMABLE, Status
from engine.runs.store import Request, Run, Store, StoreError
from engine.text import clean
from tui.options import READONLY, readonly
from tui.screens.dialogs import Choice, Dialog
from tui.state.messages import Done, Failed
from tui.state.snapshot import Project, Snapshot
from tui.views.row import Row
from tui.views.run_names import run_label

LETTERS_A_SECOND = 15
"""That people read, while they do something else."""

_RUN = re.compile(r"([\w.()+-]+)-s(\d+)-\d{8}-\d{6}-[0-9a-f]{4}", re.ASCII)


class Doing(Screen[None]):
    """A screen on which runs can be queued, stopped and resumed; which one is meant is up to the screen."""

    project: Project
    store: Store
    snapshot: Snapshot

    @property
    def row(self) -> Row | None:
        """The row that is meant."""
        raise NotImplementedError

    @property
    def focused_run(self) -> Status | None:
        """The run that is meant."""
        raise NotImplementedError

    @property
    def folded_row(self) -> Row | None:
        """The row that is meant with the runs that it hides; None where one run is looked at."""
        return self.row

    def needless(self) -> frozenset[str]:
        """Return the actions that would do nothing to the run that is meant, as it is now."""
        useful = {"stop": self._stoppable is not None, "resume": self._resumable is not None}
        return frozenset(action for action, is_useful in useful.items() if not is_useful)

    @property
    def _stoppable(self) -> Status | None:
        """The run that is meant, if it lives or waits; of those that its row hides, one that waits."""
        status = self.focused_run
        return status if status is not None and status.state in LIVE else self._queued

    @property
    def _queued(self) -> Status | None:
        """The run that is meant, if it waits; of those that its row hides, the newest that does."""
        status, row = self.focused_run, self.folded_row
        if status is None or status.state == "queued":
            return status
        if row is None or not row.waiting:
            return None
        waiting = (run for run in reversed(self.snapshot.runs) if run.state == "queued")
        return next((run for run in waiting if run.experiment == status.experiment), None)

    @property
    def _resumable(self) -> Status | None:
        """The run that is meant, if it can go on; of those that its row hides, the newest that can."""
        status = self.focused_run
        if status is not None and status.state in RESUMABLE:
            return status
        return next(iter(self.folded_row.unfinished), None) if self.folded_row is not None else None

    def action_run(self) -> None:
        """Queue the experiment under the cursor: the seeds that there is no run of yet, else all of them again."""
        row, config = self.row, self.snapshot.config
        if row is None or config is None or row.experiment not in config.experiments:
            self._refuse_row()
            return
        from tui.views.rerun import already, said, seeds_to_queue

        experiment = config.experiments[row.experiment]
        there = already(experiment, self.snapshot.runs, self.snapshot.about)
        as_it_stood = self._as_it_stood()

        def queue() -> str:
            from engine.config.preflight import missing
            from engine.queue.worker import ensure_worker

            if lacks := missing(experiment):
                raise StoreError(f"{lacks}; `engine submit` queues it for a machine that has it")
            runs = [
                self.store.create(experiment, seed, queued=True) for seed in seeds_to_queue(experiment, there)
            ]
            ensure_worker(self.store)
            return said(experiment, there, [run.id for run in runs]) + as_it_stood

        self._do(f"{experiment.name} cannot be queued", queue)

    def _as_it_stood(self) -> str:
        """Return what is to be added on an experiment that is queued while its file cannot be read."""
        if not self.snapshot.config_error:
            return ""
        return f"; {self.project.config.name} has a mistake: it is queued as it stood before that"

    def _refuse_row(self) -> None:
        """Say why nothing can be run from the row."""
        is_group = self.row is not None and self.row.group
        text = (
            "This is a group; → shows its experiments."
            if is_group
            else f"{self.project.config} has none of that name any more."
            if self.row is not None
            else f"There is none yet: {self.project.config} says what there is to train."
        )
        self._refuse("No experiment here", text)

    def action_stop(self) -> None:
        """Ask how to stop the run under the cursor."""
        status = self._stoppable
        if status is None:
            self._refuse("Nothing to stop", "The run under the cursor does not run.")
            return
        if status.state == "queued":
            text = "It has not begun; R queues it again."
            choices = [Choice("enter", "take it out of the queue", "stop-now")]
        else:
            text = "enter and n keep a checkpoint, from which R resumes it."
            choices = [
                Choice("enter", f"stop after this epoch ({int(status.epoch) + 1} of {status.epochs or '?'})",
                       "stop-after-epoch"),
                Choice("n", "stop now", "stop-now"),
                Choice("f", "make it stop: SIGTERM, then SIGKILL (no new checkpoint)", "force"),
            ]  # fmt: skip
        run = Run(self.project.runs / status.run)

        def request_it(request: Request) -> str:
            from engine.queue.requests import request_stop

            return request_stop(run, request)

        def chosen(request: Request | Literal["force"] | None) -> None:
            if request == "force":
                self._force(run)
            elif request is not None:
                self._do("It cannot be stopped", lambda: request_it(request))

        runs = [each for each in self.snapshot.runs if each.experiment == status.experiment]
        made = told_apart(runs, self.snapshot.about).get(status.run, "")
        which = f"{status.experiment} (seed {status.seed})" if len(runs) > 1 else status.experiment
        which += f", {clean(made)}" if made else ""
        self.app.push_screen(Dialog(f"Stop {which}?", text, choices), chosen)

    def _force(self, run: Run) -> None:
        """Stop a run by force, in a thread that does not keep the app from being left."""
        if readonly(self.app):
            self._refuse("It is not stopped", READONLY)
            return

        def say(text: str) -> None:
            self.post_message(Done(text))

        def work() -> None:
            from engine.queue.force_stop import climb

            try:
                self.post_message(Done(climb(run, say)))
            except (StoreError, OSError) as error:
                self.post_message(Failed("It cannot be stopped", str(error)))

        threading.Thread(target=work, name="force", daemon=True).start()

    def action_resume(self) -> None:
        """Queue the run under the cursor again, from its last checkpoint."""
        status = self._resumable
        if status is None:
            self._refuse("Nothing to resume", "Only a stopped, failed or crashed run can be resumed.")
            return

        def queue() -> str:
            from engine.queue.requests import request_resume
            from engine.queue.worker import ensure_worker

            request_resume(Run(self.project.runs / status.run))
            ensure_worker(self.store)
            which = (
                status.experiment
                if status is self.focused_run
                else f"{status.experiment} {run_label(status)}"
            )
            return f"{which} is queued to {how_it_goes_on(status)}"

        self._do("It cannot be resumed", queue)

    def _do(self, title: str, action: Callable[[], str]) -> None:
        """Do something with files or processes in a thread, and say how it went; nothing where that is read-only."""
        if readonly(self.app):
            self._refuse(title, READONLY)
            return

        def work() -> None:
            try:
                self.post_message(Done(action()))
            except (StoreError, OSError) as error:
                self.post_message(Failed(title, str(error)))

        self.run_worker(work, thread=True, group="actions", exit_on_error=False)

    @on(Done)
    def _done(self, message: Done) -> None:
        text = briefly(message.text, self.snapshot.runs)
        self.notify(text, markup=False, timeout=max(4, len(text) / LETTERS_A_SECOND))

    @on(Failed)
    def _failed(self, message: Failed) -> None:
        self.app.push_screen(Dialog(message.title, message.text, []))

    def _refuse(self, title: str, text: str) -> None:
        self.notify(text, title=title, severity="warning", markup=False, timeout=4)


def how_it_goes_on(status: Status) -> str:
    """Return where a run goes on that is resumed."""
    if status.checkpoint is None:
        return "begin anew: it has no checkpoint"
    if status.steps_per_epoch:
        return f"go on from epoch {status.checkpoint / status.steps_per_epoch:.3g}"
    return f"go on from step {status.checkpoint:,}"


def briefly(text: str, runs: Iterable[Status]) -> str:
    """Return a sentence with the ids of runs shortened to experiment and seed."""
    if _RUN.search(text) is None:
        return text
    known = {status.run: f"{clean(status.experiment)} s{status.seed}" for status in runs}
    return _RUN.sub(lambda found: known.get(found[0], f"{found[1]} s{found[2]}"), text)
