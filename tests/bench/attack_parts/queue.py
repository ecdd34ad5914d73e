"""Attacks on what runs, how often, and who gets a signal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time

from engine.events import End, Start, decode
from engine.runs.store import Run
from tests.bench.attack_parts.lab import TRACEBACK, Lab, Outcome, Skipped, last_line, victims
from tests.processes import commands

RACE = (
    "import os,time,json,sys\nif os.fork()==0:\n os.setsid()\n if os.fork()==0:\n  t=time.time()\n  i=0\n"
    "  while time.time()-t<30:\n   i+=1\n   print(json.dumps({'event':'metrics','step':i,'epoch':1,"
    "'values':{'train/loss':i}}),flush=True)\n os._exit(0)\ntime.sleep(1)\nsys.exit(1)"
)
"""A child in a session of its own that goes on printing events when its program has failed."""
QUIET = (
    "import os,time\nif os.fork()==0:\n os.setsid()\n if os.fork()==0:\n  d=os.open('/dev/null',1)\n"
    "  os.dup2(d,1);os.dup2(d,2)\n  time.sleep(300)\n os._exit(0)\ntime.sleep(1)\n"
)
"""A child in a session of its own that says nothing and stays."""
TWO = "import os,time;print('attempt',os.environ['VITUI_ATTEMPT'],flush=True);time.sleep(2)"
SLOW = "import time\nfor i in range(600): time.sleep(0.1)"


def stranger(lab: Lab) -> Outcome:
    """F1: 18 folders of others beside one's own, then `engine submit mine`."""
    return _executed(lab)


def stranger_of_another_user(lab: Lab) -> Outcome:
    """F1: the same, of another user, in a folder of runs that everybody may write."""
    if os.geteuid():
        raise Skipped("only root gives files away")
    return _executed(lab, owner=65534)


def _executed(lab: Lab, owner: int | None = None) -> Outcome:
    strangers = lab.strangers()
    strangers.write_queued()
    if owner is not None:
        lab.root.chmod(0o777)
        for path in lab.root.rglob("*"):
            os.chown(path, owner, owner)
    mine = lab.submit("mine")
    lab.wait(lambda: lab.state(mine) == "finished", 60)
    lab.wait(lambda: len(strangers.executed()) >= 10, 20)
    ran, state = strangers.executed(), lab.state(mine)
    said = f"{len(ran)} of {len(strangers.names)} executed; one's own run: {state}"
    return Outcome(said, not ran and (state == "finished" or owner is not None))


def double_resume(lab: Lab) -> Outcome:
    """F3: two `engine resume RUN` at once, of a program of two seconds; five times."""
    lab.experiments(two=TWO)
    twice, codes = 0, []
    for seed in range(5):
        run = lab.submit("two", "--wait", "--seed", str(seed))
        lab("cancel", run.id)
        both = [lab.start("resume", run.id) for _ in range(2)]
        for process in both:
            process.communicate(timeout=120)
        codes.append("/".join(str(process.returncode) for process in both))
        twice += sum(isinstance(event, Start) for event in _events(run)) > 1
    return Outcome(f"trained again {twice} of 5; exit codes {' '.join(codes)}", not twice)


def setsid_race(lab: Lab) -> Outcome:
    """F4: a child goes on printing when its program has failed; events after the end, and damaged files."""
    lab.experiments(race=RACE)
    count = 24 if lab.full else 6
    after = torn = damaged = 0
    for begin in range(0, count, 2):
        errors = [lab.start("run", "race", "--seed", str(seed)) for seed in (begin, begin + 1)]
        torn += sum(TRACEBACK in process.communicate(timeout=90)[1] for process in errors)
    for run in lab.store.runs():
        ends = [isinstance(event, End) for event in _events(run)]
        after += True in ends and not ends[-1]
        damaged += any(_is_damaged(path) for path in run.path.glob("*.json"))
    said = f"{count} runs: {after} with events after the end, {torn} tracebacks, {damaged} damaged files"
    return Outcome(said, not after + torn + damaged)


def spoofed_pids(lab: Lab) -> Outcome:
    """F5: folders that name two processes of the user: `engine stop --force`, and a worker before a retry."""
    with victims(2) as (first, second):
        strangers = lab.strangers()
        force, _ = strangers.write_spoofed(first.pid, second.pid)
        lab("stop", "--force", "--patience", "1", force.name, seconds=40)
        worker = lab.start("work", "--backoff", "0", "--devices", "cpu:1")
        lab.wait(lambda: second.poll() is not None, 15)
        worker.terminate()
        worker.communicate()
        ended = [process.poll() is not None for process in (first, second)]
    return Outcome(f"{sum(ended)} of 2 processes of others killed", not any(ended))


def hangup(lab: Lab) -> Outcome:
    """F8: SIGHUP to `engine run`, as when an SSH connection breaks."""
    lab.experiments(slow=SLOW)
    process = lab.start("run", "slow", start_new_session=True)
    lab.wait(lambda: lab.store.runs() and lab.state(lab.only_run()) == "running", 30)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    state = lab.state(lab.only_run())
    return Outcome(f"{state}, exit code {process.returncode}", (state, process.returncode) == ("stopped", 3))


def leftovers(lab: Lab) -> Outcome:
    """F9: a child that leaves its session outlives its run."""
    lab.experiments(quiet=QUIET)
    lab("run", "quiet", seconds=60)
    left = [pid for pid, words in commands(lab.folder) if "-c" in words]
    doctor = lab("doctor").stdout
    named = any(str(pid).encode() in doctor for pid in left)
    return Outcome(f"{len(left)} left; doctor: {last_line(doctor)}", not left or named)


def old_description(lab: Lab) -> Outcome:
    """F13: `engine resume` of a run whose run.json lacks a key of today."""
    lab.experiments(slow=SLOW)
    run = lab.submit("slow", "--wait")
    lab("cancel", run.id)
    info = json.loads((run.path / "run.json").read_bytes())
    del info["config"]["model"]
    (run.path / "run.json").write_text(json.dumps(info))
    done = lab("resume", run.id, seconds=60)
    return _no_traceback(done)


def repaired_again_and_again(lab: Lab) -> Outcome:
    """F16: `engine doctor --fix` after a program that told a time far ahead."""
    lab.experiments(future=(
        "import json\nfor t,s in ((9e10,1),(0,2),(1e11,4)): print(json.dumps({'event':'metrics','time':t,'step':s,"
        "'epoch':s,'values':{'test/f1':.5}}),flush=True)"
    ))  # fmt: skip
    lab("run", "future", seconds=60)
    repairs = lab("doctor", "--fix").stdout.count(b"repaired:")
    again = lab("doctor").stdout
    return Outcome(f"{repairs} repairs; then: {last_line(again)}", again == b"every run is well\n")


def stopped_worker(lab: Lab) -> Outcome:
    """F20: the worker is stopped by SIGSTOP: what is said of a queued run."""
    lab.experiments(slow=SLOW)
    lab.submit("slow", "--wait")
    worker = lab.start("work", "--forever", "--devices", "cpu:1")
    lab.wait(lambda: any(lab.state(run) == "running" for run in lab.store.runs()), 30)
    worker.send_signal(signal.SIGSTOP)
    run = lab.submit("mine", "--wait")
    time.sleep(6)
    said = [line for line in lab("doctor").stdout.decode().splitlines() if run.id in line]
    listed = json.loads(lab("ls", "--json", run.id).stdout or "{}").get("reason", "")
    worker.send_signal(signal.SIGCONT)
    worker.kill()
    worker.communicate()
    told = "stopped" in listed or "answer" in listed or str(worker.pid) in listed
    return Outcome(
        f"ls: {listed or '(no reason)'}; doctor: {said[0][len(run.id) + 2 :] if said else '-'}", told
    )


def hostile_ticket(lab: Lab) -> Outcome:
    """F21: a ticket that begins in 1e308 seconds; what lists say of it."""
    lab.strangers().write("late", {"submitted": 1, "not_before": 1e308})
    worker = lab.start("work", "--devices", "cpu:1", "--forever")
    lab.wait(lambda: (lab.root / ".queue.json").exists(), 20)
    time.sleep(1)
    reason = json.loads(lab("ls", "--json").stdout)["reason"]
    worker.kill()
    worker.communicate()
    held = len(reason) < 200 and "e+" not in reason
    return Outcome(f"a reason of {len(reason)} characters: {reason[:60]}", held)


def moved_folder(lab: Lab) -> Outcome:
    """F22: the folder of runs is renamed under a worker, and a run's folder deleted under its run."""
    lab.experiments(slow=SLOW, short=["sleep", "2"])
    lab.submit("short", "--wait")
    lab.submit("short", "--wait", "--seed", "1")
    worker = lab.start("work", "--devices", "cpu:1")
    lab.wait(lambda: any(lab.state(run) == "running" for run in lab.store.runs()), 30)
    lab.root.rename(lab.folder / "elsewhere")
    try:
        _, err = worker.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        worker.kill()
        _, err = worker.communicate()
    lab.root.mkdir(exist_ok=True)
    process = lab.start("run", "slow")
    lab.wait(lambda: lab.store.runs() and lab.state(lab.only_run()) == "running", 30)
    shutil.rmtree(lab.only_run().path)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    said = f"worker {worker.returncode}: {last_line(err)}; run: exit code {process.returncode}"
    return Outcome(said, worker.returncode not in (0, -9) and process.returncode not in (0, -9))


def _events(run: Run) -> list[object]:
    data = run.events.read_bytes() if run.events.exists() else b""
    return [event for line in data.split(b"\n") if (event := decode(line)) is not None]


def _is_damaged(path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return True
    return False


def _no_traceback(done: subprocess.CompletedProcess[bytes]) -> Outcome:
    has = TRACEBACK in done.stdout + done.stderr
    said = (
        f"{'traceback, ' if has else ''}exit code {done.returncode}: {last_line(done.stderr or done.stdout)}"
    )
    return Outcome(said, not has and done.returncode != -9)
