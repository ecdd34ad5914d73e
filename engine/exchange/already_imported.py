"""Which imported runs are here already, and which seed a new one gets.

A run is here where its file was imported before: the same path and name, or a copy with the same contents. Equal
numbers alone say nothing: two seeds may well end at the same score.
"""

from __future__ import annotations

from pathlib import Path, PurePath

from engine.exchange.imported_run import ImportedRun, is_run_of_vitui
from engine.runs.store import Source, Store, StoreError

ALIKE = 3
"""Names at the end of a path that two copies of a file have in common: its own and those of two folders."""
STDIN = Path("-")
"""The path of what came through standard input: nothing can be told from it."""


class KnownRuns:
    """The runs of a store, by where they come from, by what they hold and by their seeds.

    Args:
        store: The store; it is read once.
    """

    def __init__(self, store: Store) -> None:
        self._by_path: dict[tuple[str, str], tuple[str, str]] = {}
        """Run and digest, by path and name."""
        self._by_digest: dict[str, list[tuple[str, Source]]] = {}
        self._seeds: dict[str, dict[int, str]] = {}
        for run in store.runs():
            try:
                info = run.info()
            except StoreError:
                continue
            self._add_seed(info.experiment, info.seed, run.id)
            if info.imported is not None:
                self._add_source(info.imported, run.id)

    def why_here(self, source: Source) -> tuple[str, bool] | None:
        """Return why a run is not imported, and whether all of it is here; None for a run that is new."""
        if (
            source.path != str(STDIN)
            and (before := self._by_path.get((source.path, source.name))) is not None
        ):
            run, digest = before
            if digest == source.digest:
                return f"it is here as {run}", True
            return f"an earlier state of it is here as {run}: `engine rm {run}`, then import it again", False
        for run, other in self._by_digest.get(source.digest, ()):
            if _are_copies(source, other):
                return f"it is here as {run}", True
        return None

    def equal(self, source: Source) -> str:
        """Return a run with the same numbers, empty where no run has them."""
        return next((run for run, _ in self._by_digest.get(source.digest, ())), "")

    def seed_of(self, experiment: str, said: int | None) -> int:
        """Return the seed of a new run: the one that it says, or the next after those that its experiment has."""
        return max(self._seeds.get(experiment, {-1: ""})) + 1 if said is None else said

    def with_seed(self, experiment: str, seed: int) -> str:
        """Return the latest run of an experiment with a seed, empty where there is none."""
        return self._seeds.get(experiment, {}).get(seed, "")

    def experiments(self) -> list[str]:
        """Return the experiments that have runs."""
        return list(self._seeds)

    def add(self, run: str, imported: ImportedRun, source: Source) -> None:
        """Take in a run that was imported."""
        self._add_seed(imported.experiment, imported.seed or 0, run)
        self._add_source(source, run)

    def _add_seed(self, experiment: str, seed: int, run: str) -> None:
        self._seeds.setdefault(experiment, {})[seed] = run

    def _add_source(self, source: Source, run: str) -> None:
        self._by_path[source.path, source.name] = run, source.digest
        self._by_digest.setdefault(source.digest, []).append((run, source))


def _are_copies(one: Source, other: Source) -> bool:
    """Return whether two sources of the same contents are one file, moved or copied with the folders around it."""
    if str(STDIN) in (one.path, other.path):
        return False
    if one.path == other.path:  # it is called after more of its folders, or fewer, by where the import began
        short, long = sorted((one.name, other.name), key=len)
        return f"/{long}".endswith(f"/{short}")
    if one.name != other.name:
        return False
    if is_run_of_vitui(one.name):
        return True
    return PurePath(one.path).parts[-ALIKE:] == PurePath(other.path).parts[-ALIKE:]
