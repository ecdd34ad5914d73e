"""What BatchNorm (Ioffe and Szegedy, 2015) asks of a run: it computes with the other images of a batch."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

LEAST_IMAGES = 2
"""Images that a pass in training needs, for a map of one pixel has no variance over a single image."""


def has_batch_norm(model: nn.Module) -> bool:
    """Return whether a model normalises over the images of a batch."""
    return any(isinstance(module, _BatchNorm) for module in model.modules())


def least_batch(model: nn.Module, ranks: int) -> int:
    """Return how many images a batch that so many ranks share needs at least, for the model to train on it."""
    return LEAST_IMAGES * ranks if has_batch_norm(model) else 1


def synchronized(model: nn.Module, device: torch.device) -> nn.Module:
    """Return the model of a rank so that on a GPU it normalises over the images of all ranks, by SyncBatchNorm.

    Parameters, buffers and their names stay. PyTorch's SyncBatchNorm works on GPUs only.
    """
    if device.type != "cuda" or not has_batch_norm(model):
        return model
    # PyTorch's own conversion loses the activation of timm's BatchNormAct2d
    from timm.layers.norm_act import convert_sync_batchnorm

    converted: nn.Module = convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    return converted


def is_synchronized(model: nn.Module) -> bool:
    """Return whether a forward pass of the model exchanges statistics with other ranks."""
    return any(isinstance(module, nn.SyncBatchNorm) for module in model.modules())


def note_on_ranks(model: nn.Module, ranks: int) -> str:
    """Return in words why so many ranks learn something else than one; empty where they learn the same."""
    if ranks == 1 or not has_batch_norm(model) or is_synchronized(model):
        return ""
    return (
        "BatchNorm normalises over the images of each process alone on CPUs (GPUs synchronise it): "
        f"gpus = {ranks} does not learn what one device learns"
    )
