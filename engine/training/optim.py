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
BETAS = (0.9, 0.999)
"""Adam's, of Kingma and Ba (2015)."""
EPS = 1e-8
MOMENTUM = 0.9
STAIRS = (0.3, 0.6, 0.9)
"""Parts of the run after which BiT's staircase goes down by ten (its HyperRule for 10,000 steps)."""


def make_optimizer(model: nn.Module, experiment: Experiment) -> Optimizer:
    """Return the optimizer; :func:`parameter_groups` says what decays and how fast each block learns."""
    groups = parameter_groups(model, experiment.weight_decay, experiment.lr, experiment.layer_decay)
    if experiment.optimizer == "sgd":
        momentum = MOMENTUM if experiment.momentum is None else experiment.momentum
        return SGD(groups, lr=experiment.lr, momentum=momentum, nesterov=momentum > 0, fused=True)
    kind, usual = (Adam, BETAS) if experiment.optimizer == "adam" else (AdamW, SHORT_RUN_BETAS)
    first, second = experiment.betas or usual
    eps = EPS if experiment.eps is None else experiment.eps
    return kind(groups, lr=experiment.lr, betas=(first, second), eps=eps, fused=True)


def make_schedule(optimizer: Optimizer, steps: int, experiment: Experiment) -> LambdaLR:
    """Return the schedule of a run of ``steps`` optimizer steps, the part ``warmup`` of them rising linearly.

    It falls to ``min_lr``: a cosine ends there (Loshchilov and Hutter, 2017, eq. 5), stairs go no lower. Parameters
    that learn more slowly by ``layer_decay`` have their floor in the same proportion.
    """
    warmup = round(experiment.warmup * steps)
    floor = experiment.min_lr / experiment.lr
    fall: Callable[[float], float] = {
        "cosine": lambda part: floor + (1 - floor) * cosine(part),
        "staircase": lambda part: max(floor, staircase(part)),
        "constant": lambda _: 1.0,
    }[experiment.schedule]

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
    """An exponential moving average of a model's weights and buffers, with a warm-up in which it forgets its start.

    After step t the decay is ``min(decay, (1 + t) / (10 + t))``, as in TensorFlow's and timm's. Whole numbers, such as
    how many batches BatchNorm has seen, are the model's own, as in timm's ModelEmaV3.

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
        averages = [*self.model.parameters(), *self.model.buffers()]
        tensors = [*model.parameters(), *model.buffers()]
        pairs = [pair for pair in zip(averages, tensors, strict=True) if pair[0].is_floating_point()]
        torch._foreach_lerp_([average for average, _ in pairs], [tensor for _, tensor in pairs], 1 - decay)
        for average, tensor in zip(averages, tensors, strict=True):
            if not average.is_floating_point():
                average.copy_(tensor)
