"""What a model is estimated to take against the peak of its training step."""

from __future__ import annotations

import time

import msgspec
import torch

from engine.config.schema import Experiment
from engine.training.cost import cost_of
from gpu_parts.common import Steps, experiment, heading, options, row

CASES = (
    experiment("vit_b", image_size=224, patch_size=16, batch_size=128),
    experiment("bit_r50x1", image_size=224, batch_size=64, optimizer="sgd", lr=0.003),
    experiment("hybrid_b", image_size=224, batch_size=64),
    experiment("vit_l", image_size=32, patch_size=16, batch_size=256),
    experiment("bit_r50x1", image_size=32, batch_size=256, optimizer="sgd", lr=0.003),
)
SMALL = (experiment("vit_mini", image_size=16, patch_size=4, batch_size=8),)


def main() -> None:
    """Print a row for each model, eager and compiled."""
    arguments = options(__doc__)
    deadline = time.monotonic() + arguments.seconds
    heading(
        "model",
        "batch",
        "precision",
        "estimated MiB",
        "eager MiB",
        "of estimate",
        "compiled MiB",
        "of estimate",
    )
    cases = SMALL if arguments.small else CASES
    ways = [(case, {}) for case in cases]
    ways += [(cases[0], {"precision": "float32"}), (cases[0], {"checkpointing": True})]
    for case, keys in ways:
        if time.monotonic() > deadline:
            print("\nThe time was up.")
            return
        compare(msgspec.structs.replace(case, **({"precision": "bf16"} | keys)))


def compare(case: Experiment) -> None:
    """Print the row of one experiment."""
    memory = cost_of(case, case.batch_size, 10).memory
    estimate = memory.total - memory.dataset
    cells: list[str] = []
    for compile_ in ("off", "on") if torch.cuda.is_available() else ("off",):
        try:
            held = peak(msgspec.structs.replace(case, compile=compile_))
        except torch.OutOfMemoryError:
            cells += ["out of memory", "-"]
        else:
            cells += [f"{held / 2**20:,.0f}", f"{held / estimate:.2f}"] if held else ["-", "-"]
    size = f"{case.model}, {case.image_size}"
    how = case.precision + (", checkpointing" if case.checkpointing else "")
    row(size, case.batch_size, how, f"{estimate / 2**20:,.0f}", *cells, *["-"] * (4 - len(cells)))


def peak(case: Experiment) -> int:
    """Return the most bytes that torch had allocated in three steps, data left out; 0 without a GPU."""
    steps = Steps(case)
    steps.accelerate()
    steps.take(3)
    if steps.device.type != "cuda":
        return 0
    held = torch.cuda.max_memory_allocated() - steps.data_bytes
    del steps
    torch.cuda.empty_cache()
    torch.compiler.reset()
    return held


if __name__ == "__main__":
    main()
