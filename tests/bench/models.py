"""Each model of the comparison against timm's same model, with the same weights, side by side.

    python tests/bench/models.py [--only vit_b-32-16 ...] [--threads 1]

Ours and timm's take turns, and on a CPU the time that counts is the processor's, so that other programs on the
machine disturb neither; the ratio is the median over the pairs.
A training step is forward, loss and backward; the optimizer, the same for both, is left out.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import torch
from timm.layers import StdConv2d
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_hybrid import HybridEmbed, _resnetv2

from engine.catalog.model_sizes import MODELS
from engine.models import create_model

EXPERIMENTS = [
    ("vit_b", 32, 16),
    ("vit_b", 32, 32),
    ("vit_l", 32, 16),
    ("bit_r50x1", 32, None),
    ("bit_r152x2", 32, None),
    ("hybrid_b", 32, None),
    ("hybrid_l", 32, None),
    ("vit_b", 224, 16),
    ("vit_b", 224, 32),
    ("vit_l", 224, 16),
    ("bit_r50x1", 224, None),
]


def reference(name, size, patch):
    """Build timm's model."""
    spec = MODELS[name]
    if spec.family == "bit":
        factor = spec.backbone.stem_channels // 64
        conv = partial(StdConv2d, eps=1e-8)
        return ResNetV2(
            spec.backbone.layers, num_classes=10, width_factor=factor, stem_type="fixed", conv_layer=conv
        )
    encoder = spec.encoder
    options = {}
    if spec.family == "hybrid":
        options["embed_layer"] = partial(HybridEmbed, backbone=_resnetv2(spec.backbone.layers))
    return VisionTransformer(
        size,
        patch or 1,
        3,
        10,
        embed_dim=encoder.width,
        depth=encoder.depth,
        num_heads=encoder.heads,
        **options,
    )


def forward(model, images, labels, device):
    """Classify a batch."""
    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        model(images)


def train(model, images, labels, device):
    """Take a training step, but for the optimizer."""
    with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
        loss = torch.nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    model.zero_grad()


def compare(models, run: Callable, images, labels, device, repeats):
    """Return images a second of both, and the median ratio of neighbours in time."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    times = [[], []]
    for model in models:
        model.train(run is train)
        for _ in range(3 if device == "cuda" else 1):
            run(model, images, labels, device)
    for repeat in range(repeats):
        for index in (0, 1) if repeat % 2 else (1, 0):
            start = clock()
            run(models[index], images, labels, device)
            if device == "cuda":
                torch.cuda.synchronize()
            times[index].append(clock() - start)
    ratio = statistics.median(theirs / ours for ours, theirs in zip(*times, strict=True))
    ours, theirs = (len(images) / statistics.median(each) for each in times)
    return f"{ours:.1f} | {theirs:.1f} | {ratio:.3f}"


def main():
    """Print one row for each experiment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="name-size-patch, e.g. vit_b-32-16")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--compile", action="store_true", help="compile both (on a GPU)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    where = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {arguments.threads} thread(s)"
    print(f"{where}; torch {torch.__version__}; {datetime.now(UTC):%Y-%m-%d}\n")
    print("| model | image | patch | batch | forward img/s | timm | ratio | training img/s | timm | ratio |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, size, patch in EXPERIMENTS:
        if arguments.only and "-".join(map(str, (name, size, patch))) not in arguments.only:
            continue
        batch = (8 if size == 32 else 1) if device == "cpu" else (1024 if size == 32 else 128)
        ours = create_model(name, num_classes=10, image_size=size, patch_size=patch).to(device)
        with torch.device("meta"):
            theirs = reference(name, size, patch)
        theirs.load_state_dict(ours.state_dict(), assign=True)
        for parameter in theirs.parameters():
            parameter.requires_grad_()
        models = [ours, theirs]
        if arguments.compile:
            models = [torch.compile(model, dynamic=False) for model in models]
        images = torch.randn(batch, 3, size, size, device=device)
        labels = torch.arange(batch, device=device) % 10
        columns = [
            compare(models, run, images, labels, device, arguments.repeats) for run in (forward, train)
        ]
        print(f"| {name} | {size} | {patch or '-'} | {batch} | {columns[0]} | {columns[1]} |", flush=True)


if __name__ == "__main__":
    main()
