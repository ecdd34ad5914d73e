"""Throw bytes at everything that reads what others wrote, guided by coverage: no input may end a reader.

    pip install -e '.[fuzz]'
    python tests/bench/fuzz.py [--inputs 1000000] [--target events|files|config|filters|logs|folders|output] [--seed 1]

Each target runs in a process of its own, with its share of the inputs. The first input that raises what it should not
ends its process, which names it; it is kept as ``crash-*`` in the folder that is printed, and given to the target again
with ``--input FILE``; ``WITHOUT=ls_json,feed`` leaves readers of folders out. Half of the inputs are mutated as
bytes, half as the JSON or the lines that they are made of.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import atheris

with atheris.instrument_imports(include=["engine", "tomli"]):
    from tests.bench.fuzz_parts import folders, mutation, programs, runs, samples, settings

ROOT = Path(__file__).parent.parent.parent
MAX_BYTES = 4096
RSS_LIMIT_MB = 1024
TIMEOUT_S = 10


class Target(NamedTuple):
    """What is fuzzed."""

    share: float
    """Which part of the inputs it gets."""
    read: Callable[[bytes], None]
    corpus: Callable[[], Iterable[bytes]]
    """Inputs to begin with."""
    words: Callable[[], list[str]] = samples.words
    """What inputs are made of, for mutations to put in."""


TARGETS = {
    "events": Target(0.2, runs.events_target, runs.events_corpus),
    "files": Target(0.03, runs.files_target, runs.files_corpus),
    "config": Target(0.03, settings.config_target, settings.config_corpus, settings.config_words),
    "filters": Target(0.14, settings.filters_target, settings.filters_corpus, settings.filters_words),
    "logs": Target(0.1, programs.logs_target, programs.logs_corpus, programs.logs_words),
    "folders": Target(0.4, folders.folders_target, folders.folders_corpus),
    "output": Target(0.1, programs.output_target, programs.output_corpus),
}


def fuzz(target: str, arguments: list[str]) -> None:
    """Give a target inputs until libFuzzer has had enough; does not come back."""
    atheris.Setup([sys.argv[0], *arguments], TARGETS[target].read, custom_mutator=mutation.mutate)
    atheris.Fuzz()


def start(target: str, inputs: int, seed: int, folder: Path) -> str:
    """Fuzz a target in a process of its own, and return a line of a table on it."""
    seeds = folder / target
    seeds.mkdir()
    for number, data in enumerate(TARGETS[target].corpus()):
        (seeds / f"seed-{number}").write_bytes(data)
    known = folder / f"{target}.dict"
    spelt = ["".join(f"\\x{byte:02x}" for byte in word.encode()) for word in TARGETS[target].words()]
    known.write_text("".join(f'"{word}"\n' for word in spelt))
    options = {
        "runs": inputs, "seed": seed, "max_len": MAX_BYTES, "rss_limit_mb": RSS_LIMIT_MB, "timeout": TIMEOUT_S,
        "artifact_prefix": f"{folder}/{target}-", "print_final_stats": 1, "dict": known,
    }  # fmt: skip
    given = [f"-{name}={value}" for name, value in options.items()]
    command = [sys.executable, __file__, "--target", target, "--", str(seeds), *given]
    began = time.monotonic()
    log = folder / f"{target}.log"
    with log.open("wb") as file:
        code = subprocess.run(
            command, stdout=file, stderr=file, env=os.environ | {"PYTHONPATH": str(ROOT)}
        ).returncode
    said = log.read_text(errors="replace")
    seconds = time.monotonic() - began
    counts = {
        name: re.search(rf"stat::{name}:\s+(\d+)", said)
        for name in ("number_of_executed_units", "peak_rss_mb")
    }
    executed, peak = (int(found[1]) if found else 0 for found in counts.values())
    covered = re.findall(r"cov: (\d+)", said)
    verdict = "nothing" if code == 0 else f"ended with {code}: see {log}"
    return (
        f"| {target} | {executed:,} | {seconds:.0f} | {peak} | {covered[-1] if covered else ''} | {verdict} |"
    )


def main() -> None:
    """Fuzz all targets, or be the process that fuzzes one."""
    if "--" in sys.argv:
        cut = sys.argv.index("--")
        fuzz(sys.argv[cut - 1], sys.argv[cut + 1 :])
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--target", choices=list(TARGETS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--input", type=Path, help="give this file to --target, once")
    arguments = parser.parse_args()
    if arguments.input:
        TARGETS[arguments.target].read(arguments.input.read_bytes())
        return
    folder = Path(tempfile.mkdtemp(prefix="vitui-fuzz-"))
    print(f"what is found goes to {folder}", file=sys.stderr)
    print("| target | inputs | seconds | peak MiB | coverage | found |\n|---|---|---|---|---|---|")
    for target in [arguments.target] if arguments.target else TARGETS:
        print(
            start(target, round(arguments.inputs * TARGETS[target].share), arguments.seed, folder), flush=True
        )


if __name__ == "__main__":
    main()
