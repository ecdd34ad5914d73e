"""Attacks by disks that are full, read-only, or take nothing at all."""

from __future__ import annotations

import contextlib
import subprocess

from tests.bench.attack_parts.lab import PYTHON, TRACEBACK, Lab, Outcome, last_line
from tests.bench.attack_parts.output import EMIT


def full_disk(lab: Lab) -> Outcome:
    """F7: a disk fills up under a run: `engine stop`, `--now` and `--force`."""
    lab.experiments(emit=[PYTHON, EMIT, "10", "600"])
    said, held = [], True
    for words in ((), ("--now",), ("--force", "--patience", "2")):
        with lab.small_disk():
            process = lab.start("run", "emit")
            lab.wait(lambda: lab.store.runs() and lab.state(lab.only_run()) == "running", 30)
            _fill(lab)
            done = lab("stop", *words, lab.only_run().id, seconds=60)
            has = TRACEBACK in done.stderr
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=30)
            process.kill()
        said.append(
            f"stop {' '.join(words[:1])}: {'traceback' if has else last_line(done.stdout + done.stderr)}"
        )
        held = held and not has
    return Outcome("; ".join(said), held)


def _fill(lab: Lab) -> None:
    for size in (4096, 1):
        with contextlib.suppress(OSError), (lab.root / f"fill{size}").open("wb", buffering=0) as file:
            while file.write(b"x" * size):
                pass


def read_only(lab: Lab) -> Outcome:
    """F14: all verbs on a file system that cannot be written."""
    run = lab.submit("mine", "--wait")
    kept = lab.folder / "kept"
    lab.root.rename(kept)
    said, held = [], True
    with lab.small_disk():
        subprocess.run(["cp", "-a", f"{kept}/.", str(lab.root)], check=True)
        subprocess.run(["mount", "-o", "remount,ro", str(lab.root)], check=True)
        for words in (["run", "mine"], ["submit", "mine"], ["work", "--devices", "cpu:1"], ["ls"], ["stop", run.id],
                      ["rm", "--yes", run.id], ["doctor"], ["hold", run.id], ["tag", run.id, "+x"]):  # fmt: skip
            done = lab(*words, seconds=60)
            if TRACEBACK in done.stderr + done.stdout or done.returncode == -9:
                said.append(f"{words[0]}: {last_line(done.stderr)}")
                held = False
    return Outcome("; ".join(said) or "each says it in a line", held)


def full_device(lab: Lab) -> Outcome:
    """F15: /dev/full as the output, and a terminal of ASCII."""
    lab.submit("mine", "--wait")
    cases = {
        "ls": ["ls"],
        "ls --json": ["ls", "--json"],
        "doctor": ["doctor"],
        "once": ["--once", "--size", "80x24"],
    }
    bad = []
    for name, words in cases.items():
        with open("/dev/full", "wb") as full:  # noqa: PTH123  a device
            done = lab(*words, module="tui.cli" if name == "once" else "engine.cli", stdout=full, seconds=60)
        if TRACEBACK in done.stderr or b"Error" in done.stderr or done.returncode == 0:
            bad.append(f"{name}: exit code {done.returncode}, {last_line(done.stderr)}")
    command = f"PYTHONIOENCODING=ascii {PYTHON} -m tui.cli --once --size 80x24"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"], cwd=lab.folder, env=lab.env, capture_output=True
    )
    if TRACEBACK in done.stdout + done.stderr:
        bad.append("once as ASCII: traceback")
    return Outcome("; ".join(bad) or "a line each", not bad)
