"""AdamW with decay only where it belongs, and one warm-up and cosine over the whole run, stepped per step."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from engine.config import Experiment
from engine.models import parameter_groups

BETAS = (0.9, 0.95)
"""AdamW's, as for short runs of Transformers; see Dosovitskiy et al. (2021) and big_vision's plain ViT."""


def make_optimizer(model: nn.Module, experiment: Experiment) -> AdamW:
    """Return the optimizer; norms, biases, tokens and position tables are not decayed."""
    groups = parameter_groups(model, experiment.weight_decay)
    return AdamW(groups, lr=experiment.lr, betas=BETAS, fused=True)


def make_schedule(optimizer: torch.optim.Optimizer, steps: int, warmup: float) -> LambdaLR:
    """Return the schedule of a run of ``steps`` optimizer steps, of which the part ``warmup`` rises linearly."""
    return LambdaLR(optimizer, lambda step: warmup_cosine(step, steps, round(warmup * steps)))


def warmup_cosine(step: int, steps: int, warmup_steps: int) -> float:
    """Return the part of the peak learning rate at a step: up in a line, down to 0 in half a cosine."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
