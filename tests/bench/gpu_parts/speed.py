"""Images a second and MFU of training steps, with the precisions and ways to compile."""

from __future__ import annotations

import time

import msgspec
import torch

from engine.config.schema import Experiment
from engine.training.build_trainer import ideal_seconds
from gpu_parts.common import Steps, device, experiment, heading, options, row

CASES = (
    ("ViT-B/16, 224", experiment("vit_b", image_size=224, patch_size=16, batch_size=256)),
    ("ViT-Ti/4, 32", experiment("vit_ti", image_size=32, patch_size=4, batch_size=1024)),
    ("ViT-B/16, 32", experiment("vit_b", image_size=32, patch_size=16, batch_size=512)),
    ("BiT-R50x1, 32", experiment("bit_r50x1", image_size=32, batch_size=512, optimizer="sgd", lr=0.003)),
    ("Hybrid-B, 32", experiment("hybrid_b", image_size=32, batch_size=512)),
    ("BiT-R50x1, 224", experiment("bit_r50x1", image_size=224, batch_size=128, optimizer="sgd", lr=0.003)),
)
SMALL = (
    ("vit_mini, 16", experiment("vit_mini", image_size=16, patch_size=4, batch_size=8)),
    ("bit_mini, 16", experiment("bit_mini", image_size=16, batch_size=8)),
)
WAYS = (
    ("bf16", "on"),
    ("bf16", "off"),
    ("bf16", "graphs"),
    ("fp16", "on"),
    ("tf32", "on"),
    ("float32", "on"),
)
SMALL_WAYS = (("bf16", "off"), ("float32", "off"))


def main() -> None:
    """Print a row for each case and way; the first case has all ways, the others those of bf16."""
    arguments = options(__doc__)
    deadline = time.monotonic() + arguments.seconds
    heading("model", "batch", "asked", "it ran", "ready s", "images/s", "MFU", "peak GiB")
    cases, ways = (SMALL, SMALL_WAYS) if arguments.small else (CASES, WAYS)
    for number, (name, case) in enumerate(cases):
        for precision, compile_ in ways if number == 0 else ways[:2]:
            if time.monotonic() > deadline:
                print("\nThe time was up.")
                return
            measure(name, case, precision, compile_, 0.2 if arguments.small else 3.0)


def measure(name: str, case: Experiment, precision: str, compile_: str, seconds: float) -> None:
    """Print how fast one case trains."""
    case = msgspec.structs.replace(case, precision=precision, compile=compile_)
    where = device()
    asked = f"{precision}, compile {compile_}"
    try:
        steps = Steps(case)
        steps.accelerate()
        rate = steps.images_per_s(seconds)
    except Exception as error:  # noqa: BLE001  one way that fails is a result like the others
        why = str(error).splitlines() or [type(error).__name__]
        row(name, case.batch_size, asked, f"failed: {why[0][:120]}", "-", "-", "-", "-")
        return
    ideal = ideal_seconds(case, where, 10)
    mfu = f"{100 * rate * ideal:.1f} %" if ideal else "-"
    peak = f"{torch.cuda.max_memory_allocated() / 2**30:.1f}" if where.type == "cuda" else "-"
    row(name, case.batch_size, asked, steps.how, f"{steps.prepared_s:.1f}", f"{rate:,.0f}", mfu, peak)
    del steps
    if where.type == "cuda":
        torch.cuda.empty_cache()
        torch.compiler.reset()


if __name__ == "__main__":
    main()
