"""Whoever is to be told of a run's end is told once, whatever dies meanwhile, and the queue does not wait for it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from engine.diagnostics.folder_checks import check_notifications
from engine.events import End, Metrics, Start
from engine.notifications.outbox import FOLDER, Letter, Outbox
from engine.queue.notifier import Notifier, Pace
from engine.queue.worker import work
from engine.runs import run_lock
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from engine.runs.trust.entry_writer import leave_queue, take_from_queue
from engine.sites.local_devices import LocalDevices
from engine.system import process
from tests.conftest import queued
from tests.engine.notifications.notification_server import NotificationServer, told

__all__ = ["told"]  # a fixture

PACE = Pace(look_s=0.02, first_pause_s=0.05, linger_s=5.0)
WORD = "hunter2-hunter2"


@pytest.fixture
def config(tmp_path: Path, told: NotificationServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An experiments.toml that has the server told, by an address with a secret."""
    monkeypatch.setenv("ROOM", WORD)
    path = tmp_path / "experiments.toml"
    path.write_text(f'[notify]\nurl = "{told.address}/$ROOM"\n')
    return path


def begin(run: Run, attempt: int = 1, **values: float) -> Recorder:
    recorder = Recorder(run)
    now = time.time()
    recorder.emit(Start(time=now, run=run.id, experiment="tiny", seed=0, attempt=attempt, epochs=2))
    measured = {"test/f1": 0.25, **values}
    recorder.emit(Metrics(time=now + 1, run=run.id, step=9, epoch=2.0, values=measured))
    return recorder


def end(run: Run, state: str = "finished", reason: str = "", attempt: int = 1) -> None:
    recorder = begin(run, attempt)
    recorder.emit(End(time=time.time() + 2, run=run.id, state=state, reason=reason, duration_s=65.0))  # type: ignore[arg-type]
    recorder.close()


def follow_to_end(
    notifier: Notifier, run: Run, state: str = "finished", reason: str = "", attempt: int = 1
) -> None:
    """Have a run followed while it lives, and end."""
    with run_lock.hold(run):
        take_from_queue(run, attempt - 1, by_hand=True)
        notifier.follow([run])
        time.sleep(0.05 * (attempt > 1))  # the end of the attempt before is none of this one
        end(run, state, reason, attempt)
        leave_queue(run)


def test_the_end_of_a_run_is_told_with_its_facts(store, run, config, told):
    notifier = Notifier(store, config, pace=PACE)
    follow_to_end(notifier, run)
    told.wait_for(1)
    notifier.close()
    (message,) = told.messages
    assert {key: message[key] for key in ("v", "event", "run", "experiment", "seed", "state", "attempt", "epochs")} == {
        "v": 1, "event": "finished", "run": run.id, "experiment": "tiny", "seed": 0, "state": "finished",
        "attempt": 1, "epochs": 2,
    }  # fmt: skip
    assert message["metrics"] == {"test/f1": 0.25}
    assert message["text"] == "tiny s0 finished after 1:05, test F1 0.25"


@pytest.mark.parametrize(("state", "expected"), [("failed", [("failed", "it broke")]), ("stopped", [])])
def test_a_failure_is_told_and_what_you_stopped_is_not(store, run, config, told, state, expected):
    notifier = Notifier(store, config, pace=PACE)
    follow_to_end(notifier, run, state, "it broke")
    notifier.close()
    assert [(message["event"], message["reason"]) for message in told.messages] == expected
    assert Outbox(store.root).watched() == []


def test_a_crash_is_a_failure(store, run, config, told):
    with run_lock.hold(run):
        begin(run).close()
        notifier = Notifier(store, config, pace=PACE)
        notifier.follow([run])
        time.sleep(0.1)
        assert told.messages == []
    told.wait_for(1)
    notifier.close()
    assert (told.messages[0]["event"], told.messages[0]["state"]) == ("failed", "crashed")


def test_only_the_occasions_that_are_named(store, run, config, told):
    config.write_text(config.read_text() + 'on = ["alarm", "failed"]\n')
    notifier = Notifier(store, config, pace=PACE)
    follow_to_end(notifier, run)
    notifier.rest(0, 1)
    notifier.close()
    assert told.messages == []


def test_it_is_told_once_whoever_looks(store, run, config, told):
    for _ in range(3):
        notifier = Notifier(store, config, pace=PACE)
        if told.messages:
            notifier.follow([run])
        else:
            follow_to_end(notifier, run)
        notifier.close()
    assert told.told == [(run.id, "finished")]


def test_several_tell_at_the_same_time_and_it_arrives_once(store, run, config, told):
    end(run)
    Outbox(store.root).watch(run.id)
    notifiers = [Notifier(store, config, pace=PACE) for _ in range(4)]
    for notifier in notifiers:
        notifier.follow([])
    for notifier in notifiers:
        notifier.close()
    assert told.told == [(run.id, "finished")]


def test_an_attempt_that_is_resumed_is_told_anew(store, run, config, told):
    for attempt in (1, 2):
        notifier = Notifier(store, config, pace=PACE)
        follow_to_end(notifier, run, "failed", "out of memory", attempt)
        notifier.close()
    assert [message["attempt"] for message in told.messages] == [1, 2]


def test_it_is_tried_again_after_a_while(store, run, config, told):
    told.answers += [500, 503]
    notifier = Notifier(store, config, pace=PACE)
    follow_to_end(notifier, run)
    told.wait_for(1)
    notifier.close()
    (letter,) = Outbox(store.root).letters()
    assert (letter.state, letter.tries, letter.why) == ("sent", 3, "")
    assert list(check_notifications(store)) == []


def test_tries_are_bounded_and_the_doctor_says_so(store, run, config, told, capfd):
    told.answers += [500] * 100
    notifier = Notifier(store, config, pace=Pace(look_s=0.02, first_pause_s=0.0, linger_s=5.0))
    follow_to_end(notifier, run)
    notifier.close()
    assert len(told.requests) == 6
    (letter,) = Outbox(store.root).letters()
    assert (letter.state, letter.why) == ("lost", "its address answers 500")
    (finding,) = check_notifications(store)
    assert finding.text.startswith("1 message could not be sent, the last on ")
    assert finding.text.endswith(": its address answers 500")
    assert "is not sent: its address answers 500" in capfd.readouterr().out


def test_what_could_not_be_sent_waits_for_the_next_worker(store, run, config, told):
    told.answers += [500]
    notifier = Notifier(store, config, pace=Pace(look_s=0.02, first_pause_s=3600.0, linger_s=5.0))
    follow_to_end(notifier, run)
    begun = time.monotonic()
    notifier.close()
    assert time.monotonic() - begun < 2  # it is not due while this one lingers
    (letter,) = Outbox(store.root).waiting()
    Outbox(store.root).put(Letter(message=letter.message, tries=1, why=letter.why))
    later = Notifier(store, config, pace=PACE)
    later.follow([])
    later.close()
    assert told.told == [(run.id, "finished")]


@pytest.mark.slow
def test_a_slow_address_holds_up_nothing(store, run, config, told):
    told.answers += ["slow"]
    notifier = Notifier(store, config, pace=PACE)
    begun = time.monotonic()
    follow_to_end(notifier, run)
    time.sleep(0.1)
    notifier.follow([run])
    notifier.rest(0, 1)
    assert time.monotonic() - begun < 1
    notifier.close(at_once=True)
    assert time.monotonic() - begun < 3


def test_the_secret_is_in_no_file_and_no_output(store, run, config, told, capfd):
    told.answers += [500, "slow", 404]
    notifier = Notifier(store, config, pace=PACE)
    follow_to_end(notifier, run)
    notifier.close(at_once=True)
    assert any(WORD in path for _, path, _ in told.requests)
    for path in store.root.rglob("*"):
        assert not path.is_file() or WORD.encode() not in path.read_bytes()
    assert WORD not in "".join(capfd.readouterr())
    assert (store.root / FOLDER).stat().st_mode & 0o777 == 0o700
    assert {
        path.stat().st_mode & 0o077 for path in (store.root / FOLDER).iterdir() if path.name != "lock"
    } == {0}


def test_the_file_is_read_again_when_it_changes(store, run, config, told):
    right = config.read_text()
    config.write_text("")
    notifier = Notifier(store, config, pace=PACE)
    notifier.follow([run])
    assert not (store.root / FOLDER).exists()
    config.write_text("[notify]\nurl = 3\n")
    notifier.follow([run])
    config.write_text(right)
    follow_to_end(notifier, run)
    notifier.close()
    assert told.told == [(run.id, "finished")]


def test_an_empty_queue_is_told_after_the_last_run_and_once(store, run, config, told):
    notifier = Notifier(store, config, pace=PACE)
    notifier.rest(0, 0)  # nothing has run
    follow_to_end(notifier, run)
    notifier.rest(2, 1)
    notifier.rest(2, 1)
    notifier.close()
    assert told.told == [(run.id, "finished"), ("", "queue-empty")]
    assert told.messages[1]["text"] == "nothing runs any more; 2 runs wait for you"


def test_a_queue_that_stays_empty_beside_runs_of_others_is_told_once(store, run, config, told):
    """A mark that stays, of a run that lives elsewhere, makes no news."""
    Outbox(store.root).watch(run.id)
    with run_lock.hold(run):
        notifier = Notifier(store, config, pace=PACE)
        for _ in range(5):
            notifier.rest(0, 0)
        notifier.close(at_once=True)
    assert told.messages == []


def test_a_loss_that_is_not_finite_is_an_alarm_once_a_run(store, run, config, told, monkeypatch):
    monkeypatch.setattr("engine.analysis.alarms.NONFINITE_S", 0.05)
    with run_lock.hold(run):
        recorder = Recorder(run)
        recorder.claim()
        now = time.time()
        recorder.emit(Start(
            time=now, run=run.id, experiment="tiny", seed=0, attempt=1, pid=os.getpid(), host=process.host(),
            boot=process.boot_id(), process_started=process.started(os.getpid()) or 0.0,
        ))  # fmt: skip
        recorder.emit(Metrics(time=now, run=run.id, step=1, epoch=0.1, values={"train/loss": None}))
        recorder.close()
        run.status_file.unlink()  # it is saved every few seconds
        for _ in range(2):  # a worker that is started anew looks anew
            notifier = Notifier(store, config, pace=PACE)
            notifier.follow([run])
            told.wait_for(1)
            time.sleep(0.15)
            notifier.close(at_once=True)
    assert [(m["event"], m["reason"]) for m in told.messages] == [
        ("alarm", "diverges: the loss is not finite")
    ]


def test_files_that_are_damaged_or_of_others_are_passed_over(store, run, config, told, tmp_path):
    folder = store.root / FOLDER
    folder.mkdir()
    (folder / "a.json").write_text("{")
    (folder / "b.json").write_text(
        '{"message": {"id": "other", "event": "failed", "time": 1, "host": "", "text": ""}}'
    )
    (folder / "..watch").write_text("")
    (folder / "x y.watch").write_text("")
    (tmp_path / "elsewhere.json").write_text("{}")
    (folder / "link.json").symlink_to(tmp_path / "elsewhere.json")
    (folder / "gone-s0.watch").write_text("")
    notifier = Notifier(store, config, pace=PACE)
    follow_to_end(notifier, run)
    notifier.close()
    assert told.told == [(run.id, "finished")]
    assert Outbox(store.root).watched() == []


def test_a_folder_that_is_a_link_is_not_written(store, run, config, told, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (store.root / FOLDER).symlink_to(tmp_path / "elsewhere")
    notifier = Notifier(store, config, pace=PACE)
    follow_to_end(notifier, run)
    notifier.close()
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_old_messages_are_forgotten_and_waiting_ones_kept(store, run, config, told):
    notifier = Notifier(store, config, pace=PACE)
    follow_to_end(notifier, run)
    notifier.close()
    outbox = Outbox(store.root)
    (letter,) = outbox.letters()
    waiting = Letter(message=type(letter.message)(id="other", event="failed", time=1.0, host="", text=""))
    outbox.put(waiting)
    outbox.tidy(time.time() + 30 * 86_400)
    assert [kept.message.id for kept in outbox.letters()] == ["other"]


# ---- with a worker


def script(store: Store, tiny, code: str) -> Run:
    from msgspec.structs import replace

    return queued(store, replace(tiny, model="script", command=[sys.executable, "-c", code]))


@pytest.mark.slow
def test_a_worker_tells_of_its_runs_and_of_its_empty_queue(store, tiny, config, told):
    fine, broken = script(store, tiny, "print(1)"), script(store, tiny, "raise SystemExit(3)")
    with contextlib.closing(LocalDevices("cpu:2")) as machine:
        work(store, lambda: False, machine=machine, notifier=Notifier(store, config, pace=PACE))
    assert sorted(told.told[:2]) == sorted([(fine.id, "finished"), (broken.id, "failed")])
    assert told.told[2:] == [("", "queue-empty")]


@pytest.mark.slow
def test_a_worker_that_is_killed_tells_at_its_next_start(engine, told, until, monkeypatch):
    monkeypatch.setenv("ROOM", WORD)
    toml = engine.folder / "experiments.toml"
    toml.write_text(
        f'[notify]\nurl = "{told.address}/$ROOM"\n[experiments.mine]\n'
        f'command = ["{sys.executable}", "-c", "import time; time.sleep(3)"]\n'
    )
    assert engine("submit", "mine", "--wait").returncode == 0
    first = engine.start("work", "--devices", "cpu:1")
    store = Store(engine.folder / "runs")
    until(lambda: Outbox(store.root).watched())
    until(lambda: any(run_lock.is_held(run) for run in store.runs()))
    first.send_signal(signal.SIGKILL)
    first.wait()
    until(lambda: not any(run_lock.is_held(run) for run in store.runs()))
    assert told.messages == []
    assert engine("work", "--devices", "cpu:1").returncode == 0
    (run,) = store.runs()
    assert told.told == [(run.id, "finished"), ("", "queue-empty")]
    assert not [
        path for path in store.root.rglob("*") if path.is_file() and WORD.encode() in path.read_bytes()
    ]


@pytest.mark.slow
def test_a_command_is_told_by_a_worker_in_the_background(engine, until):
    (engine.folder / "experiments.toml").write_text(
        '[notify]\ncommand = ["sh", "-c", "cat >> told"]\non = ["finished"]\n[experiments.mine]\ncommand = ["true"]\n'
    )
    assert engine("submit", "mine").returncode == 0
    until(lambda: (engine.folder / "told").exists() and (engine.folder / "told").read_text().endswith("\n"))
    (line,) = (engine.folder / "told").read_text().splitlines()
    assert json.loads(line)["event"] == "finished"
