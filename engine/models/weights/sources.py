"""Checkpoints found and read: a file here or a name on the Hugging Face hub, never unpickled.

Files are .npz of Google's JAX code, .safetensors, or PyTorch state dicts; a name is one such as
``timm/vit_base_patch16_224.augreg_in21k``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine.catalog.weights import FORMATS, weights_file
from engine.errors import CheckpointError
from engine.models.weights.google import from_google
from engine.models.weights.untrusted_files import read_numpy_archive, read_torch_file

if TYPE_CHECKING:
    from torch import Tensor

RGB = tuple[float, float, float]
HALF: RGB = (0.5, 0.5, 0.5)
"""Mean and standard deviation of the inputs to which Google trained all its ViT, BiT and hybrid models."""


@dataclass(frozen=True)
class PretrainedWeights:
    """Tensors by name, and how the inputs were normalised: None where the checkpoint does not say."""

    source: str
    """The file or name that they were asked for by."""
    tensors: dict[str, Tensor]
    writer: Literal["engine", "google", "other"]
    """The engine's training wrote it, Google's JAX code, or another program."""
    mean: RGB | None = None
    std: RGB | None = None


def read_checkpoint(source: str | Path) -> PretrainedWeights:
    """Find and read a checkpoint.

    Raises:
        CheckpointError: It does not exist, cannot be downloaded, or is no checkpoint.
    """
    path, configuration = _find(str(source))
    reader = _READERS.get(path.suffix)
    if reader is None:
        raise CheckpointError(f"{path} is no checkpoint: it should end in one of {', '.join(FORMATS)}")
    try:
        checkpoint = reader(path)
    except CheckpointError:
        raise
    except Exception as error:  # noqa: BLE001  foreign bytes fail in as many ways as there are
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise CheckpointError(f"{path} cannot be read: {why}") from None
    if not checkpoint.tensors:
        raise CheckpointError(f"{path} holds no tensors")
    mean, std = (_rgb(configuration.get(key)) for key in ("mean", "std"))
    return replace(checkpoint, source=str(source), mean=mean or checkpoint.mean, std=std or checkpoint.std)


def _find(source: str) -> tuple[Path, dict[str, Any]]:
    """Return the file of a source, downloaded if need be, and what its configuration says."""
    path = Path(source).expanduser()
    if path.is_file():
        return path, _configuration(path.parent / "config.json")
    if weights_file(source) is not None:
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
        raise CheckpointError(_offline(name), transient=True) from error
    except errors.EntryNotFoundError:
        raise CheckpointError(f"{name} on the hub has no config.json and model.safetensors") from None
    except OSError as error:
        raise CheckpointError(_offline(name), transient=True) from error


def _offline(name: str) -> str:
    return (
        f"{name} is not in the cache and the hub cannot be reached. Where there is a network, run "
        f"`hf download {name} model.safetensors config.json --local-dir DIR`, copy DIR here, and set "
        'pretrained = "DIR/model.safetensors"'
    )


def _configuration(path: Path) -> dict[str, Any]:
    """Return what a timm config.json says of how the model was trained; empty without one."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8")).get("pretrained_cfg", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return settings if isinstance(settings, dict) else {}


def _rgb(value: Any) -> RGB | None:
    if not isinstance(value, list | tuple) or len(value) != 3:
        return None
    return float(value[0]), float(value[1]), float(value[2])


def _read_safetensors(path: Path) -> PretrainedWeights:
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise CheckpointError(f"{path}: pip install safetensors, to read it") from None
    return PretrainedWeights(str(path), _unwrapped(load_file(path)), "other")


def _read_torch(path: Path) -> PretrainedWeights:
    """Read a state dict, bare or inside a training checkpoint; ours say in ``config`` how they normalised."""
    content = read_torch_file(path, "cpu")
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, not a state dict")
    inner = next(
        (content[key] for key in ("model", "state_dict") if isinstance(content.get(key), Mapping)), None
    )
    tensors = _unwrapped(content if inner is None else inner)
    if "config" in content and inner is not None:
        config = content["config"] if isinstance(content["config"], Mapping) else {}
        mean, std = (_rgb(config.get(key)) for key in ("mean", "std"))
        return PretrainedWeights(str(path), tensors, "engine", mean, std)
    return PretrainedWeights(str(path), tensors, "other")


def _unwrapped(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Drop what is no tensor, and the prefixes that torch.compile and DDP put before the names."""
    from torch import Tensor

    prefix = re.compile(r"^(module\.|_orig_mod\.)+")
    return {prefix.sub("", name): value for name, value in state.items() if isinstance(value, Tensor)}


def _read_google(path: Path) -> PretrainedWeights:
    arrays = {key.removeprefix("opt/target/"): array for key, array in read_numpy_archive(path).items()}
    import torch

    tensors = {name: torch.from_numpy(array) for name, array in from_google(arrays).items()}
    return PretrainedWeights(str(path), tensors, "google", HALF, HALF)


_READERS = dict(
    zip(FORMATS, (_read_google, _read_safetensors, _read_torch, _read_torch, _read_torch), strict=True)
)
