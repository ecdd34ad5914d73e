"""What training a model takes, known before it is launched: parameters, floating point operations, memory.

Nothing is computed and no memory is used: the model is built from tensors that have a shape but no numbers.

``python -m engine.training.cost`` reads an experiment as JSON and prints the ``Memory`` of one of its GPUs as JSON, for
programs that do not load torch themselves.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from typing import Any, Literal

import msgspec
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from engine.catalog.datasets import classes_of, folder_of, stored_bytes
from engine.catalog.model_sizes import MODELS, caveat, patch_tokens, problems
from engine.config.schema import Experiment
from engine.models.checkpointing import recomputed_modules
from engine.models.registry import create_model
from engine.training.saved_tensors import FakeCudaModel, Precision

Optimizer = Literal["adamw", "sgd"]

USUAL_CLASSES = 10
"""Of a dataset that cannot be looked at; they cost next to nothing."""

_STATES: dict[Optimizer, int] = {"adamw": 2, "sgd": 1}
"""How many tensors as large as the weights an optimizer keeps (both moments; the momentum)."""
_FEWEST = 2
"""Images in a pass: BatchNorm in training refuses one image whose map is a single pixel."""


@dataclass(frozen=True)
class Memory:
    """Bytes of the tensors that training holds on a CUDA GPU at most, by part.

    All is counted as if it were there at once: the backward pass begins with all activations and ends with all
    gradients. The model runs eagerly; a compiled one keeps other activations. What CUDA's context, the caching
    allocator and the kernels' workspaces take comes on top.
    """

    weights: int
    """Parameters and buffers."""
    gradients: int
    optimizer: int
    activations: int
    """What the forward pass of one batch keeps for the backward pass."""
    ema: int = 0
    """The average of the weights."""
    dataset: int = 0
    """The images and labels that are kept on the GPU, where the catalogue knows how many there are."""

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(astuple(self))


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
        ValueError: There is no such model, as :func:`~engine.models.create_model` says, or it cannot run on tensors
            without numbers.
    """
    with _paper(name):
        model = _on_meta(name, image_size, patch_size, num_classes, options).eval()
        with FlopCounterMode(display=False) as forward, torch.no_grad():
            model(torch.empty(1, 3, image_size, image_size, device="meta"))
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
    ema: bool = False,
    checkpointing: bool = False,
    dataset_bytes: int = 0,
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
        ema: Whether an average of the weights is kept.
        checkpointing: Whether blocks keep their input alone and are computed again in the backward pass.
        dataset_bytes: What images and labels take of the GPU.
        options: The model's options.

    Raises:
        ValueError: There is no such model, as :func:`~engine.models.create_model` says, or it cannot run on tensors
            without numbers.
    """
    summary = summarize(name, image_size, patch_size, num_classes, **options)
    with _paper(name):
        model = _on_meta(name, image_size, patch_size, num_classes, options)
        training = _training_flops(model, image_size)
        memory = _memory(
            model, image_size, batch_size, optimizer, precision, ema, checkpointing, dataset_bytes
        )
    return TrainingCost(**vars(summary), training_flops=training, batch_size=batch_size, memory=memory)


@contextmanager
def _paper(name: str) -> Iterator[None]:
    """Raise ``ValueError`` for whatever hinders a model from running on tensors without numbers."""
    try:
        yield
    except ValueError:
        raise
    except Exception as error:  # layers of timm fail in as many ways as there are
        first_line = next(iter(str(error).splitlines()), "")
        raise ValueError(
            f"what {name} takes cannot be worked out: {type(error).__name__}: {first_line}"
        ) from error


def _on_meta(
    name: str, image_size: int, patch_size: int | None, num_classes: int, options: dict[str, Any]
) -> nn.Module:
    """Return a model whose tensors have shapes but no numbers, in training mode."""
    with torch.device("meta"):
        return create_model(
            name, num_classes=num_classes, image_size=image_size, patch_size=patch_size, **options
        )


def _training_flops(model: nn.Module, image_size: int) -> int:
    """Return the operations of a forward and a backward pass for one image."""
    images = torch.empty(_FEWEST, 3, image_size, image_size, device="meta")
    with FlopCounterMode(display=False) as training:
        model(images).sum().backward()
    model.zero_grad(set_to_none=True)
    flops: int = training.get_total_flops()
    return flops // _FEWEST


def _memory(
    model: nn.Module,
    image_size: int,
    batch_size: int,
    optimizer: Optimizer,
    precision: Precision,
    ema: bool,
    checkpointing: bool,
    dataset_bytes: int,
) -> Memory:
    """Return what training takes of a GPU; the model, on the meta device, is moved to fake tensors."""
    trained = sum(parameter.nbytes for parameter in model.parameters() if parameter.requires_grad)
    weights = sum(tensor.nbytes for tensor in (*model.parameters(), *model.buffers()))
    recomputed = recomputed_modules(model) if checkpointing else []
    activations = _activations(FakeCudaModel(model), batch_size, image_size, precision, recomputed)
    average = weights if ema else 0
    return Memory(weights, trained, _STATES[optimizer] * trained, activations, average, dataset_bytes)


def _activations(
    model: FakeCudaModel,
    batch_size: int,
    image_size: int,
    precision: Precision,
    recomputed: Sequence[nn.Module],
) -> int:
    """Return the bytes that the forward pass of a batch keeps; of one image by those of two and three."""
    kept = model.saved_bytes(max(_FEWEST, batch_size), image_size, precision, recomputed)
    if batch_size >= _FEWEST:
        return kept
    return 2 * kept - model.saved_bytes(_FEWEST + 1, image_size, precision, recomputed)


def images_per_gpu(experiment: Experiment) -> int:
    """Return how many images of a batch go through the model at once on the GPU with the most."""
    return -(-experiment.batch_size // experiment.gpus)


def count_classes(dataset: str) -> int:
    """Return how many classes a dataset has; ``USUAL_CLASSES`` for a folder that cannot be read, and for a list."""
    if (folder := folder_of(dataset)) is not None:
        from engine.config.split_folders import training_folder
        from engine.training.data.images_below_folder import class_folders
        from engine.training.data.unsplit_dataset import DataError

        with suppress(DataError):
            return len(class_folders(training_folder(folder)))
    return classes_of(dataset) or USUAL_CLASSES


def cost_of(experiment: Experiment, batch_size: int, classes: int) -> TrainingCost:
    """Return what training an experiment takes of a GPU with so many images at once.

    Raises:
        ValueError: The model cannot be built, or cannot run on tensors without numbers.
    """
    return explain(
        experiment.model,
        experiment.image_size,
        experiment.patch_size,
        batch_size,
        classes,
        **_memory_settings(experiment),
        **experiment.options,
    )


def memory_of(experiment: Experiment, batch_size: int, classes: int) -> Memory:
    """Return the memory alone of what ``cost_of`` returns.

    Raises:
        ValueError: The model cannot be built, or cannot run on tensors without numbers.
    """
    with _paper(experiment.model):
        model = _on_meta(
            experiment.model, experiment.image_size, experiment.patch_size, classes, experiment.options
        )
        return _memory(model, experiment.image_size, batch_size, **_memory_settings(experiment))


def _memory_settings(experiment: Experiment) -> dict[str, Any]:
    """Return what else memory depends on; ``auto`` is bf16 on a GPU, or fp16, which takes the same."""
    return {
        "optimizer": "sgd" if experiment.optimizer == "sgd" else "adamw",
        "precision": "fp32" if experiment.precision in ("float32", "tf32") else "bf16",
        "ema": experiment.ema > 0,
        "checkpointing": experiment.checkpointing,
        "dataset_bytes": stored_bytes(msgspec.structs.asdict(experiment)) or 0,
    }


def training_flops(experiment: Experiment, classes: int) -> int:
    """Return the operations of training on one image, forward and backward.

    Raises:
        ValueError: The model cannot be built, or cannot run on tensors without numbers.
    """
    size = experiment.image_size
    with _paper(experiment.model):
        model = _on_meta(experiment.model, size, experiment.patch_size, classes, experiment.options)
        return _training_flops(model, size)


def main() -> None:
    """Answer on stdout for the experiment on stdin; a model that cannot be built ends this with a traceback."""
    experiment = msgspec.json.decode(sys.stdin.buffer.read(), type=Experiment)
    memory = memory_of(experiment, images_per_gpu(experiment), count_classes(experiment.dataset))
    sys.stdout.buffer.write(msgspec.json.encode(memory))


if __name__ == "__main__":
    main()
