"""Fused attention against the matrix written out: time and peak memory of forward and backward, side by side.

On a CPU the time is the processor's, so that other programs on the machine do not disturb it.

python tests/bench/attention.py [--threads 1]
"""

import argparse
import platform
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from engine.models.layers import FlashAttention

WIDTH, HEADS = 768, 12
TOKENS = (5, 50, 197, 577, 1025)


def machine(device):
    """Say on what this runs."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return f"{model or platform.processor()}, {torch.get_num_threads()} thread(s)"


def step(layer, x, device):
    """Run forward and backward once."""
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        layer(x).sum().backward()
    if device == "cuda":
        torch.cuda.synchronize()


def peak(layer, x, device):
    """Return the most bytes held at once beyond weights and input."""
    step(layer, x, device)
    if device == "cuda":
        start = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step(layer, x, device)
        return torch.cuda.max_memory_allocated() - start
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        step(layer, x, device)
    held = most = 0
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


def main():
    """Print one row for each number of tokens."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"{machine(device)}; torch {torch.__version__}; {datetime.now(UTC):%Y-%m-%d}")
    print(
        f"width {WIDTH}, {HEADS} heads, {'bfloat16' if device == 'cuda' else 'float32'}, forward and backward\n"
    )
    print(
        "| tokens | batch | fused ms | math ms | fused is faster by | fused MiB | math MiB | memory saved |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for tokens in TOKENS:
        batch = max(1, (65536 if device == "cuda" else 1025) // tokens)
        x = torch.randn(batch, tokens, WIDTH, device=device, requires_grad=True)
        layers = [FlashAttention(WIDTH, HEADS, attention=kind).to(device) for kind in ("fused", "math")]
        bytes_held = [peak(layer, x, device) / 2**20 for layer in layers]
        clock = time.perf_counter if device == "cuda" else time.process_time
        times = [[], []]
        for repeat in range(arguments.repeats):
            for index in (0, 1) if repeat % 2 else (1, 0):
                start = clock()
                step(layers[index], x, device)
                times[index].append((clock() - start) * 1000)
        ratio = statistics.median(math / fused for fused, math in zip(*times, strict=True))
        fused, math = map(statistics.median, times)
        print(
            f"| {tokens} | {batch} | {fused:.2f} | {math:.2f} | {ratio:.2f}x "
            f"| {bytes_held[0]:.1f} | {bytes_held[1]:.1f} | {1 - bytes_held[0] / bytes_held[1]:.0%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
