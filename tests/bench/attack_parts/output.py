"""Attacks by what programs print, and by texts in runs on those who read what is written of them."""

from __future__ import annotations

import csv
import io
import json
import pickle
import subprocess
import time

import psutil

from engine.events import Metrics, decode
from tests.bench.attack_parts.lab import PYTHON, ROOT, Lab, Outcome, last_line
from tests.hostile_texts import acted_on

EMIT = str(ROOT / "tests/bench/attack_parts/emit.py")
BIG = """
import json
def say(**event): print(json.dumps(event), flush=True)
say(event="log", level="info", message="x" * 10_000_000)
say(event="confusion", step=1, epoch=1, split="test", labels=["a"] * 1000, matrix=[[2**53] * 1000] * 1000)
say(event="metrics", step=1, epoch=1, values={f"m/{i:05d}": 1.0 for i in range(5000)} | {"test/f1": .5})
say(event="metrics", step=2, epoch=2, values={"test/f1": .5})
"""
SMALL = 'model = "vit_mini"\ndataset = "digits"\nimage_size = 8\npatch_size = 4\n'


def no_newline(lab: Lab) -> Outcome:
    """F10: a program prints 1 GB without a newline (64 MB without --full): memory, and what arrives."""
    size = 1000 if lab.full else 64
    lab.experiments(blob=f"import sys\nfor _ in range({size}): sys.stdout.buffer.write(b'x'*1_000_000)")
    process = lab.start("run", "blob", stderr=subprocess.DEVNULL)  # it gets all that the program prints
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, psutil.Process(process.pid).memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.05)
    process.communicate()
    run = lab.only_run()
    arrived = run.console.stat().st_size if run.console.exists() else 0
    told = arrived >= size * 1_000_000 or b"console" in run.events.read_bytes()
    said = f"{peak // 2**20} MiB at most; {arrived:,} of {size},000,000 bytes arrived; {lab.state(run)}"
    return Outcome(said, peak < 200 * 2**20 and told)


def progress_bar(lab: Lab) -> Outcome:
    """F10: a progress bar on stdout, which ends no line: what console.log has after five seconds."""
    lab.experiments(bar=(
        "import sys,time\nfor i in range(600): sys.stdout.write('\\r%d%%' % i); sys.stdout.flush(); time.sleep(.1)"
    ))  # fmt: skip
    process = lab.start("run", "bar")
    lab.wait(lambda: lab.store.runs() and lab.state(lab.only_run()) == "running", 30)
    seen = lab.wait(lambda: (path := lab.only_run().console).exists() and path.stat().st_size, 5)
    process.kill()
    process.communicate()
    return Outcome("seen within 5 s" if seen else "0 bytes after 5 s", seen)


def telemetry_order(lab: Lab) -> Outcome:
    """F11: do steps go backwards in the events of a fast program?"""
    seconds = 60 if lab.full else 12
    lab.experiments(fast=[PYTHON, EMIT, "600", str(seconds)])
    lab("run", "fast", seconds=seconds + 60)
    back, last, lines, telemetry = 0, -1, 0, 0
    for line in lab.only_run().events.read_bytes().split(b"\n"):
        if isinstance(event := decode(line), Metrics):
            back, last, lines = back + (event.step < last), max(last, event.step), lines + 1
            telemetry += "train/loss" not in event.values
    return Outcome(f"{back} of {lines:,} lines go backwards ({telemetry} of telemetry)", not back)


def big_events(lab: Lab) -> Outcome:
    """F17: a log of 10 MB, a matrix of 16 MB, and the last of 5,000 names: is it said that they are left out?"""
    lab.experiments(big=BIG)
    lab("run", "big", seconds=120)
    run = lab.only_run()
    longest = max(len(line) for line in run.events.read_bytes().split(b"\n"))
    logged = [json.loads(line) for line in lab("logs", "--json", run.id).stdout.splitlines()]
    warnings = [event for event in logged if event.get("level") in ("warning", "error")]
    f1 = json.loads(lab("ls", "--json").stdout)["last"].get("test/f1")
    said = f"longest line {longest:,} bytes; {len(warnings)} warnings; test/f1 {f1}"
    return Outcome(said, longest <= 4 * 2**20 + 1 and len(warnings) >= 2 and f1 is not None)


def escapes_in_json(lab: Lab) -> Outcome:
    """F18: hostile texts through `engine ls --json`, `logs --json`, `doctor --json`."""
    lab.strangers().write_texts()
    words = (
        ["ls", "--json"],
        ["ls"],
        ["doctor", "--json"],
        ["doctor"],
        ["logs", "--json", "text-csi"],
        ["logs", "text-csi"],
    )
    bad = {" ".join(each): len(acted_on(lab(*each).stdout.decode(errors="replace"))) for each in words}
    return Outcome(
        ", ".join(f"{name}: {count}" for name, count in bad.items() if count) or "none", not any(bad.values())
    )


def escapes_in_csv(lab: Lab) -> Outcome:
    """F18: hostile texts through `vitui export --to csv`, and as JSON lines."""
    lab.strangers().write_texts()
    counts = {}
    for kind in ("csv", "json"):
        lab("export", "--to", kind, module="tui.cli")
        for path in sorted((lab.folder / "exports" / kind).glob("*")):
            counts[path.name] = len(acted_on(path.read_text(errors="replace").replace("\r\n", "\n")))
    said = ", ".join(f"{name}: {count}" for name, count in counts.items() if count) or "none"
    return Outcome(said, bool(counts) and not any(counts.values()))


def formulas(lab: Lab) -> Outcome:
    """F19: names that a spreadsheet would run, in each CSV file."""
    lab.strangers().write_texts()
    (lab.folder / "experiments.toml").write_text(
        '[experiments."=1+1"]\nmodel = "vit_mini"\ndataset = "digits"\nimage_size = 8\npatch_size = 4\n'
    )
    lab("export", "--to", "csv", module="tui.cli")
    lab("export", "--table", "--format", "csv", module="tui.cli")
    cells = []
    for path in lab.folder.glob("*/**/*.csv"):
        rows = csv.reader(io.StringIO(path.read_text(errors="replace")))
        cells += [
            cell for row in rows for cell in row if cell[:1] in ("=", "+", "@", "-") and not _is_number(cell)
        ]
    return Outcome(f"{len(cells)} cells, as {cells[0][:20]!r}" if cells else "none", not cells)


def damaged_checkpoint(lab: Lab) -> Outcome:
    """F21: a pickle in the place of a checkpoint: is anybody told to load it all the same?"""
    (lab.folder / "experiments.toml").write_text(f'[experiments.p]\n{SMALL}pretrained = "evil.pt"\n')
    mark = lab.folder / "mark"

    class Evil:
        def __reduce__(self):
            return (open, (str(mark), "w"))

    (lab.folder / "evil.pt").write_bytes(pickle.dumps(Evil()))
    done = lab("run", "p", "--device", "cpu", seconds=120)
    said = done.stdout + done.stderr
    advice = b"weights_only" in said
    return Outcome(f"executed: {mark.exists()}; {last_line(done.stderr)}", not advice and not mark.exists())


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
