"""A run's state is judged from facts: its lock, its queue entry and its events, whatever status.json claims."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import msgspec
import pytest

from engine.events import Checkpoint, End, Log, Metrics, Start, encode
from engine.runs import run_lock, stop_request
from engine.runs.liveness import status_of
from engine.runs.queue_entry import QueueEntry
from engine.runs.recorder import Recorder
from engine.runs.status import Status
from engine.runs.status_file import rebuild, save
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust import entry_writer
from engine.system import kernel_locks, lock, process
from tests.conftest import enqueue, queued
from tests.processes import waits_for

LIVE = """
import os, pathlib, sys, time
from engine.system import process
from engine.events import Start
from engine.runs.recorder import Recorder
from engine.runs import run_lock
from engine.runs.store import Run
from engine.runs.trust.entry_writer import take_from_queue
run = Run(pathlib.Path(sys.argv[1]))
with run_lock.hold(run):
    recorder = Recorder(run)
    if "take" in sys.argv:
        take_from_queue(run, recorder.status.attempt, by_hand=False)
    if "claim" in sys.argv:
        recorder.claim()
    if "start" in sys.argv:
        recorder.emit(Start(time=time.time(), run=run.id, attempt=recorder.status.attempt + 1, pid=os.getpid(),
            host=process.host(), boot=process.boot_id(), process_started=process.started(os.getpid())))
        recorder.metrics(1, 0.1, {"train/loss": 1.0})
    if "end" in sys.argv:
        recorder.end("finished", "done")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def live():
    """Another process that holds a run, and has said its start: ``live(run, "start")``."""
    processes = []

    def begin(run, *words):
        child = subprocess.Popen(
            [sys.executable, "-c", LIVE, str(run.path), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(child)
        assert child.stdout.readline() == b"held\n"
        return child

    yield begin
    for child in processes:
        child.kill()
        child.communicate()


def kill(child):
    child.send_signal(signal.SIGKILL)
    child.wait()


def say(run, *events):
    recorder = Recorder(run)
    for event in events:
        recorder.emit(event)
    recorder.close()


def start(run, **fields):
    return Start(time=time.time(), run=run.id, attempt=1, host=process.host(), pid=1, **fields)


def end(run, state):
    return End(time=time.time(), run=run.id, state=state, reason="because", duration_s=3.0)


def test_queued(store, tiny):
    run = queued(store, tiny, seed=0)
    status = status_of(run)
    assert (status.state, status.experiment, status.seed) == ("queued", "tiny", 0)


def test_starting_then_running_then_crashed(run, live):
    child = live(run)
    assert status_of(run).state == "starting"
    kill(child)
    child = live(run, "start")
    status = status_of(run)
    assert (status.state, status.pid, status.attempt) == ("running", child.pid, 1)
    kill(child)
    status = status_of(run)
    assert (status.state, status.reason) == ("crashed", "its process ended without a word")


def test_a_run_that_lives_says_that_it_was_asked_to_stop(run, live):
    child = live(run, "start")
    assert (status_of(run).asked, status_of(run).why) == (None, "")
    stop_request.ask(run, "stop-after-epoch")
    assert (status_of(run).asked, status_of(run).why) == (
        "stop-after-epoch",
        "asked to stop after this epoch",
    )
    stop_request.ask(run, "stop-now")
    assert status_of(run).why == "asked to stop now"
    kill(child)
    assert (status_of(run).asked, status_of(run).why) == (None, "its process ended without a word")


@pytest.mark.parametrize("state", ["finished", "failed", "stopped"])
def test_ended_is_what_the_last_event_says(run, state):
    say(run, start(run), end(run, state))
    status = status_of(run)
    assert (status.state, status.reason, status.trained_s) == (state, "because", 3.0)


def test_of_a_run_that_is_over_nothing_counts_that_is_judged_anew(run):
    say(run, start(run), end(run, "finished"))
    claimed = msgspec.structs.replace(
        status_of(run), on="hpc", node="n7", heard=4.0, asked="stop-now", stalled=True
    )
    save(run, claimed)
    status = status_of(run)
    assert (status.on, status.node, status.heard, status.asked, status.stalled) == ("", "", 0.0, None, False)
    run.queue_file.symlink_to("nowhere")  # which is damaged, not absent
    assert status_of(run).state == "queued"


def test_stopped_and_queued_again(run):
    say(run, start(run), end(run, "stopped"))
    enqueue(run)
    assert status_of(run).state == "queued"


def test_resumed_is_starting_then_running(run, live):
    say(run, start(run), end(run, "stopped"))
    child = live(run, "take")
    assert status_of(run).state == "starting"
    kill(child)
    assert status_of(run).state == "stopped"  # the attempt never began
    child = live(run, "start")
    status = status_of(run)
    assert (status.state, status.attempt, status.reason) == ("running", 2, "")
    kill(child)
    assert status_of(run).state == "crashed"


def test_resumed_is_starting_however_early_its_process_says_who_it_is(run, live):
    say(run, start(run), end(run, "stopped"))
    child = live(run, "claim")
    status = status_of(run)
    assert (status.state, status.pid) == ("starting", child.pid)
    kill(child)
    assert status_of(run).state == "stopped"


def test_held_by_another_than_the_one_that_said_its_start_is_starting(run, live):
    say(run, start(run))
    live(run)
    assert status_of(run).state == "starting"


def test_a_folder_where_nothing_ever_happened_is_a_crash(run):
    assert status_of(run).state == "crashed"


@pytest.mark.parametrize(
    "damage", [None, b"", b"{", b"[]", b'{"run":"another"}', b"\xff\x00", b"{" * 100_000]
)
def test_without_a_usable_status_it_is_rebuilt(run, damage):
    say(run, start(run), end(run, "finished"))
    if damage is None:
        run.status_file.unlink()
    else:
        run.status_file.write_bytes(damage)
    assert status_of(run) == rebuild(run)
    assert status_of(run).state == "finished"


def test_a_status_older_than_the_end_is_not_believed(run):
    say(run, start(run))
    stale = run.status_file.read_bytes()
    say(
        run,
        Checkpoint(time=1, run=run.id, step=3, epoch=1, path="p", kind="last", bytes=1),
        end(run, "stopped"),
    )
    run.status_file.write_bytes(stale)
    status = status_of(run)
    assert (status.state, status.checkpoint) == ("stopped", 3)


def test_an_end_behind_a_torn_line_is_found(run):
    say(run, start(run))
    stale = run.status_file.read_bytes()
    with run.events.open("ab") as file:
        file.write(encode(end(run, "failed")) + b'{"event":"me')
    run.status_file.write_bytes(stale)
    assert status_of(run).state == "failed"


def test_a_pid_that_is_another_process_by_now_is_a_crash(run):
    say(
        run,
        Start(time=1, run=run.id, attempt=1, host=process.host(), boot=process.boot_id(), pid=os.getpid()),
    )
    assert status_of(run).state == "crashed"


@pytest.mark.parametrize(("seconds", "state"), [(0, "running"), (50, "running"), (70, "silent")])
def test_a_run_of_another_machine_is_silent_after_a_minute(run, seconds, state):
    say(run, Start(time=time.time() - seconds, run=run.id, attempt=1, host="elsewhere"))
    assert status_of(run).state == state


def test_a_damaged_run_json_is_said(run):
    (run.path / "run.json").write_text("{")
    status = status_of(run)
    assert status.state == "crashed"
    assert "run.json cannot be used" in status.reason


def test_a_status_of_a_newer_version_is_read(run):
    say(run, start(run), end(run, "finished"))
    fields = msgspec.json.decode(run.status_file.read_bytes())
    run.status_file.write_bytes(msgspec.json.encode(fields | {"colour": "red"}))
    assert status_of(run).state == "finished"


def test_saved_and_read_back_it_is_equal(run):
    status = Status(run=run.id, state="finished", last={"a": None, "b": 1.5}, best={"b": 2.0}, eta_s=3.0)
    save(run, status)
    assert status_of(run) == status


def me(**changes):
    """A start of this very process: it lives as long as the test."""
    pid = os.getpid()
    who = {
        "pid": pid,
        "process_started": process.started(pid),
        "boot": process.boot_id(),
        "host": process.host(),
    }
    return {"attempt": 1, "time": time.time(), "epochs": 4, "steps_per_epoch": 5, **who, **changes}


def said(run, *, ended=None, **changes):
    """Have the run say its start, three measurements, and perhaps its end."""
    recorder = Recorder(run)
    begun = Start(run=run.id, **me(**changes))
    recorder.emit(begun)
    for step in (1, 2, 3):
        at = begun.time + step
        recorder.emit(
            Metrics(time=at, run=run.id, step=step, epoch=step / 5, values={"train/loss": 1 / step})
        )
    if ended is not None:
        recorder.emit(End(time=begun.time + 4, run=run.id, state=ended, reason="because", duration_s=4.0))
    recorder.close()


def locked(run):
    """Leave a lock file that nobody holds."""
    with run_lock.hold(run):
        pass


def truncate(run, part):
    size = run.events.stat().st_size
    os.truncate(run.events, int(size * part))


def rewrite(run, /, **changes):
    """Have status.json claim something else."""
    fields = json.loads(run.status_file.read_bytes())
    run.status_file.write_text(json.dumps(fields | changes))


def claims(**changes):
    def change(run):
        said(run, ended="finished")
        rewrite(run, **changes)

    return change


def elsewhere(ahead=0.0, ended=None):
    """Have it said on another machine, by its clock so many seconds from now."""
    return lambda run: said(run, host="elsewhere", time=time.time() + ahead, ended=ended)


def finished_then(act):
    def change(run):
        said(run, ended="finished")
        act(run)

    return change


def replaced_by_a_folder(path):
    path.unlink(missing_ok=True)
    path.mkdir()


HOUR = 3600.0
DAY = 24 * HOUR
GONE = 2**22 + 1
"""No process has this pid: it is above the largest that Linux gives."""

WORLD = [
    # where it was and what became of it
    ("its lock is free and it said no end", lambda run: (said(run), locked(run)), "crashed"),
    ("its pid is another process by now", lambda run: said(run, process_started=1.0), "crashed"),
    ("its pid is nobody's", lambda run: said(run, pid=GONE), "crashed"),
    ("its machine was booted since", lambda run: said(run, boot="before"), "crashed"),
    ("its lock file is gone, its process is not", lambda run: said(run), "running"),
    ("its lock file is gone, and its process", lambda run: said(run, pid=GONE), "crashed"),
    ("another machine's, just heard of", elsewhere(), "running"),
    ("another machine's, long not heard of", elsewhere(-DAY), "silent"),
    ("another machine's, its clock a day ahead", elsewhere(DAY), "silent"),
    ("another machine's, its clock 20 s ahead", elsewhere(20), "running"),
    ("another machine's, ended a day ago", elsewhere(-DAY, "failed"), "failed"),
    # the queue
    ("ended, and has a new place in the queue", lambda run: (said(run, ended="stopped"), enqueue(run)), "queued"),
    ("crashed, and has a new place in the queue", lambda run: (said(run, pid=GONE), enqueue(run)), "queued"),
    # its events
    ("half of its events are lost", lambda run: (said(run, ended="finished", pid=GONE), truncate(run, 0.5)), "crashed"),
    ("all of its events are lost", lambda run: (said(run, ended="finished", pid=GONE), truncate(run, 0)), "crashed"),
    ("its events are gone", finished_then(lambda run: run.events.unlink()), "crashed"),
    ("its last line is torn", lambda run: (said(run, ended="finished", pid=GONE), truncate(run, 0.99)), "crashed"),
    # its status
    ("it has no status", finished_then(lambda run: run.status_file.unlink()), "finished"),
    ("its status is of more events than there are", claims(offset=10**6, state="failed"), "finished"),
    ("its status is another run's", claims(run="tiny-s0-20260101-000000-aaaa", state="failed"), "finished"),
    ("its status has a step that is text", claims(step="3", state="failed"), "finished"),
    ("its status has a step without measure", claims(step=10**400, state="failed"), "finished"),
    ("its status has a time without measure", claims(heartbeat=1e300, state="failed"), "finished"),
    ("its status has a state that is none", claims(state="happy"), "finished"),
    ("its status has a state that only readers conclude", claims(state="crashed"), "finished"),
    ("its status has a reason without end", claims(reason="x" * 10**6, state="failed"), "finished"),
    ("its status does not say of how many events it is", claims(offset=0, state="failed"), "finished"),
    ("its status is a list", finished_then(lambda run: run.status_file.write_text("[]")), "finished"),
    ("its status is a folder", finished_then(lambda run: replaced_by_a_folder(run.status_file)), "finished"),
    # its folder
    ("its folder is empty", lambda run: (shutil.rmtree(run.path), run.path.mkdir()), "crashed"),
    ("its run.json is missing", finished_then(lambda run: (run.path / "run.json").unlink()), "finished"),
    ("its lock is a folder", finished_then(lambda run: run.lock.mkdir()), "finished"),
    ("its lock is a pipe", finished_then(lambda run: os.mkfifo(run.lock)), "finished"),
]  # fmt: skip


@pytest.mark.parametrize(("happened", "state"), [case[1:] for case in WORLD], ids=[case[0] for case in WORLD])
def test_the_state_is_what_is_true(run, happened, state):
    happened(run)
    assert status_of(run).state == state
    assert status_of(run).state == state  # looking changes nothing


@pytest.mark.parametrize(
    ("words", "happened", "state"),
    [
        ([], lambda run: enqueue(run), "starting"),
        (["start"], lambda run: enqueue(run), "running"),
        (["start"], lambda run: rewrite(run, heartbeat=time.time() + DAY), "running"),
        (["start"], lambda run: rewrite(run, heartbeat=time.time() - DAY), "running"),
        (["start"], lambda run: rewrite(run, pid=os.getpid()), "starting"),
        (["start"], lambda run: rewrite(run, host="elsewhere"), "running"),
        (["start"], lambda run: run.status_file.unlink(), "running"),
        (["start"], lambda run: run.status_file.write_text("{"), "running"),
        (["start"], lambda run: (run.path / "lock").write_text(""), "running"),
        (["start"], lambda run: (run.path / "lock").write_text('{"pid":1}'), "running"),
        (["start"], lambda run: (run.path / "lock").unlink(), "running"),
        (["start", "end"], lambda run: None, "finished"),
    ],
    ids=[
        "queued and held", "queued and running", "clock set back", "long silent", "said by another process",
        "said on another machine", "no status", "damaged status", "nothing in the lock file", "nonsense in it",
        "lock file removed", "ended and about to go",
    ],
)  # fmt: skip
def test_the_state_of_what_lives_is_what_is_true(run, live, words, happened, state):
    child = live(run, *words)
    happened(run)
    assert status_of(run).state == state
    kill(child)


def test_a_crash_shows_what_was_said_after_the_last_status(run):
    said(run)
    stale = run.status_file.read_bytes()
    recorder = Recorder(run)
    recorder.metrics(7, 1.4, {"test/f1": 0.5})
    recorder.close()
    run.status_file.write_bytes(stale)
    locked(run)
    status = status_of(run)
    assert (status.state, status.step, status.best["test/f1"]) == ("crashed", 7, 0.5)
    assert msgspec.structs.replace(status, state="running", reason="") == rebuild(run)


def test_a_clock_that_is_set_back_makes_no_time_left_negative_or_nothing(run):
    status = Status(run=run.id)
    status.apply(Start(time=1000.0, run=run.id, epochs=4, steps_per_epoch=5))
    for step in range(1, 6):
        at = 1000.0 + 10 * step - (HOUR / 4 if step > 2 else 0)
        status.apply(Metrics(time=at, run=run.id, step=step, epoch=step / 5, values={}))
    assert status.elapsed_s == 40.0
    assert status.eta_s == pytest.approx(30.0 / 4 * 15)  # the first step is the start
    assert status.heartbeat == 150.0


def test_neither_a_pause_nor_the_first_steps_of_an_attempt_change_the_time_left(run):
    status = Status(run=run.id)
    start = Start(time=1000.0, run=run.id, epochs=10, steps_per_epoch=10)
    status.apply(start)
    for step in range(1, 21):
        status.apply(Metrics(time=1000.0 + 30 + 2 * step, run=run.id, step=step, epoch=step / 10, values={}))
    assert status.eta_s == pytest.approx(2.0 * 80)
    status.apply(End(time=1075.0, run=run.id, state="stopped", reason="", duration_s=75.0))
    status.apply(msgspec.structs.replace(start, time=5000.0, attempt=2, step=20))
    for second in range(1, 60):  # a slow first step, while memory is measured once a second
        at = 5000.0 + second
        status.apply(
            Metrics(time=at, run=run.id, step=20 + second // 30, epoch=2.0, values={"cpu/memory": 1.0})
        )
        assert status.eta_s == pytest.approx(2.0 * (80 - second // 30))
    status.apply(Metrics(time=5060.0, run=run.id, step=31, epoch=3.1, values={}))
    assert status.eta_s == pytest.approx(3.0 * 69)


OUTLIVED = """
import ctypes, multiprocessing, os, pathlib, subprocess, sys, time
from engine.system import lock, process
from engine.events import Start
from engine.runs.recorder import Recorder
from engine.runs import run_lock
from engine.runs.store import Run

def linger():
    os.close(0)
    time.sleep(600)

run, how = Run(pathlib.Path(sys.argv[1])), sys.argv[2]
with run_lock.hold(run):
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id, attempt=1, pid=os.getpid(), host=process.host(),
        boot=process.boot_id(), process_started=process.started(os.getpid())))
    if how == "exec":
        child = subprocess.Popen(["sleep", "600"], close_fds=False).pid
    elif how == "inherited":
        (handle,) = lock._ours
        child = subprocess.Popen(["sleep", "600"], pass_fds=[handle]).pid
    elif how == "multiprocessing":
        worker = multiprocessing.get_context("fork").Process(target=linger)
        worker.start()
        child = worker.pid
    elif how == "fork":
        child = os.fork()
        if not child:
            linger()
    elif how == "fork of a library":
        child = ctypes.CDLL(None).fork()
        if not child:
            linger()
    print(child, flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ("exec", False),
        ("multiprocessing", False),
        ("fork", False),
        ("inherited", True),
        ("fork of a library", True),
    ],
)
def test_a_child_that_outlives_the_process_that_trains_is_no_running_run(run, monkeypatch, how, kept):
    monkeypatch.setattr("engine.runs.run_lock.HOLD_TIMEOUT_S", 0.2)
    parent = subprocess.Popen(
        [sys.executable, "-c", OUTLIVED, str(run.path), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child = int(parent.stdout.readline())
    try:
        assert status_of(run).state == "running"
        kill(parent)
        parent.stdout.close()
        assert process.started(child) is not None
        assert not run_lock.is_held(run)
        assert status_of(run).state == "crashed"
        if kept:
            assert kernel_locks.keepers(run.lock) == [child]
            with (
                pytest.raises(StoreError, match=f"is gone, but a child .* end the process {child}$"),
                run_lock.hold(run),
            ):
                pass
            os.kill(child, signal.SIGKILL)
            while kernel_locks.keepers(run.lock):
                time.sleep(0.02)
        with run_lock.hold(run):
            assert status_of(run).state == "starting"
    finally:
        os.kill(child, signal.SIGKILL)
        parent.communicate()


def test_a_fork_does_not_let_the_lock_of_its_parent_go(run):
    with run_lock.hold(run):
        child = os.fork()
        if not child:
            os._exit(lock._ours != set())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert run_lock.is_held(run)


def test_a_run_that_is_moved_while_its_lock_is_waited_for_is_not_taken(run, live):
    child = live(run)
    moved = run.path.rename(run.path.with_name("moved"))
    with pytest.raises(StoreError, match="cannot be locked: No such file"), run_lock.hold(run):
        pass
    moved.rename(run.path)
    raised = []

    def wait():
        try:
            with run_lock.hold(run):
                pass
        except StoreError as error:
            raised.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not waits_for(run.lock):
        time.sleep(0.01)
    run.path.rename(moved)
    kill(child)
    waiting.join()
    assert raised == [f"{run.id} has just been moved or removed"]


AS_NOBODY = """
import json, os, pathlib, sys, time
import shutil, subprocess
from engine.diagnostics.doctor import report
from engine.config.schema import Experiment
from engine.runs.labels import change_tags
from engine.runs.recorder import Recorder
from engine.runs.liveness import status_of
from engine.runs import run_lock
from engine.runs.store import Run, Store, StoreError
from engine.runs.trash import throw_away
try:
    import pynvml
except ImportError:
    pass
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
run = Run(pathlib.Path(sys.argv[1]))
status = status_of(run)
found = {"state": status.state, "reason": status.reason, "listed": len(Store(run.path.parent).runs())}
try:
    with run_lock.hold(run):
        found["held"] = True
except StoreError as error:
    found["refused"] = str(error)
for key, act in (("made", lambda: Store(sys.argv[2]).create(Experiment(name="x", model="vit_b"), 0)),
                 ("made below", lambda: Store(sys.argv[2] + "/no/such").create(Experiment(name="x", model="vit_b"), 0)),
                 ("recorded", lambda: Recorder(run)), ("tagged", lambda: change_tags(run, ["a"])),
                 ("thrown away", lambda: throw_away(Store(run.path.parent), run, force=True))):
    try:
        act()
        found[key] = "done"
    except StoreError as error:
        found[key] = str(error)
found["doctor"] = list(report(Store(run.path.parent), fix=True, as_json=False))
print(json.dumps(found))
"""


class TestOtherUsers:
    """What somebody else makes of a run, who may see all of it, a part or nothing."""

    @pytest.fixture
    def folder(self, tiny):
        if os.geteuid():
            pytest.skip("only root can become another user")
        with tempfile.TemporaryDirectory() as made:
            pathlib.Path(made).chmod(0o755)
            root = pathlib.Path(made) / "runs"
            root.mkdir()
            run = Store(root).create(tiny, seed=0)
            yield run

    @staticmethod
    def look(run):
        words = [sys.executable, "-c", AS_NOBODY, run.path, run.path.parent]
        done = subprocess.run(words, capture_output=True, check=False, cwd="/")
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    @staticmethod
    def permit(run, folder, files):
        run.path.chmod(folder)
        for file in run.path.iterdir():
            if file.is_file():
                file.chmod(files)

    def test_without_permission_nothing_is_known(self, folder):
        said(folder, ended="finished")
        found = self.look(folder)
        assert (found["state"], found["listed"]) == ("silent", 1)
        assert "Permission denied" in found["reason"]
        assert "cannot be locked: Permission denied" in found["refused"]

    def test_what_may_be_read_is_known(self, folder):
        said(folder, ended="finished")
        locked(folder)
        self.permit(folder, 0o555, 0o444)
        found = self.look(folder)
        assert found["state"] == "finished"
        assert "cannot be locked: Permission denied" in found["refused"]

    def test_a_crash_is_seen(self, folder):
        said(folder, pid=GONE)
        locked(folder)
        self.permit(folder, 0o555, 0o444)
        assert self.look(folder)["state"] == "crashed"

    @pytest.mark.slow
    def test_without_a_look_at_the_lock_the_process_tells(self, folder, live):
        child = live(folder, "start")
        self.permit(folder, 0o555, 0o444)
        assert self.look(folder)["state"] == "running"
        (folder.path / "lock").chmod(0o600)
        assert self.look(folder)["state"] == "running"
        kill(child)
        assert self.look(folder)["state"] == "crashed"

    def test_without_its_events_its_status_is_believed(self, folder):
        said(folder, ended="finished")
        self.permit(folder, 0o555, 0o444)
        folder.events.chmod(0o600)
        assert self.look(folder)["state"] == "finished"
        folder.status_file.chmod(0o600)
        assert self.look(folder)["state"] == "silent"

    def test_what_may_not_be_written_is_said(self, folder):
        said(folder, ended="stopped")
        locked(folder)
        self.permit(folder, 0o555, 0o444)
        folder.status_file.unlink()
        found = self.look(folder)
        root = folder.path.parent
        assert (
            found["made"]
            == f"no run can be made in {root}: Permission denied; `--runs DIR` names another folder"
        )
        assert found["made below"].startswith(f"no run can be made in {root}/no/such: Permission denied")
        assert found["recorded"] == f"{folder.id} cannot be written: Permission denied: {folder.events}"
        assert "labels cannot be written: Permission denied" in found["tagged"]
        assert "Permission denied" in found["thrown away"]
        assert found["doctor"][1].endswith(
            f"not repaired: {folder.id} cannot be locked: Permission denied: {folder.path}"
        )


class TestCopies:
    """A copy's lock is free, whoever holds that of the folder it was copied from."""

    def test_a_copy_of_a_live_run_lives_as_long_as_the_process(self, run, live, tmp_path):
        child = live(run, "take", "start")
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        assert not run_lock.is_held(copy)
        assert status_of(copy).state == "running"
        kill(child)
        assert status_of(copy).state == "crashed"

    def test_one_that_has_not_said_its_start_is_starting(self, run, live, tmp_path):
        say(run, start(run), end(run, "failed"))
        child = live(run, "take")
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        assert (status_of(run).state, status_of(copy).state) == ("starting", "starting")
        kill(child)
        assert (status_of(run).state, status_of(copy).state) == ("failed", "failed")

    def test_one_that_ended_while_its_process_lives_on_has_ended(self, run, live, tmp_path):
        live(run, "take", "start")
        with run.events.open("ab") as file:
            file.write(encode(end(run, "failed")))
        run.status_file.unlink()
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        assert (status_of(run).state, status_of(copy).state) == ("failed", "failed")

    def test_one_that_waits_waits(self, run, live, tmp_path):
        say(run, start(run), end(run, "stopped"))
        enqueue(run)
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        assert status_of(copy).state == "queued"

    def test_with_an_old_entry_beside_newer_events_it_is_what_the_events_say(self, run):
        say(run, start(run), end(run, "failed"))
        entry_writer.enter(run, QueueEntry(submitted=1.0, attempts=1))
        assert status_of(run).state == "queued"
        entry_writer.enter(run, QueueEntry(submitted=1.0, attempts=0))
        assert status_of(run).state == "failed"

    def test_with_an_old_status_beside_newer_events_it_is_what_the_events_say(self, run, live, tmp_path):
        say(run, start(run))
        stale = run.status_file.read_bytes()
        live(run, "take", "start")
        copy = Run(shutil.copytree(run.path, tmp_path / "copy" / run.id))
        copy.status_file.write_bytes(stale)
        assert (status_of(copy).state, status_of(copy).attempt) == ("running", 2)

    def test_a_log_line_behind_the_end_changes_nothing(self, run):
        say(run, start(run))
        stale = run.status_file.read_bytes()
        say(run, end(run, "failed"), Log(time=time.time(), run=run.id, level="info", message="left"))
        run.status_file.write_bytes(stale)
        assert status_of(run).state == "failed"


def test_a_checkpoint_between_two_measurements_says_how_far_a_run_is(run):
    recorder = Recorder(run)
    recorder.emit(Start(run=run.id, **me()))
    recorder.metrics(3, 0.6, {"train/loss": 1.0})
    for step in (4, 2):  # the second was written late
        saved = Checkpoint(
            time=time.time(), run=run.id, step=step, epoch=step / 5, path="last.pt", kind="last", bytes=1
        )
        recorder.emit(saved)
    recorder.close()
    assert (status_of(run).step, status_of(run).epoch) == (4, 0.8)


def of_older_version(run: Run) -> bytes:
    """Save a run's status as a version would have that folded events in another way."""
    old = rebuild(run)
    save(run, old)
    data = json.loads(run.status_file.read_bytes()) | {"fold": 0, "best": {"test/f1": 0.99}}
    run.status_file.write_text(json.dumps(data))
    return run.status_file.read_bytes()


class TestOlderVersions:
    def test_what_has_ended_is_folded_anew_once(self, run):
        said(run, ended="finished")
        before = of_older_version(run)
        status = status_of(run)
        assert status.best == rebuild(run).best
        assert run.status_file.read_bytes() != before
        assert status_of(run) == status

    def test_what_may_go_on_is_left_to_its_process(self, run):
        said(run, pid=GONE)
        before = of_older_version(run)
        assert status_of(run).state == "crashed"
        assert run.status_file.read_bytes() == before


def test_a_finished_run_says_why_only_where_it_ended_early():
    for reason, said in (
        ("ended early at epoch 3 of 9: …", "ended early at epoch 3 of 9: …"),
        ("trained all 9", ""),
    ):
        status = Status(run="r")
        status.apply(End(time=1.0, run="r", state="finished", reason=reason))
        assert (status.why, status.ended_early) == (said, bool(said))
