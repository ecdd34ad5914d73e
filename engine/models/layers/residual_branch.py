"""What a residual branch is scaled by and how it is dropped: LayerScale, and stochastic depth as drop-path."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def drop_path(x: Tensor, p: float = 0.0, training: bool = False) -> Tensor:
    """Drop the whole branch of a random share of the samples (stochastic depth, Huang et al., 2016).

    Args:
        x: A residual branch, (B, ...).
        p: The probability with which a sample loses its branch.
        training: Whether to drop at all.

    Returns:
        (B, ...): each sample of ``x`` either zero, or divided by ``1 - p`` so that the mean stays.
    """
    if p == 0.0 or not training:
        return x
    keep = 1.0 - p
    mask = x.new_empty((x.shape[0], *[1] * (x.ndim - 1))).bernoulli_(keep)  # (B, 1, ..., 1)
    if keep > 0.0:
        mask.div_(keep)
    return x * mask


class DropPath(nn.Module):
    """Apply :func:`drop_path` in training.

    Raises:
        ValueError: ``p`` is no probability.
    """

    def __init__(self, p: float = 0.0) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"a branch is dropped with a probability between 0 and 1, not {p}")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, ...) to (B, ...)."""
        return drop_path(x, self.p, self.training)

    def extra_repr(self) -> str:
        """Show the probability."""
        return f"p={self.p}"


class LayerScale(nn.Module):
    """Scale each channel of a residual branch by a learned factor (CaiT, Touvron et al., 2021)."""

    def __init__(self, embed_dim: int, init_values: float = 1e-5) -> None:
        super().__init__()
        self.init_values = init_values
        self.gamma = nn.Parameter(torch.empty(embed_dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set every factor back to its start value."""
        nn.init.constant_(self.gamma, self.init_values)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., embed_dim) to (..., embed_dim)."""
        return x * self.gamma
