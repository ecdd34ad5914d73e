"""Weights that others trained, fitted to a model's classes and positions, and accounted for.

Either all of a network is loaded but its head, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import torch
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.vit import ViT, resize_positions
from engine.models.weights.sources import RGB, PretrainedWeights, read_checkpoint

__all__ = ["LoadReport", "load_pretrained"]


@dataclass(frozen=True)
class LoadReport:
    """What became of a checkpoint: names of tensors, and how its inputs were normalised."""

    source: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    """In the model but not in the file: a new head starts at zero, LayerScale at one."""
    unexpected: tuple[str, ...]
    """In the file but not in the model."""
    resized: tuple[str, ...]
    mean: RGB | None
    """None where the checkpoint does not say: keep the data's own."""
    std: RGB | None

    def __str__(self) -> str:
        parts = [f"{len(self.loaded)} tensors from {self.source}"]
        for what in ("resized", "missing", "unexpected"):
            names = getattr(self, what)
            if names:
                more = f" and {len(names) - 4} more" if len(names) > 4 else ""
                parts.append(f"{what}: {', '.join(names[:4])}{more}")
        return "; ".join(parts)


def load_pretrained(model: nn.Module, source: str | Path) -> LoadReport:
    """Load a checkpoint into a model, with a head of zeros where the classes differ.

    Raises:
        CheckpointError: The source cannot be found or read, or is another network's; the model is unchanged.
    """
    checkpoint = read_checkpoint(source)
    fitting = _fit(model, checkpoint)
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in own.items():
            if name in fitting:
                tensor.copy_(fitting[name])
            else:
                # Branches without LayerScale were trained at a scale of one.
                tensor.fill_(1.0 if name.endswith(".gamma") else 0.0)
    return LoadReport(
        str(source),
        loaded=tuple(fitting),
        missing=tuple(name for name in own if name not in fitting),
        unexpected=tuple(name for name in checkpoint.tensors if name not in fitting),
        resized=tuple(name for name in fitting if fitting[name].shape != checkpoint.tensors[name].shape),
        mean=checkpoint.mean,
        std=checkpoint.std,
    )


def _fit(model: nn.Module, checkpoint: PretrainedWeights) -> dict[str, Tensor]:
    """Return the tensors that go into the model, in the model's shapes; without its head if that does not fit."""
    own, tensors, head = model.state_dict(), checkpoint.tensors, f"{_head_name(model)}."
    fitting: dict[str, Tensor] = {}
    for name in own:
        if name not in tensors:
            continue
        tensor = tensors[name]
        if name == "pos_embed" and isinstance(model, ViT):
            tensor = _fit_positions(model, tensor, checkpoint.google)
        if tensor.shape == own[name].shape:
            fitting[name] = tensor
        elif not name.startswith(head):
            there, here = tuple(tensor.shape), tuple(own[name].shape)
            raise _another_network(f"{name} is {there} there and {here} here")
    lacking = [name for name in own if name not in fitting and not name.startswith(head)]
    lacking = [name for name in lacking if not name.endswith(".gamma")]
    if lacking:
        raise _another_network(f"{_first(lacking)} not in it")
    extra = [name for name in tensors if name not in own and name.startswith(_BACKBONES)]
    if extra:
        raise _another_network(f"no place here for {_first(extra)}")
    whole = {f"{head}weight", f"{head}bias"} <= fitting.keys()
    return {name: tensor for name, tensor in fitting.items() if whole or not name.startswith(head)}


_BACKBONES = ("blocks.", "stages.", "patch_embed.")


def _head_name(model: nn.Module) -> str:
    """The module that ends in the classes: ours by its type, timm's by what it says of itself."""
    classifier = getattr(model, "pretrained_cfg", {}).get("classifier")
    return str(classifier) if classifier else "head" if isinstance(model, ViT) else "head.fc"


def _another_network(why: str) -> CheckpointError:
    return CheckpointError(f"this is another network's checkpoint: {why}")


def _first(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _fit_positions(model: ViT, table: Tensor, google: bool) -> Tensor:
    """Bring a table of positions to the model's grid, in the way of the code that wrote it."""
    rows = table.shape[1] if table.ndim == 3 else 0
    prefix = next(
        (count for count in (0, 1) if rows > count and isqrt(rows - count) ** 2 == rows - count), None
    )
    if prefix is None:
        raise CheckpointError(f"pos_embed is {tuple(table.shape)}: no class token and square grid of patches")
    if prefix < model.prefix_tokens:
        raise CheckpointError("the checkpoint has no class token: load it into a model with pool = 'mean'")
    table = table[:, prefix - model.prefix_tokens :]
    if google:
        return resize_positions(table, model.grid_size, model.prefix_tokens, "bilinear", antialias=False)
    return resize_positions(table, model.grid_size, model.prefix_tokens)
