"""One experiment of each family, by the engine's own command, for as long as time is left."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from engine.events import End, Metrics, decode
from gpu_parts.common import heading, options, row

EXPERIMENTS = """
[defaults]
dataset = "{dataset}"

[experiments.vit]
model = "vit_ti"
image_size = 32
patch_size = 4
epochs = 15

[experiments.bit]
model = "bit_r50x1"
image_size = 32
epochs = 7

[experiments.hybrid]
model = "hybrid_b"
image_size = 32
epochs = 7
"""
SMALL = """
[defaults]
dataset = "digits"
epochs = 1
image_size = 16
batch_size = 256

[experiments.vit]
model = "vit_mini"
patch_size = 4
"""


def main() -> None:
    """Print a row for each experiment, with what was reached when the time was up."""
    arguments = options(__doc__)
    deadline = time.monotonic() + arguments.seconds
    dataset = f"folder:{arguments.folder}" if arguments.folder else "digits"
    Path("experiments.toml").write_text(SMALL if arguments.small else EXPERIMENTS.format(dataset=dataset))
    heading(
        "experiment",
        "ended",
        "s",
        "epochs",
        "test F1",
        "val F1",
        "images/s",
        "MFU %",
        "peak GiB",
        "energy kJ",
    )
    names = ("vit",) if arguments.small else ("bit", "vit", "hybrid")
    for number, name in enumerate(names):
        train(name, (deadline - time.monotonic()) / (len(names) - number))


def train(name: str, seconds: float) -> None:
    """Train for at most some seconds, and print what came of it."""
    began, last, epoch = time.monotonic(), {}, 0.0
    command = [sys.executable, "-m", "engine.cli", "run", name, "--json"]
    state = "was ended at its limit"
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            event = decode(line)
            if isinstance(event, Metrics):
                last |= event.values
                epoch = event.epoch or epoch
            elif isinstance(event, End):
                state = event.state if event.error is None else f"{event.state}: {event.reason[:100]}"
            if time.monotonic() > began + seconds:
                process.terminate()  # it stops with a checkpoint
                seconds = float("inf")

    def value(metric: str, scale: float = 1.0, digits: int = 3) -> str:
        return f"{last[metric] / scale:,.{digits}f}" if metric in last else "-"

    row(
        name, state, f"{time.monotonic() - began:.0f}", f"{epoch:.1f}", value("test/f1"), value("val/f1"),
        value("train/images_per_s", digits=0), value("train/mfu", digits=1), value("gpu/memory_peak", 2**30, 1),
        value("gpu/energy", 1000, 1),
    )  # fmt: skip


if __name__ == "__main__":
    main()
