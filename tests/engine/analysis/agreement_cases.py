"""Experiments with awkward runs, a function each: it writes the runs and returns what is right of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from engine.config.schema import IMPORTED, Experiment
from engine.events import Confusion, End, Metrics, Start
from engine.runs.recorder import Recorder
from engine.runs.status import State
from engine.runs.store import Run, Source, Store
from engine.text import GIB

EPOCHS = 3
HEAD = f'[defaults]\ndataset = "digits"\nmodel = "vit_mini"\nimage_size = 16\npatch_size = 4\nepochs = {EPOCHS}\n'
CREATED = 1_795_000_000.0
HOST_MEMORY = 90 * GIB
"""What the process of a run holds on its host, which no place is to tell of a run on GPUs."""
PHASES = {"time/data": 0.001, "time/forward": 0.002, "time/backward": 0.004, "time/optimizer": 0.001}


@dataclass(frozen=True)
class Right:
    """What is right of an experiment."""

    runs: tuple[Run, ...]
    """The runs that count, in order of their seeds."""
    own: bool = True
    """Whether they have finished and were made as the experiment stands, so that they need not be run again."""
    notes: tuple[str, ...] = ()
    """What is said of the others."""


class Measured(NamedTuple):
    """What a run has measured in the end."""

    f1: float
    memory: float
    """Bytes that it held at most, on the GPU where it held most."""
    energy: float
    """Joules of all of its GPUs."""


class Writer:
    """Writes the runs of one experiment, each created a second after the one before."""

    def __init__(self, store: Store, experiment: Experiment, measured: dict[str, Measured]) -> None:
        self._store, self._experiment, self._measured = store, experiment, measured
        self._created = itertools.count(CREATED)

    def run(
        self, seed: int = 0, state: State | None = "finished", *, created: float | None = None,
        started: float | None = None, tested: bool = True, f1: float | None = None, **settings: Any,
    ) -> Run:  # fmt: skip
        """Write a run.

        Args:
            seed: Its seed.
            state: How it ended.
            created: When it was made; later than the run before by default.
            started: When its last attempt began.
            tested: Whether it came to its first test.
            f1: Its score; one that no other run of the experiment has by default.
            settings: In what it differs from the experiment.
        """
        experiment = msgspec.structs.replace(self._experiment, **settings)
        made = next(self._created) if created is None else created
        run = self._store.create(experiment, seed)
        info = msgspec.structs.replace(run.info(), created=made)
        (run.path / "run.json").write_bytes(msgspec.json.encode(info))
        self._record(run, seed, state, made if started is None else started, tested, f1, experiment)
        return run

    def imported(self, seed: int = 0) -> Run:
        """Write a run that another program trained."""
        config = {"name": self._experiment.name, "model": IMPORTED}
        source = Source(path="/elsewhere/metrics.csv", format="csv", digest=f"{seed}")
        with self._store.adopt(self._experiment.name, seed, config, source) as draft:
            self._record(draft, seed, "finished", next(self._created), True, None, None)
        return Run(self._store.root / draft.id)

    def _record(
        self, run: Run, seed: int, state: State | None, began: float, tested: bool, f1: float | None,
        experiment: Experiment | None,
    ) -> None:  # fmt: skip
        values, measured = self._values(experiment, f1)
        self._measured[run.id] = measured
        recorder = Recorder(run)
        epochs, device = (experiment.epochs, "cuda:0") if experiment is not None else (None, "")
        recorder.emit(
            Start(
                time=began, run=run.id, experiment=self._experiment.name, seed=seed, epochs=epochs, host="lab",
                steps_per_epoch=10, device=device,
            )
        )  # fmt: skip
        for epoch in range(1, (epochs or EPOCHS) + 1):
            said = {"train/loss": 1 / epoch} | (values if tested else {})
            recorder.emit(Metrics(time=began + epoch, run=run.id, step=10 * epoch, epoch=epoch, values=said))
        if tested:
            place = {"time": began + 5, "run": run.id, "step": 10, "epoch": 1.0}
            matrix = [[8, 2], [len(self._measured) % 5, 9]]
            recorder.emit(Confusion(**place, split="test", labels=["cat", "dog"], matrix=matrix))  # type: ignore[arg-type]
        if state is not None:
            recorder.emit(End(time=began + 60, run=run.id, state=state, duration_s=60.0))  # type: ignore[arg-type]
        recorder.close()

    def _values(self, experiment: Experiment | None, f1: float | None) -> tuple[dict[str, float], Measured]:
        """Return what a run logs, and what of that is right to tell."""
        number = len(self._measured)
        score = 0.5 + 0.0173 * (number % 7) if f1 is None else f1
        values = {"test/f1": score, "test/accuracy": score}
        if experiment is None:
            return values, Measured(score, math.nan, math.nan)
        memory, energy = (3 + 1.37 * (number % 5)) * GIB, 41_000.0 + 1700 * (number % 6)
        shares = {"gpu": 1.0} if experiment.gpus < 2 else {"gpu/0": 0.8, "gpu/1": 1.0}
        for gpu, share in shares.items():
            values[f"{gpu}/memory_peak"] = share * memory
            values[f"{gpu}/memory_process"] = share * memory + GIB
            values[f"{gpu}/energy"] = energy * share / sum(shares.values())
        return values | {"cpu/memory_process": HOST_MEMORY} | PHASES, Measured(score, memory, energy)


# ---- experiments with awkward runs


def plain(write: Writer) -> Right:
    return Right((write.run(0), write.run(1), write.run(2)))


def an_older_run_was_resumed_after_the_newer_one(write: Writer) -> Right:
    write.run(0, started=CREATED + 1000, f1=0.1)
    return Right((write.run(0, started=CREATED + 10),), notes=("1 older run of the same seed not counted",))


def ids_stand_in_another_order_than_the_runs_were_made_in(write: Writer) -> Right:
    newer = write.run(0, created=CREATED + 100)
    write.run(0, created=CREATED, f1=0.1)
    return Right((newer,), notes=("1 older run of the same seed not counted",))


def created_at_the_same_moment(write: Writer) -> Right:
    write.run(0, created=CREATED, f1=0.1)
    return Right((write.run(0, created=CREATED),), notes=("1 older run of the same seed not counted",))


def every_seed_was_run_twice(write: Writer) -> Right:
    for seed in (0, 1):
        write.run(seed, f1=0.1)
    return Right((write.run(0), write.run(1)), notes=("2 older runs of the same seed not counted",))


def a_newer_run_was_stopped(write: Writer) -> Right:
    finished = write.run(0), write.run(1)
    write.run(0, "stopped", f1=0.1)
    return Right(finished)


def another_seed_was_stopped(write: Writer) -> Right:
    finished = write.run(0)
    write.run(1, "stopped", f1=0.1)
    return Right((finished,))


def a_seed_failed_before_its_first_test(write: Writer) -> Right:
    finished = write.run(0), write.run(1)
    write.run(2, "failed", tested=False)
    return Right(finished, notes=("1 of 3 seeds failed and is not counted",))


def seeds_failed_after_their_first_test(write: Writer) -> Right:
    write.run(0, "failed", f1=0.1)
    write.run(1, "failed", f1=0.1)
    return Right((write.run(2),), notes=("2 of 3 seeds failed and are not counted",))


def a_newer_trial_of_other_settings(write: Writer) -> Right:
    finished = write.run(0), write.run(1)
    write.run(0, epochs=1, batch_size=99_999_999, f1=0.9)
    return Right(finished)


def a_trial_is_newer_than_runs_of_the_settings_before(write: Writer) -> Right:
    before = write.run(0, lr=0.01), write.run(1, lr=0.01)
    write.run(0, epochs=1, batch_size=99_999_999, f1=0.1)
    return Right(before, own=False)


def a_trial_of_more_seeds_than_the_full_run(write: Writer) -> Right:
    full = write.run(0, lr=0.01)
    for seed in range(3):
        write.run(seed, epochs=1, batch_size=99_999_999, f1=0.1)
    return Right((full,), own=False)


def a_trial_of_as_many_seeds_as_shorter_runs_than_the_file_has(write: Writer) -> Right:
    longer = write.run(0, epochs=2)
    write.run(0, epochs=1, f1=0.1)
    return Right((longer,), own=False)


def of_as_many_seeds_and_epochs_the_nearest_counts(write: Writer) -> Right:
    nearest = write.run(0, lr=0.01)
    write.run(0, lr=0.02, batch_size=32, cutout=2, f1=0.1)
    return Right((nearest,), own=False)


def of_two_that_are_as_near_the_newest_counts(write: Writer) -> Right:
    write.run(0, lr=0.01, f1=0.1)
    return Right((write.run(0, lr=0.02),), own=False)


def other_settings_failed_later(write: Writer) -> Right:
    before = write.run(0, lr=0.01)
    write.run(0, "failed", f1=0.1)
    return Right((before,), own=False)


def nothing_has_finished(write: Writer) -> Right:
    return Right((write.run(0, "stopped"), write.run(1, "failed")), own=False)


def imported_runs_beside_one_that_was_trained_here(write: Writer) -> Right:
    write.imported(0)
    own = write.run(0)
    write.imported(1)
    return Right((own,))


def imported_runs_alone(write: Writer) -> Right:
    return Right((write.imported(0), write.imported(1)), own=False)


def tags_notes_and_how_often_was_logged_are_no_settings(write: Writer) -> Right:
    return Right((write.run(0, tags=["x"], log_every=3), write.run(1, notes="again", evaluate_every=2)))


def a_seed_diverged(write: Writer) -> Right:
    return Right((write.run(0), write.run(1), write.run(2, f1=math.nan)))


def two_gpus(write: Writer) -> Right:
    return Right((write.run(0), write.run(1), write.run(2)))


def two_gpus_and_an_older_run_that_was_resumed(write: Writer) -> Right:
    write.run(0, started=CREATED + 1000, f1=0.1)
    newer = write.run(0, started=CREATED + 10)
    return Right((newer, write.run(1)), notes=("1 older run of the same seed not counted",))


CASES: tuple[Callable[[Writer], Right], ...] = (
    plain,
    an_older_run_was_resumed_after_the_newer_one,
    ids_stand_in_another_order_than_the_runs_were_made_in,
    created_at_the_same_moment,
    every_seed_was_run_twice,
    a_newer_run_was_stopped,
    another_seed_was_stopped,
    a_seed_failed_before_its_first_test,
    seeds_failed_after_their_first_test,
    a_newer_trial_of_other_settings,
    a_trial_is_newer_than_runs_of_the_settings_before,
    a_trial_of_more_seeds_than_the_full_run,
    a_trial_of_as_many_seeds_as_shorter_runs_than_the_file_has,
    of_as_many_seeds_and_epochs_the_nearest_counts,
    of_two_that_are_as_near_the_newest_counts,
    other_settings_failed_later,
    nothing_has_finished,
    imported_runs_beside_one_that_was_trained_here,
    imported_runs_alone,
    tags_notes_and_how_often_was_logged_are_no_settings,
    a_seed_diverged,
    two_gpus,
    two_gpus_and_an_older_run_that_was_resumed,
)
