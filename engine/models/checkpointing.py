"""Gradient checkpointing: a block keeps its input alone and is computed again in the backward pass (Chen et al., 2016).

It costs about a third more time, and leaves of the activations those between blocks and those of one block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from engine.errors import UserError


class Blocks(nn.Sequential):
    """Blocks one after another.

    Attributes:
        checkpointing: Whether each keeps its input alone for the backward pass.
    """

    checkpointing = False

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` through all blocks; dropout drops the same values when a block is computed again."""
        if self.checkpointing and torch.is_grad_enabled():
            for block in self:
                x = checkpoint(block, x, use_reentrant=False)
            return x
        for block in self:
            x = block(x)
        return x


def checkpoint_blocks(model: nn.Module) -> None:
    """Have the blocks of a model, ours or timm's, keep their input alone for the backward pass.

    Raises:
        UserError: timm has no checkpointing for this model.
    """
    ours = [module for module in model.modules() if isinstance(module, Blocks)]
    for blocks in ours:
        blocks.checkpointing = True
    if not ours:
        try:
            model.set_grad_checkpointing(True)  # type: ignore[operator]
        except (AttributeError, AssertionError):
            name = type(model).__name__
            raise UserError(f"timm offers no checkpointing for a {name}: leave checkpointing out") from None


def recomputed_modules(model: nn.Module) -> list[nn.Module]:
    """Return the modules that are computed again if ``checkpoint_blocks`` is called for a model, none inside another.

    Of a model of timm, which does not say, these are the smallest modules of a kind that follow one another.
    """
    if ours := [block for blocks in model.modules() if isinstance(blocks, Blocks) for block in blocks]:
        return ours
    candidates = [child for module in model.modules() if _is_sequence(module) for child in module.children()]
    candidates = [child for child in candidates if any(child.children()) and not _is_sequence(child)]
    count = Counter(map(type, candidates))
    repeated = {child: None for child in candidates if count[type(child)] > 1}
    outer = {
        module for module in repeated for part in module.modules() if part in repeated and part is not module
    }
    return [module for module in repeated if module not in outer]


def _is_sequence(module: nn.Module) -> bool:
    """Return whether a module is a list of others, or has children of one kind alone."""
    return isinstance(module, nn.Sequential | nn.ModuleList) or len(set(map(type, module.children()))) == 1


@contextmanager
def statistics_kept(model: nn.Module) -> Iterator[None]:
    """Leave the running statistics of BatchNorm as they are while a backward pass computes blocks again."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm) and module.training]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum, norm.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for norm, (momentum, batches) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, batches
