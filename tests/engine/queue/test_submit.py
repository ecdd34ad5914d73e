"""One way to queue: the command and the app's keys make the same entries, refuse the same, skip the same seeds."""

from __future__ import annotations

import subprocess

import msgspec
import pytest

from engine.config.schema import Experiment
from engine.queue.submit import next_free_seed, seeds_present_in, seeds_to_queue, submit
from engine.runs.liveness import status_of
from engine.runs.metadata import RunMetadata
from engine.runs.provenance.code_snapshot import take_tree
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import StoreError
from engine.runs.trust.entry_writer import leave_queue
from tests.conftest import Engine

PROGRAM = Experiment(name="program", model="script", command=["python", "train.py"])
WHO = ["-c", "user.name=x", "-c", "user.email=x@x"]


def test_each_seed_waits_with_what_was_asked(store, tiny):
    runs = submit(store, tiny, [3, 1], device="cuda:1", priority=2, after=["before-s0"], share=True)
    assert [run.info().seed for run in runs] == [3, 1]
    for run in runs:
        entry = waiting_entry(run)
        assert (entry.device, entry.priority, entry.after, entry.share) == ("cuda:1", 2, ["before-s0"], True)
        assert (entry.gpus, entry.attempts) == (1, 0)


def test_the_code_is_looked_at_and_written_once(store, tiny, tmp_path, monkeypatch):
    repository = tmp_path / "project"
    repository.mkdir()
    for words in (["init", "-q"], [*WHO, "commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run(["git", *words], cwd=repository, check=True)
    (repository / "train.py").write_text("print(1)\n")
    monkeypatch.chdir(repository)
    asked, ask = [], subprocess.Popen
    monkeypatch.setattr(
        subprocess, "Popen", lambda *words, **options: asked.append(words) or ask(*words, **options)
    )
    first = submit(store, tiny, [0])
    once, asked[:] = len(asked), []
    runs = submit(store, tiny, range(4))
    assert len(asked) == once <= 5
    asked.clear()
    tree = take_tree(store.root)
    runs += [submit(store, each, [9], tree=tree)[0] for each in (tiny, PROGRAM)]
    assert len(asked) == once
    assert [list(run.info().code) for run in runs[-2:]] == [["vitui"], ["train.py"]]
    assert len({(run.path / "source.patch").stat().st_ino for run in runs[-2:]}) == 1
    del runs[-2:]
    assert len({str(run.info().git) for run in [*first, *runs]}) == 1
    patches = [run.path / "source.patch" for run in runs]
    assert len({patch.stat().st_ino for patch in patches}) == 1
    assert patches[0].stat().st_mode & 0o777 == 0o600


class TestDataThatIsMissing:
    @pytest.fixture
    def elsewhere(self, tiny):
        return msgspec.structs.replace(tiny, dataset="folder:/no/such/folder")

    def test_is_refused_and_no_run_is_made(self, store, elsewhere):
        with pytest.raises(StoreError, match="there is no folder /no/such/folder; `engine submit` queues it"):
            submit(store, elsewhere, [0])
        assert store.runs() == []

    def test_is_said_where_somebody_listens(self, store, elsewhere):
        said: list[str] = []
        (run,) = submit(store, elsewhere, [0], warn=said.append)
        assert waiting_entry(run) is not None
        assert said == [
            "tiny: dataset: there is no folder /no/such/folder on this machine; it is queued for one that has it"
        ]


def test_seeds_that_are_there_are_passed_over(store, tiny):
    experiment = msgspec.structs.replace(tiny, seeds=[0, 1, 2])
    assert seeds_to_queue(experiment, seeds_present_in(store, experiment)) == [0, 1, 2]
    first, _ = submit(store, experiment, [0, 2])
    submit(store, msgspec.structs.replace(experiment, lr=0.5), [1])  # made with other settings
    assert seeds_to_queue(experiment, seeds_present_in(store, experiment)) == [1]
    submit(store, experiment, [1])
    assert seeds_to_queue(experiment, seeds_present_in(store, experiment)) == [0, 1, 2]
    leave_queue(first)  # it has never begun and waits no more
    assert seeds_to_queue(experiment, seeds_present_in(store, experiment)) == [0]


def test_the_next_free_seed_is_behind_those_that_are_there(store, tiny):
    experiment = msgspec.structs.replace(tiny, seeds=[0, 1])

    def free(taken=()):
        runs = store.runs()
        metadata = {run.id: RunMetadata(run.info().config) for run in runs}
        return next_free_seed(experiment, [status_of(run) for run in runs], metadata, taken)

    assert free() == 2
    submit(store, experiment, [2, 2**31])
    submit(store, msgspec.structs.replace(experiment, lr=0.5), [3])  # made with other settings
    assert free() == 3
    assert free({3, 4}) == 5


def test_the_command_passes_over_them_too(engine: Engine, store):
    words = ("submit", "tiny", "--wait", "--set", "seeds=[0, 1, 2]")
    assert engine(*words[:3], "--seed", "1").returncode == 0
    printed = engine(*words)
    assert (printed.returncode, len(printed.stdout.splitlines())) == (0, 2), printed.stderr
    assert b"seed 1 is there already; `--seeds 1` queues it again" in printed.stderr
    assert sorted(run.info().seed for run in store.runs()) == [0, 1, 2]
