"""A run that makes no step stalls: by its own heartbeats, or while its process makes none; the list says so."""

from __future__ import annotations

import os
import time

import pytest

from engine.commands.run_table import print_run_table
from engine.events import Checkpoint, Metrics, Start
from engine.runs import run_lock, status_file
from engine.runs.liveness import status_of
from engine.runs.status import Status
from engine.runs.store import Run
from engine.system import process


def trained(run: str, start: float, steps: int, every_s: float = 1.0, **fields: object) -> Status:
    """A run of twenty steps an epoch that took so many, with a heartbeat a second."""
    status = Status(run=run)
    status.apply(
        Start(time=start, run=run, attempt=1, experiment="tiny", steps_per_epoch=20, epochs=5, **fields)  # type: ignore[arg-type]
    )
    for step in range(1, steps + 1):
        beats(status, every_s)
        status.apply(Metrics(time=status.heartbeat, run=run, step=step, epoch=step / 20, values={}))
    return status


def beats(status: Status, seconds: float) -> None:
    until = status.heartbeat + seconds
    while status.heartbeat < until:
        status.beat(min(until, status.heartbeat + 1.0))


@pytest.mark.parametrize(
    ("steps", "every_s", "waited_s", "stalls"),
    [
        (30, 1.0, 59, False),
        (30, 1.0, 61, True),
        (30, 10.0, 299, False),  # thirty times what a step takes
        (30, 10.0, 301, True),
        (20, 10.0, 310, True),
        (20, 4.0, 79, False),  # at the end of an epoch it evaluates, at most as long as the epoch took
        (0, 1.0, 5000, False),  # it loads, and compiles
    ],
)
def test_it_stalls_once_a_step_takes_longer_than_steps_ever_do(
    steps: int, every_s: float, waited_s: float, stalls: bool
) -> None:
    status = trained("tiny-s0", 1000.0, steps, every_s)
    beats(status, waited_s)
    assert status.stalls(status.waited_s) is stalls


def test_a_program_that_counts_the_steps_of_each_epoch_anew_does_not_stall() -> None:
    status = trained("tiny-s0", 1000.0, 100)
    for step in range(1, 91):
        beats(status, 1.0)
        status.apply(Metrics(time=status.heartbeat, run="tiny-s0", step=step, epoch=5 + step / 20, values={}))
        assert not status.stalls(status.waited_s)
    assert status.waited_s == 0


def test_a_long_wait_makes_it_more_patient_and_a_checkpoint_ends_one() -> None:
    status = trained("tiny-s0", 1000.0, 30)
    beats(status, 50.0)
    status.apply(Metrics(time=status.heartbeat, run="tiny-s0", step=31, epoch=31 / 20, values={}))
    assert status.patience_s == pytest.approx(150.0)
    beats(status, 151.0)
    assert status.stalls(status.waited_s)
    status.apply(
        Checkpoint(time=status.heartbeat, run="tiny-s0", step=32, epoch=1.6, path="x", kind="last", bytes=1)
    )
    assert not status.stalls(status.waited_s)
    status.beat(status.heartbeat + 1e5)  # a laptop slept
    assert not status.stalls(status.waited_s)


def test_a_process_that_makes_no_heartbeat_stalls_and_the_list_says_so(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    pid = os.getpid()
    me = {
        "pid": pid, "host": process.host(), "boot": process.boot_id(), "process_started": process.started(pid),
    }  # fmt: skip
    status = trained(run.id, time.time() - 1000.0, 30, **me)
    assert status.eta_s == pytest.approx(70.0)
    status.offset = run.events.write_bytes(b"{}\n")
    with run_lock.hold(run):
        status_file.save(run, status)
        seen = status_of(run)
        assert (seen.state, seen.stalled, seen.left_s) == ("running", True, None)
        print_run_table([seen])
        assert " stalls" in capsys.readouterr().out
        status.heartbeat = time.time()
        status_file.save(run, status)
        assert not status_of(run).stalled
