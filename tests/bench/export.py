"""How long `vitui export` takes, and the memory it holds, on a folder of many long runs.

    python tests/bench/export.py [--experiments 100] [--seeds 10] [--lines 10000] [--rounds 3]

Each run says five metrics of its training on every line, and three of the test on every hundredth line besides.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
from scalars import BEGAN, curves

from engine.config.loader import load_config
from engine.config.schema import Experiment
from engine.events import End, Event, Metrics, Start, encode
from engine.runs.status import Status
from engine.runs.store import Store

FIGURES = {
    "one": ("test/f1", "epoch", 1),
    "ten": ("test/f1", "epoch", 10),
    "all": ("test/f1", "epoch", None),
    "time": ("test/f1", "time", 10),
    "dense": ("train/m0", "step", 10),
}
"""Metric, axis and how many experiments."""


def configuration(experiments: int, seeds: int) -> str:
    """Return an experiments.toml."""
    names = [f"exp-{number:03d}" for number in range(experiments)]
    lines = ['[defaults]\nmodel = "vit_mini"\ndataset = "digits"\nimage_size = 16\npatch_size = 4']
    lines.append(f"seeds = {list(range(seeds))}\nepochs = 100")
    lines += [f"[experiments.{name}]\nlr = {1e-4 * (number + 1):g}" for number, name in enumerate(names)]
    for figure, (metric, axis, count) in FIGURES.items():
        lines.append(f'[figures.{figure}]\ny = "{metric}"\nx = "{axis}"\nexperiments = {names[:count]}')
    return "\n".join(lines) + "\n"


def said(run: str, experiment: Experiment, seed: int, count: int) -> Iterator[Event]:
    """Yield the events of a finished run."""
    series = curves(count, seed)
    yield Start(
        time=BEGAN, run=run, experiment=experiment.name, seed=seed, config=msgspec.structs.asdict(experiment),
        device="cpu", steps_per_epoch=count // 100, epochs=100, parameters=306_730, pid=1, host="elsewhere",
    )  # fmt: skip
    for step, values in enumerate(zip(*series.values(), strict=True), start=1):
        at = {"time": BEGAN + step, "run": run, "step": step, "epoch": 100 * step / count}
        yield Metrics(**at, values=dict(zip(series, values, strict=True)))  # type: ignore[arg-type]
        if step % 100 == 0:
            found = {"test/f1": 1 - values[0], "test/accuracy": 1 - values[0], "test/loss": values[0]}
            yield Metrics(**at, values=found)  # type: ignore[arg-type]
    yield End(time=BEGAN + count, run=run, state="finished", reason="trained all", duration_s=count)


def write_runs(folder: Path, seeds: int, lines: int) -> None:
    """Write a run of each experiment and seed; those of a seed say the same."""
    config, store = load_config(folder / "experiments.toml"), Store(folder / "runs")
    for seed in range(seeds):
        template, status = b"", Status(run="")
        for experiment in config.experiments.values():
            run = store.create(experiment, seed)
            if not template:
                events = list(said("@run@", experiment, seed, lines))
                template = b"".join(encode(event) for event in events)
                for event in events:
                    status.apply(event)
            data = template.replace(b"@run@", run.id.encode())
            run.events.write_bytes(data)
            now = msgspec.structs.replace(status, run=run.id, experiment=experiment.name, offset=len(data))
            (run.path / "status.json").write_bytes(msgspec.json.encode(now))
            (run.path / "lock").touch()


def measure(folder: Path, *arguments: str) -> tuple[float, float]:
    """Return the seconds that an export takes, and the most MiB that it holds."""
    began, most = time.monotonic(), 0
    command = [sys.executable, "-m", "tui.cli", "export", *arguments]
    with psutil.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as child:
        while child.poll() is None:
            try:
                most = max(most, child.memory_info().rss)
            except psutil.Error:  # it has just ended
                break
            time.sleep(0.02)
    if child.wait() != 0:
        raise RuntimeError(f"the export ended with {child.returncode}")
    return time.monotonic() - began, most / 2**20


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--experiments", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--lines", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder to write the runs into, or to find them in")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vitui-export-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "runs").exists():
            (folder / "experiments.toml").write_text(configuration(given.experiments, given.seeds))
            write_runs(folder, given.seeds, given.lines)
        size = sum(path.stat().st_size for path in folder.glob("runs/*/events.jsonl")) / 1e9
        print(f"{given.experiments * given.seeds} runs of {given.lines:,} lines, {size:.2f} GB\n")
        print("| export | runs in it | s | MiB at most |\n|---|---|---|---|")
        cases = {name: [name] for name in FIGURES} | {"table of all": ["--table"]}
        for name, arguments in cases.items():
            found = [measure(folder, *arguments, "--out", "out") for _ in range(given.rounds)]
            seconds, memory = map(list, zip(*found, strict=True))
            metric, axis, count = FIGURES.get(name, ("", "", None))
            what = f"{name}: {metric} by {axis}" if metric else name
            runs = (count or given.experiments) * given.seeds
            rounds = ", ".join(f"{each:.1f}" for each in seconds)
            print(
                f"| {what} | {runs} | {statistics.median(seconds):.1f} ({rounds}) | {max(memory):.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
