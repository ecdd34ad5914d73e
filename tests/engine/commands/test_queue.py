"""The verbs of the queue as scripts meet them; nothing is trained, no worker started, but where a test says so."""

from __future__ import annotations

import signal

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.queue.move_and_hold import waiting
from engine.runs.liveness import status_of
from engine.runs.queue_entry import QueueEntry, waiting_entry
from engine.runs.store import Store
from engine.runs.trust import entry_writer


@pytest.fixture
def runs(lab):
    return Store(lab / "runs")


@pytest.fixture
def call(lab, monkeypatch):
    """The `engine` command in this process, and no worker that it would start: ``call("ls").stdout``."""
    monkeypatch.chdir(lab)
    monkeypatch.setattr("engine.queue.worker.ensure_worker", lambda *_: None)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def submit(call, *arguments: str) -> list[str]:
    done = call("submit", "--wait", *arguments)
    assert done.exit_code == 0, done.stderr
    return done.stdout.split()


def seeds(store: Store) -> list[int]:
    return [run.info().seed for run in waiting(store)]


class TestSubmit:
    def test_what_it_says_is_in_the_entry(self, call, runs):
        (first,) = submit(call, "tiny", "--seed", "3")
        ids = submit(
            call, "tiny", "--seeds", "5,1", "--gpus", "2", "--priority", "4", "--after", first, "--share",
            "--device", "cuda", "--set", "lr=0.5", "--set", "retries=3",
        )  # fmt: skip
        for name, seed in zip(ids, (5, 1), strict=True):
            run = runs.find(name)
            entry, config = waiting_entry(run), run.info().config
            assert (config["seed"], config["lr"], config["gpus"], config["retries"]) == (seed, 0.5, 2, 3)
            assert (entry.gpus, entry.priority, entry.after) == (2, 4, [first])
            assert (entry.share, entry.device, entry.on_hold) == (True, "cuda", False)
        assert seeds(runs) == [5, 1, 3]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--seeds", "1,x"], "different whole numbers, like 0,1,2 or 0-4"),
            (["--seeds", "3-2"], "different whole numbers"),
            (["--seeds", "0-2,1"], "different whole numbers"),
            (["--seeds", "0-999,1000"], "at most 1000"),
            (["--seeds", f"0-{10**17}"], "at most 1000"),
            (["--seeds", "1,1"], "different whole numbers"),
            (["--seeds", ""], "different whole numbers"),
            (
                ["--device", "gpu"],
                "--device gpu: there is no such device; it is auto, cpu, cuda, cuda:N or mps",
            ),
            (["--device", "cuda:x"], "--device cuda:x: there is no such device"),
            (["--device", "mps"], "--device mps: no worker offers it; `engine run`"),
            (["--after", "nothing"], "no run fits 'nothing'"),
            (["--gpus", "0"], "--gpus"),
            (["--set", "retries=-1"], "a whole number from 0 to 100"),
        ],
    )
    def test_what_is_wrong_ends_with_2_and_makes_no_run(self, call, runs, arguments, words):
        done = call("submit", "--wait", "tiny", *arguments)
        assert (done.exit_code, done.stdout) == (2, "")
        assert words in done.stderr
        assert runs.runs() == []


class TestOrder:
    def test_move_hold_and_cancel(self, call, runs):
        a, b, c, d = submit(call, "tiny", "--seeds", "0-1,2,3")
        assert call("move", d, "--first").stdout == f"{d} is number 1 of 4 in the queue\n"
        assert call("move", a, "--last").exit_code == 0
        assert call("move", c, "--before", b).exit_code == 0
        assert seeds(runs) == [3, 2, 1, 0]
        assert call("move", b, "--priority", "2").stdout == f"{b} has priority 2\n"
        assert seeds(runs) == [1, 3, 2, 0]
        assert "is held until" in call("hold", b, d).stdout
        assert [waiting_entry(run).on_hold for run in waiting(runs)] == [True, True, False, False]
        listed = call("ls").stdout
        assert [line.split()[-1] for line in listed.splitlines() if b in line or d in line] == [
            "held",
            "held",
        ]
        assert call("cancel", a, b).stdout.count("has left the queue") == 2
        assert seeds(runs) == [3, 2]
        assert [status_of(runs.find(name)).state for name in (a, b)] == ["stopped", "stopped"]
        named = call("stop", "tiny")
        assert (
            named.exit_code,
            f"4 runs fit 'tiny', of which 2 have not ended: engine stop {c} {d}" in named.stderr,
        ) == (
            2,
            True,
        )
        assert call("stop", d, c).stdout.count("has left the queue") == 2
        done = call("cancel", a)
        assert (done.exit_code, "does not wait in the queue; `engine stop`" in done.stderr) == (2, True)

    @pytest.mark.parametrize("where", [[], ["--first", "--priority", "1"], ["--before", "x", "--last"]])
    def test_one_place_is_to_be_said(self, call, runs, where):
        (name,) = submit(call, "tiny")
        done = call("move", name, *where)
        assert (done.exit_code, "say where to" in done.stderr) == (2, True)


class TestWhere:
    def test_what_fits_is_named_and_done_once_it_is_agreed_to(self, call, runs):
        first, second, third = submit(call, "tiny", "--seeds", "0-2")
        asked = call("hold", "--where", "seed<2")
        assert (asked.exit_code, asked.stdout) == (2, "")
        assert asked.stderr == (
            f"hold 2 runs:\n  {first}  queued\n  {second}  queued\n"
            "nothing is done: there is no terminal to ask on; `--yes` agrees to the above\n"
        )
        assert call("hold", "--where", "seed<2", "--yes").exit_code == 0
        assert [waiting_entry(run).on_hold for run in waiting(runs)] == [True, True, False]
        assert call("hold", "--release", "--where", "seed=0", "--yes").exit_code == 0
        assert [waiting_entry(run).on_hold for run in waiting(runs)] == [False, True, False]
        done = call("cancel", "--where", "seed=1", "--yes", "--json")
        assert (second in done.stdout, first in done.stdout) == (True, False)
        done = call("stop", "--where", "state=queued", "--yes")
        assert len(done.stdout.splitlines()) == 2
        assert status_of(runs.find(third)).state == "stopped"
        assert waiting(runs) == []

    @pytest.mark.parametrize("verb", ["stop", "hold"])
    def test_what_is_wrong_ends_with_2_and_says_what_to_give(self, call, verb):
        submit(call, "tiny")
        for arguments, words in (
            ([], f"say which to {verb}: RUN..., or --where FILTER"),
            (["tiny", "--where", "seed=0"], f"say which to {verb}"),
            (["--where", "seed=7", "--yes"], "fits: seed=7"),
            (["--where", "lerning_rate=1", "--yes"], "lerning_rate"),
        ):
            done = call(verb, *arguments)
            assert done.exit_code == 2
            assert words in done.stderr
            assert len(done.stderr.splitlines()) == (3 if words == "lerning_rate" else 1)
        assert call("stop", "--where", "seed=0", "--yes").exit_code == 0


class TestWork:
    def test_a_device_that_there_is_not_ends_with_2(self, call):
        done = call("work", "--devices", "cpu:1,7")
        assert (done.exit_code, "there is no device '7'" in done.stderr) == (2, True)

    @pytest.mark.slow
    def test_told_to_stop_it_leaves_and_says_nothing_more(self, call, engine, runs, until):
        submit(call, "tiny")
        entry_writer.enter(runs.runs()[0], QueueEntry(submitted=1.0, on_hold=True))
        worker = engine.start("work", "--forever", "--devices", "cpu:2")
        until(lambda: status_of(runs.runs()[0]).reason == "held" and (runs.root / ".queue.json").exists())
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=20)
        assert (worker.returncode, said) == (0, b"0 runs started\n")
        assert not (runs.root / ".queue.json").exists()


class TestResume:
    def test_all_that_crashed_wait_again(self, call, runs, tiny, monkeypatch):
        for seed in range(3):
            runs.create(tiny, seed)  # begun by nobody: crashed
        submit(call, "tiny")
        done = call("resume", "--all-crashed", "--queue")
        assert done.stdout.count("waits in the queue") == 3
        assert len(waiting(runs)) == 4
        done = call("resume", "--all-crashed", "--queue")
        assert (done.exit_code, done.stdout) == (0, "")
        assert "no run in runs has crashed" in done.stderr

    @pytest.mark.parametrize("arguments", [[], ["some", "--all-crashed"]])
    def test_which_is_to_be_said(self, call, arguments):
        done = call("resume", *arguments)
        assert (done.exit_code, "say which" in done.stderr) == (2, True)
