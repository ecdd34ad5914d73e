"""What only a GPU shows of the code: the probe, the peak, compilation inside a run, graphs, half precision, NCCL."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from engine.training.learner import Pass
from gpu_parts.common import Steps, device, differing, engine, experiment, options

BATCH = 64
GRAPHS = """
[experiments.graphs]
model = "vit_mini"
dataset = "digits"
image_size = 16
patch_size = 4
compile = "graphs"
accumulate = 2
"""
NCCL = """
import time, torch, torch.distributed as dist
torch.cuda.set_device(0)
address, card = "tcp://127.0.0.1:29561", torch.device("cuda", 0)
dist.init_process_group("nccl", init_method=address, rank=0, world_size=1, device_id=card)
dist.all_reduce(torch.ones(1, device=card))
began = time.time()
dist.destroy_process_group()
print(f"a process group over NCCL of one rank ends in {time.time() - began:.2f} s")
"""


def main() -> None:
    """Print a line for each finding; one that fails is a line too."""
    arguments = options(__doc__)
    deadline = time.monotonic() + arguments.seconds
    checks: list[Callable[[bool], str]] = [probe, peak, graphs, half, nccl, second_card, recompilation]
    for check in checks:
        if time.monotonic() > deadline:
            print(f"- {check.__name__}: the time was up")
            continue
        try:
            print(f"- {check.__name__}: {check(arguments.small)}", flush=True)
        except Exception as error:  # noqa: BLE001  the others are of worth all the same
            why = (str(error).splitlines() or [""])[0]
            print(f"- {check.__name__}: FAILED, {type(error).__name__}: {why[:300]}", flush=True)


def probe(small: bool) -> str:
    """Count the tensors of a model that the probe and the trial of compilation change."""
    said = []
    has_timm = importlib.util.find_spec("timm") is not None
    names = ["bit_mini", "timm:resnet18"] if has_timm and not small else ["bit_mini"]
    for name in names:
        steps = Steps(experiment(name, image_size=32, batch_size=8, compile="off" if small else "on"))
        before = {key: tensor.clone() for key, tensor in steps.model.state_dict().items()}
        steps.accelerate()
        changed = list(differing(before, steps.model.state_dict()))
        said.append(f"{name}: {len(changed)} of {len(before)} tensors changed ({steps.how})")
    return "; ".join(said)


def peak(small: bool) -> str:
    """Say what the peak is after the probe, and after a step."""
    steps = Steps(
        experiment("bit_mini" if small else "bit_r50x1", image_size=32, batch_size=BATCH, compile="off")
    )
    steps.accelerate()
    if not torch.cuda.is_available():
        steps.take(1)
        return "no GPU"
    before, held = torch.cuda.max_memory_allocated(), torch.cuda.memory_allocated()
    steps.take(1)
    after, between = torch.cuda.max_memory_allocated(), torch.cuda.memory_allocated()
    mib = [f"{size / 2**20:,.0f} MiB" for size in (before, held, after, between)]
    return f"peak after the probe {mib[0]} with {mib[1]} held; after a step {mib[2]}, between steps {mib[3]}"


def graphs(small: bool) -> str:
    """Ask for CUDA graphs with accumulation."""
    Path("experiments.toml").write_text(GRAPHS)
    answer = engine("check", check=False)
    return (
        f"engine check ends with status {answer.returncode}: {(answer.stderr or answer.stdout).strip()[:300]}"
    )


def half(small: bool) -> str:
    """Take steps in fp16 with loss scaling, and in bf16."""
    said = []
    for precision in ("fp16", "bf16"):
        steps = Steps(
            experiment("vit_mini", image_size=16, patch_size=4, batch_size=BATCH, precision=precision)
        )
        steps.accelerate()
        steps.take(2 if small else 20)
        said.append(f"{steps.how}: loss {steps.learner.meter.read()['train/loss']:.3f}")
    return "; ".join(said)


def nccl(small: bool) -> str:
    """Begin and end a process group; with two cards also a run on both."""
    if not torch.cuda.is_available():
        return "no GPU"
    answer = subprocess.run(
        [sys.executable, "-c", NCCL], capture_output=True, text=True, timeout=60, check=False
    )
    said = [answer.stdout.strip() or answer.stderr.strip()[-300:]]
    if torch.cuda.device_count() > 1:
        Path("experiments.toml").write_text(
            GRAPHS.replace('compile = "graphs"\naccumulate = 2', "epochs = 1\ngpus = 2")
        )
        said.append(f"a run on two cards ends with status {engine('run', 'graphs', check=False).returncode}")
    return "; ".join(said)


def second_card(small: bool) -> str:
    """Train on the second card, and look what the first holds."""
    if torch.cuda.device_count() < 2:
        return "there are no two cards"
    Path("experiments.toml").write_text(GRAPHS.replace('compile = "graphs"\naccumulate = 2', "epochs = 1"))
    before = torch.cuda.mem_get_info(0)[0]
    answer = engine("run", "graphs", "--device", "cuda:1", check=False)
    free = torch.cuda.mem_get_info(0)[0]
    return f"ends with status {answer.returncode}; the first card has {(before - free) / 2**20:.0f} MiB less afterwards"


def recompilation(small: bool) -> str:
    """Count the graphs that are compiled inside steps: a short batch, and accumulation with shared filters."""
    if device().type != "cuda" or small:
        return "not here"
    from torch._dynamo.utils import counters

    said = []
    for name, keys, sizes in (
        ("vit_mini", {"patch_size": 4}, [[BATCH], [BATCH // 2], [BATCH]]),
        ("bit_mini", {"accumulate": 2}, [[BATCH, BATCH], [BATCH, BATCH // 2]]),
    ):
        passes = [
            Pass(images, "accumulate" in keys) for images in sorted({size for step in sizes for size in step})
        ]
        steps = Steps(experiment(name, image_size=16, batch_size=BATCH, compile="on", **keys), passes)
        steps.accelerate()
        before = counters["stats"]["unique_graphs"]
        for batch_sizes in sizes:
            steps.step(batch_sizes)
        said.append(
            f"{name}: {counters['stats']['unique_graphs'] - before} inside {len(sizes)} steps ({steps.how})"
        )
    return "; ".join(said)


if __name__ == "__main__":
    main()
