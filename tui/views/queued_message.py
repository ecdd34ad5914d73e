"""What is said of an experiment that was queued, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.config.schema import Experiment
from engine.runs.status import LIVE, Status
from engine.text import score


def queued_message(
    experiment: Experiment,
    there: Mapping[int, Status],
    seeds: Sequence[int],
    queued: Sequence[str],
    on: str = "",
) -> str:
    """Return which runs were queued, and which runs of the experiment exist already.

    Args:
        experiment: The experiment that was queued.
        there: The run of each seed that makes another needless, by seed.
        seeds: The seeds that were queued.
        queued: The ids of the new runs.
        on: The site that they were sent to; empty for the queue of this folder.
    """
    place = f" on {on}" if on else ""
    count = f"{len(queued)} runs" if len(queued) > 1 else ""
    if not there:
        return f"{experiment.name} is queued{place}" + (f", {count}" if count else "")
    existing = existing_runs(there)
    if any(seed in there for seed in seeds):
        return f"{experiment.name} {existing}; queued again{place}{f', {count}' if count else f' as {queued[0]}'}"
    return f"{experiment.name} is queued{place} with {_seeds(seeds)}; it {existing}"


def existing_runs(there: Mapping[int, Status]) -> str:
    """Return how the runs go that make others needless: has finished with seeds 0 and 1 (F1 .910, .905) already."""
    return f"{_found(list(there.values()))} already"


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
