"""Weights that others trained, fitted to a model's classes and positions, and accounted for.

Either all of a network is loaded but its head, or nothing.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass
from inspect import signature
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from engine.errors import CheckpointError
from engine.models.registry import is_timm
from engine.models.vit import ViT, resize_positions
from engine.models.weights.sources import HALF, RGB, PretrainedWeights

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
        if self.mean is not None and self.std is not None:
            mean, std = (", ".join(f"{part:.4g}" for part in each) for each in (self.mean, self.std))
            parts.append(f"inputs normalised by mean {mean} and std {std}")
        for what in ("resized", "missing", "unexpected"):
            names = getattr(self, what)
            if names:
                more = f" and {len(names) - 4} more" if len(names) > 4 else ""
                parts.append(f"{what}: {', '.join(names[:4])}{more}")
        return "; ".join(parts)


def load_pretrained(model: nn.Module, checkpoint: PretrainedWeights) -> LoadReport:
    """Load a checkpoint into a model, with a head of zeros where the classes differ.

    Raises:
        CheckpointError: It is another network's; the model is unchanged.
    """
    tensors = _timm_tensors(model, checkpoint) if is_timm(model) else checkpoint.tensors
    fitting = _fit(model, tensors, google=checkpoint.writer == "google")
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in own.items():
            if name in fitting:
                tensor.copy_(fitting[name])
            else:
                # Branches without LayerScale were trained at a scale of one.
                tensor.fill_(1.0 if name.endswith(".gamma") else 0.0)
    mean, std = _normalisation(model, checkpoint)
    return LoadReport(
        checkpoint.source,
        loaded=tuple(fitting),
        missing=tuple(name for name in own if name not in fitting),
        unexpected=tuple(name for name in tensors if name not in fitting),
        resized=tuple(name for name in fitting if _changed_shape(name, fitting, checkpoint.tensors)),
        mean=mean,
        std=std,
    )


def _changed_shape(name: str, fitting: dict[str, Tensor], read: dict[str, Tensor]) -> bool:
    return name in read and fitting[name].shape != read[name].shape


def _normalisation(model: nn.Module, checkpoint: PretrainedWeights) -> tuple[RGB | None, RGB | None]:
    """Return mean and standard deviation of the inputs that the weights were trained on.

    Where the file does not say, timm's weights follow timm's configuration of the model, and the catalogue's
    Google's; a checkpoint of a training here leaves the data's own.
    """
    mean, std = checkpoint.mean, checkpoint.std
    if checkpoint.writer == "other":
        settings = getattr(model, "pretrained_cfg", {})
        mean, std = mean or settings.get("mean", HALF), std or settings.get("std", HALF)
    return mean, std


def _timm_tensors(model: nn.Module, checkpoint: PretrainedWeights) -> dict[str, Tensor]:
    """Return a checkpoint as timm's own filter of the model's family makes it: names, and sizes of positions."""
    filter_checkpoint = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if filter_checkpoint is None:
        return checkpoint.tensors
    options: dict[str, Any] = {}
    if checkpoint.writer == "google" and "antialias" in signature(filter_checkpoint).parameters:
        options = {"interpolation": "bilinear", "antialias": False}
    try:
        with warnings.catch_warnings(action="ignore"):
            tensors: dict[str, Tensor] = filter_checkpoint(dict(checkpoint.tensors), model, **options)
    except Exception as error:
        why = next(iter(str(error).splitlines()), "")
        raise _another_network(f"{type(error).__name__}: {why}") from error
    return tensors


def _fit(model: nn.Module, tensors: dict[str, Tensor], *, google: bool) -> dict[str, Tensor]:
    """Return the tensors that go into the model, in the model's shapes; without its head if that does not fit."""
    own, heads = model.state_dict(), _heads(model)
    fitting: dict[str, Tensor] = {}
    for name in own:
        if name not in tensors:
            continue
        tensor = tensors[name]
        if name == "pos_embed" and isinstance(model, ViT):
            tensor = _fit_positions(model, tensor, google)
        if tensor.shape == own[name].shape:
            fitting[name] = tensor
        elif not name.startswith(heads):
            there, here = tuple(tensor.shape), tuple(own[name].shape)
            raise _another_network(f"{name} is {there} there and {here} here")
    lacking = [name for name in own if name not in fitting and not name.startswith(heads)]
    lacking = [name for name in lacking if not name.endswith(_OPTIONAL)]
    if lacking:
        raise _another_network(f"{_first(lacking)} not in it")
    extra = [name for name in tensors if name not in own and name.startswith(_BACKBONES)]
    if extra:
        raise _another_network(f"no place here for {_first(extra)}")
    whole = {name for name in own if name.startswith(heads)} <= fitting.keys()
    return {name: tensor for name, tensor in fitting.items() if whole or not name.startswith(heads)}


_BACKBONES = ("blocks.", "stages.", "patch_embed.")
_OPTIONAL = (".gamma", ".num_batches_tracked")
"""LayerScale, and a count that PyTorch once left out."""


def _heads(model: nn.Module) -> tuple[str, ...]:
    """Return what the names of tensors begin with that end in the classes: ours by type, timm's by what it says."""
    names = getattr(model, "pretrained_cfg", {}).get("classifier")
    if not names:
        names = "head" if isinstance(model, ViT) else "head.fc"
    return tuple(f"{name}." for name in ([names] if isinstance(names, str) else names))


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
