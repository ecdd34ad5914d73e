"""What models cost, as text: the list of `engine models` and the answer of `engine models --explain`."""

from __future__ import annotations

import dataclasses
import textwrap

import click
import msgspec

from engine.catalog.datasets import folder_of
from engine.catalog.model_sizes import MODELS
from engine.config.schema import Experiment
from engine.errors import UserError
from engine.system.installed_extras import lacking
from engine.text import gib, json_line

MEMORY_NOTE = (
    "memory is that of PyTorch's tensors on a CUDA GPU, the model run eagerly. A compiled model keeps other "
    "activations, from about a third (BiT) to half as many again (small ViTs); CUDA and the allocator take about "
    "1 GiB besides"
)
FOLDER_NOTE = "the images of a folder come on top where they are kept on the GPU: 2 GiB at most"


def print_models(image_size: int, patch_size: int, classes: int, *, as_json: bool) -> None:
    """Print a line for each model that takes images of a size, each as soon as it is computed.

    Args:
        image_size: The side of the square images, in pixels.
        patch_size: The side of a patch of the Vision Transformers, in pixels.
        classes: How many logits the models have.
        as_json: Print JSON lines instead of a table.

    Raises:
        UserError: PyTorch is not installed.
    """
    _require_packages()
    from engine.training.cost import summaries

    if not as_json:
        click.echo(f"{'model':<22}{'parameters':>13}{'GFLOP/image':>13}{'tokens':>8}  at {image_size} px")
    for summary in summaries(image_size, patch_size, classes):
        if as_json:
            click.echo(json_line(summary))
            continue
        tokens = "-" if summary.patch_tokens is None else str(summary.patch_tokens)
        line = f"{summary.name:<22}{summary.parameters:>13,}{summary.forward_flops / 1e9:>13.3f}{tokens:>8}"
        click.echo(f"{line}  {summary.caveat}".rstrip())


def print_cost(experiment: Experiment, *, as_json: bool) -> None:
    """Print what training an experiment's model takes of each of its GPUs.

    Raises:
        UserError: PyTorch is not installed.
        ValueError: The model cannot be built, or what it takes cannot be worked out.
    """
    if experiment.command:
        raise ValueError(
            f"{experiment.name} runs a program of its own: what that takes is known when it runs"
        )
    _require_packages()
    from engine.training.cost import cost_of, count_classes, images_per_gpu, memory_of

    images, classes = images_per_gpu(experiment), count_classes(experiment.dataset)
    cost = cost_of(experiment, images, classes)
    if as_json:
        click.echo(json_line(cost))
        return
    memory = cost.memory
    patch = f", patches of {cost.patch_size}" if cost.patch_size else ""
    on = f" on each of {experiment.gpus} GPUs" if experiment.gpus > 1 else ""
    rows = {
        "model": f"{cost.name} at {cost.image_size} px{patch}",
        "parameters": f"{cost.parameters:,}",
        "tokens": _tokens(experiment, cost.patch_tokens),
        "forward": f"{cost.forward_flops / 1e9:.3f} GFLOP an image",
        "training": f"{cost.training_flops / 1e9:.3f} GFLOP an image",
        "memory": f"{gib(memory.total, 2)} at a batch of {cost.batch_size}{on}, in training, of it",
        **{f"  {part}": gib(size, 2) for part, size in dataclasses.asdict(memory).items() if size},
    }
    if experiment.model in MODELS and not experiment.checkpointing:
        fewer = memory_of(msgspec.structs.replace(experiment, checkpointing=True), images, classes)
        rows["  activations"] += f" ({gib(fewer.activations, 2)} with checkpointing = true)"
    if "  dataset" in rows:
        rows["  dataset"] += f" ({experiment.dataset})"
    for name, value in rows.items():
        if value:
            click.echo(f"{name:<14}{value}")
    notes = [cost.caveat, MEMORY_NOTE, FOLDER_NOTE if folder_of(experiment.dataset) else ""]
    for note in filter(None, notes):
        click.echo(textwrap.fill(f"note: {note}", 80))


def _require_packages() -> None:
    if lacks := lacking("train"):
        raise UserError(f"what models cost is measured on the models themselves: this {lacks}")


def _tokens(experiment: Experiment, patch_tokens: int | None) -> str:
    """Return how many tokens an encoder reads, in words; empty for a model of which the catalogue has no tokens."""
    if patch_tokens is None:
        return "none" if experiment.model in MODELS else ""
    if experiment.options.get("pool") == "mean":
        return f"{patch_tokens}, without a class token"
    return f"{patch_tokens} and the class token"


def experiment_of_model(name: str, image_size: int, patch_size: int, batch_size: int) -> Experiment:
    """Return an experiment that trains a model of the catalogue at a size.

    Args:
        name: The model's name, which becomes the experiment's too.
        image_size: The side of the square images, in pixels.
        patch_size: The side of a patch, in pixels; used by Vision Transformers alone.
        batch_size: Images that go through the model at once.
    """
    patch = patch_size if name in MODELS and MODELS[name].family == "vit" else None
    return Experiment(name=name, model=name, image_size=image_size, patch_size=patch, batch_size=batch_size)
