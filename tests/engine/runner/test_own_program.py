"""Experiments that are any program: real processes, real signals."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import psutil
import pytest

from engine.events import Event, Log, Metrics, decode
from engine.exchange.log_files.log_reader import read_log
from engine.history import History
from engine.runner.own_program import while_it_lives
from engine.runner.process_group import ProcessGroup
from engine.runs.liveness import status_of
from engine.runs.processes.membership import family
from engine.runs.store import Run, Store
from engine.system.process import STOP_SIGNALS
from tests.conftest import Engine
from tests.processes import signal_everyone

PROGRAM = """
import json, os, sys
print("hello", os.environ["VITUI_SEED"])
for step in range(1, 4):
    print(json.dumps({"event": "metrics", "step": step, "epoch": float(step), "values": {"train/loss": 1 / step}}))
print('{"event": "metrics", "values": {"x": "no number"}}')
print('{"event": "end", "state": "finished"}')
print('{"event": "log", "level": "info", "message": "almost there"}')
sys.stderr.write("oh no\\n")  # in one piece, so that nothing comes between
sys.exit(int(os.environ.get("STATUS", "0")))
"""


def lab_with(lab: Path, program: str) -> None:
    (lab / "program.py").write_text(program)
    command = msgspec.json.encode([sys.executable, "program.py"]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")


def only_run(lab: Path) -> Run:
    (run,) = Store(lab / "runs").runs()
    return run


def test_what_a_program_prints_as_json_becomes_events_and_the_rest_goes_to_the_console(
    lab: Path, engine: Engine
) -> None:
    lab_with(lab, PROGRAM)
    done = engine("run", "mine", "--seed", "3")
    assert done.returncode == 0, done.stderr
    events = [decode(line) for line in done.stdout.splitlines()]
    assert None not in events
    run = only_run(lab)
    status = status_of(run)
    assert status.state == "finished"
    assert status.step == 3
    assert status.last["train/loss"] == pytest.approx(1 / 3)
    console = run.console.read_text().splitlines()
    assert {"hello 3", "oh no"} <= set(console)
    assert '{"event": "end", "state": "finished"}' in console
    assert b"almost there" in run.events.read_bytes()


UNLIKE = """
import json, logging, sys
logging.basicConfig(level=logging.INFO)
nan = float("nan")
for step in range(1, 5):
    sys.stdout.write(f"\\rEpoch {step}: 50%|###| 1/2"); sys.stdout.flush()
    loss = 1 / step if step < 3 else nan
    values = {"train/loss": loss, "best": True}
    print(json.dumps({"step": float(step), "event": "metrics", "values": values}), flush=True)
    logging.info(json.dumps({"event": "metrics", "step": step, "values": {"val/loss": loss}}))
for _ in range(3):
    print({"event": "metrics", "values": {"x": 1}})
print(json.dumps({"event": "metric", "step": 5, "values": {"x": 1}}))
"""


def test_events_are_found_wherever_they_are_printed_and_what_is_refused_is_told_once(
    lab: Path, engine: Engine
) -> None:
    lab_with(lab, UNLIKE)
    assert engine("run", "mine").returncode == 0
    run = only_run(lab)
    history = History(run.events)
    history.update()
    for name in ("train/loss", "val/loss"):
        assert history.series(name)[1].tolist() == pytest.approx([1, 0.5, math.nan, math.nan], nan_ok=True)
    logs = [event for event in map(decode, run.events.read_bytes().splitlines()) if isinstance(event, Log)]
    diverges = [log.message for log in logs if "it diverges" in log.message]  # of the pipe that is read first
    assert diverges in ([f"'{name}/loss' is not finite at step 3: it diverges"] for name in ("train", "val"))
    first, *others, last = [log.message for log in logs if log.refused]
    assert first.startswith("its program printed True as 'best', which is no number")
    assert ["Python dict" in others[0], "did you mean 'metrics'?" in others[1], len(others)] == [
        True,
        True,
        2,
    ]
    assert last == "not recorded in all: 4 values, 3 lines"
    status = status_of(run)
    assert (status.refused, status.refusal) == (8, first.partition("; more of these")[0])
    assert run.console.read_text().count("{'event'") == 3
    doctor = engine("doctor")
    assert (
        f"{run.id}  8 of its events and values are not recorded: {status.refusal}" in doctor.stdout.decode()
    )


@pytest.mark.slow
def test_a_program_that_fails_fails_its_run_with_what_it_said(
    lab: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab_with(lab, PROGRAM)
    monkeypatch.setenv("STATUS", "7")
    assert engine("run", "mine").returncode == 1
    assert status_of(only_run(lab)).reason.startswith("its command ended with status 7; console.log ends: ")
    assert b"oh no" in run_end(only_run(lab))


def test_a_program_that_is_not_there_fails_its_run(lab: Path, engine: Engine) -> None:
    (lab / "experiments.toml").write_text('[experiments.mine]\ncommand = ["no-such-program"]\n')
    assert engine("run", "mine").returncode == 1
    assert "no-such-program cannot be started" in status_of(only_run(lab)).reason


def test_stopping_ends_the_program_and_what_it_started(
    lab: Path, engine: Engine, until: Callable[..., None]
) -> None:
    lab_with(
        lab,
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open('child', 'w').write(str(child.pid))\n"
        "time.sleep(600)\n",
    )
    process = engine.start("run", "mine")
    until(lambda: (lab / "child").exists() and (lab / "child").read_text())
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 3
    assert status_of(only_run(lab)).state == "stopped"
    child = int((lab / "child").read_text())
    until(
        lambda: (
            not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]
        )
    )


def run_end(run: Run) -> bytes:
    return run.events.read_bytes().splitlines()[-1]


WAITS = """
import json, time
print(json.dumps({"event": "metrics", "step": 1, "epoch": 1.0, "values": {"x": 1}}), flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_a_signal_to_all_processes_of_a_run_stops_it(
    lab: Path, engine: Engine, until: Callable[..., None], number: signal.Signals
) -> None:
    lab_with(lab, WAITS)
    process = engine.start("run", "mine")
    until(lambda: Store(lab / "runs").runs() and status_of(only_run(lab)).step == 1)
    members = family(process.pid)
    assert signal_everyone(process.pid, number, random.Random(0)) == len(members) == 3
    process.communicate(timeout=30)
    status = status_of(only_run(lab))
    says = "its time is nearly up: stopped" if number == signal.SIGUSR2 else f"stopped by {number.name}"
    assert (process.returncode, status.state, status.reason) == (3, "stopped", says)
    until(lambda: not any(psutil.pid_exists(member.pid) for member in members))


@pytest.mark.slow
def test_a_program_that_has_the_signal_of_its_run_first_did_not_fail(
    lab: Path, engine: Engine, until: Callable[..., None]
) -> None:
    lab_with(lab, WAITS)
    process = engine.start("run", "mine")
    until(lambda: Store(lab / "runs").runs() and status_of(only_run(lab)).step == 1)
    (program,) = (member for member in family(process.pid) if "program.py" in member.cmdline())
    program.terminate()
    until(lambda: not psutil.pid_exists(program.pid))  # its run has buried it
    process.terminate()
    process.communicate(timeout=30)
    assert (process.returncode, status_of(only_run(lab)).reason) == (3, "stopped by SIGTERM")


def test_what_ends_a_program_with_its_run_outlives_a_signal_to_both() -> None:
    with ProcessGroup() as group:
        for number in STOP_SIGNALS:
            os.killpg(group.group, number)  # before it has run a line of its own
        assert psutil.Process(group.group).is_running()
        with pytest.raises(psutil.TimeoutExpired):
            psutil.Process(group.group).wait(0.1)


def test_memory_is_that_of_the_program_and_not_of_what_waits_for_its_end() -> None:
    taken: list[dict[str, float]] = []
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as program:
        take = while_it_lives(program, taken.append)
        take({"cpu/memory_process": 8e8, "gpu/energy": 1.0})
    take({"cpu/memory_process": 3e7})
    take({"cpu/memory_process": 3e7, "gpu/1/memory_used": 0.0, "gpu/energy": 2.0})
    assert taken == [{"cpu/memory_process": 8e8, "gpu/energy": 1.0}, {"gpu/energy": 2.0}]


def test_a_metric_is_called_as_in_an_import(lab: Path, engine: Engine) -> None:
    names = [
        "val_f1", "Val F1", " train/loss ", "a b", "a_b", "准确率", "cafe\N{COMBINING ACUTE ACCENT}", "-lr", 'top="5"',
        "x" * 300, "x" * 301, "test/f1",
    ]  # fmt: skip
    rows = [{"step": step, **{name: step + i / 64 for i, name in enumerate(names)}} for step in (1, 2)]
    (lab / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lab_with(
        lab,
        "import json\nfor line in open('log.jsonl'):\n    values = json.loads(line)\n    step = values.pop('step')\n"
        "    print(json.dumps({'event': 'metrics', 'step': step, 'epoch': 0, 'values': values}))\n",
    )
    assert engine("run", "mine").returncode == 0
    (imported,) = read_log(Path("log.jsonl"), (lab / "log.jsonl").read_bytes())
    printed = [decode(line) for line in only_run(lab).events.read_bytes().splitlines()]
    assert _points(printed) == _points(imported.events("run"))
    assert len(_points(printed)) == 2 * len(names)
    said = [event.message for event in printed if isinstance(event, Log) and "is called" in event.message]
    assert said[0] == "its program's metric 'Val F1' is called 'Val_F1' here"
    assert len(said) == 5


def _points(events: Iterable[Event | None]) -> set[tuple[str, int, float | None]]:
    return {
        (name, event.step, value)
        for event in events
        if isinstance(event, Metrics)
        for name, value in event.values.items()
        if name != "cpu/memory_process"
    }
