"""What a run at a site makes of its user's stop, whenever that arrives: it is not begun anew."""

from __future__ import annotations

import json
import os
import signal
import sys
import time

import pytest
from msgspec.structs import replace

from engine.config.schema import SCRIPT, Experiment
from engine.config.site import Site
from engine.events import Start
from engine.runner.posted_run import TRY_AGAIN, ended_before
from engine.runs import stop_request
from engine.runs.liveness import status_of
from engine.runs.posted.posting import Posting
from engine.runs.recorder import Recorder
from engine.runs.stop_request import STOPPED, TIME_NEARLY_UP
from engine.runs.store import Store
from engine.runs.trust.posted_by_user import contents_of, enter_posting

SLOW_TO_SAVE = """
import os, pathlib, signal, sys, time
def save(*_):
    time.sleep(1)
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
pathlib.Path(os.environ["VITUI_RUN_DIR"], "works").touch()
time.sleep(60)
"""


@pytest.fixture
def posted(store: Store, tmp_path):
    program = tmp_path / "slow_to_save.py"
    program.write_text(SLOW_TO_SAVE)
    experiment = Experiment(name="program", model=SCRIPT, epochs=1, command=[sys.executable, str(program)])
    run = store.create(experiment, seed=0)
    site = Site(name="spare", slurm="spare")
    return run, enter_posting(run, Posting(site=site, name=f"vitui-{run.id}-1", posted=time.time()))


@pytest.mark.slow
@pytest.mark.parametrize("asks", [True, False], ids=["asked", "not asked"])
def test_a_stop_while_it_saves_for_its_site_is_heard(posted, engine, until, asks):
    run, posting = posted
    job = engine.start(
        "train", run.id, "--runs", str(run.path.parent), "--posted", posting.name,
        "--contents", contents_of(run, posting),
    )  # fmt: skip
    until((run.path / "works").exists, 30)
    os.kill(job.pid, signal.SIGUSR2)
    time.sleep(0.5)
    if asks:
        stop_request.ask(run, "stop-after-epoch")
    code = job.wait(30)
    last = json.loads(run.events.read_bytes().splitlines()[-1])
    assert (code, last["reason"]) == (
        (STOPPED, "stopped on request") if asks else (TRY_AGAIN, TIME_NEARLY_UP)
    )
    assert not run.control.exists()


def test_a_stop_between_two_attempts_ends_it(posted):
    run, posting = posted
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id, attempt=1, experiment="program"))
    recorder.end("stopped", TIME_NEARLY_UP)
    recorder.close()
    assert ended_before(run, replace(posting, posted=time.time() - 60)) is None
    stop_request.ask(run, "stop-after-epoch")
    assert ended_before(run, posting) == STOPPED
    assert status_of(run).reason.startswith("stopped on request")
