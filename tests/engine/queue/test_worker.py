"""The queue: real workers, real runs, one at a time, and nothing lost when a worker dies."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.config.schema import SCRIPT, Experiment
from engine.events import End, Log, Start, decode
from engine.queue import worker as scheduler
from engine.queue.move_and_hold import hold, move, waiting
from engine.queue.stop_and_resume import request_stop
from engine.queue.worker import Busy, Worker, ensure_worker, work
from engine.runner.attempt import train_run
from engine.runs import run_lock, stop_request
from engine.runs.liveness import status_of
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Run, Store, StoreError
from engine.runs.why_waiting import NO_WORKER
from engine.sites import local_process
from engine.sites.local_devices import LocalDevices
from engine.system import kernel_locks, process
from engine.system.files import tail
from engine.system.process import STOP_SIGNALS
from engine.text import GIB
from tests.conftest import enqueue, queued
from tests.engine.sites.test_local_devices import FakeGpus, card


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch):
    """A worker of this process looks after its queue more often than one that has hours."""
    monkeypatch.setattr(scheduler, "POLL_S", 0.05)


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


def fails_at_once(monkeypatch, how: str = "exit 1") -> None:
    """Have every run's process die before it can take the run."""
    popen = subprocess.Popen
    monkeypatch.setattr(
        scheduler.subprocess, "Popen", lambda _, **rest: popen(["/bin/sh", "-c", how], **rest)
    )


class TestTheQueue:
    def test_is_first_come_first_served(self, store, tiny):
        runs = [store.create(tiny, seed=seed) for seed in range(3)]
        for seed in (2, 0, 1):
            enqueue(runs[seed])
        assert [run.id for run in waiting(store)] == [runs[seed].id for seed in (2, 0, 1)]

    def test_a_process_that_dies_at_once_is_a_failed_run_and_the_next_is_served(
        self, store, tiny, monkeypatch
    ):
        runs = [queued(store, tiny, seed=seed) for seed in range(2)]
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

    def test_a_folder_that_cannot_be_made_is_said(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(StoreError, match=r"runs cannot be made: Not a directory; `--runs DIR` names"):
            work(Store(tmp_path / "file" / "runs"), lambda: True)

    def test_nothing_is_started_while_a_run_lives(self, store, tiny, run, monkeypatch):
        waits = queued(store, tiny, seed=1)
        fails_at_once(monkeypatch)
        looks = iter(range(3))
        with run_lock.hold(run):
            assert work(store, lambda: next(looks, None) is None) == 0
        assert waiting_entry(waits) is not None
        assert work(store, lambda: False) == 1

    def test_a_run_taken_out_of_the_queue_is_not_trained_by_a_process_on_its_way(self, store, tiny):
        run = queued(store, tiny, seed=0)
        request_stop(run, "stop-now")
        handlers = [signal.getsignal(number) for number in STOP_SIGNALS]
        with pytest.raises(StoreError, match="no longer in the queue"):
            train_run(run, queued=True)
        for number, handler in zip(STOP_SIGNALS, handlers, strict=True):
            signal.signal(number, handler)
        assert len(events(run, End)) == 1

    def test_a_console_log_that_is_a_link_is_not_written_to(self, store, tiny, tmp_path):
        run = queued(store, tiny, seed=0)
        (tmp_path / "precious").write_text("keep")
        run.console.symlink_to(tmp_path / "precious")
        with pytest.raises(OSError, match="symbolic"):
            local_process.launch(run)
        assert (tmp_path / "precious").read_text() == "keep"


STEPS = str(Path(__file__).parents[2] / "steps.py")


def program(*arguments: str, **fields) -> Experiment:
    """An experiment that is a program, which does steps: ``program("30", "0.01")``."""
    return Experiment(name="steps", model=SCRIPT, command=[sys.executable, STEPS, *arguments], **fields)


def beats(run: Run) -> list[tuple[int, float, int, str]]:
    """Return when its programs were at work: pid, time, step, the GPUs that it saw."""
    found = [line.split() for line in (run.path / "beats").read_text().splitlines()]
    return [(int(pid), float(when), int(step), gpus) for pid, when, step, gpus in found]


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def spans(run: Run) -> list[tuple[float, float]]:
    """Return when each of a run's programs was at work, from its first to its last step."""
    times: dict[int, list[float]] = {}
    for pid, when, *_ in beats(run):
        times.setdefault(pid, []).append(when)
    return sorted((min(each), max(each)) for each in times.values())


def most_at_once(runs: list[Run]) -> int:
    """Return how many of the runs were at work at the same time at most."""
    edges = [
        (when, change)
        for run in runs
        for begin, end in spans(run)
        for when, change in ((begin, 1), (end, -1))
    ]
    at_once = most = 0
    for _, change in sorted(edges):
        at_once += change
        most = max(most, at_once)
    return most


def given_devices(run: Run) -> list[str]:
    """Return what the queue gave a run, attempt by attempt, as its log says."""
    said = [event.message for event in events(run, Log)]
    return [
        message.removeprefix("the queue gave it ") for message in said if message.startswith("the queue gave")
    ]


@contextlib.contextmanager
def serving(store: Store, machine: LocalDevices, **options):
    """A worker in a thread of this process, until it has nothing to do or the context is left."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(store, stop.is_set), kwargs={"machine": machine} | options)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join()


class TestDevices:
    @pytest.mark.slow
    def test_four_runs_on_two_slots(self, store):
        runs = [queued(store, program("15", "0.02"), seed) for seed in range(4)]
        assert work(store, lambda: False, machine=LocalDevices("cpu:2")) == 4
        assert states(store) == ["finished"] * 4
        assert most_at_once(runs) == 2
        slots = [given_devices(run) for run in runs]  # how many fall to each is the machine's business
        assert sorted({slot for (slot,) in slots}) == ["CPU slot 1", "CPU slot 2"]
        assert [len(events(run, Start)) for run in runs] == [1] * 4
        assert [step for *_, step, _ in beats(runs[0])] == list(range(1, 16))
        assert not any(run.queue_file.exists() for run in runs)
        assert not (store.root / ".queue.json").exists()

    @pytest.mark.slow
    def test_why_they_wait_is_said(self, store, until):
        runs = [queued(store, program("400", "0.02"), seed) for seed in range(3)]
        held = queued(store, program("1", "0"), 9, submitted=time.time(), on_hold=True)
        after = queued(store, program("1", "0"), 8, submitted=time.time(), after=[runs[0].id])
        wide = queued(store, program("1", "0"), 7, submitted=time.time(), gpus=5)
        with serving(store, LocalDevices("cpu:2")) as worker:
            until(lambda: status_of(runs[1]).state == "running")
            until(lambda: status_of(runs[2]).reason == "2 of 2 CPU slots are taken")
            assert status_of(held).reason == "held"
            assert status_of(after).reason == f"waits for {runs[0].id} to finish"
            assert status_of(wide).reason == "needs 5 CPU slots, and the worker has 2"
            for run in runs[:2]:
                request_stop(run, "stop-now")
            until(lambda: status_of(after).reason == f"waits for {runs[0].id}, which stopped: "
                  "resume that, or move or cancel this")  # fmt: skip
            request_stop(runs[2], "stop-now")
            move(store, after, "first")
            worker.join(30)
        assert status_of(after).state == "finished"
        assert (waiting_entry(held) is not None, waiting_entry(wide) is not None) == (True, True)

    def test_a_worker_with_nothing_left_that_starts_by_itself_ends(self, store):
        queued(store, program("1", "0"), 0, submitted=1.0, on_hold=True)
        queued(store, program("1", "0"), 1, submitted=1.0, after=["gone-s0-20261124-150000-abcd"])
        queued(store, program("1", "0"), 2, submitted=1.0, device="cuda:3")
        assert work(store, lambda: False, machine=LocalDevices("cpu:2")) == 0
        assert [status_of(run).reason for run in store.runs()] == [
            "held", "waits for gone-s0-20261124-150000-abcd, which is gone: move or cancel it",
            "needs 1 GPU (cuda:3), and the worker has none",
        ]  # fmt: skip
        queued(store, program("1", "0"), 4, submitted=1.0)
        assert status_of(store.runs()[-1]).reason == NO_WORKER
        hold(store.runs()[0], release=True)
        hold(store.runs()[1])
        assert [status_of(run).reason for run in store.runs()[:2]] == [NO_WORKER, "held"]

    @pytest.mark.slow
    def test_a_run_waits_for_another_to_finish(self, store):
        first = queued(store, program("10", "0.02"), 0)
        second = queued(store, program("1", "0"), 1, submitted=1.0, after=[first.id])
        assert work(store, lambda: False, machine=LocalDevices("cpu:2")) == 2
        assert events(first, End)[0].time <= events(second, Start)[0].time

    @pytest.mark.slow
    def test_gpus_are_given_by_their_uuid_one_run_each_and_two_to_one_that_needs_two(
        self, store, monkeypatch
    ):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        gpus = FakeGpus(card(0), card(1), card(2, {os.getpid(): 30 * GIB}))
        runs = [queued(store, program("60", "0.02"), seed) for seed in range(3)]
        wide = queued(store, program("1", "0"), 9, submitted=time.time(), gpus=2)
        on_cpu = queued(store, program("1", "0"), 8, device="cpu")
        assert work(store, lambda: False, machine=LocalDevices(gpus=gpus)) == 5
        assert states(store) == ["finished"] * 5
        assert most_at_once(runs) == 2
        assert {gpus for run in runs for *_, gpus in beats(run)} == {"GPU-00-x", "GPU-11-x"}
        assert beats(wide)[0][3] == "GPU-00-x,GPU-11-x"
        assert beats(on_cpu)[0][3] == "none"
        assert given_devices(wide) == ["GPU 0, GPU 1"]

    def test_a_gpu_that_somebody_else_fills_is_waited_for(self, store, until):
        gpus = FakeGpus(card(0, {os.getpid(): 30 * GIB}))
        run = queued(store, program("1", "0"), 0)
        with serving(store, LocalDevices("0", gpus)) as worker:
            until(lambda: status_of(run).reason not in ("", NO_WORKER))
            assert re.fullmatch(
                rf"waiting for GPU 0 \(used by pid {os.getpid()}, .+, 30 GiB\)", status_of(run).reason
            )
            gpus.cards = [card(0)]
            worker.join(30)
            assert status_of(run).state == "finished"


class TestSuccession:
    @pytest.mark.slow
    def test_a_successor_counts_what_lives_and_starts_nothing_twice(self, store, until):
        runs = [queued(store, program("100", "0.02"), seed) for seed in range(3)]
        code = (
            "import sys; from engine.cli import main; sys.argv[1:] = ['work', '--devices', 'cpu:2']; main()"
        )
        first = subprocess.Popen([sys.executable, "-c", code], cwd=store.root.parent)
        # launched, not begun: a worker that dies with a lock it has not handed over has started nothing
        until(lambda: sum(bool(set(kernel_locks.keepers(run.lock)) - {first.pid}) for run in runs) == 2)
        first.kill()
        first.wait()
        assert work(store, lambda: False, machine=LocalDevices("cpu:2")) == 1
        assert states(store) == ["finished"] * 3
        assert most_at_once(runs) == 2
        assert [len(events(run, Start)) for run in runs] == [1] * 3

    def test_a_run_whose_process_is_killed_before_it_took_it_is_started_again(self, store, monkeypatch):
        run = queued(store, program("1", "0"), 0)
        fails_at_once(monkeypatch, "kill -9 $$")
        assert work(store, lambda: False) == scheduler.TRIES
        assert states(store) == ["failed"]
        assert "was killed by SIGKILL before it began" in events(run, End)[0].reason

    def test_asked_to_end_before_it_took_the_run_it_is_stopped(self, store, monkeypatch):
        queued(store, program("1", "0"), 0)
        fails_at_once(monkeypatch, "kill -TERM $$")
        assert work(store, lambda: False) == 1
        assert states(store) == ["stopped"]

    def test_a_run_that_cannot_be_started_fails_and_the_next_is_served(self, store, tmp_path):
        runs = [queued(store, program("1", "0"), seed) for seed in range(2)]
        runs[0].console.symlink_to(tmp_path / "elsewhere")
        work(store, lambda: False)
        assert states(store) == ["failed", "finished"]
        assert "cannot be started" in status_of(runs[0]).reason

    def test_on_a_full_disk_runs_wait_and_do_not_fail(self, store, monkeypatch):
        run = queued(store, program("1", "0"), 0)
        worker = Worker(store, LocalDevices("cpu:1"), 30.0)
        with monkeypatch.context() as full:
            full.setattr("engine.system.files.write_all", no_space)
            for _ in range(2 * scheduler.TRIES):
                assert not worker.turn()
        assert waiting_entry(run) is not None
        assert worker.started == 0
        assert work(store, lambda: False, machine=LocalDevices("cpu:1")) == 1
        assert states(store) == ["finished"]

    @pytest.mark.slow
    def test_what_is_asked_of_a_run_on_its_way_is_not_lost(self, store, until):
        run = queued(store, program("1000", "0.02"), 0)
        stop_request.ask(run, "stop-now")  # of an earlier attempt: forgotten
        worker = Worker(store, LocalDevices("cpu:1"), 30.0)
        worker.turn()
        assert request_stop(run, "stop-now").endswith("with a checkpoint")
        until(worker.turn)
        assert states(store) == ["stopped"]
        assert events(run, End)[0].reason == "stopped on request"


@pytest.mark.slow
class TestRetries:
    def test_a_program_that_fails_twice_finishes_at_its_third_attempt(self, store):
        run = queued(store, program("3", "0", "3", retries=2), 0)
        assert work(store, lambda: False, backoff_s=0.1) == 3
        assert states(store) == ["finished"]
        assert [start.attempt for start in events(run, Start)] == [1, 2, 3]
        assert "it failed; the queue begins it anew in 0 s, for time 2 of 2" in [
            log.message for log in events(run, Log)
        ]

    def test_a_killed_run_goes_on_after_its_pause_which_is_said(self, store, until):
        run = queued(store, program("200", "0.02", retries=1), 0)
        with serving(store, LocalDevices("cpu:1"), backoff_s=2.0) as worker:
            until(lambda: status_of(run).step > 3)
            os.kill(status_of(run).pid, signal.SIGKILL)
            until(lambda: status_of(run).state == "queued")
            until(lambda: status_of(run).reason == "retries in 10 s")
            worker.join(60)
        assert states(store) == ["finished"]
        assert [start.attempt for start in events(run, Start)] == [1, 2]
        assert [step for *_, step, _ in beats(run)] == sorted(step for *_, step, _ in beats(run))
        (first_end, second_begin) = spans(run)[0][1], spans(run)[1][0]
        assert second_begin - first_end > 1.5

    def test_a_crash_that_no_worker_saw_is_found_by_the_next(self, store, until):
        run = queued(store, program("200", "0.02", retries=1), 0)
        worker = Worker(store, LocalDevices("cpu:1"), 30.0)
        worker.turn()
        until(lambda: status_of(run).step > 3)
        os.kill(status_of(run).pid, signal.SIGKILL)
        until(lambda: status_of(run).state == "crashed")
        until(lambda: worker._reap() or not worker._children)
        assert work(store, lambda: False, backoff_s=0.1) == 1
        assert states(store) == ["finished"]


CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open("child", "a").write(f"{child.pid}\\n")
child.wait()
"""


def test_before_a_retry_what_left_the_group_of_its_program_is_ended_too(store, until, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    experiment = Experiment(name="x", model=SCRIPT, command=[sys.executable, "-c", CHILD], retries=1)
    run = queued(store, experiment, 0)
    with serving(store, LocalDevices("cpu:1"), backoff_s=0.0) as worker:
        children = tmp_path / "child"
        until(lambda: children.exists() and children.read_text().endswith("\n"))
        first = int(children.read_text())
        os.kill(status_of(run).pid, signal.SIGKILL)
        until(lambda: process.started(first) is None)
        until(lambda: children.read_text().count("\n") == 2)
        os.kill(int(children.read_text().split()[1]), signal.SIGKILL)
        request_stop(run, "stop-now")
        worker.join(30)
    assert states(store) == ["stopped"]


def test_no_program_outlives_its_run(store, until):
    run = queued(store, program("5000", "0.02"), 0)
    worker = Worker(store, LocalDevices("cpu:1"), 30.0)
    worker.turn()
    until(lambda: (run.path / "beats").exists() and len(beats(run)) > 3)
    (pid,) = {pid for pid, *_ in beats(run)}
    os.kill(status_of(run).pid, signal.SIGKILL)
    until(lambda: process.started(pid) is None, 5)
    until(worker.turn)


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
        engine("submit", "--wait", "tiny", "--set", "epochs=4")
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


def test_a_queued_run_with_a_damaged_description_waits_and_does_not_block_the_queue(store, tiny):
    damaged = queued(store, tiny, seed=0)
    (damaged.path / "run.json").write_text("{")
    assert work(store, lambda: False) == 0
    assert status_of(damaged).state == "queued"
    assert "run.json cannot be used" in status_of(damaged).reason
