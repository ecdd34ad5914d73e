"""All that only a GPU can show, in one command of at most ten minutes on one card; writes tests/bench/gpu.md.

    python tests/bench/gpu.py [PART…] [--minutes 10] [--folder CIFAR10] [--out tests/bench/gpu.md] [--small]

The parts of tests/bench/gpu_parts run in the order of their worth, each in a process of its own with a limit of its
own: one that fails, hangs or takes too long costs its own numbers only, and what it had printed is kept. The report is
written anew after each part. CIFAR10 is an image folder with train/ and test/; without it the digits are used. --small
runs every part with the smallest models and fewest steps, on a CPU too: it shows that the parts work, and measures
nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


class Part(NamedTuple):
    """A module of ``gpu_parts``: what it shows, what is expected of it, and the most seconds that it may take."""

    name: str
    title: str
    expected: str
    seconds: float


PARTS = (
    Part("machine", "The machine, and NVML beside torch",
         "NVML lists this process with what torch reserved and a CUDA context of 0.3 to 0.6 GiB; energy is the mean "
         "power times the seconds within 5 %.", 40),
    Part("findings", "What only a GPU shows of the code",
         "The probe changes no tensor; the peak is that of training; no compilation inside the run; graphs with "
         "accumulation are refused; a process group over NCCL ends.", 100),
    Part("speed", "Images a second and MFU of training",
         "ViT-B/16 at 224 pixels: 4,700 images/s on an H200 with bf16 and compile (about 50 % MFU); eager at least "
         "0.7 of that; CUDA graphs gain most where the model is small.", 150),
    Part("resume", "Stopped and resumed against undisturbed",
         "With deterministic = true no tensor of the last checkpoint differs.", 110),
    Part("memory", "Estimated memory against the peak of a step",
         "Eager within 15 % of what torch allocated at its peak; compiled as much or less.", 60),
    Part("queueing", "Two runs for one card, and a stop that proves the memory free",
         "The second begins when the first has ended; after the forced stop NVML counts none of the run's memory.", 60),
    Part("loop", "The engine's loop against a bare PyTorch loop",
         "At least 0.98 of the bare loop's images a second.", 60),
    Part("kernels", "Attention: fused against written out",
         "Fused is faster from 50 tokens on, and keeps no matrix of scores.", 40),
    Part("learning", "One experiment of each family on CIFAR-10, as long as time is left",
         "The 32-pixel ViT, BiT and hybrid reach more than 0.6 of macro F1 in their epochs.", 240),
)  # fmt: skip


def main() -> None:
    """Run the parts, and write the report after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [part.name for part in PARTS]
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all by default: {', '.join(names)}")
    parser.add_argument("--minutes", type=float, default=10.0, help="for all parts together")
    parser.add_argument("--folder", type=Path, help="CIFAR-10 as an image folder")
    parser.add_argument("--out", type=Path, default=HERE / "gpu.md")
    parser.add_argument("--small", action="store_true", help="only show that the parts work")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(names):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if not run_all(arguments):
        sys.exit(1)


def run_all(arguments: argparse.Namespace) -> bool:
    """Run the parts that were asked for; return whether all of them came to their end."""
    deadline = time.monotonic() + 60 * arguments.minutes
    chosen = [part for part in PARTS if not arguments.parts or part.name in arguments.parts]
    sections, well = [], True
    for part in chosen:
        seconds = min(part.seconds * (3 if arguments.small else 1), deadline - time.monotonic())
        if seconds < 10:
            sections.append(f"## {part.title}\n\nNot run: the time was up.\n")
        else:
            print(f"{part.name}: at most {seconds:.0f} s", file=sys.stderr, flush=True)
            section, ended = run_part(part, seconds, arguments)
            sections.append(section)
            well = well and ended
        write_report(arguments.out, sections, small=arguments.small)
    return well


def run_part(part: Part, seconds: float, arguments: argparse.Namespace) -> tuple[str, bool]:
    """Run a part; return its section of the report, and whether it came to its end."""
    command = [sys.executable, "-m", f"gpu_parts.{part.name}"]
    command += ["--small"] if arguments.small else []
    command += ["--folder", str(arguments.folder.resolve())] if arguments.folder else []
    command += ["--seconds", f"{0.9 * seconds:.0f}"]
    path = os.pathsep.join([str(HERE), str(ROOT), os.environ.get("PYTHONPATH", "")])
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as home,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        environment = os.environ | {
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "VITUI_CACHE": f"{home}/cache",
        }
        process = subprocess.Popen(
            command, cwd=home, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
        )  # fmt: skip
        try:
            code = process.wait(timeout=seconds)
            ending = "" if code == 0 else f"It ended with status {code}:"
        except subprocess.TimeoutExpired:
            code, ending = None, "It was ended at its limit."
        finally:
            end_family(process)
        output.seek(0)
        errors.seek(0)
        printed = output.read().decode(errors="replace").strip()
        problem = errors.read().decode(errors="replace").strip().splitlines()[-12:]
    lines = [f"## {part.title}", "", f"Expected: {part.expected}", "", printed, ""]
    if ending:
        lines += [ending, "", *(f"    {line}" for line in problem if code), ""]
    lines.append(f"({time.monotonic() - began:.0f} s)")
    return "\n".join(lines) + "\n", code == 0


def end_family(process: subprocess.Popen[bytes]) -> None:
    """Kill a part and all that it started, runs in sessions of their own too."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.kill()
    process.wait()


def write_report(out: Path, sections: list[str], *, small: bool) -> None:
    """Write what there is so far."""
    reduced = " Reduced form: the numbers mean nothing." if small else ""
    head = (
        f"# What only a GPU can show\n\n`python tests/bench/gpu.py`, {datetime.now(UTC):%Y-%m-%d}.{reduced}\n"
    )
    out.write_text("\n".join([head, *sections]))


if __name__ == "__main__":
    main()
