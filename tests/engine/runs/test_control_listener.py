"""What is asked of a run is heard whatever becomes of the rest of its process."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import pytest

from engine.runs import stop_request
from engine.runs.control_listener import ControlListener
from engine.runs.heartbeat_and_silence import HEARTBEAT_S
from engine.runs.liveness import status_of
from engine.runs.recorder import Recorder
from engine.runs.status_file import cached, rebuild
from engine.runs.stop_request import STOPPED, StopRequest

BROKEN = """
import sys
from engine.system import telemetry

def look(self):
    raise RuntimeError("the driver has gone")

telemetry.Sampler.look = look
from engine.cli import main
sys.argv = ["engine", "run", "steps", "--json"]
main()
"""


@pytest.mark.slow
def test_a_run_whose_telemetry_is_broken_is_stopped_all_the_same(tmp_path, monkeypatch, store, until):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments.toml").write_text('[experiments.steps]\ncommand = ["sleep", "600"]\n')
    with subprocess.Popen(
        [sys.executable, "-c", BROKEN], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            until(lambda: store.runs() and status_of(store.runs()[0]).state == "running")
            (run,) = store.runs()
            stop_request.ask(run, "stop-now")
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == STOPPED
    assert b"the driver has gone" in said
    assert status_of(run).state == "stopped"


def test_it_says_that_the_run_lives(run):
    recorder, stop = Recorder(run), StopRequest(run)
    with ControlListener(stop, recorder, interval_s=0.01):
        deadline = time.monotonic() + 5
        while (status := cached(run)) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        stop_request.ask(run, "stop-after-epoch")
        while stop.request is None and time.monotonic() < deadline:
            time.sleep(0.01)
    assert stop.request == "stop-after-epoch"
    assert status is not None
    assert status.heartbeat == pytest.approx(time.time(), abs=10)
    recorder.close()


def test_a_heartbeat_counts_into_the_time_of_the_attempt_once(run):
    recorder = Recorder(run)
    recorder.metrics(1, 0.1, {})
    recorder.status.heartbeat -= 2 * HEARTBEAT_S  # nothing was said for so long
    began = recorder.status.elapsed_s
    for _ in range(3):
        recorder.heartbeat()
    assert recorder.status.elapsed_s - began == pytest.approx(2 * HEARTBEAT_S, abs=0.5)
    recorder.end("finished", "done")
    ended = recorder.status.heartbeat
    recorder.status.heartbeat -= 2 * HEARTBEAT_S
    recorder.heartbeat()  # of a process that is about to go nothing more is said
    assert recorder.status.heartbeat == ended - 2 * HEARTBEAT_S
    recorder.close()
    assert rebuild(run).state == "finished"


def test_a_run_whose_folder_is_removed_stops_and_says_so(run, capsys):
    recorder, stop = Recorder(run), StopRequest(run)
    with ControlListener(stop, recorder, interval_s=0.01):
        shutil.rmtree(run.path)
        deadline = time.monotonic() + 5
        while stop.request is None and time.monotonic() < deadline:
            time.sleep(0.01)
    assert (stop.request, stop.reason) == ("stop-now", "its folder was removed")
    recorder.end("stopped", stop.reason)
    recorder.close()
    assert recorder.lost
    assert "its folder was removed while it ran" in capsys.readouterr().err
