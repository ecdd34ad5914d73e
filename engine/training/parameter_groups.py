"""Which parameters are decayed, and how fast each block learns: the parameter groups of an optimizer.

Models of timm say it themselves, and are split as ``timm.optim`` splits them. The catalogue's follow BEiT
(Bao et al., 2022).
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

from torch import nn

from engine.models import is_timm

Group = dict[str, Any]
"""``params``, ``weight_decay``, and ``lr`` where blocks learn at different rates."""

BEHIND_BLOCKS = 10**6
"""The place of parameters behind all blocks: the last norm and the head."""


def parameter_groups(
    model: nn.Module, weight_decay: float, lr: float | None = None, layer_decay: float = 1.0
) -> list[Group]:
    """Split the parameters that train for an optimizer; each is in one group.

    Weights decay; norms, biases, scales, learned tokens and tables of positions do not.

    With ``layer_decay`` below 1, blocks nearer to the image learn more slowly: the head and the last norm have
    ``lr``, the last block ``layer_decay`` times that, and each block before it, down to the embedding,
    ``layer_decay`` times the rate of the next one; a ResNet's stages count as its blocks.

    Args:
        model: Whose parameters they are: one of the catalogue or of timm, as it was built.
        weight_decay: Of the groups that decay.
        lr: The learning rate of the head; needed where ``layer_decay`` is below 1.
        layer_decay: The factor between one block and the next, above 0 and at most 1.

    Returns:
        Those that decay before those that do not; without ``layer_decay`` one group of each.

    Raises:
        ValueError: There is a ``layer_decay`` and no ``lr``.
    """
    if layer_decay == 1.0:
        split = _timm_decay(model) if is_timm(model) else _decay(model)
        return [
            {"params": split[True], "weight_decay": weight_decay},
            {"params": split[False], "weight_decay": 0.0},
        ]
    if lr is None:
        raise ValueError("layer_decay needs the learning rate of the head")
    if is_timm(model):
        return _timm_layer_decay(model, weight_decay, lr, layer_decay)
    return _layer_decay(model, parameter_groups(model, weight_decay), lr, layer_decay)


def _decay(model: nn.Module) -> dict[bool, list[nn.Parameter]]:
    """Return the parameters of a model of the catalogue by whether they decay."""
    split: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            split[parameter.ndim > 1 and not name.endswith(("cls_token", "pos_embed"))].append(parameter)
    return split


def _layer_decay(model: nn.Module, groups: list[Group], lr: float, decay: float) -> list[Group]:
    """Split groups of a model of the catalogue further, by block from the head down."""
    blocks = {parameter: _block(name) for name, parameter in model.named_parameters()}
    depth = 1 + max(block for block in [0, *blocks.values()] if block < BEHIND_BLOCKS)
    split = []
    for group in groups:

        def blocks_above(parameter: nn.Parameter) -> int:
            block = blocks[parameter]
            return depth - block if block < BEHIND_BLOCKS else 0

        for above, parameters in groupby(sorted(group["params"], key=blocks_above), blocks_above):
            split.append({**group, "params": list(parameters), "lr": lr * decay**above})
    return split


def _block(name: str) -> int:
    """Return how many blocks stand before a parameter; ``BEHIND_BLOCKS`` behind the last block."""
    parts = name.split(".")
    if parts[0] in ("blocks", "stages"):
        return int(parts[1]) + 1
    return BEHIND_BLOCKS if parts[0] in ("norm", "head") else 0


def _timm_decay(model: nn.Module) -> dict[bool, list[nn.Parameter]]:
    """Return the parameters of a model of timm by whether ``param_groups_weight_decay`` decays them."""
    from timm.optim import param_groups_weight_decay  # type: ignore[attr-defined]

    split: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for group in param_groups_weight_decay(model, 1.0, no_weight_decay_list=_not_decayed(model)):
        split[group["weight_decay"] > 0].extend(group["params"])
    return split


def _timm_layer_decay(model: nn.Module, weight_decay: float, lr: float, decay: float) -> list[Group]:
    """Return the groups of ``param_groups_layer_decay``, which follow the model's own ``group_matcher``."""
    from timm.optim import param_groups_layer_decay  # type: ignore[attr-defined]

    groups = param_groups_layer_decay(model, 1.0, no_weight_decay_list=_not_decayed(model), layer_decay=decay)
    return [
        {
            "params": group["params"],
            "weight_decay": weight_decay if group["weight_decay"] else 0.0,
            "lr": lr * group["lr_scale"],
        }
        for group in sorted(groups, key=lambda group: group["weight_decay"] == 0)
    ]


def _not_decayed(model: nn.Module) -> set[str]:
    """Return the names, or patterns of names, that a model of timm keeps from weight decay."""
    names = getattr(model, "no_weight_decay", set)
    return set(names())
