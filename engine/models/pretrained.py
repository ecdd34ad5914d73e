"""Weights that others trained: found, read without unpickling, fitted to our sizes, and accounted for.

::

    source ─ _find ─ _read ─ _fit ─ copied into the model ─ Loaded

A source is a file (.npz of Google's JAX code, .safetensors, or a PyTorch state dict) or a name on the Hugging Face
hub, such as ``timm/vit_base_patch16_224.augreg_in21k``. Either all of a network is loaded but its head, or nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.models.google import from_google
from engine.models.vit import ViT, resize_positions

RGB = tuple[float, float, float]
HALF: RGB = (0.5, 0.5, 0.5)
"""Mean and standard deviation of the inputs to which Google trained all its ViT, BiT and hybrid models."""


class CheckpointError(ValueError):
    """A checkpoint cannot be had, read, or loaded into this model; says why and what to do."""


@dataclass(frozen=True)
class Loaded:
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


@dataclass(frozen=True)
class _Checkpoint:
    tensors: dict[str, Tensor]
    mean: RGB | None = HALF
    std: RGB | None = HALF
    google: bool = False


def load_pretrained(model: nn.Module, source: str | Path) -> Loaded:
    """Load a checkpoint into a model, with a head of zeros where the classes differ.

    Raises:
        CheckpointError: The source cannot be found or read, or is another network's; the model is unchanged.
    """
    checkpoint = _read(*_find(str(source)))
    found = _fit(model, checkpoint)
    own = model.state_dict()
    with torch.no_grad():
        for name, tensor in own.items():
            if name in found:
                tensor.copy_(found[name])
            else:
                # Branches without LayerScale were trained at a scale of one.
                tensor.fill_(1.0 if name.endswith(".gamma") else 0.0)
    return Loaded(
        str(source),
        loaded=tuple(found),
        missing=tuple(name for name in own if name not in found),
        unexpected=tuple(name for name in checkpoint.tensors if name not in found),
        resized=tuple(name for name in found if found[name].shape != checkpoint.tensors[name].shape),
        mean=checkpoint.mean,
        std=checkpoint.std,
    )


def _fit(model: nn.Module, checkpoint: _Checkpoint) -> dict[str, Tensor]:
    """Return the tensors that go into the model, in the model's shapes; without its head if that does not fit."""
    own, tensors, head = model.state_dict(), checkpoint.tensors, f"{_head_name(model)}."
    found: dict[str, Tensor] = {}
    for name in own:
        if name not in tensors:
            continue
        tensor = tensors[name]
        if name == "pos_embed" and isinstance(model, ViT):
            tensor = _fit_positions(model, tensor, checkpoint.google)
        if tensor.shape == own[name].shape:
            found[name] = tensor
        elif not name.startswith(head):
            there, here = tuple(tensor.shape), tuple(own[name].shape)
            raise _another_network(f"{name} is {there} there and {here} here")
    lacking = [name for name in own if name not in found and not name.startswith(head)]
    lacking = [name for name in lacking if not name.endswith(".gamma")]
    if lacking:
        raise _another_network(f"{_first(lacking)} not in it")
    extra = [name for name in tensors if name not in own and name.startswith(_BACKBONES)]
    if extra:
        raise _another_network(f"no place here for {_first(extra)}")
    whole = {f"{head}weight", f"{head}bias"} <= found.keys()
    return {name: each for name, each in found.items() if whole or not name.startswith(head)}


_BACKBONES = ("blocks.", "stages.", "patch_embed.")


def _head_name(model: nn.Module) -> str:
    """The module that ends in the classes: ours by its type, timm's by what it says of itself."""
    said = getattr(model, "pretrained_cfg", {}).get("classifier")
    return str(said) if said else "head" if isinstance(model, ViT) else "head.fc"


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


def _find(source: str) -> tuple[Path, dict[str, Any]]:
    """Return the file of a source, downloaded if need be, and what its configuration says."""
    path = Path(source).expanduser()
    if path.is_file():
        return path, _configuration(path.parent / "config.json")
    if path.suffix in _READERS or path.is_absolute() or source.startswith("."):
        raise CheckpointError(f"there is no file {source}")
    return _download(source if "/" in source else f"timm/{source}")


def _download(name: str) -> tuple[Path, dict[str, Any]]:
    """Fetch a checkpoint from the hub into its cache; it shows progress, and moves a file in place when whole."""
    try:
        from huggingface_hub import errors, hf_hub_download
    except ImportError:
        raise CheckpointError(f"{name}: pip install huggingface_hub safetensors, to download it") from None
    try:
        configuration = _configuration(Path(hf_hub_download(name, "config.json")))
        return Path(hf_hub_download(name, "model.safetensors")), configuration
    except (errors.RepositoryNotFoundError, errors.HFValidationError):
        raise CheckpointError(f"there is no file {name}, and no model of that name on the hub") from None
    except errors.LocalEntryNotFoundError as error:
        raise CheckpointError(_offline(name)) from error
    except errors.EntryNotFoundError:
        raise CheckpointError(f"{name} on the hub has no config.json and model.safetensors") from None
    except OSError as error:
        raise CheckpointError(_offline(name)) from error


def _offline(name: str) -> str:
    return (
        f"{name} is not in the cache and the hub cannot be reached. Where there is a network, run "
        f"`hf download {name} model.safetensors config.json --local-dir DIR`, copy DIR here, and set "
        'pretrained = "DIR/model.safetensors"'
    )


def _configuration(path: Path) -> dict[str, Any]:
    """Return what a timm config.json says of how the model was trained; empty without one."""
    try:
        said = json.loads(path.read_text(encoding="utf-8")).get("pretrained_cfg", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return said if isinstance(said, dict) else {}


def _read(path: Path, configuration: Mapping[str, Any]) -> _Checkpoint:
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise CheckpointError(f"{path} is no checkpoint: it should end in one of {', '.join(_READERS)}")
    try:
        checkpoint = reader(path)
    except CheckpointError:
        raise
    except Exception as error:  # foreign bytes fail in as many ways as there are
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(f"{path} cannot be read: {why}") from error
    if not checkpoint.tensors:
        raise CheckpointError(f"{path} holds no tensors")
    mean, std = (_rgb(configuration.get(key)) for key in ("mean", "std"))
    return replace(checkpoint, mean=mean or checkpoint.mean, std=std or checkpoint.std)


def _rgb(value: Any) -> RGB | None:
    if not isinstance(value, list | tuple) or len(value) != 3:
        return None
    return float(value[0]), float(value[1]), float(value[2])


def _read_safetensors(path: Path) -> _Checkpoint:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise CheckpointError(f"{path}: pip install safetensors, to read it") from None
    return _Checkpoint(_unwrapped(load_file(path)))


def _read_torch(path: Path) -> _Checkpoint:
    """Read a state dict, bare or inside a training checkpoint; ours say in ``config`` how they normalised."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a state dict")
    inner = next(
        (content[key] for key in ("model", "state_dict") if isinstance(content.get(key), Mapping)), None
    )
    tensors = _unwrapped(content if inner is None else inner)
    if "config" in content and inner is not None:
        config = content["config"] if isinstance(content["config"], Mapping) else {}
        return _Checkpoint(tensors, _rgb(config.get("mean")), _rgb(config.get("std")))
    return _Checkpoint(tensors)


def _unwrapped(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Drop what is no tensor, and the prefixes that torch.compile and DDP put before the names."""
    prefix = re.compile(r"^(module\.|_orig_mod\.)+")
    return {prefix.sub("", name): value for name, value in state.items() if isinstance(value, Tensor)}


def _read_google(path: Path) -> _Checkpoint:
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise CheckpointError(f"{path} holds a single array, not an archive of them")
        arrays = {key.removeprefix("opt/target/"): archive[key] for key in archive.files}
    return _Checkpoint(from_google(arrays), google=True)


_READERS = {
    ".npz": _read_google,
    ".safetensors": _read_safetensors,
    ".pt": _read_torch,
    ".pth": _read_torch,
    ".bin": _read_torch,
}
