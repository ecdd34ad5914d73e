"""Queue experiments as they stand: the seeds that are missing, and no seed a second time without a question."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from engine.errors import UserError
from engine.runs.status import Status
from engine.text import clean
from tui.screens.actions.screen_protocol import Target
from tui.screens.dialogs import Choice, Dialog
from tui.state.messages import Queued
from tui.state.snapshot import Snapshot

if TYPE_CHECKING:
    from engine.config.schema import Experiment
    from tui.views.run_overrides import Variation


@dataclass(frozen=True)
class Plan:
    """What can be queued of an experiment."""

    variation: Variation
    """The experiment, as it stands or with changes, with the seeds that are asked for and where it is to go."""
    there: Mapping[int, Status]
    """The runs that make another needless, by seed."""
    missing: tuple[int, ...]
    """The seeds that there is no run of."""
    following: int
    """The next seed that is free."""

    @property
    def experiment(self) -> Experiment:
        """What is queued."""
        return self.variation.experiment


class ExperimentActions:
    """Queues the experiments that are meant on a screen."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._asked_for: dict[tuple[str, str, int], str] = {}
        """The runs that were queued here and that no snapshot has yet: their ids, empty before they are made."""

    def action_run(self) -> None:
        """Queue the seeds that are missing of the experiments that are meant; where none is, ask which then."""
        from tui.views.run_overrides import Variation

        target = self._target
        rows = target.marked_rows or ([target.row] if target.row is not None else [])
        config = target.snapshot.config
        names = dict.fromkeys(row.experiment for row in rows)
        experiments = [config.experiments[name] for name in names if config and name in config.experiments]
        if config is None or not experiments:
            refuse_row(target)
            return
        plans = [self.plan(Variation(each, tuple(each.run_seeds))) for each in experiments]
        self._queue_missing(plans, then=target.unmark)

    def queue(self, variation: Variation, folds: str = "") -> None:
        """Queue the seeds of a variation that have no run with its settings; where each has one, ask which then.

        Args:
            variation: The experiment with changes, its seeds, and where it goes.
            folds: The name of its row among those that are unfolded: its new runs are shown; empty to show only those
                that it does not stand for.
        """
        self._queue_missing([self.plan(variation)], folds)

    def _queue_missing(
        self, plans: Sequence[Plan], folds: str = "", then: Callable[[], None] = lambda: None
    ) -> None:
        if any(
            runs_unread(self._target.snapshot, plan.experiment.name, self._asked_for.values())
            for plan in plans
        ):
            self._target.refuse("Not queued", "What has run is still being read: once more in a moment.")
            return
        for plan in plans:
            if plan.missing:
                self._queue(plan, plan.missing, folds)
                then()
        if not (full := [plan for plan in plans if not plan.missing]):
            return

        def chosen(which: str | None) -> None:
            for plan in full if which is not None else ():
                again = which == "again"
                self._queue(plan, plan.variation.seeds if again else [plan.following], folds)
                then()

        self._target.ask(Dialog(*seed_question(full)), chosen)

    def plan(self, variation: Variation) -> Plan:
        """Return the runs that a variation has already, and the seeds that it lacks. For any thread."""
        from engine.queue.submit import next_free_seed, seeds_present

        snapshot, seeds = self._target.snapshot, variation.seeds
        experiment = msgspec.structs.replace(variation.experiment, seeds=list(seeds))
        there = dict(seeds_present(experiment, snapshot.runs, snapshot.metadata))
        made = _made_like(experiment)
        asked_for = {
            seed: run
            for (*alike, seed), run in self._asked_for.copy().items()
            if alike == made and run not in snapshot.by_id
        }
        there |= {
            seed: Status(run=run, experiment=experiment.name, seed=seed)
            for seed, run in asked_for.items()
            if seed in seeds
        }
        following = next_free_seed(experiment, snapshot.runs, snapshot.metadata, asked_for)
        return Plan(variation, there, tuple(seed for seed in seeds if seed not in there), following)

    def _queue(self, plan: Plan, seeds: Sequence[int], folds: str) -> None:
        from tui.screens.actions.submit_runs import site_used_last, submit_runs
        from tui.views.queued_message import queued_message
        from tui.views.run_destination import newest_run

        target, variation, experiment = self._target, plan.variation, plan.experiment
        config = target.snapshot.config
        if config is None:
            return
        newest = newest_run(target.snapshot, experiment.name)
        as_it_stood = how_it_stood(target)
        name, settings = _made_like(experiment)
        keys = [(name, settings, seed) for seed in seeds]
        self._asked_for = {
            key: run for key, run in self._asked_for.items() if run not in target.snapshot.by_id
        }

        def queue() -> str:
            try:
                said = variation.on is not None
                site = variation.site if said else site_used_last(target.store, newest, config.sites)
                ids, odd = submit_runs(target.store, experiment, seeds, site, config.path, variation.priority)
            except (UserError, OSError):
                for key in keys:
                    self._asked_for.pop(key, None)
                raise
            self._asked_for |= dict(zip(keys, ids, strict=False))
            target.deeds.add(f"{experiment.name} queued", cure=". takes it out")
            if folds or experiment != config.experiments.get(name):
                target.report(Queued(ids[0], folds))
            on = site.name if site is not None else ""
            return queued_message(experiment, plan.there, seeds, ids, on) + odd + as_it_stood

        if not target.readonly:
            self._asked_for |= dict.fromkeys(keys, "")
        target.do(f"{experiment.name} cannot be queued", queue)


def runs_unread(snapshot: Snapshot, experiment: str, known: Collection[str] = ()) -> bool:
    """Return whether an experiment may have runs that were not looked at, or whose settings were not read, yet.

    Args:
        snapshot: Has the runs.
        experiment: Its name.
        known: The ids of runs whose settings are known otherwise.
    """
    return snapshot.unread or (
        snapshot.loading
        and any(
            run.experiment == experiment and run.run not in snapshot.metadata and run.run not in known
            for run in snapshot.runs
        )
    )


def _made_like(experiment: Experiment) -> list[str]:
    """Return the name of an experiment, and what runs are made with that learn the same."""
    from engine.analysis.runs_that_count import settings_of

    return [experiment.name, repr(settings_of(experiment))]


def seed_question(plans: Sequence[Plan]) -> tuple[str, str, list[Choice]]:
    """Return the title, the text and the answers of the question which seeds experiments are to run that have all."""
    from tui.views.queued_message import existing_runs

    if len(plans) > 1:
        title, which, again = (
            f"{len(plans)} experiments have all their seeds already",
            "of each",
            "the same seeds again",
        )
    else:
        (plan,) = plans
        seeds = plan.variation.seeds
        which_seeds = f"all {len(seeds)} seeds" if len(seeds) > 1 else f"seed {seeds[0]}"
        title = f"{plan.experiment.name} has {which_seeds} already"
        which = f"({plan.following})"
        again = f"all {len(seeds)} again" if len(seeds) > 1 else f"seed {seeds[0]} again"
    lines = [f"{clean(plan.experiment.name)} {existing_runs(plan.there)}." for plan in plans[:5]]
    lines += [f"and {len(plans) - 5} more"] if len(plans) > 5 else []
    lines.append("The same settings and seed give the same result.")
    return title, "\n".join(lines), [
        Choice("enter", f"queue the next seed {which}", "next"), Choice("n", f"queue {again}", "again"),
    ]  # fmt: skip


def how_it_stood(target: Target) -> str:
    """Return what is to be added on an experiment that is queued while its file cannot be read."""
    if not target.snapshot.config_error:
        return ""
    return f"; {target.project.config.name} has a mistake: it is queued as the file last had it right"


def refuse_row(target: Target) -> None:
    """Say why nothing can be run from the row that is meant."""
    if target.marked_rows:
        text = f"The marked rows are no experiments of {target.project.config}."
    elif target.row is None:
        text = f"There is none yet: {target.project.config} says what there is to train."
    elif target.row.group:
        text = "This is a group; → shows its experiments."
    else:
        text = f"{target.project.config} has none of that name any more."
    target.refuse("No experiment here", text)
