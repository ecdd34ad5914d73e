"""One folder of runs, asked in every place that says something of an experiment: all have to say the same.

``CASES`` are experiments with awkward runs, and what is right of them. ``VIEWS`` are the places: each returns what it
says of each experiment of the folder. A place that says more is another entry; a number that several places say is
another test over ``VIEWS`` of its own.
"""

from __future__ import annotations

import csv
import itertools
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.analysis.seed_groups import sides
from engine.analysis.selection import curves_of
from engine.config.loader import Config, load_config
from engine.config.schema import IMPORTED, Experiment
from engine.events import End, Metrics, Start
from engine.queue.submit import seeds_present
from engine.runs.metadata import facts_of
from engine.runs.recorder import Recorder
from engine.runs.status import State
from engine.runs.store import Run, Source, Store
from tui.feed.feed import Feed
from tui.report.report import write_report
from tui.report.table_export import export_tables
from tui.state.snapshot import Project, Snapshot
from tui.views.row import Row
from tui.views.run_rows import make_rows

EPOCHS = 3
HEAD = f'[defaults]\ndataset = "digits"\nmodel = "vit_mini"\nimage_size = 16\npatch_size = 4\nepochs = {EPOCHS}\n'
CREATED = 1_795_000_000.0


@dataclass(frozen=True)
class Right:
    """What is right of an experiment."""

    runs: tuple[Run, ...]
    """The runs that count, in order of their seeds."""
    own: bool = True
    """Whether they have finished and were made as the experiment stands, so that they need not be run again."""
    notes: tuple[str, ...] = ()
    """What is said of the others."""


Answers = Mapping[str, tuple[tuple[int, ...], tuple[str, ...]]]
"""What a place says of each experiment: the seeds and ids of the runs that count, in order of the seeds."""


class Writer:
    """Writes the runs of one experiment, each created a second after the one before."""

    def __init__(self, store: Store, experiment: Experiment) -> None:
        self._store, self._experiment = store, experiment
        self._created = itertools.count(CREATED)

    def run(
        self, seed: int = 0, state: State | None = "finished", *, created: float | None = None,
        started: float | None = None, tested: bool = True, f1: float = 0.5, **settings: Any,
    ) -> Run:  # fmt: skip
        """Write a run.

        Args:
            seed: Its seed.
            state: How it ended.
            created: When it was made; later than the run before by default.
            started: When its last attempt began.
            tested: Whether it came to its first test.
            f1: Its score.
            settings: In what it differs from the experiment.
        """
        experiment = msgspec.structs.replace(self._experiment, **settings)
        made = next(self._created) if created is None else created
        run = self._store.create(experiment, seed)
        info = msgspec.structs.replace(run.info(), created=made)
        (run.path / "run.json").write_bytes(msgspec.json.encode(info))
        self._record(run, seed, state, made if started is None else started, tested, f1, experiment.epochs)
        return run

    def imported(self, seed: int = 0) -> Run:
        """Write a run that another program trained."""
        config = {"name": self._experiment.name, "model": IMPORTED}
        source = Source(path="/elsewhere/metrics.csv", format="csv", digest=f"{seed}")
        with self._store.adopt(self._experiment.name, seed, config, source) as draft:
            self._record(draft, seed, "finished", next(self._created), True, 0.7, None)
        return Run(self._store.root / draft.id)

    def _record(
        self, run: Run, seed: int, state: State | None, began: float, tested: bool, f1: float, epochs: int | None
    ) -> None:  # fmt: skip
        recorder = Recorder(run)
        recorder.emit(
            Start(
                time=began, run=run.id, experiment=self._experiment.name, seed=seed, epochs=epochs, host="lab",
                steps_per_epoch=10, device="cpu",
            )
        )  # fmt: skip
        for epoch in range(1, (epochs or EPOCHS) + 1):
            values = {"train/loss": 1 / epoch} | ({"test/f1": f1, "test/accuracy": f1} if tested else {})
            recorder.emit(
                Metrics(time=began + epoch, run=run.id, step=10 * epoch, epoch=epoch, values=values)
            )
        if state is not None:
            recorder.emit(End(time=began + 60, run=run.id, state=state, duration_s=60.0))  # type: ignore[arg-type]
        recorder.close()


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
)
NAMES = tuple(case.__name__ for case in CASES)


# ---- the places that say something of them


@dataclass
class Folder:
    """A project with all cases, and what was made of it."""

    path: Path
    right: dict[str, Right] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """Where the runs are."""
        return Store(self.path / "runs")

    @cached_property
    def config(self) -> Config:
        """The experiments, and one figure of all of them."""
        return load_config(self.path / "experiments.toml")

    @cached_property
    def snapshot(self) -> Snapshot:
        """What the app knows of the folder."""
        project = Project(self.path, self.path / "experiments.toml", self.path / "runs")
        feed = Feed(project, lambda _: None)
        deadline = time.monotonic() + 30
        changed = feed.tick()
        while changed is None or changed.snapshot.loading:
            assert time.monotonic() < deadline
            changed = feed.tick() or changed
        return changed.snapshot

    @cached_property
    def rows(self) -> dict[str, Row]:
        """The list's row of each experiment."""
        return {row.experiment: row for row in make_rows(self.snapshot, set())}

    @cached_property
    def report(self) -> str:
        """The report in Markdown."""
        write_report(self.config, self.store, [], self.path / "report", say=lambda _: None)
        return (self.path / "report" / "report.md").read_text()

    @cached_property
    def figure(self) -> bytes:
        """The figure, which is drawn by `vitui export` for the report, as PNG."""
        assert self.report
        return (self.path / "report" / "all.png").read_bytes()

    @cached_property
    def table(self) -> tuple[list[dict[str, str]], list[str]]:
        """The rows of the table of results as CSV, and what was said when it was made."""
        said: list[str] = []
        export_tables(self.config, self.store, [], self.path / "tables", ["csv"], say=said.append)
        text = (self.path / "tables" / "results.csv").read_text()
        return list(csv.DictReader(text.splitlines())), said

    def answer(self, runs: Mapping[str, Any]) -> Answers:
        """Return runs by experiment as answers; each is given by its id."""
        seeds = {run.id: run.info().seed for run in self.store.runs()}
        ordered = {name: sorted(ids, key=lambda run: (seeds[run], run)) for name, ids in runs.items()}
        return {name: (tuple(map(seeds.__getitem__, ids)), tuple(ids)) for name, ids in ordered.items()}

    def by_experiment(self, runs: list[str]) -> dict[str, list[str]]:
        """Return the ids of runs by their experiments."""
        found: dict[str, list[str]] = {name: [] for name in NAMES}
        for run in self.store.runs():
            if run.id in runs:
                found[run.info().experiment].append(run.id)
        return found


def of_list(folder: Folder) -> Answers:
    """Return what the rows of the run list are the mean of."""
    return folder.answer({name: row.runs for name, row in folder.rows.items()})


def of_list_count(folder: Folder) -> Answers:
    """Return the same, as far as the rows count it."""
    return folder.answer({name: row.runs[: row.seeds] for name, row in folder.rows.items()})


def of_comparison(folder: Folder) -> Answers:
    """Return the seeds that count on the side of each row when it is compared."""
    everyone = facts_of(folder.snapshot.runs, folder.snapshot.about)
    found = {}
    for name, row in folder.rows.items():
        (side,) = sides([run for run in everyone if run.status.run in row.runs], None, everyone)
        found[name] = [run.run for run in side.counted]
    return folder.answer(found)


def of_charts(folder: Folder) -> Answers:
    """Return the runs that are the curve of each row."""
    everyone = facts_of(folder.snapshot.runs, folder.snapshot.about)
    found = {}
    for name, row in folder.rows.items():
        (curve,) = curves_of(everyone, row.runs)
        found[name] = curve.runs
    return folder.answer(found)


def of_figure(folder: Folder) -> Answers:
    """Return the runs that the exported figure says it was made from."""
    named = [run.id for run in folder.store.runs() if run.id.encode() in folder.figure]
    return folder.answer(folder.by_experiment(named))


def of_table(folder: Folder) -> Answers:
    """Return the runs of the rows of the table of results."""
    rows, _ = folder.table
    assert all(int(row["seeds"]) == len(row["runs"].split()) for row in rows)
    return folder.answer({row["experiment"]: row["runs"].split() for row in rows})


def of_report(folder: Folder) -> Answers:
    """Return the runs that the report lists."""
    listed = folder.report.rpartition("### Runs")[2]
    return folder.answer(
        folder.by_experiment([run.id for run in folder.store.runs() if run.id in listed.replace("\\", "")])
    )


def of_rerun(folder: Folder) -> Answers:
    """Return the runs for which an experiment need not be run again; of those alone that have all been made."""
    found = {
        name: [
            run.run for run in seeds_present(experiment, folder.snapshot.runs, folder.snapshot.about).values()
        ]
        for name, experiment in folder.config.experiments.items()
        if folder.right[name].own
    }
    return folder.answer(found)


VIEWS: Mapping[str, Callable[[Folder], Answers]] = {
    "list": of_list,
    "list's count": of_list_count,
    "comparison": of_comparison,
    "charts": of_charts,
    "figure": of_figure,
    "table": of_table,
    "report": of_report,
    "rerun": of_rerun,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """The folder with all cases; the ids of its runs are in the order in which they are written."""
    made = Folder(tmp_path_factory.mktemp("agreement"))
    tables = "".join(f"[experiments.{name}]\nseeds = [0, 1, 2]\n" for name in NAMES)
    listed = ", ".join(f'"{name}"' for name in NAMES)
    figure = f'[figures.all]\nkind = "bars"\ny = "test/f1"\nexperiments = [{listed}]\n'
    (made.path / "experiments.toml").write_text(HEAD + tables + figure)
    ids = itertools.count(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "engine.runs.store._new_id", lambda name, seed, _: f"{name}-s{seed}-20261118-15{next(ids):04d}-abcd"
        )  # fmt: skip
        for case in CASES:
            experiment = made.config.experiments[case.__name__]
            made.right[case.__name__] = case(Writer(made.store, experiment))
    return made


@pytest.fixture(scope="module")
def answers(folder: Folder) -> dict[str, Answers]:
    """What each place says."""
    return {name: view(folder) for name, view in VIEWS.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_place_says_the_same_seeds_and_runs(
    folder: Folder, answers: dict[str, Answers], name: str
) -> None:
    right = folder.answer({name: [run.id for run in folder.right[name].runs]})[name]
    said = {view: answer[name] for view, answer in answers.items() if name in answer}
    assert said == dict.fromkeys(said, right)
    assert said.keys() >= VIEWS.keys() - {"rerun"}
    assert ("rerun" in said) == folder.right[name].own


@pytest.mark.parametrize("name", NAMES)
def test_every_place_says_what_is_not_counted(folder: Folder, name: str) -> None:
    everyone = facts_of(folder.snapshot.runs, folder.snapshot.about)
    row = folder.rows[name]
    (side,) = sides([run for run in everyone if run.status.run in row.runs], None, everyone)
    before, _, behind = folder.report.replace("\\", "").partition("### Results")
    texts = {
        "comparison": [side.left_out],
        "table": [line for line in folder.table[1] if name in line],
        "figure": [line for line in before.splitlines() if line.startswith(f"- {name}: ")],
        "report": [line for line in behind.splitlines() if line.startswith(f"- {name}: ")],
    }  # fmt: skip
    counts = {view: re.findall(r"[^,;:.]*not counted", " ".join(lines)) for view, lines in texts.items()}
    expected = list(folder.right[name].notes)
    for view, said in counts.items():
        assert list(dict.fromkeys(text.strip() for text in said)) == expected, view
