"""The optimizer of a run and its learning rate, which changes with every optimizer step."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import nn
from torch.optim import SGD, Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from engine.config.schema import Experiment
from engine.training.parameter_groups import parameter_groups

SHORT_RUN_BETAS = (0.9, 0.95)
"""AdamW's, as for short runs of Transformers; see Dosovitskiy et al. (2021) and big_vision's plain ViT."""
MOMENTUM = 0.9
STAIRS = (0.3, 0.6, 0.9)
"""Parts of the run after which BiT's staircase goes down by ten (its HyperRule for 10,000 steps)."""


def make_optimizer(model: nn.Module, experiment: Experiment) -> Optimizer:
    """Return the optimizer; :func:`parameter_groups` says what decays and how fast each block learns."""
    groups = parameter_groups(model, experiment.weight_decay, experiment.lr, experiment.layer_decay)
    match experiment.optimizer:
        case "sgd":
            return SGD(groups, lr=experiment.lr, momentum=MOMENTUM, nesterov=True, fused=True)
        case "adam":
            return Adam(groups, lr=experiment.lr, fused=True)
        case "adamw":
            return AdamW(groups, lr=experiment.lr, betas=SHORT_RUN_BETAS, fused=True)


def make_schedule(optimizer: Optimizer, steps: int, experiment: Experiment) -> LambdaLR:
    """Return the schedule of a run of ``steps`` optimizer steps, the part ``warmup`` of them rising linearly."""
    warmup = round(experiment.warmup * steps)
    fall: Callable[[float], float] = {"cosine": cosine, "staircase": staircase, "constant": lambda _: 1.0}[
        experiment.schedule
    ]

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return fall(min(1.0, (step - warmup) / max(1, steps - warmup)))

    return LambdaLR(optimizer, factor)


def cosine(part: float) -> float:
    """Return the part of the peak learning rate after a part of the run: from 1 to 0 in half a cosine."""
    return 0.5 * (1 + math.cos(math.pi * part))


def staircase(part: float) -> float:
    """Return the same for BiT's stairs: a tenth less at each of ``STAIRS`` (Kolesnikov et al., 2020)."""
    return float(0.1 ** sum(part >= stair for stair in STAIRS))


class ExponentialMovingAverage:
    """An exponential moving average of a model's weights, with a warm-up in which it forgets its start.

    After step t the decay is ``min(decay, (1 + t) / (10 + t))``, as in TensorFlow's and timm's.

    Attributes:
        model: The averaged model, for evaluation.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = deepcopy(model).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Add the weights after a step to the average."""
        decay = min(self._decay, (1 + step) / (10 + step))
        mine = [*self.model.parameters(), *self.model.buffers()]
        theirs = [*model.parameters(), *model.buffers()]
        torch._foreach_lerp_(mine, theirs, 1 - decay)
