"""Folders of strangers beside one's own runs: none is executed, and what is released or resumed is shown before."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.config.schema import Experiment
from engine.queue import retry
from engine.queue.approval import approval_of_release, approval_of_resume
from engine.queue.worker import work
from engine.runs.liveness import status_of
from engine.runs.queue_entry import queue_entry
from engine.runs.store import Run, Store
from engine.runs.trust.queued_by_user import why_untrusted
from engine.system import process
from tests.conftest import Engine, queued

TICKETS = (
    '{"submitted":1e308,"order":-1e308}', '{"submitted":1,"gpus":1000000000}', '{"submitted":1,"gpus":-1}',
    '{"submitted":1,"not_before":1e308}', '{"submitted":1,"after":["../../x","a\\u001b]52;c;AA\\u0007"]}',
    '{"submitted":1,"settings":["command=[\\"touch\\",\\"x\\"]"]}', '{"submitted":1,"device":"\\u001b[2J"}',
    '{"submitted":1,"stage":"failed","retried":100000}', '{"submitted":1,"priority":9223372036854775807}',
    '{"submitted":1,"priority":99999999999999999999999}', '{"submitted":1,"devices":{"\\u001b":"x"}}',
    '{"submitted":-1e308,"not_before":-1e308}',
)  # fmt: skip


class Strangers:
    """Makes folders of strangers, each of which would leave a mark if its command were executed."""

    def __init__(self, store: Store, marks: Path) -> None:
        self.store = store
        self.marks = marks
        marks.mkdir()

    def make(
        self, name: str, entry: str | dict[str, Any] | None, events: tuple[dict[str, Any], ...] = ()
    ) -> Run:
        command = ["sh", "-c", f"touch {self.marks}/{name}"]
        experiment = Experiment(name="stranger", model="script", command=command, retries=3)
        run = self.store.create(experiment, 0)
        run = Run(run.path.rename(self.store.root / f"{name}-s0-20261128-100000-0000"))
        run.events.write_text("".join(
            json.dumps({"time": time.time() - 5000, "run": run.id} | event) + "\n" for event in events
        ))  # fmt: skip
        if entry is not None:
            run.queue_file.write_text(entry if isinstance(entry, str) else json.dumps(entry))
        return run

    def all(self) -> list[Run]:
        config = {
            "name": "stranger",
            "model": "script",
            "command": ["sh", "-c", f"touch {self.marks}/start"],
            "retries": 3,
        }
        start = {"event": "start", "v": 1, "attempt": 1, "experiment": "stranger", "config": config, "seed": 0,
                 "pid": 999999, "host": process.host(), "device": "cpu"}  # fmt: skip
        holder = {
            "pid": 999999,
            "started": 1.0,
            "boot": "x",
            "host": process.host(),
            "space": process.pid_space(),
        }
        failed = {"event": "end", "state": "failed", "reason": "x", "duration_s": 1}
        transient = failed | {"error": {"type": "CommandFailed", "message": "x"}}
        taken = {"submitted": 1.0, "stage": "taken", "attempts": 0}
        return [
            self.make("waits", {"submitted": 1.0}),
            self.make("badticket", "garbage"),
            self.make("crashed", taken | {"holder": holder}, (start,)),
            self.make("elsewhere", taken, (start | {"host": "elsewhere"},)),
            self.make("failed", taken | {"stage": "failed"}, (start, transient)),
            self.make("resume", None, (start, failed)),
            *(self.make(f"tick{number}", text) for number, text in enumerate(TICKETS)),
        ]

    @property
    def executed(self) -> list[str]:
        return sorted(mark.name for mark in self.marks.iterdir())


@pytest.fixture
def strangers(lab: Path) -> Strangers:
    """Folders of strangers in a lab's runs."""
    return Strangers(Store(lab / "runs"), lab / "marks")


@pytest.fixture
def call(lab: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """The `engine` command in this process, and no worker that it would start."""
    monkeypatch.chdir(lab)
    monkeypatch.setattr("engine.queue.worker.ensure_worker", lambda *_: None)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_a_worker_executes_none_of_them_and_does_not_wait_for_them(strangers):
    runs = strangers.all()
    before = {run.id: queue_entry(run) for run in runs}
    assert len(runs) == 18
    assert work(strangers.store, lambda: False, backoff_s=0) == 0
    assert strangers.executed == []
    assert {run.id: queue_entry(run) for run in runs} == before
    reasons = {status_of(run).reason for run in runs if status_of(run).state == "queued"}
    assert all("`engine hold --release`" in reason for reason in reasons)


@pytest.mark.slow
def test_an_own_run_beside_them_is_executed_alone(strangers, engine: Engine, until):
    strangers.all()
    (strangers.store.root.parent / "experiments.toml").write_text(
        f'[experiments.mine]\ncommand = ["touch", "{strangers.marks}/mine"]\n'
    )
    assert engine("submit", "mine", "--device", "cpu").returncode == 0
    until(lambda: strangers.executed)
    until(lambda: any(status_of(run).state == "finished" for run in strangers.store.runs()))
    assert strangers.executed == ["mine"]


def test_processes_that_they_name_are_let_live(strangers):
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        start = {
            "event": "start", "v": 1, "attempt": 1, "pid": sleeper.pid, "host": process.host(),
            "boot": process.boot_id(), "process_started": process.started(sleeper.pid), "config": {},
        }  # fmt: skip
        end = {"event": "end", "state": "failed", "error": {"type": "x", "message": "x"}}
        run = strangers.make("kills", {"submitted": 1.0, "stage": "failed", "attempts": 0}, (start, end))
        try:
            retry.settle(run, 0)
            work(strangers.store, lambda: False, backoff_s=0)
            assert sleeper.poll() is None
        finally:
            sleeper.kill()


class TestRelease:
    def test_it_is_shown_and_not_started_without_a_yes(self, call, strangers):
        run = strangers.make("waits", {"submitted": 1.0, "settings": ["batch_size=8"]})
        done = call("hold", "--release", run.id)
        assert (done.exit_code, done.stdout) == (2, "")
        for words in (
            "not queued by this version\n",
            "experiment  stranger, seed 0", f"command     sh -c 'touch {strangers.marks}",
            f"in          {Path.cwd()}", "with        batch_size=8", "retries     3", "owner       ",
            "there is no terminal to ask on; `--yes` agrees",
        ):  # fmt: skip
            assert words in done.stderr
        assert why_untrusted(run, queue_entry(run))
        assert work(strangers.store, lambda: False) == 0

    def test_with_a_yes_it_is_the_users(self, call, strangers):
        run = strangers.make(
            "waits", {"submitted": 1.0, "priority": 2, "on_hold": True, "not_before": 1e308, "attempts": 0}
        )
        done = call("hold", "--release", "--yes", run.id)
        assert (done.exit_code, done.stdout) == (0, f"{run.id} waits for a device\n")
        entry = queue_entry(run)
        assert why_untrusted(run, entry) == ""
        assert (entry.priority, entry.on_hold, entry.not_before) == (2, False, 0.0)

    def test_a_damaged_entry_is_made_anew(self, call, strangers):
        run = strangers.make("damaged", "garbage")
        assert call("hold", "--release", "--yes", run.id).exit_code == 0
        assert why_untrusted(run, queue_entry(run)) == ""

    def test_a_damaged_entry_of_a_finished_run_is_not(self, call, strangers):
        run = strangers.make("damaged", "garbage", ({"event": "end", "state": "finished"},))
        done = call("hold", "--release", "--yes", run.id)
        assert (done.exit_code, "has finished: `engine stop" in done.stderr) == (2, True)

    def test_where_others_can_write_it_is_not_released(self, call, strangers):
        run = strangers.make("waits", {"submitted": 1.0})
        strangers.store.root.chmod(0o777)
        done = call("hold", "--release", "--yes", run.id)
        assert (done.exit_code, "chmod go-w" in done.stderr) == (2, True)

    def test_an_own_run_is_let_go_without_a_question(self, call, store, strangers, tiny):
        run = queued(strangers.store, tiny, on_hold=True)
        assert call("hold", "--release", run.id).stdout == f"{run.id} waits for a device again\n"

    def test_nothing_of_a_command_is_hidden(self, strangers):
        run = strangers.make("waits", {"submitted": 1.0})
        described = json.loads((run.path / "run.json").read_bytes())
        described["config"]["command"] = [
            "sh",
            "-c",
            "evil\r\x1b]0;title\x07\x1b[8mhid\u202eden",
            " " * 3000 + "evil",
        ]
        (run.path / "run.json").write_text(json.dumps(described))
        approval = approval_of_release(run)
        (shown,) = (line for line in approval.lines if line.startswith("command"))
        assert "evil\\r\\x1b]0;title\\x07\\x1b[8mhid\\u202eden" in shown
        assert shown.endswith("characters)")
        assert all(line.isprintable() for line in approval.lines)


class TestResume:
    @pytest.fixture
    def failed(self, strangers) -> Run:
        events = ({"event": "start", "attempt": 1, "config": {"command": ["touch", f"{strangers.marks}/start"]}},
                  {"event": "end", "state": "failed"})  # fmt: skip
        return strangers.make("failed", {"submitted": 1.0, "stage": "failed", "attempts": 0}, events)

    @pytest.mark.parametrize("queue", [[], ["--queue"]])
    def test_a_command_is_shown_and_not_executed_without_a_yes(self, call, strangers, failed, queue):
        done = call("resume", failed.id, *queue)
        assert (done.exit_code, done.stdout) == (2, "")
        assert "this user did not queue it" in done.stderr
        assert f"command     sh -c 'touch {strangers.marks}/failed'" in done.stderr
        assert (strangers.executed, queue_entry(failed).stage) == ([], "failed")

    def test_what_is_shown_is_what_is_executed(self, engine, strangers, failed):
        done = engine("resume", failed.id, "--yes")
        assert (done.returncode, strangers.executed) == (0, ["failed"])
        assert b"touch" in done.stderr

    def test_with_a_yes_the_queue_starts_it(self, call, strangers, failed):
        assert call("resume", failed.id, "--queue", "--yes").stdout == f"{failed.id} waits in the queue\n"
        assert why_untrusted(failed, queue_entry(failed)) == ""

    def test_of_all_that_crashed_it_is_passed_over(self, call, strangers, tiny):
        start = {"event": "start", "attempt": 1, "config": {}}
        theirs = strangers.make("crashed", None, (start,))
        own = strangers.store.create(tiny, 0)  # without a command it executes nothing of its own
        done = call("resume", "--all-crashed", "--queue")
        assert (done.exit_code, done.stdout) == (0, f"{own.id} waits in the queue\n")
        assert f"{theirs.id} is passed over: this user did not queue it" in done.stderr

    @pytest.mark.slow
    def test_an_own_command_goes_on_without_a_question(self, engine, strangers):
        (engine.folder / "experiments.toml").write_text('[experiments.mine]\ncommand = ["false"]\n')
        assert engine("run", "mine").returncode == 1
        (run,) = strangers.store.runs()
        assert approval_of_resume(run, here=True) is None
        assert engine("resume", run.id).returncode == 1
        assert status_of(run).attempt == 2

    @pytest.mark.slow
    @pytest.mark.parametrize(("answer", "code", "marks"), [("y", 0, ["failed"]), ("n", 2, []), ("", 2, [])])
    def test_on_a_terminal_it_asks(self, engine: Engine, strangers, failed, answer, code, marks):
        ours, theirs = pty.openpty()
        command = engine.start("resume", failed.id, "--json", stdin=theirs)
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        _, said = command.communicate(timeout=60)
        os.close(ours)
        assert (command.returncode, strangers.executed) == (code, marks)
        assert b"Start it? [y/N]" in said


def test_a_queued_run_of_ours_takes_no_command_from_events(strangers, tiny):
    """A stranger's events.jsonl beside a proved entry changes how it uses the machine at most."""
    from engine.runs.resume_settings import last_experiment

    run = queued(strangers.store, tiny)
    config = msgspec.to_builtins(tiny) | {
        "command": ["evil"],
        "dataset": "folder:/etc",
        "batch_size": 8,
        "lr": 9.0,
    }
    event = {"event": "start", "time": 1.0, "run": run.id, "attempt": 1, "config": config}
    run.events.write_text(json.dumps(event) + "\n")
    assert last_experiment(run) == msgspec.structs.replace(tiny, batch_size=8)
