"""The queue: real workers, real runs, one at a time, and nothing lost when a worker dies."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path

import pytest

from engine import scheduler
from engine.attempt import train_run
from engine.control import request_stop
from engine.events import End, Start, decode
from engine.scheduler import Busy, ensure_worker, waiting, work
from engine.states import status_of
from engine.store import Run, Store, StoreError, tail


@pytest.fixture
def runs(lab):
    return Store(lab / "runs")


def events(run: Run, kind):
    return [event for line in tail(run.events, 0)[0] if isinstance(event := decode(line), kind)]


def states(store: Store) -> list[str]:
    return [status_of(run).state for run in store.runs()]


def workers(store: Store) -> list[int]:
    """Return the pids of the workers of a folder of runs."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"work" in words and os.fsencode(store.root.resolve()) in words:
                found.append(int(entry.name))
    return found


def fails_at_once(monkeypatch) -> None:
    """Have every run's process die before it can take the run."""
    monkeypatch.setattr(sys, "executable", "/bin/false")


class TestTheQueue:
    def test_is_first_come_first_served(self, store, tiny):
        runs = [store.create(tiny, seed=seed) for seed in range(3)]
        for seed in (2, 0, 1):
            runs[seed].enqueue()
        assert [run.id for run in waiting(store)] == [runs[seed].id for seed in (2, 0, 1)]

    def test_a_process_that_dies_at_once_is_a_failed_run_and_the_next_is_served(
        self, store, tiny, monkeypatch
    ):
        runs = [store.create(tiny, seed=seed, queued=True) for seed in range(2)]
        runs[0].console.write_text("ModuleNotFoundError: no torch\n")
        fails_at_once(monkeypatch)
        assert work(store, lambda: False) == 2
        assert states(store) == ["failed", "failed"]
        (end,) = events(runs[0], End)
        assert "ended with status 1 before it began" in end.reason
        assert "no torch" in end.error.traceback

    def test_one_worker_serves_a_folder(self, store):
        started, done = threading.Event(), threading.Event()

        def stopped() -> bool:
            started.set()
            return done.is_set()

        first = threading.Thread(target=work, args=(store, stopped), kwargs={"drain": False})
        first.start()
        started.wait()
        with pytest.raises(Busy):
            work(store, lambda: True)
        done.set()
        first.join()

    def test_nothing_is_started_while_a_run_lives(self, store, tiny, run, monkeypatch):
        queued = store.create(tiny, seed=1, queued=True)
        fails_at_once(monkeypatch)
        looks = iter(range(3))
        with run.hold():
            assert work(store, lambda: next(looks, None) is None) == 0
        assert queued.ticket() is not None
        assert work(store, lambda: False) == 1

    def test_a_run_taken_out_of_the_queue_is_not_trained_by_a_process_on_its_way(self, store, tiny):
        run = store.create(tiny, seed=0, queued=True)
        request_stop(run, "stop-now")
        handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        with pytest.raises(StoreError, match="no longer in the queue"):
            train_run(run, queued=True)
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), handlers, strict=True):
            signal.signal(number, handler)
        assert len(events(run, End)) == 1

    def test_a_console_log_that_is_a_link_is_not_written_to(self, store, tiny, tmp_path):
        run = store.create(tiny, seed=0, queued=True)
        (tmp_path / "precious").write_text("keep")
        run.console.symlink_to(tmp_path / "precious")
        with pytest.raises(OSError, match="symbolic"):
            scheduler.launch(run)
        assert (tmp_path / "precious").read_text() == "keep"


@pytest.mark.slow
class TestWorkers:
    def test_submitted_runs_are_trained_one_after_another_in_order(self, engine, runs, until):
        done = engine("submit", "tiny", "--set", "seeds=[7, 8]")
        assert done.returncode == 0
        ids = done.stdout.decode().split()
        assert [run.info().seed for run in map(runs.find, ids)] == [7, 8]
        ensure_worker(runs)  # there is one already
        until(lambda: len(workers(runs)) == 1)
        until(lambda: states(runs) == ["finished", "finished"], 120)
        first, second = map(runs.find, ids)
        assert [len(events(run, Start)) for run in (first, second)] == [1, 1]
        assert events(first, End)[0].time <= events(second, Start)[0].time
        until(lambda: not workers(runs))

    def test_a_killed_worker_harms_no_run_and_the_next_one_serves_the_rest(self, engine, runs, until):
        engine("submit", "--wait", "tiny", "--set", "epochs=30")
        engine("submit", "tiny", "--seed", "1")
        first, second = runs.runs()
        until(lambda: status_of(first).state == "starting")
        for pid in workers(runs):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not workers(runs))
        until(lambda: ensure_worker(runs) or workers(runs))  # the dead one's lock is free a moment later
        until(lambda: states(runs) == ["finished", "finished"], 120)
        assert [len(events(run, Start)) for run in (first, second)] == [1, 1]
        assert events(first, End)[0].time <= events(second, Start)[0].time

    def test_a_run_cancelled_while_it_waits_is_never_started(self, engine, runs, until):
        engine("submit", "long", "tiny")
        first, second = runs.runs()
        until(lambda: status_of(first).state == "running", 60)
        assert b"has left the queue" in engine("stop", second.id).stdout
        engine("stop", "--now", first.id, "--timeout", "30")
        until(lambda: not workers(runs), 60)
        assert states(runs) == ["stopped", "stopped"]
        assert events(second, Start) == []

    def test_a_run_that_is_killed_is_crashed_and_resumes_through_the_queue(self, engine, runs, until):
        engine("submit", "tiny", "--set", "epochs=40")
        (run,) = runs.runs()
        until(lambda: status_of(run).checkpoint, 60)
        os.kill(status_of(run).pid, signal.SIGKILL)
        until(lambda: status_of(run).state == "crashed")
        assert b"waits in the queue" in engine("resume", "--queue", run.id).stdout
        until(lambda: status_of(run).state == "finished", 120)
        assert [start.attempt for start in events(run, Start)] == [1, 2]


def test_a_queued_run_with_a_damaged_description_fails_and_does_not_block_the_queue(store, tiny):
    damaged = store.create(tiny, seed=0, queued=True)
    (damaged.path / "run.json").write_text("{")
    assert work(store, lambda: False) == 1
    assert damaged.ticket() is None
    assert status_of(damaged).state == "failed"
