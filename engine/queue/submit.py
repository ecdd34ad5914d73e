"""The one way to queue runs, for `engine submit` and for the app's keys."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from msgspec.structs import replace

from engine.analysis.runs_that_count import age, runs_that_count, settings_of
from engine.config.preflight_warnings import missing
from engine.config.schema import Experiment
from engine.runs.liveness import status_of
from engine.runs.metadata import RunMetadata, summaries_of
from engine.runs.provenance.code_snapshot import CodeSnapshot, take_tree
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import LIVE, Status
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust import entry_writer
from engine.system.shell_environment import carried


def submit(
    store: Store,
    experiment: Experiment,
    seeds: Iterable[int],
    *,
    device: str = "auto",
    priority: int = 0,
    after: Sequence[str] = (),
    share: bool = False,
    warn: Callable[[str], None] | None = None,
    tree: CodeSnapshot | None = None,
) -> list[Run]:
    """Make a run of each seed that waits in the queue, and return them in that order.

    Args:
        store: Where the runs are made.
        experiment: What they train.
        seeds: The seeds; ``seeds_to_queue`` returns those without a run.
        device: What each waits for: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or the UUID of a GPU.
        priority: The higher, the earlier.
        after: The ids of runs that have to finish first.
        share: Whether they may share a GPU with others that may.
        warn: Called with a sentence where data or weights are not on this machine; None refuses such an experiment.
        tree: The code, as ``take_tree`` returns it, where several experiments are queued at once; None to look now.

    Raises:
        StoreError: Its data or weights are not here, or the folder of runs or the user's key cannot be written.
    """
    if lacks := missing(experiment):
        if warn is None:
            raise StoreError(f"{lacks}; `engine submit` queues it for a machine that has it")
        warn(f"{experiment.name}: {lacks} on this machine; it is queued for one that has it")
    code = (tree or take_tree(store.root)).of_program(experiment.command)

    def enter(run: Run) -> None:
        entry_writer.enter(run, QueueEntry(
            submitted=time.time(), device=device, gpus=experiment.gpus, priority=priority, after=list(after),
            share=share, attempts=0, environment=carried(os.environ, experiment.env),
        ))  # fmt: skip

    return [store.create(experiment, seed, code=code, fill=enter) for seed in seeds]


def seeds_present(
    experiment: Experiment, runs: Iterable[Status], metadata: Mapping[str, RunMetadata]
) -> dict[int, Status]:
    """Return the run of each seed that has the experiment's present settings and makes another one needless.

    It is the newest that lives or waits, else the one that counts.

    Args:
        experiment: As it stands in experiments.toml.
        runs: The statuses of runs, of any experiment.
        metadata: What the runs were made with, by id; runs without an entry are passed over.
    """
    seeds, current = set(experiment.run_seeds), settings_of(experiment)
    own = summaries_of(
        (run for run in runs if run.experiment == experiment.name and run.seed in seeds), metadata
    )
    alike = [run for run in own if run.config and settings_of(run.config) == current]
    counted = [run for run in runs_that_count(alike, experiment).runs if run.status.state == "finished"]
    under_way = [run for run in sorted(alike, key=age) if run.status.state in (*LIVE, "queued")]
    return {run.status.seed: run.status for run in (*counted, *under_way)}


def next_free_seed(
    experiment: Experiment,
    runs: Sequence[Status],
    metadata: Mapping[str, RunMetadata],
    taken: Container[int] = (),
) -> int:
    """Return the first seed behind those of an experiment that no run makes needless.

    Args:
        experiment: As it stands in experiments.toml.
        runs: The statuses of runs, as for ``seeds_present``.
        metadata: What the runs were made with, by id.
        taken: Seeds that are not free for another reason.
    """
    first = max(experiment.run_seeds) + 1
    behind = {run.seed for run in runs if run.experiment == experiment.name and run.seed >= first}
    present = seeds_present(replace(experiment, seeds=sorted(behind)), runs, metadata) if behind else {}
    return next(seed for seed in itertools.count(first) if seed not in present and seed not in taken)


def seeds_present_in(store: Store, experiment: Experiment) -> dict[int, Status]:
    """Return ``seeds_present`` of all runs of a folder."""
    statuses, metadata = [], {}
    for run in store.runs():
        try:
            info = run.info()
        except StoreError:  # damaged: it stands for no seed
            continue
        if info.experiment == experiment.name:
            statuses.append(status_of(run))
            metadata[run.id] = RunMetadata(info.config, created=info.created)
    return seeds_present(experiment, statuses, metadata)


def seeds_to_queue(experiment: Experiment, present: Mapping[int, Status]) -> list[int]:
    """Return the seeds without a run in ``present``, as ``seeds_present`` returns it; all where each has one."""
    return [seed for seed in experiment.run_seeds if seed not in present] or experiment.run_seeds
