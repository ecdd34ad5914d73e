"""What running an experiment queues: the seeds that it has no run of yet, or all of them again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.analysis.selection import age, runs_that_count, settings_of
from engine.config.schema import Experiment
from engine.runs.metadata import About, facts_of
from engine.runs.status import LIVE, Status
from engine.text import score


def already(experiment: Experiment, runs: Iterable[Status], about: Mapping[str, About]) -> dict[int, Status]:
    """Return the run of each seed, made as the experiment stands now, that makes another needless.

    It is the newest that lives or waits, else the one that counts.
    """
    seeds, wanted = experiment.run_seeds, settings_of(experiment)
    own = facts_of((run for run in runs if run.experiment == experiment.name and run.seed in seeds), about)
    alike = [run for run in own if run.config and settings_of(run.config) == wanted]
    counted = [run for run in runs_that_count(alike, experiment).runs if run.status.state == "finished"]
    under_way = [run for run in sorted(alike, key=age) if run.status.state in (*LIVE, "queued")]
    return {run.status.seed: run.status for run in (*counted, *under_way)}


def seeds_to_queue(experiment: Experiment, there: Mapping[int, Status]) -> list[int]:
    """Return the seeds that there is no such run of; all, if there is one of each."""
    return [seed for seed in experiment.run_seeds if seed not in there] or experiment.run_seeds


def said(experiment: Experiment, there: Mapping[int, Status], queued: Sequence[str]) -> str:
    """Return what was done: which runs were queued, and what there is of the experiment already."""
    count = f"{len(queued)} runs" if len(queued) > 1 else ""
    if not there:
        return f"{experiment.name} is queued" + (f", {count}" if count else "")
    found = f"{_found(list(there.values()))} already"
    if len(there) == len(set(experiment.run_seeds)):
        return f"{experiment.name} {found}; queued again{f', {count}' if count else f' as {queued[0]}'}"
    missing = [seed for seed in experiment.run_seeds if seed not in there]
    return f"{experiment.name} is queued with {_seeds(missing)}; it {found}"


def _found(runs: Sequence[Status]) -> str:
    """Return how runs go, those that go alike together: has finished with seeds 0 and 1 (F1 .910, .905)."""
    parts = {
        "has finished": [run for run in runs if run.state == "finished"],
        "runs": [run for run in runs if run.state in LIVE],
        "waits": [run for run in runs if run.state == "queued"],
    }
    return " and ".join(
        f"{how} with {_seeds([run.seed for run in alike])}{_scores(alike)}"
        for how, alike in parts.items()
        if alike
    )


def _seeds(seeds: Sequence[int]) -> str:
    *others, last = map(str, seeds)
    return f"seeds {', '.join(others)} and {last}" if others else f"seed {last}"


def _scores(runs: Sequence[Status]) -> str:
    ended = [run.last.get("test/f1") for run in runs if run.state == "finished"]
    scores = [score(value) for value in ended if value is not None]
    return f" (F1 {', '.join(scores)})" if scores else ""
