"""How long `engine ls` takes, from the start of its process to its end, beside the least that Python needs for it.

    python tests/bench/ls.py [--runs 100,1000,10000] [--rounds 10] [--tree DIR]

Makes run folders as runs leave them (run.json, events.jsonl, status.json, lock, checkpoints/), in a mix of states,
and lists them. `bare` starts an interpreter that looks into the same folders and reads the same files without
knowing what they mean: status.json, then whether lock and queued.json are there. `--tree` times another checkout.
"""

from __future__ import annotations

import argparse
import fcntl
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from engine.config.schema import Experiment
from engine.events import Checkpoint, End, Estimate, Event, Failure, Metrics, Start, encode
from engine.runs.status import FOLD, Status
from engine.runs.store import RunInfo
from engine.system import process

ROOT = Path(__file__).parent.parent.parent
STATES = (*("finished",) * 13, *("stopped",) * 2, *("failed",) * 2, "crashed", "queued", "silent")
"""What twenty runs are like. One run in a thousand is running besides."""
EPOCHS, STEPS = 7, 20

BARE = """
import os, sys
for entry in os.scandir(sys.argv[1]):
    for name in ("status.json", "lock", "queued.json"):
        try:
            handle = os.open(f"{entry.path}/{name}", os.O_RDONLY)
        except OSError:
            continue
        if name == "status.json":
            os.read(handle, 65536)
        os.close(handle)
"""


def experiments() -> list[Experiment]:
    """Return what the runs were made for."""
    return [
        Experiment(name=f"{model}-{lr:g}", model=model, dataset="digits", epochs=EPOCHS, lr=lr, tags=[model])
        for model in ("vit_mini", "bit_mini", "hybrid_mini", "vit_b")
        for lr in (1e-4, 3e-4, 1e-3)
    ]


def said(run_id: str, experiment: Experiment, seed: int, state: str, began: float) -> Iterator[Event]:
    """Yield what a run in such a state has said."""
    if state == "queued":
        return
    alive = state == "running"
    yield Start(
        time=began, run=run_id, experiment=experiment.name, seed=seed, device="cuda:0", epochs=EPOCHS,
        pid=os.getpid() if alive else 1, host="elsewhere" if state == "silent" else process.host(),
        process_started=(process.started(os.getpid()) or 0.0) if alive else 0.0, boot=process.boot_id(),
        parameters=306_730, steps_per_epoch=STEPS, init="scratch",
    )  # fmt: skip
    last = EPOCHS * STEPS if state == "finished" else EPOCHS * STEPS // 2
    for step in range(1, last + 1):
        fall = math.exp(-step / (50 + seed))
        values = {f"train/{name}": fall for name in ("loss", "accuracy", "lr", "grad_norm", "images_per_s")}
        values |= {"gpu/memory_process": 3.1e9 + step, "time/data": fall, "time/forward": fall}
        if step % STEPS == 0:
            values |= {f"test/{name}": 1 - fall for name in ("f1", "accuracy", "precision", "recall")}
            values |= {"test/loss": fall, "val/f1": 1 - fall, "val/loss": fall}
        if step % STEPS == 0 or step % 10 == 0:
            yield Metrics(time=began + step, run=run_id, step=step, epoch=step / STEPS, values=values)
    at = {"time": began + last, "run": run_id}
    yield Checkpoint(
        **at, step=last, epoch=last / STEPS, path="checkpoints/last.pt", kind="last", bytes=10**6
    )
    if state in ("finished", "stopped", "failed"):
        error = Failure(type="OutOfMemoryError", message="out of memory") if state == "failed" else None
        reason = {"finished": f"trained all {EPOCHS} epochs", "stopped": "stopped by SIGTERM"}.get(state, "")
        f1 = msgspec.to_builtins(Estimate(value=0.6, low=0.59, high=0.61, n=360))
        yield End(**at, state=state, reason=reason, error=error, duration_s=last, summary={"test/f1": f1})  # type: ignore[arg-type]


def write_run(root: Path, number: int, state: str) -> None:
    """Write the folder of one run."""
    experiment = (known := experiments())[number % len(known)]
    began = time.time() - 60 * (number + 10)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(began))
    folder = root / f"{experiment.name}-s{number % 5}-{stamp}-{number:04x}"
    (folder / "checkpoints").mkdir(parents=True)
    config = msgspec.structs.asdict(experiment)
    info = RunInfo(
        id=folder.name, experiment=experiment.name, config=config, seed=number % 5, created=began,
        git={"commit": "0" * 40, "dirty": False}, cwd=str(ROOT),
    )  # fmt: skip
    (folder / "run.json").write_bytes(msgspec.json.format(msgspec.json.encode(info), indent=2))
    if state == "queued":
        (folder / "queued.json").write_bytes(b'{"submitted":1.0,"device":"auto","settings":[]}')
        return
    status = Status(run=folder.name, fold=FOLD)
    lines = []
    for event in said(folder.name, experiment, number % 5, state, began):
        status.apply(event)
        lines.append(encode(event))
    status.offset = (folder / "events.jsonl").write_bytes(b"".join(lines))
    (folder / "status.json").write_bytes(msgspec.json.encode(status))
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    if state == "running":
        fcntl.flock(lock, fcntl.LOCK_EX)  # held until this process ends
    else:
        os.close(lock)


def write_runs(root: Path, count: int) -> None:
    """Write ``count`` runs in a mix of states."""
    for number in range(count):
        write_run(root, number, "running" if number % 1000 == 7 else STATES[number % len(STATES)])


def measure(command: Sequence[str], rounds: int, tree: Path) -> tuple[float, float, float, float]:
    """Return the least and the median of a command's milliseconds, the least on the CPU, and the most MiB it took."""
    times, cpu, memory = [], [], 0.0
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(
        rounds + 1
    ):  # the first finds bytecode and pages that are not there yet, and does not count
        began = time.perf_counter()
        child = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=tree,
            env=env | {"PYTHONPATH": str(tree)},
        )
        _, code, usage = os.wait4(child.pid, 0)
        times.append(1000 * (time.perf_counter() - began))
        cpu.append(1000 * (usage.ru_utime + usage.ru_stime))
        child.returncode = os.waitstatus_to_exitcode(code)
        if child.returncode:
            sys.exit(f"{' '.join(command)} ended with {child.returncode}")
        memory = max(memory, usage.ru_maxrss / 1024)
    return min(times[1:]), statistics.median(times[1:]), min(cpu[1:]), memory


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", default="0,100,1000,10000")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--tree", type=Path, default=ROOT)
    parser.add_argument("--plain", action="store_true", help="only what every version of ls can do")
    arguments = parser.parse_args()
    python = sys.executable
    print("| runs | what | least ms | median ms | CPU ms | MiB |\n|---|---|---|---|---|---|")
    for count in map(int, arguments.runs.split(",")):
        folder = Path(tempfile.mkdtemp(prefix="vitui-ls-"))
        try:
            write_runs(folder, count)
            ls = [python, "-m", "engine.cli", "ls", "--runs", str(folder)]
            commands = {
                "bare, without site": [python, "-I", "-S", "-c", BARE, str(folder)],
                "bare": [python, "-c", BARE, str(folder)],
                "ls": ls,
                "ls --json": [*ls, "--json"],
            }
            if not arguments.plain:
                commands |= {
                    "ls state=failed": [*ls, "state=failed"],
                    "ls 'model~vit lr<1e-3'": [*ls, "model~vit lr<1e-3"],
                    "ls --sort test/f1": [*ls, "--sort", "test/f1"],
                    "ls --limit 20": [*ls, "--limit", "20"],
                }
            for name, command in commands.items():
                least, median, cpu, memory = measure(command, arguments.rounds, arguments.tree)
                print(
                    f"| {count:,} | {name} | {least:.0f} | {median:.0f} | {cpu:.0f} | {memory:.0f} |",
                    flush=True,
                )
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
