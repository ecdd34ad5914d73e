"""What models cost, as text: the list of `engine models` and the answer of `engine models --explain`."""

from __future__ import annotations

import dataclasses
import json
import textwrap

import click

from engine.catalog.datasets import classes_of
from engine.catalog.models import MODELS
from engine.config.schema import Experiment
from engine.text import gib


def print_models(image_size: int, patch_size: int, classes: int, *, as_json: bool) -> None:
    """Print a line for each model that takes images of a size, each as soon as it is computed.

    Args:
        image_size: The side of the square images, in pixels.
        patch_size: The side of a patch of the Vision Transformers, in pixels.
        classes: How many logits the models have.
        as_json: Print JSON lines instead of a table.
    """
    from engine.training.cost import summaries

    if not as_json:
        click.echo(f"{'model':<22}{'parameters':>13}{'GFLOP/image':>13}{'tokens':>8}  at {image_size} px")
    for summary in summaries(image_size, patch_size, classes):
        if as_json:
            click.echo(json.dumps(dataclasses.asdict(summary)))
            continue
        tokens = "-" if summary.patch_tokens is None else str(summary.patch_tokens)
        line = f"{summary.name:<22}{summary.parameters:>13,}{summary.forward_flops / 1e9:>13.3f}{tokens:>8}"
        click.echo(f"{line}  {summary.caveat}".rstrip())


def print_cost(experiment: Experiment, *, as_json: bool) -> None:
    """Print what training an experiment's model takes.

    Raises:
        ValueError: The model cannot be built.
    """
    from engine.training.cost import USUAL_CLASSES, cost_of

    cost = cost_of(experiment, experiment.batch_size, classes_of(experiment.dataset) or USUAL_CLASSES)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(cost)))
        return
    memory = cost.memory
    patch = f", patches of {cost.patch_size}" if cost.patch_size else ""
    rows = {
        "model": f"{cost.name} at {cost.image_size} px{patch}",
        "parameters": f"{cost.parameters:,}",
        "tokens": "none" if cost.patch_tokens is None else f"{cost.patch_tokens} and the class token",
        "forward": f"{cost.forward_flops / 1e9:.3f} GFLOP an image",
        "training": f"{cost.training_flops / 1e9:.3f} GFLOP an image",
        "memory": f"{gib(memory.total, 2)} at a batch of {cost.batch_size}, in training, of it",
        "  weights": gib(memory.weights, 2),
        "  gradients": gib(memory.gradients, 2),
        "  optimizer": gib(memory.optimizer, 2),
        "  activations": gib(memory.activations, 2),
    }
    for name, value in rows.items():
        click.echo(f"{name:<14}{value}")
    if cost.caveat:
        click.echo(textwrap.fill(f"note: {cost.caveat}", 80))


def experiment_of_model(name: str, image_size: int, patch_size: int, batch_size: int) -> Experiment:
    """Return an experiment that trains a model of the catalogue at a size.

    Args:
        name: The model's name, which becomes the experiment's too.
        image_size: The side of the square images, in pixels.
        patch_size: The side of a patch, in pixels; used by Vision Transformers alone.
        batch_size: Images that go through the model at once.
    """
    patch = patch_size if name not in MODELS or MODELS[name].family == "vit" else None
    return Experiment(name=name, model=name, image_size=image_size, patch_size=patch, batch_size=batch_size)
