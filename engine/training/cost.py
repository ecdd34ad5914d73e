"""What training a model takes, known before it is launched: parameters, floating point operations, memory.

Nothing is computed and no memory is used: the model is built from tensors that have a shape but no numbers.

``python -m engine.training.cost`` reads an experiment as JSON and prints the ``Memory`` of one of its GPUs as JSON, for
programs that do not load torch themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import torch
from torch import Tensor, UntypedStorage, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from engine.catalog.datasets import classes_of
from engine.catalog.models import MODELS, caveat, patch_tokens, problems
from engine.config.schema import Experiment
from engine.models.registry import create_model

Optimizer = Literal["adamw", "sgd"]
Precision = Literal["bf16", "fp32"]

USUAL_CLASSES = 10
"""Of a folder, which is not looked at; they cost next to nothing."""

_STATES: dict[Optimizer, int] = {"adamw": 2, "sgd": 1}
"""How many tensors as large as the weights an optimizer keeps (both moments; the momentum)."""


@dataclass(frozen=True)
class Memory:
    """Bytes held at the end of a forward pass in training, by part; a GPU's allocator and kernels add to it."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All parts together."""
        return self.weights + self.gradients + self.optimizer + self.activations


@dataclass(frozen=True)
class Summary:
    """What one image costs; an operation is a multiplication or an addition."""

    name: str
    image_size: int
    patch_size: int | None
    parameters: int
    patch_tokens: int | None
    forward_flops: int
    caveat: str


@dataclass(frozen=True)
class TrainingCost(Summary):
    """What training takes."""

    training_flops: int
    """For one image, forward and backward."""
    batch_size: int
    memory: Memory


def summarize(
    name: str, image_size: int, patch_size: int | None, num_classes: int, **options: Any
) -> Summary:
    """Return what using a model takes.

    Args:
        name: A name that ``create_model`` takes.
        image_size: The side of the square images, in pixels.
        patch_size: The side of a patch, in pixels; None for a model without patches of its own.
        num_classes: How many logits.
        options: The model's options.

    Raises:
        ValueError: There is no such model, as :func:`~engine.models.create_model` says.
    """
    model, image = _on_paper(name, image_size, patch_size, num_classes, options)
    with FlopCounterMode(display=False) as forward, torch.no_grad():
        model(image)
    return Summary(
        name,
        image_size,
        patch_size,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        patch_tokens=patch_tokens(name, image_size, patch_size),
        forward_flops=forward.get_total_flops(),
        caveat=caveat(name, image_size, patch_size, options),
    )


def summaries(image_size: int, patch_size: int, num_classes: int) -> Iterator[Summary]:
    """Summarize every model of the catalogue that takes images of a size; patches are for the ViTs."""
    for name, spec in MODELS.items():
        patch = patch_size if spec.family == "vit" else None
        if not problems(name, image_size, patch, {}):
            yield summarize(name, image_size, patch, num_classes)


def explain(
    name: str,
    image_size: int,
    patch_size: int | None,
    batch_size: int,
    num_classes: int,
    *,
    optimizer: Optimizer = "adamw",
    precision: Precision = "bf16",
    **options: Any,
) -> TrainingCost:
    """Return what training a model takes.

    Args:
        name: A name that ``create_model`` takes.
        image_size: The side of the square images, in pixels.
        patch_size: The side of a patch, in pixels; None for a model without patches of its own.
        batch_size: Images that go through the model at once.
        num_classes: How many logits.
        optimizer: Which decides how much state each weight has.
        precision: In which activations are kept.
        options: The model's options.

    Raises:
        ValueError: There is no such model, as :func:`~engine.models.create_model` says.
    """
    summary = summarize(name, image_size, patch_size, num_classes, **options)
    model, image = _on_paper(name, image_size, patch_size, num_classes, options)
    with FlopCounterMode(display=False) as training:
        model(image).sum().backward()
    weights = sum(parameter.nbytes for parameter in model.parameters())
    with FakeTensorMode():
        model = create_model(
            name, num_classes=num_classes, image_size=image_size, patch_size=patch_size, **options
        )
        # Some is kept once (standardised filters, weights cast for autocast), some for each image.
        one, two = (_saved_bytes(model, torch.empty(n, 3, image_size, image_size), precision) for n in (1, 2))
    memory = Memory(weights, weights, _STATES[optimizer] * weights, one + (batch_size - 1) * (two - one))
    return TrainingCost(
        **vars(summary), training_flops=training.get_total_flops(), batch_size=batch_size, memory=memory
    )


def _on_paper(
    name: str, image_size: int, patch_size: int | None, num_classes: int, options: dict[str, Any]
) -> tuple[nn.Module, Tensor]:
    """Return a model and an image that have shapes but no numbers."""
    with torch.device("meta"):
        model = create_model(
            name, num_classes=num_classes, image_size=image_size, patch_size=patch_size, **options
        )
        return model, torch.empty(1, 3, image_size, image_size)


def _saved_bytes(model: nn.Module, images: Tensor, precision: Precision) -> int:
    """Bytes that a forward pass keeps for the backward pass, weights apart."""
    kept: dict[int, UntypedStorage] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        _logits = model(images)
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    return sum(storage.nbytes() for key, storage in kept.items() if key not in weights)


def cost_of(experiment: Experiment, batch_size: int, classes: int) -> TrainingCost:
    """Return what training an experiment takes with so many images at once.

    Raises:
        ValueError: The model cannot be built.
    """
    return explain(
        experiment.model,
        experiment.image_size,
        experiment.patch_size,
        batch_size,
        classes,
        optimizer="sgd" if experiment.optimizer == "sgd" else "adamw",
        precision="fp32" if experiment.precision in ("float32", "tf32") else "bf16",
        **experiment.options,
    )


def main() -> None:
    """Answer on stdout for the experiment on stdin; a model that cannot be built ends this with a traceback."""
    experiment = msgspec.json.decode(sys.stdin.buffer.read(), type=Experiment)
    images = max(1, experiment.batch_size // experiment.gpus)
    classes = classes_of(experiment.dataset) or USUAL_CLASSES
    sys.stdout.buffer.write(msgspec.json.encode(cost_of(experiment, images, classes).memory))


if __name__ == "__main__":
    main()
