"""Which processes are a run's: real ones, that have its lock or its mark; and no others, whatever files say."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import msgspec
import psutil
import pytest

from engine.events import End, Start, encode
from engine.queue import retry
from engine.queue.force_stop import force_stop
from engine.runs import run_lock
from engine.runs.processes.membership import FOLDER, end_leftovers, leftovers, mark, processes_of, unmarked
from engine.runs.queue_entry import QueueEntry
from engine.runs.store import Run, StoreError
from engine.runs.trust import entry_writer
from engine.system import process
from engine.system.lock_holder import this_process

HOLDER = """
import fcntl, os, pathlib, subprocess, sys
from engine.runs import run_lock
from engine.runs.processes.membership import mark
from engine.runs.trust.entry_writer import take_from_queue
from engine.runs.store import Run
run = Run(sys.argv[1])
if sys.argv[2] == "reads":
    handle = os.open(run.lock, os.O_RDWR)
    fcntl.flock(handle, fcntl.LOCK_SH)
    print(flush=True)
    sys.stdin.read()
with run_lock.hold(run, works=sys.argv[2] == "works"):
    take_from_queue(run, 0, by_hand=True)
    os.environ |= mark(run)
    child = subprocess.Popen(["sleep", "600"], start_new_session=True)
    print(child.pid, flush=True)
    sys.stdin.read()
    child.kill()
"""


@pytest.fixture
def begin(until):
    """Start a process whose environment can be read, which is moments after its program began; end it with the test."""
    started = []

    def start(*words: str, **variables: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | variables,
            start_new_session=True,
        )  # fmt: skip
        started.append(child)
        until(lambda: variables.items() <= psutil.Process(child.pid).environ().items(), 10)
        return child

    yield start
    for child in started:
        child.communicate()


@pytest.fixture
def sleeper(begin):
    """Start a process that sleeps; it is killed at the end."""
    sleeping = []

    def start(**variables: str) -> subprocess.Popen[bytes]:
        sleeping.append(begin("sleep", "600", **variables))
        return sleeping[-1]

    yield start
    for child in sleeping:
        child.kill()


@pytest.fixture
def holder(begin):
    """Start a process that has a run's lock, and return it and its child: ``holder(run, "works")``."""

    def start(run: Run, how: str) -> list[int]:
        child = begin(sys.executable, "-c", HOLDER, str(run.path), how)
        return [child.pid, *map(int, child.stdout.readline().split())]

    return start


def pids(run: Run) -> list[int]:
    return [member.pid for member in processes_of(run)]


def test_the_process_that_trains_and_its_descendants_are_the_runs(run, holder):
    mine = holder(run, "works")
    assert pids(run) == mine


@pytest.mark.parametrize("how", ["changes", "reads"])
def test_who_has_the_lock_for_a_moment_or_reads_it_is_not(run, holder, how, until):
    entry_writer.enter(run, QueueEntry(submitted=1.0))
    other, *marked = holder(run, how)
    until(
        lambda: len(pids(run)) >= len(marked), 10
    )  # a program's environment stands there moments after it began
    assert pids(run) == marked  # a child with the mark is the run's; who changes something is not
    assert psutil.pid_exists(other)


def named_by_files(run: Run, victim: int) -> None:
    """Have all files of a run name a process: what a stranger can write who looks into /proc."""
    began = process.started(victim)
    who = {"pid": victim, "host": process.host(), "boot": process.boot_id(), "process_started": began}
    config = run.info().config | {"retries": 3}
    run.events.write_bytes(
        encode(Start(time=time.time(), run=run.id, attempt=1, experiment="x", config=config, **who))
    )
    owner = msgspec.structs.replace(this_process(), pid=victim, started=began)
    entry_writer.enter(run, QueueEntry(submitted=1.0, stage="taken", attempts=0, holder=owner))
    run.lock.write_bytes(msgspec.json.encode(msgspec.structs.replace(owner, works=True)))


@pytest.mark.parametrize("is_locked", [False, True])
def test_what_files_say_gives_no_process_a_signal(run, sleeper, holder, is_locked, monkeypatch):
    monkeypatch.setattr("engine.runs.run_lock.HOLD_TIMEOUT_S", 0.2)
    victim = sleeper()
    if is_locked:
        holder(run, "reads")
    named_by_files(run, victim.pid)
    assert processes_of(run) == leftovers(run) == []
    with pytest.raises(StoreError, match=r"is a copy: |no process here proves to be its own: "):
        force_stop(run, lambda _: None, patience_s=0.1)
    run.lock.unlink()
    with pytest.raises(StoreError, match="no process here proves to be its own: no process got a signal"):
        force_stop(run, lambda _: None, patience_s=0.1)
    assert victim.poll() is None


def test_a_retry_ends_no_process_that_files_name(run, sleeper):
    victim = sleeper()
    named_by_files(run, victim.pid)
    dead = msgspec.structs.replace(this_process(), pid=2**22 + 1)
    entry_writer.enter(run, QueueEntry(submitted=1.0, stage="taken", attempts=0, holder=dead))
    retry.settle(run, 0.0)
    assert "begins it anew" in run.events.read_text()
    assert victim.poll() is None


@pytest.mark.parametrize("command", [["cp", "-a"], ["cp", "-al"], ["rsync", "-a"]])
def test_a_copy_of_a_live_run_has_none_of_its_processes(run, holder, command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"there is no {command[0]}")
    mine = holder(run, "works")
    copy = Run(run.path.with_name("copy"))
    subprocess.run([*command, f"{run.path}/", str(copy.path)], check=True)
    assert pids(copy) == []
    with pytest.raises(StoreError, match="copy is a copy: the processes are those of the original"):
        force_stop(copy, lambda _: None, patience_s=30)
    assert pids(run) == mine  # nor does it lose them by a second name of its lock


def test_a_renamed_run_keeps_its_processes_and_what_takes_its_place_gets_none(run, holder):
    mine = holder(run, "works")
    renamed = Run(run.path.with_name("renamed"))
    run.path.rename(renamed.path)
    assert pids(renamed) == mine
    subprocess.run(["cp", "-a", str(renamed.path), str(run.path)], check=True)
    assert pids(run) == []
    assert pids(renamed) == mine
    os.kill(mine[0], signal.SIGKILL)  # its child is proved by the mark alone now
    while run_lock.is_held(renamed):
        time.sleep(0.01)
    assert (pids(run), pids(renamed)) == ([], mine[1:])
    os.kill(mine[1], signal.SIGKILL)


def test_the_mark_of_another_run_or_of_none_is_not_the_runs(run, store, tiny, sleeper):
    other = store.create(tiny, seed=1)
    mine = sleeper(**mark(run))
    for variables in (
        mark(other),
        unmarked(),
        {FOLDER: "."},
        {FOLDER: "/nowhere", "VITUI_RUN": run.id},
        mark(run) | {"VITUI_RUN_INODE": "1:1"},
    ):
        sleeper(**variables)
    assert pids(run) == [mine.pid]


def test_what_an_earlier_attempt_left_is_ended_before_the_next(run, begin):
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    left = [
        begin(sys.executable, "-c", deaf, "\x1b]0;evil\x07", **mark(run)), begin("sleep", "600", **mark(run)),
    ]  # fmt: skip
    left[0].stdout.readline()
    told = end_leftovers(run, grace_s=0.3)
    assert told.startswith("an earlier attempt left the processes ")
    assert str(left[1].pid) in told
    assert "\x1b" not in told
    assert [child.wait(10) for child in left] == [-signal.SIGKILL, -signal.SIGTERM]
    assert end_leftovers(run) == ""


@pytest.mark.slow
def test_stop_by_force_ends_what_a_run_left_that_has_ended(run, sleeper):
    left = sleeper(**mark(run))
    run.events.write_bytes(encode(End(time=time.time(), run=run.id, state="finished")))
    with run_lock.hold(run):
        pass
    ended = force_stop(run, lambda _: None)
    assert (
        ended == f"{run.id} was finished already; it had left the process {left.pid} (sleep 600), now ended"
    )
    assert left.wait(5) == -signal.SIGTERM
    with pytest.raises(StoreError, match="does not run: it is finished"):
        force_stop(run, lambda _: None)
