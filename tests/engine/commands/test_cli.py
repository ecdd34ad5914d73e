"""The `engine` command as scripts meet it: what it prints, what it leaves behind, how it ends."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios

import pytest
from rich.cells import cell_len

from engine.events import Checkpoint, Confusion, Metrics, Start, decode
from engine.history.reader import History
from engine.runs import run_lock
from engine.runs.labels import change_note, change_tags
from engine.runs.liveness import status_of
from engine.runs.store import Store
from engine.system.process import STOP_SIGNALS

MANY = "--set=epochs=5000"
STRAY = """
import glob, os, threading, time
def stray():
    while not glob.glob("runs/*/events.jsonl"): time.sleep(0.01)
    os.system("echo stray")
threading.Thread(target=stray).start()
"""
"""Something in the process of a run writes to stdout as the run has begun."""
SLOW_CHECKPOINTS = """
import os, threading, time
def fsync(_):
    for _ in range(60_000 if threading.current_thread() is not threading.main_thread() else 0): time.sleep(0.001)
os.fsync = fsync
"""


@pytest.fixture
def runs(lab):
    return Store(lab / "runs")


def events_of(output: bytes):
    events = [decode(line) for line in output.splitlines()]
    assert all(events), "a line that is no event"
    return events


def kinds(events, kind):
    return [event for event in events if isinstance(event, kind)]


class TestRun:
    @pytest.mark.slow
    def test_piped_prints_events_alone_and_leaves_a_whole_run(self, engine, runs):
        done = engine("run", "tiny", "--seed", "3", "--set", "lr=1e-3", code=STRAY)
        assert done.returncode == 0, done.stderr
        events = events_of(done.stdout)
        (run,) = runs.runs()

        assert run.events.read_bytes() == done.stdout
        assert b"stray\n" in done.stderr
        assert b"stray\n" in run.console.read_bytes()
        assert {path.name for path in run.path.iterdir()} == {
            "run.json", "events.jsonl", "status.json", "lock", "console.log", "checkpoints", "packages.txt",
            "predictions.json", "predictions.npy",
        }  # fmt: skip
        assert {path.name for path in run.checkpoints.iterdir()} == {"last.pt", "best.pt"}

        (start,) = kinds(events, Start)
        assert (start.v, start.attempt, start.experiment, start.seed, start.init) == (
            1,
            1,
            "tiny",
            3,
            "scratch",
        )
        assert (start.epochs, start.steps_per_epoch) == (1, 3)
        assert start.config["lr"] == 1e-3
        assert start.parameters > 0
        assert start.device.startswith("cpu")
        assert "torch" in start.versions
        measured = {name for event in kinds(events, Metrics) for name in event.values}
        assert {
            "train/loss", "train/accuracy", "train/lr", "train/grad_norm", "train/images_per_s", "test/loss",
            "test/accuracy", "test/f1", "test/precision", "test/recall", "val/f1", "cpu/memory_process",
        } <= measured  # fmt: skip
        (confusion,) = kinds(events, Confusion)
        assert sum(map(sum, confusion.matrix)) == 360  # the whole test split of the digits
        assert [event.kind for event in kinds(events, Checkpoint)] == ["last", "best"]
        assert events[-1].state == "finished"

        status = status_of(run)
        assert (status.state, status.epoch, status.step) == ("finished", 1.0, 3)
        (f1,) = [event.values["test/f1"] for event in kinds(events, Metrics) if "test/f1" in event.values]
        assert status.best["test/f1"] == f1
        assert History(run.path).update() == len(done.stdout)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["tinny"], "did you mean 'tiny'?"),
            (["tiny", "--set", "epoch=3"], "did you mean 'epochs'?"),
            (["tiny", "--device", "gpu"], "there is no such device; it is auto, cpu, cuda, cuda:N or mps"),
            *(
                pytest.param(*each, marks=pytest.mark.slow)
                for each in (
                    (["tiny", "--set", "epochs=0"], "a whole number of at least 1"),
                    (["tiny", "--seed", "-1"], "--seed"),
                    (["tiny", "--config", "none.toml"], "none.toml: there is no such file"),
                    ([], "NAME"),
                )
            ),
        ],
    )
    def test_wrong_usage_ends_with_2_before_a_run_is_made(self, engine, runs, arguments, words):
        done = engine("run", *arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        assert words in done.stderr.decode()
        assert b"Traceback" not in done.stderr
        assert runs.runs() == []

    @pytest.mark.slow
    def test_a_run_that_fails_says_why_and_ends_with_1(self, engine, runs):
        done = engine("run", "tiny", "--device", "cuda:7")
        assert done.returncode == 1
        end = events_of(done.stdout)[-1]
        assert end.state == "failed"
        assert end.reason.startswith("there is no cuda:7: torch sees")
        assert (end.error.type, end.error.message) == ("DeviceError", end.reason)
        assert status_of(runs.runs()[0]).state == "failed"

    @pytest.mark.slow
    @pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
    def test_a_signal_before_the_start_is_heard_too(self, engine, runs, until, number):
        process = engine.start("run", "long")
        until(lambda: runs.runs() and run_lock.is_held(runs.runs()[0]))
        (run,) = runs.runs()
        assert status_of(run).state == "starting"
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 3
        end = events_of(out)[-1]
        assert (end.state, end.reason) == ("stopped", f"stopped by {number.name} at epoch 0.33")
        assert (run.checkpoints / "last.pt").exists()

    @pytest.mark.slow
    @pytest.mark.parametrize("number", STOP_SIGNALS)
    def test_a_signal_in_the_middle_stops_it_after_a_checkpoint(self, engine, runs, until, number):
        process = engine.start("run", "long", stdout=None)
        until(lambda: runs.runs() and status_of(runs.runs()[0]).step > 2)
        process.send_signal(signal.SIGCONT)  # batch systems send it with the others
        process.send_signal(number)
        process.communicate(timeout=60)
        assert process.returncode == 3
        (run,) = runs.runs()
        events = events_of(run.events.read_bytes())
        says = "its time is nearly up: stopped" if number == signal.SIGUSR2 else f"stopped by {number.name}"
        assert (events[-1].state, events[-1].reason.split(" at epoch ")[0]) == ("stopped", says)
        assert kinds(events, Checkpoint)[-1].step == max(event.step for event in kinds(events, Metrics))

    @pytest.mark.slow
    def test_a_second_sigint_ends_it_at_once(self, engine, runs, until):
        process = engine.start("run", "long", code=SLOW_CHECKPOINTS)
        until(lambda: runs.runs() and status_of(runs.runs()[0]).state == "running")

        outputs: list[bytes] = []

        def output_once_asked_again() -> bytes:
            process.send_signal(signal.SIGINT)  # two that a busy process has not heard yet are one to it
            try:
                return process.communicate(timeout=1)[0]
            except subprocess.TimeoutExpired:
                return b""

        until(lambda: outputs.append(output_once_asked_again()) or outputs[-1])
        assert process.returncode == 3
        assert "second SIGINT" in events_of(outputs[-1])[-1].reason

    @pytest.mark.slow
    def test_a_reader_that_leaves_does_not_end_it(self, engine, runs):
        process = engine.start("run", "tiny")
        process.stdout.readline()
        process.stdout.close()
        process.stdout = None
        assert process.wait(timeout=120) == 0
        assert status_of(runs.runs()[0]).state == "finished"

    @pytest.mark.slow
    def test_a_terminal_shows_progress_and_no_json(self, engine, runs):
        primary, secondary = os.openpty()
        process = engine.start("run", "tiny", stdout=secondary)
        os.close(secondary)
        shown = b""
        try:
            while data := os.read(primary, 4096):
                shown += data
        except OSError:  # the other side has closed
            pass
        os.close(primary)
        assert process.wait(timeout=60) == 0
        assert b"finished after" in shown
        assert b'{"event"' not in shown

    @pytest.mark.slow
    def test_a_terminal_that_is_closed_stops_it_after_a_checkpoint(self, engine, runs, until):
        primary, secondary = os.openpty()
        takes_terminal = (
            f"import fcntl, os, termios; os.setsid(); fcntl.ioctl({secondary}, termios.TIOCSCTTY, 0)"
        )
        terminal = {"stdin": secondary, "stdout": secondary, "stderr": secondary, "pass_fds": [secondary]}
        process = engine.start("run", "long", code=f"{takes_terminal}; os.close({secondary})", **terminal)
        os.close(secondary)
        until(lambda: os.read(primary, 65536) and runs.runs() and status_of(runs.runs()[0]).step > 2)
        os.close(primary)  # the kernel sends SIGHUP, and nothing can be written any longer
        assert process.wait(timeout=60) == 3
        (run,) = runs.runs()
        assert status_of(run).reason.startswith("stopped by SIGHUP at epoch ")
        assert (run.checkpoints / "last.pt").exists()

    @pytest.mark.slow
    def test_each_seed_is_a_run(self, engine, runs):
        done = engine("run", "tiny", "--set", "seeds=[5, 6]", "--json")
        assert done.returncode == 0
        assert [run.info().seed for run in runs.runs()] == [5, 6]
        assert {event.run for event in events_of(done.stdout)} == {run.id for run in runs.runs()}


class TestStopAndResume:
    @pytest.mark.slow
    def test_stopping_from_elsewhere_and_resuming_goes_on_exactly(self, engine, runs, until):
        process = engine.start("run", "long", MANY, "--seed", "1")
        until(lambda: runs.runs() and status_of(runs.runs()[0]).step > 5)
        (run,) = runs.runs()
        stop = engine("stop", run.id)
        assert b"will stop after this epoch, with a checkpoint" in stop.stdout
        assert process.wait(timeout=60) == 3
        stopped = status_of(run)
        assert (stopped.state, stopped.reason.split(" at")[0]) == ("stopped", "stopped on request")
        assert stopped.step % 3 == 0
        assert not run.control.exists()
        again = engine("stop", run.id)
        assert (again.returncode, b"does not run: it is stopped" in again.stderr) == (2, True)

        process = engine.start("resume", run.id)
        until(lambda: status_of(run).state == "running" and status_of(run).step > stopped.step + 3)
        assert engine("resume", run.id).returncode == 2
        assert b"after this step" in engine("stop", "--now", run.id, "--timeout", "30").stdout
        assert status_of(run).state == "stopped"
        process.communicate(timeout=60)
        assert process.returncode == 3
        history = History(run.path)
        history.update()
        assert history.seams == [stopped.step]
        assert [start.attempt for start in history.starts] == [1, 2]
        steps = history.series("train/loss")[0].tolist()
        assert steps == list(range(1, len(steps) + 1))

    @pytest.mark.slow
    def test_a_crashed_run_resumes(self, engine, runs, until):
        process = engine.start("run", "tiny", "--set", "epochs=60")
        until(lambda: runs.runs() and status_of(runs.runs()[0]).checkpoint)
        process.kill()
        process.communicate()
        (run,) = runs.runs()
        assert status_of(run).state == "crashed"
        with run.events.open("ab") as file:
            file.write(b'{"event":"metr')
        done = engine("resume", run.id, "--json")
        assert done.returncode == 0
        assert status_of(run).state == "finished"
        history = History(run.path)
        history.update()
        assert sum(decode(line) is None for line in run.events.read_bytes().splitlines()) == 1
        assert history.series("train/loss")[0].tolist() == list(range(1, 181))

    def test_an_unknown_run_ends_with_2(self, engine):
        for command in ("stop", "resume", "logs"):
            done = engine(command, "nothing")
            assert (done.returncode, b"no run fits 'nothing'" in done.stderr) == (2, True)


class TestShowing:
    @pytest.fixture
    def finished(self, runs, tiny):
        from engine.runs.recorder import Recorder

        run = runs.create(tiny, seed=0)
        recorder = Recorder(run)
        recorder.emit(Start(time=1.0, run=run.id, experiment="tiny", epochs=2, device="cpu", parameters=1000))
        recorder.metrics(3, 1.0, {"test/f1": 0.5, "test/loss": 1.0})
        recorder.log("warning", "red \x1b[31malert\x1b[0m [bold]not markup[/bold]")
        recorder.end("stopped", "bad \x1b]0;title\x07 idea")
        recorder.close()
        with run.events.open("ab") as file:
            file.write(b"\x1b[2Jgarbage\n")
        return run

    def test_ls_lists_runs(self, engine, runs, finished):
        done = engine("ls")
        assert done.returncode == 0
        assert finished.id in done.stdout.decode()
        assert b"stopped" in done.stdout
        assert b"\x1b" not in done.stdout

    def test_ls_json_is_a_status_a_line(self, engine, finished):
        (line,) = engine("ls", "--json").stdout.splitlines()
        status = json.loads(line)
        assert (status["run"], status["state"], status["best"]["test/f1"]) == (finished.id, "stopped", 0.5)
        assert status.keys() >= {
            "run", "experiment", "seed", "state", "reason", "attempt", "device", "host", "init", "parameters",
            "started", "ended", "trained_s", "step", "epoch", "epochs", "eta_s", "last", "best", "final",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("arguments", "found"),
        [
            (["state=stopped", "model~mini", "--limit", "1"], True),
            (["--json", "-tiny"], False),
            pytest.param(["state=stopped test/f1>0.4"], True, marks=pytest.mark.slow),
            pytest.param(["-state=finished", "--sort", "-test/f1"], True, marks=pytest.mark.slow),
            pytest.param(["--", "-state=stopped"], False, marks=pytest.mark.slow),
        ],
    )
    def test_ls_lists_what_a_filter_means(self, engine, finished, arguments, found):
        done = engine("ls", *arguments)
        assert (done.returncode, finished.id.encode() in done.stdout) == (0, found)
        assert found or (done.stdout, b"no run" in done.stderr) == (b"", "--json" not in arguments)

    def test_ls_names_what_a_word_that_finds_nothing_may_mean(self, engine, finished):
        for terms in (["tinny"], ["state=finished", "tinny"]):
            done = engine("ls", *terms)
            assert (done.returncode, done.stdout) == (0, b"")
            assert f"fits: {' '.join(terms)}; did you mean 'tiny'?" in done.stderr.decode()
        assert b"did you mean" not in engine("ls", "state=failed", "tiny").stderr
        assert b"fits: tinny; did you mean 'tiny'?" in engine("stop", "--where", "tinny").stderr

    def test_ls_says_that_what_it_is_to_sort_by_was_not_measured(self, engine, finished):
        done = engine("ls", "--sort", "-best:tst/f1")
        assert (done.returncode, finished.id.encode() in done.stdout) == (0, True)
        assert b"none of these runs has measured tst/f1: they stand by age" in done.stderr
        assert engine("ls", "--sort", "best:test/f1").stderr == b""

    def test_ls_looks_at_the_tags_and_notes_that_runs_were_given(self, engine, finished):
        change_tags(finished, add=["best"])
        change_note(finished, "warm, again")
        for terms in (["tag=best"], ["best"], ["note~'m, ag'", "-tag=worst"]):
            assert finished.id.encode() in engine("ls", *terms).stdout
        assert finished.id.encode() not in engine("ls", "-tag=best").stdout

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (
                ["stat=failed"],
                "filter, character 1: unknown key 'stat'; did you mean 'state'?\n  stat=failed\n  ^^^^",
            ),
            (["-n", "3"], "No such option"),
            pytest.param(
                ["--sort", "f2"], "the runs cannot be sorted: unknown key 'f2'", marks=pytest.mark.slow
            ),
            pytest.param(["--sort"], "'--sort' requires an argument", marks=pytest.mark.slow),
            pytest.param(["--limit", "-1"], "--limit", marks=pytest.mark.slow),
        ],
    )
    def test_ls_says_what_is_wrong_and_ends_with_2(self, engine, finished, arguments, words):
        done = engine("ls", *arguments)
        assert (done.returncode, done.stdout) == (2, b"")
        assert words in done.stderr.decode()

    @pytest.mark.parametrize("colours", [True, False])
    def test_ls_on_a_terminal_is_cut_to_it_and_coloured_unless_told_otherwise(
        self, engine, finished, colours
    ):
        ours, its = pty.openpty()
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        wish = {"NO_COLOR": "" if colours else "1", "TERM": "xterm", "COLUMNS": ""}
        assert engine.start("ls", code=f"import os; os.environ |= {wish}", stdout=its).wait(timeout=60) == 0
        lines = os.read(ours, 10_000).decode().splitlines()
        os.close(ours), os.close(its)
        assert ("\x1b[33m– stopped\x1b[0m" in lines[1]) is colours
        assert max(cell_len(re.sub(r"\x1b\[\d+m", "", line)) for line in lines) <= 60

    def test_ls_of_nothing_says_so(self, engine):
        done = engine("ls")
        assert (done.returncode, b"no runs in runs" in done.stdout) == (0, True)
        assert engine("ls", "--json").stdout == b""

    def test_logs_are_lines_for_people_without_escapes_or_markup(self, engine, finished):
        said = engine("logs", finished.id).stdout.decode()
        assert "f1 0.5000" in said
        assert "[bold]not markup[/bold]" in said
        assert "\x1b" not in said
        assert "garbage" not in said

    def test_logs_json_are_the_events_and_nothing_else(self, engine, finished):
        events = events_of(engine("logs", finished.id, "--json").stdout)
        assert len(events) == 4

    def test_doctor_says_why_a_run_is_not_finished(self, engine, finished):
        said = engine("doctor").stdout.decode()
        assert f"`engine resume {finished.id}`" in said
        assert "\x1b" not in said


class TestCheck:
    def test_a_good_file_ends_with_0(self, engine, lab):
        done = engine("check")
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"2 experiments and 0 figures, all right" in done.stdout
        assert engine("check", "--json").stdout == b""

    def test_a_bad_file_ends_with_2_and_every_mistake(self, engine, lab):
        (lab / "experiments.toml").write_text("[experiments.a]\nmodle = 1\nepochs = 0\n")
        done = engine("check")
        assert (done.returncode, done.stdout) == (2, b"")
        said = done.stderr.decode().splitlines()
        assert [line.split(": ")[0] for line in said[:-1]] == [
            f"experiments.toml:{at}" for at in ("1:1", "2:1", "3:10")
        ]
        assert said[-1] == "3 mistakes in experiments.toml"

        done = engine("check", "--json")
        assert done.returncode == 2
        found = [json.loads(line) for line in done.stdout.splitlines()]
        assert [(mistake["line"], mistake["column"]) for mistake in found] == [(1, 1), (2, 1), (3, 10)]


def test_check_prints_every_setting_of_an_experiment(engine, lab):
    import tomllib

    done = engine("check", "tiny")
    assert done.returncode == 0
    settings = tomllib.loads(done.stdout.decode())["experiments"]["tiny"]
    assert (settings["optimizer"], settings["epochs"], settings["batch_size"]) == ("adamw", 1, 32)
    assert settings["lr"] == 2.5e-4  # the recipe's, for 32 of 512 images: a quarter
    assert engine("check", "tinny").returncode == 2
