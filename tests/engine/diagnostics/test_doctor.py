"""Each thing that can be wrong with a run's folder is found, said with its cure, repaired where it can be, once."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile

import pytest
import torch

from engine.diagnostics import doctor, gpu_checks, repairs
from engine.diagnostics.checkpoint_checks import why_unreadable
from engine.diagnostics.leftover_processes import check_leftovers
from engine.diagnostics.run_checks import drafts, examine
from engine.events import Checkpoint, Log, Metrics, Start, decode, encode
from engine.queue.stop_and_resume import request_stop
from engine.runs import run_lock, stop_request
from engine.runs.liveness import status_of
from engine.runs.processes.membership import mark
from engine.runs.recorder import Recorder
from engine.runs.status_file import rebuild
from engine.runs.store import Store
from engine.runs.trash import trash_entries
from engine.system import process
from engine.system.nvml import GpuSample
from engine.training import checkpoint
from tests.conftest import enqueue

GONE = 2**22 + 1
LIVE = """
import os, pathlib, sys, time
from engine.system import process
from engine.events import Start
from engine.runs.recorder import Recorder
from engine.runs import run_lock
from engine.runs.store import Run
run = Run(pathlib.Path(sys.argv[1]))
with run_lock.hold(run):
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time() - float(sys.argv[2]), run=run.id, attempt=1, pid=os.getpid(),
        host=process.host(), boot=process.boot_id(), process_started=process.started(os.getpid())))
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def live():
    """A run that another process trains: ``live(run, seconds since it said something)``."""
    processes = []

    def begin(run, silent=0.0):
        child = subprocess.Popen(
            [sys.executable, "-c", LIVE, str(run.path), str(silent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        processes.append(child)
        assert child.stdout.readline() == b"held\n"
        return child

    yield begin
    for child in processes:
        child.kill()
        child.communicate()


def say(run, end=None, **start):
    recorder = Recorder(run)
    who = {"host": process.host(), "pid": GONE, "attempt": 1}
    recorder.emit(Start(time=time.time(), run=run.id, **who | start))
    recorder.metrics(3, 1.0, {"test/f1": 0.5})
    if end is not None:
        recorder.end(end, "because")
    recorder.close()


def age(path, seconds=3600):
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def kinds(run, runs=()):
    return [finding.kind for finding in examine(run, runs)]


def found(run, kind):
    (finding,) = [each for each in examine(run) if each.kind == kind]
    return finding


def repair(store, run=None):
    """Repair all there is, and return what was done and what is found afterwards."""
    done = [doctor._attempt(store, finding) for finding in doctor.examine(store)]
    assert not [failed for _, failed in done if failed]
    return [what for what, _ in done if what], [each.kind for each in doctor.examine(store)]


@pytest.mark.parametrize(
    ("happened", "kind", "words"),
    [
        (lambda run: say(run, "failed"), "failed", "failed: because"),
        (lambda run: say(run, "stopped"), "stopped", "stopped: because"),
        (lambda run: say(run), "crashed", "crashed: its process ended without a word"),
        (lambda run: enqueue(run), "queued", "queued"),
        (lambda run: say(run, host="elsewhere"), None, ""),
        (lambda run: say(run, "finished"), None, ""),
    ],
)
def test_a_run_that_has_not_finished_is_told_with_its_cure(run, happened, kind, words):
    happened(run)
    findings = examine(run)
    assert [each.kind for each in findings] == ([kind] if kind else [])
    assert [each.text for each in findings] == ([words] if kind else [])
    assert all(run.id in each.cure or "engine work" in each.cure for each in findings)


def test_a_run_of_a_machine_that_is_silent(run):
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time() - 7200, run=run.id, attempt=1, host="elsewhere"))
    recorder.close()
    assert found(run, "silent").text == "silent: last heard of 2 h 00 ago on elsewhere"


def test_a_run_that_lives_without_telling(run, live):
    child = live(run, 300)
    assert f"process {child.pid}" in found(run, "mute").text
    assert "for 5:0" in found(run, "mute").text


def test_a_run_that_lives_is_well(run, live):
    live(run)
    run.path.joinpath(".status.json.1.abcd").write_text("")  # it may be at it
    age(run.path / ".status.json.1.abcd")
    assert examine(run) == []


def test_a_lock_kept_by_the_child_of_a_dead_process(run):
    script = """
import pathlib, subprocess, sys
from engine.system import lock
from engine.runs import run_lock
from engine.runs.store import Run
with run_lock.hold(Run(pathlib.Path(sys.argv[1]))):
    print(subprocess.Popen(["sleep", "600"], pass_fds=list(lock._ours), stdout=subprocess.DEVNULL).pid, flush=True)
    sys.stdin.read()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", script, run.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child = int(parent.stdout.readline())
    try:
        assert "orphans" not in kinds(run)
        parent.kill()
        parent.communicate()
        finding = found(run, "orphans")
        assert finding.text == f"its process {parent.pid} is gone, but a child of it keeps its lock: {child}"
        assert finding.cure.startswith(f"`kill {child}`")
    finally:
        os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("text", [None, "{", '{"id": 7}'])
def test_a_run_json_that_cannot_be_used(store, run, text):
    say(run, "finished")
    (run.path / "run.json").unlink()
    if text is not None:
        (run.path / "run.json").write_text(text)
    assert found(run, "description").text.startswith("run.json cannot be used")


class TestEvents:
    def test_torn_lines_are_counted_placed_and_taken_out(self, store, run):
        say(run)
        before = run.events.read_bytes()
        with run.events.open("ab") as file:
            file.write(b'{"event":"me\n\n{"event":"artifact","time":1,"run":"r"}\n\x00\xff\n')
        say(run, "finished", attempt=2)
        whole = run.events.read_bytes()
        finding = found(run, "events")
        assert finding.text == (
            f"events.jsonl: 2 lines are no events, the first is line 3 at byte {len(before)}: "
            "it is half a line, or no JSON"
        )
        assert finding.cure == "a killed process leaves such; they are passed over"
        done, left = repair(store)
        assert left == []
        assert any("events alone" in what for what in done)
        assert all(decode(line) for line in run.events.read_bytes().splitlines())
        assert [line for line in whole.splitlines() if decode(line)] == run.events.read_bytes().splitlines()
        (kept,) = trash_entries(store)
        assert kept.path.read_bytes() == whole
        assert status_of(run) == rebuild(run)
        assert status_of(run).state == "finished"

    def test_a_torn_last_line_counts_once_nobody_can_be_writing_it(self, run, live):
        child = live(run)
        with run.events.open("ab") as file:
            file.write(b'{"event":"me')
        assert kinds(run) == []
        child.kill()
        child.communicate()
        assert found(run, "events").text.startswith(
            "events.jsonl: a line is no event, the first is line 2 at byte"
        )

    def test_a_line_of_100_mb_is_one_line(self, run):
        say(run, "finished")
        with run.events.open("ab") as file:
            file.write(b"x" * 10**8 + b"\n")
        say(run, "finished", attempt=2)
        assert "a line is no event, the first is line 4" in found(run, "events").text
        assert found(run, "events").text.endswith(": it is longer than the 4 MiB that are read")
        assert found(run, "events").cure == "they are passed over"

    def test_what_is_impossible_in_an_event_is_told(self, run):
        say(run, "finished")
        lines = run.events.read_bytes().splitlines(keepends=True)
        lines[1] = lines[1].replace(b'"step":3', b'"step":-3')
        run.events.write_bytes(b"".join(lines))
        assert found(run, "events").text.endswith(": step: expected int >= 0")


class TestStatus:
    @pytest.mark.parametrize(
        "change",
        [
            {"state": "failed"}, {"step": 2}, {"checkpoint": 7}, {"last": {}}, {"offset": 10**9}, {"epoch": "x"},
        ],
        ids=str,
    )  # fmt: skip
    def test_one_that_disagrees_is_made_anew(self, store, run, change):
        say(run, "finished")
        fields = json.loads(run.status_file.read_bytes())
        run.status_file.write_text(json.dumps(fields | change))
        assert "status" in kinds(run)
        done, left = repair(store)
        assert (done, left) == (["status.json was made anew from the events"], [])
        assert json.loads(run.status_file.read_bytes()) == fields

    def test_what_it_says_and_what_they_say_is_told(self, run):
        say(run, "finished")
        fields = json.loads(run.status_file.read_bytes())
        run.status_file.write_text(json.dumps(fields | {"state": "failed"}))
        assert found(run, "status").text == (
            "status.json disagrees with the events: state is 'failed', they say 'finished'"
        )

    def test_one_that_is_a_second_old_is_no_finding(self, run):
        say(run)
        stale = run.status_file.read_bytes()
        recorder = Recorder(run)
        recorder.metrics(9, 3.0, {"test/f1": 0.7})
        recorder.close()
        run.status_file.write_bytes(stale)
        assert kinds(run) == ["crashed"]


class TestQueue:
    def test_a_place_of_a_run_that_has_finished(self, store, run):
        say(run, "finished")
        enqueue(run)
        assert kinds(run) == ["queued", "queue"]
        assert repair(store)[1] == []
        assert status_of(run).state == "finished"

    def test_a_place_that_waits_for_what_is_no_more(self, run):
        enqueue(run)
        place = json.loads(run.queue_file.read_bytes())
        run.queue_file.write_text(json.dumps(place | {"after": ["gone-s0", "here-s0", 7]}))
        (first, second) = [each for each in examine(run, {"here-s0"}) if each.kind == "queue"]
        assert first.text == "it waits for gone-s0, which does not exist any more"
        assert "waits for 7" in second.text

    def test_a_place_that_is_damaged(self, run):
        run.queue_file.write_text("{")
        assert kinds(run) == ["queued", "queue"]

    def test_a_request_that_nobody_will_hear(self, store, run):
        say(run, "stopped")
        stop_request.ask(run, "stop-now")
        assert kinds(run) == ["stopped", "request"]
        assert repair(store)[1] == ["stopped"]
        assert not run.control.exists()


def test_drafts_of_killed_processes_go_to_the_trash(store, run):
    say(run, "finished")
    left = [
        ".status.json.12.abcd",
        ".labels.json.12.abcd",
        ".control.12.abcd",
        ".events.jsonl.1.ab",
        ".reserve",
    ]
    left += ["checkpoints/.last.pt.tmp"]
    for name in left:
        (run.path / name).write_text("half")
    assert list(drafts(run.path)) == []  # they may be being written
    for name in left:
        age(run.path / name)
    assert kinds(run) == ["draft"] * len(left)
    done, after = repair(store)
    assert (len(done), after) == (len(left), [])
    assert sorted(each.path.read_text() for each in trash_entries(store)) == ["half"] * len(left)


def test_a_folder_whose_making_was_cut_off_goes_to_the_trash(store, run):
    say(run, "finished")
    draft = store.root / f".{run.id}"
    draft.mkdir()
    assert doctor.examine(store) == []
    age(draft)
    (finding,) = doctor.examine(store)
    assert (finding.where, finding.kind) == (run.id, "draft")
    assert repair(store)[1] == []
    assert not draft.exists()
    assert run.path.exists()


class TestCheckpoints:
    STATE = {key: {} for key in checkpoint.KEYS} | {"model": {"w": torch.zeros(1000)}}

    @pytest.fixture
    def saved(self, run):
        say(run, "stopped")
        recorder = Recorder(run)
        recorder.emit(
            Checkpoint(
                time=1, run=run.id, step=3, epoch=1.0, path="checkpoints/last.pt", kind="last", bytes=1
            )
        )
        recorder.end("stopped", "because")
        recorder.close()
        checkpoint.save(run.checkpoints / "last.pt", self.STATE)
        return run

    def test_a_good_one_is_no_finding(self, saved):
        assert kinds(saved) == ["stopped"]

    def test_a_missing_one(self, saved):
        (saved.checkpoints / "last.pt").unlink()
        assert found(saved, "checkpoint").text == (
            "checkpoints/last.pt, of step 3, cannot be read: No such file or directory"
        )
        checkpoint.save(saved.checkpoints / "best.pt", self.STATE)
        assert "`cp " in found(saved, "checkpoint").cure

    @pytest.mark.parametrize("how", ["cut", "flipped", "empty", "text", "folder", "link", "pipe"])
    def test_one_that_is_damaged(self, saved, tmp_path, how):
        path = saved.checkpoints / "last.pt"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 0xFF
        path.unlink()
        match how:
            case "cut":
                path.write_bytes(data[:-100])
            case "flipped":
                path.write_bytes(data)
            case "empty":
                path.write_bytes(b"")
            case "text":
                path.write_bytes(b"x" * 1000)
            case "folder":
                path.mkdir()
            case "link":
                checkpoint.save(tmp_path / "other.pt", self.STATE)
                path.symlink_to(tmp_path / "other.pt")
            case "pipe":
                os.mkfifo(path)
        assert "checkpoint" in kinds(saved)

    def test_one_that_would_fill_the_memory_is_not_unpacked(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x/data.pkl", b"\0" * 10**8)
        assert why_unreadable(tmp_path / "bomb.pt") == "is packed as no checkpoint is"

    def test_in_a_folder_that_is_a_link(self, saved, tmp_path):
        saved.checkpoints.rename(tmp_path / "elsewhere")
        saved.checkpoints.symlink_to(tmp_path / "elsewhere")
        assert kinds(saved) == ["stopped", "kind", "checkpoint"]


class TestPermissions:
    def test_what_others_may_write_is_closed(self, store, run):
        say(run, "finished")
        run.path.chmod(0o777)
        run.events.chmod(0o666)
        (run.path / "run.json").chmod(0o602)
        store.root.chmod(0o777)
        assert kinds(run) == ["permissions"] * 3
        assert len(repair(store)[0]) == 4
        assert doctor.examine(store) == []
        assert [stat.S_IMODE(path.stat().st_mode) for path in (run.path, run.events)] == [0o755, 0o644]

    def test_it_is_said_of_a_run_that_lives_too(self, store, run, live):
        live(run)
        run.events.chmod(0o666)
        assert repair(store) == (["only its owner may write events.jsonl now"], [])

    def test_it_is_said_of_all_that_lies_in_and_beside_the_folder(self, store, run):
        say(run, "finished")
        worker_log = store.root / ".worker.log"
        worker_log.write_text("2 runs started\n")
        figure = store.root.parent / "images" / "all" / "figure.svg"
        figure.parent.mkdir(parents=True)
        figure.touch()
        run.console.touch()
        assert doctor.examine(store) == []
        for path in (worker_log, figure, run.console):
            path.chmod(0o666)
        said = [
            (each.where, each.text, each.cure) for each in doctor.examine(store) if each.kind == "permissions"
        ]
        assert said == [
            (run.id, "everybody may write console.log", f"chmod go-w {run.console}"),
            (".worker.log", "everybody may write it", f"chmod go-w {worker_log}"),
            ("images/", "others than you may write images/all/figure.svg", f"chmod -R go-w {figure.parents[1]}"),
        ]  # fmt: skip

    def test_the_key_of_the_queue_is_its_user_s_alone(self, store, run, tmp_path, monkeypatch):
        say(run, "finished")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        key = tmp_path / "state/vitui/queue.key"
        assert doctor.examine(store) == []
        key.parent.mkdir(parents=True)
        key.touch(0o600)
        assert doctor.examine(store) == []
        key.chmod(0o640)
        assert [each.cure for each in doctor.examine(store)] == [f"chmod 600 {key}"]
        key.chmod(0o600)
        key.parent.chmod(0o777)
        assert [each.cure for each in doctor.examine(store)] == [f"chmod go-w {key.parent}"]
        key.parent.chmod(0o700)
        key.rename(tmp_path / "elsewhere")
        key.symlink_to(tmp_path / "elsewhere")
        assert [each.cure for each in doctor.examine(store)] == [f"rm {key}"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
    def test_a_run_of_another_user_is_named_once(self, store, run):
        say(run, "finished")
        for path in (run.path, *run.path.iterdir()):
            os.chown(path, 65534, -1)
        (finding,) = doctor.examine(store)
        assert ("its owner, may write its folder" in finding.text, finding.remedy) == (True, "")
        assert finding.cure.endswith(f" {run.path}")

    def test_a_folder_behind_a_link_is_looked_at(self, store, run, tmp_path):
        say(run, "finished")
        store.root.chmod(0o777)
        (tmp_path / "link").symlink_to(store.root)
        (finding,) = doctor.examine(Store(tmp_path / "link"))
        assert finding.cure == f"chmod go-w {store.root}"


def test_a_link_or_a_pipe_in_the_place_of_a_file_is_moved_away(store, run, tmp_path):
    say(run, "finished")
    (tmp_path / "secret").write_text("secret")
    for name in ("console.log", "control"):
        (run.path / name).symlink_to(tmp_path / "secret")
    os.mkfifo(run.path / "lock")
    (run.path / "labels.json").mkdir()
    assert kinds(run) == ["kind"] * 4
    assert repair(store)[1] == []
    assert (tmp_path / "secret").read_text() == "secret"
    assert status_of(run).state == "finished"


def test_what_the_worker_met_is_told_until_its_log_is_put_away(store, run):
    say(run, "finished")
    log = store.root / ".worker.log"
    log.write_text(
        "2 runs started\nTraceback (most recent call last):\n  File x\nOSError: [Errno 28] No space\n"
    )
    (finding,) = doctor.examine(store)
    assert finding.text == "the worker of the queue met OSError: [Errno 28] No space"
    assert repair(store)[1] == []
    assert not log.exists()


class Gpus:
    """Two GPUs, as NVML would show them."""

    def __init__(self, *held):
        self._held = held

    def sample(self):
        return [
            GpuSample(
                index=i, name="Card", uuid=f"GPU-{i}", memory_used=0, memory_total=8 << 30, processes=held
            )
            for i, held in enumerate(self._held)
        ]


class TestGpus:
    @pytest.fixture
    def process_of(self):
        started = []

        def begin(*arguments, **variables):
            code = "import time; print(flush=True); time.sleep(600)"
            child = subprocess.Popen(
                [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, env=os.environ | variables
            )
            child.stdout.readline()
            started.append(child)
            return child.pid

        yield begin
        for child in started:
            child.kill()
            child.communicate()

    def test_what_holds_memory_for_a_run_that_is_over_is_told(self, store, run, process_of):
        say(run, "failed")
        of_script = process_of(VITUI_RUN=run.id, VITUI_RUN_DIR=str(run.path.resolve()))
        of_worker = process_of("engine.cli", "train", run.id, "--runs", str(store.root.resolve()))
        others = [
            process_of(),
            process_of(VITUI_RUN=run.id, VITUI_RUN_DIR="/somewhere/else/" + run.id),
            process_of("engine.cli", "train", run.id, "--runs", "/somewhere/else"),
            process_of(VITUI_RUN="../../" + run.id),
            GONE,
        ]
        gpus = Gpus({of_script: 1 << 30, of_worker: 1 << 29}, {of_script: 1 << 30} | dict.fromkeys(others, 1))
        first, second = sorted(gpu_checks.check_gpus(store, gpus), key=lambda each: each.text)
        texts = sorted(
            f"process {pid} holds {used} GiB of GPU memory, and its run does not live"
            for pid, used in ((of_script, "2.0"), (of_worker, "0.5"))
        )
        assert [first.text, second.text] == texts
        assert first.where == run.id

    def test_what_only_says_that_it_is_the_runs_is_to_be_looked_at_first(self, store, run, process_of):
        say(run, "failed")
        proved = process_of(**mark(run))
        says_so = process_of("engine.cli", "train", run.id, "--runs", str(store.root.resolve()))
        found = gpu_checks.check_gpus(store, Gpus({proved: 1, says_so: 1}))
        cures = {finding.text.split()[1]: finding.cure for finding in found}
        assert cures == {
            str(proved): f"`engine stop --force {run.id}` frees it",
            str(says_so): f"it says itself that it is this run's: `ps -fp {says_so}` shows what it is, "
            f"`kill {says_so}` frees the memory",
        }

    def test_what_belongs_to_a_run_that_lives_is_left_alone(self, store, run, process_of, live):
        live(run)
        pid = process_of(VITUI_RUN=run.id, VITUI_RUN_DIR=str(run.path.resolve()))
        assert list(gpu_checks.check_gpus(store, Gpus({pid: 1}))) == []


class TestLeftovers:
    def test_what_goes_on_after_the_end_of_its_run_is_named(self, store, run, tiny):
        other = store.create(tiny, seed=1)
        for ended in (run, other):
            say(ended, "failed")
        words = ["sleep", "600"]
        with subprocess.Popen(words, env=os.environ | mark(run)) as left:
            deadline = time.monotonic() + 10
            while not (found := list(check_leftovers(store.runs()))) and time.monotonic() < deadline:
                time.sleep(0.01)  # the kernel shows a new environment a little later than the new program
            (finding,) = found
            assert (finding.where, finding.kind) == (run.id, "leftovers")
            assert finding.text == f"its process {left.pid} (sleep 600) goes on"
            assert finding.cure == f"`engine stop --force {run.id}` ends what it left"
            assert doctor.repair(store, finding) == ""  # it is not ended unasked
            assert left.poll() is None
            with run_lock.hold(run):
                assert list(check_leftovers(store.runs())) == []
            left.kill()
        assert list(check_leftovers(store.runs())) == []


def wild_times(run):
    recorder = Recorder(run)
    recorder.emit(Start(time=1.7e9, run=run.id))
    for at in (9e10, 0.0, 9e10):
        recorder.emit(Metrics(time=at, run=run.id, step=4, epoch=1.0, values={"test/f1": 0.5}))
    recorder.end("finished", "")
    recorder.close()


def overlong_line(run):
    say(run)
    with run.events.open("ab") as file:
        file.write(encode(Log(time=1.0, run=run.id, level="info", message="x" * 5_000_000)))
    say(run, "finished", attempt=2)


def replaced_by(name, make):
    def damage(run):
        say(run, "finished")
        (run.path / name).unlink(missing_ok=True)
        make(run.path / name)

    return damage


DAMAGES = {
    "times of the year 4822": wild_times,
    "an overlong line": overlong_line,
    "half an event": lambda run: (say(run), run.events.write_bytes(run.events.read_bytes()[:-9])),
    "no status": replaced_by("status.json", lambda path: None),
    "an absurd status": replaced_by("status.json", lambda path: path.write_text('{"elapsed_s": 1e99}')),
    "a status that is a folder": replaced_by("status.json", lambda path: path.mkdir()),
    "events that are a folder": replaced_by("events.jsonl", lambda path: path.mkdir()),
    "a description that is a link": replaced_by("run.json", lambda path: path.symlink_to("/etc/passwd")),
    "labels that are a pipe": replaced_by("labels.json", os.mkfifo),
    "a place of a finished run": replaced_by("queued.json", lambda path: path.write_text("garbage")),
    "a request of a finished run": replaced_by("control", lambda path: path.write_text("stop-now")),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_repaired_is_not_repaired_again(store, run, damage):
    DAMAGES[damage](run)
    first, second, third = (list(doctor.report(store, fix=True, as_json=False)) for _ in range(3))
    repaired = [line for line in first if "; repaired: " in line]
    assert len(repaired) == len(set(repaired))
    assert not any("; repaired: " in line for line in (*second, *third))
    assert second == third


def test_a_repair_that_changes_nothing_is_no_repair(store, run, monkeypatch):
    say(run, "finished")
    run.status_file.write_text("{")
    monkeypatch.setitem(repairs._REMEDIES, "rebuild", lambda store, finding: "it was made anew")
    (line,) = doctor.report(store, fix=True, as_json=False)
    assert line.endswith("not repaired: it was made anew, and it is as it was")


class TestCommand:
    def test_it_tells_repairs_and_finds_nothing_more(self, engine, lab, tiny):
        store = Store(lab / "runs")
        assert engine("doctor").stdout == b"every run is well\n"
        run = store.create(tiny, seed=0)
        say(run, "finished")
        run.status_file.write_text("{")
        run.events.chmod(0o666)
        said = engine("doctor").stdout.decode().splitlines()
        assert len(said) == 3
        assert said[-1] == "2 found; `engine doctor --fix` repairs 2 of them and deletes nothing"
        findings = [json.loads(line) for line in engine("doctor", "--json").stdout.splitlines()]
        assert [(each["where"], each["kind"], each["fixable"]) for each in findings] == [
            (run.id, "status", True), (run.id, "permissions", True),
        ]  # fmt: skip
        fixed = engine("doctor", "--fix").stdout.decode()
        assert fixed.count("repaired: ") == 2
        assert engine("doctor").stdout == b"every run is well\n"

    def test_what_cannot_be_repaired_is_said(self, engine, lab, tiny):
        run = Store(lab / "runs").create(tiny, seed=0)
        say(run, "finished")
        run.status_file.unlink()
        run.status_file.mkdir()
        (run.status_file / "inside").write_text("")
        done = engine("doctor", "--fix")
        assert done.returncode == 0
        assert b"Traceback" not in done.stderr
        assert engine("doctor").stdout == b"every run is well\n"

    @pytest.mark.parametrize("disk", ["flock", "leases"])
    def test_it_says_how_the_folder_is_locked(self, engine, lab, tiny, request, disk):
        if disk == "leases":
            request.getfixturevalue("no_flock")
        assert engine("doctor").stderr == b""
        with run_lock.hold(Store(lab / "runs").create(tiny, seed=0)):
            pass
        assert engine("doctor").stderr.startswith(f"runs: locked by {disk}".encode())


def test_what_was_cancelled_before_it_began_is_well(store, run):
    enqueue(run)
    request_stop(run, "stop-now")
    assert (status_of(run).state, kinds(run)) == ("stopped", [])
