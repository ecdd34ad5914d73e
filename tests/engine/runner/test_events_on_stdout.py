"""Whatever a process prints, at whatever level, goes to stderr and the log; stdout stays the caller's."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import os, pathlib, subprocess, sys
from engine.runner.events_on_stdout import capture_stdout
with capture_stdout(pathlib.Path(sys.argv[1])) as stdout:
    print("printed")
    os.write(1, b"written\\n")
    subprocess.run(["echo", "from a child"])
    print("warned", file=sys.stderr)
    os.write(stdout, b"event\\n")
print("after")
"""


def test_only_what_is_meant_for_stdout_gets_there(tmp_path):
    log = tmp_path / "console.log"
    done = subprocess.run([sys.executable, "-c", SCRIPT, log], capture_output=True, text=True, check=True)
    assert done.stdout == "event\nafter\n"
    assert sorted(done.stderr.split("\n")) == sorted(log.read_text().split("\n"))
    assert set(log.read_text().splitlines()) == {"printed", "written", "from a child", "warned"}


def test_a_log_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "precious").write_text("keep")
    (tmp_path / "console.log").symlink_to(tmp_path / "precious")
    done = subprocess.run([sys.executable, "-c", SCRIPT, tmp_path / "console.log"], capture_output=True)
    assert done.returncode
    assert (tmp_path / "precious").read_text() == "keep"


@pytest.mark.slow
def test_a_child_that_lives_on_does_not_hold_the_process(tmp_path):
    script = SCRIPT.replace('subprocess.run(["echo", "from a child"])', 'subprocess.Popen(["sleep", "30"])')
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "log"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=20,
    )
    assert done.stdout == b"event\nafter\n"


PRINTS_ON = """
import os, pathlib, subprocess, sys, time
from engine.runner.events_on_stdout import capture_stdout
folder = pathlib.Path(sys.argv[1])
with capture_stdout(folder / "log"):
    child = subprocess.Popen(["sh", "-c", "while true; do echo on; sleep 0.01; done"])
    while not (folder / "log").stat().st_size:
        time.sleep(0.01)
others = [open(folder / str(number), "w") for number in range(9)]
time.sleep(0.5)
child.kill()
"""


@pytest.mark.slow
def test_what_a_child_prints_on_goes_into_no_other_file(tmp_path):
    done = subprocess.run([sys.executable, "-c", PRINTS_ON, tmp_path], stderr=subprocess.PIPE, timeout=60)
    assert b"Traceback" not in done.stderr
    assert {(tmp_path / str(number)).read_bytes() for number in range(9)} == {b""}
