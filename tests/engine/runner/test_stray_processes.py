"""What leaves the group of a program, as daemons do, ends with the attempt that started it: real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from engine.events import End, decode

LEAVES = """
import json, os, sys, time
def leave(environment, *words):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve("/bin/sleep", ["sleep", "600"], environment)
        os._exit(0)
leave(os.environ)
leave({})
out = os.dup(1)
os.dup2(os.open("/dev/null", os.O_WRONLY), 1)
leave(os.environ | {"VITUI_RUN_DIR": ""})
os.dup2(out, 1)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            print(json.dumps({"event": "metrics", "values": {"x": 1}}), flush=True)
    os._exit(0)
sys.exit(1)
"""


ADOPTS = """
import json, subprocess, sys, time
import psutil
from engine.runner.stray_processes import StrayProcesses
from engine.runs.store import Run
before = subprocess.Popen(["sleep", "600"])
with StrayProcesses(Run(sys.argv[1])) as strays:
    brief = "(sleep 0 &) ; (sleep 0 &) ; (env -i setsid sleep 600 &) ; (setsid sleep 600 &)"
    subprocess.run(["sh", "-c", brief], check=True)
    me = psutil.Process()
    while len(me.children()) < 3:
        time.sleep(0.01)
    while any(child.status() == "zombie" for child in me.children()) or len(me.children()) > 3:
        strays.reap({before.pid})
        time.sleep(0.01)
    left = [child.pid for child in me.children() if child.pid != before.pid]
    text = strays.end()
print(json.dumps([left, text, [child.pid for child in me.children()], before.pid]))
before.kill()
"""


def test_the_orphans_of_a_program_are_adopted_reaped_and_ended(run):
    done = subprocess.run(
        [sys.executable, "-c", ADOPTS, str(run.path)], capture_output=True, timeout=60, check=True
    )
    left, text, children, before = json.loads(done.stdout)
    one, two = sorted(left)
    assert text == f"its command left the processes {one} (sleep 600), {two} (sleep 600), now ended"
    assert children == [before]  # what was there before the program is not its own, and no zombie stays
    assert not any(psutil.pid_exists(pid) for pid in left)


@pytest.mark.slow
def test_what_leaves_the_group_of_a_program_is_ended_with_its_attempt(lab, engine):
    (lab / "program.py").write_text(LEAVES)
    command = json.dumps([sys.executable, "program.py"])
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")
    done = engine("run", "mine")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    (folder,) = (lab / "runs").iterdir()
    events = [decode(line) for line in folder.joinpath("events.jsonl").read_bytes().splitlines()]
    said, end = events[-2:]
    assert said.message.startswith("its command left the processes ")
    assert isinstance(end, End)
    assert end.reason.startswith("its command ended with status 1")
    stays = [entry for entry in Path("/proc").glob("[0-9]*") if sleeps_in(entry, lab)]
    for entry in stays:
        os.kill(int(entry.name), signal.SIGKILL)
    assert len(stays) == 1  # it was told to belong to no run
    assert said.message.count("sleep 600") == 2


def sleeps_in(entry: Path, lab: Path) -> bool:
    try:
        return b"sleep" in (entry / "cmdline").read_bytes() and (entry / "cwd").readlink() == lab
    except OSError:
        return False
