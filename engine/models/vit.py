"""The Vision Transformer: an image as a sentence of patches (Dosovitskiy et al., 2021, arXiv 2010.11929).

::

    image ─ patch_embed ─ [cls] + patches + pos_embed ─ blocks ─ norm ─ the class token, or the mean ─ head
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.checkpointing import Blocks
from engine.models.layers import LAYER_NORM_EPS, Attention, EncoderLayer

Pool = Literal["token", "mean"]


def patch_projection(channels: int, embed_dim: int, patch_size: int) -> nn.Conv2d:
    """Return the convolution, as wide as its stride, that maps each patch to a token; started as LeCun's."""
    proj = nn.Conv2d(channels, embed_dim, kernel_size=patch_size, stride=patch_size)
    nn.init.normal_(proj.weight, std=(channels * patch_size**2) ** -0.5)
    if proj.bias is not None:
        nn.init.zeros_(proj.bias)
    return proj


class PatchEmbed(nn.Module):
    """Cut an image into patches and map each to a token."""

    def __init__(self, patch_size: int, embed_dim: int) -> None:
        super().__init__()
        self.proj = patch_projection(3, embed_dim, patch_size)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W) to tokens (B, N, D)."""
        grid: Tensor = self.proj(images)  # (B, D, H / patch, W / patch)
        return grid.flatten(2).transpose(1, 2)  # (B, N, D)


class ViT(nn.Module):
    """A Vision Transformer that classifies square images of one size.

    Args:
        image_size: The side of the images.
        patch_size: The side of a patch; divides ``image_size``.
        num_classes: How many logits.
        embed_dim: The width D of a token.
        depth: How many blocks.
        num_heads: How many heads in each attention.
        mlp_dim: The hidden width of each MLP.
        pool: ``token`` reads the class token; ``mean`` has none and averages the patches (Beyer, 2022).
        dropout: Dropout on the embedded patches, after attention and in the MLP.
        drop_path: Stochastic depth of the last block; it grows linearly from 0 at the first.
        layer_scale: Where LayerScale starts; False leaves it out.
        attention: ``fused`` or ``math``, see :class:`~engine.models.layers.FlashAttention`.
        patch_embed: What turns images into tokens; a :class:`PatchEmbed` if not given.

    Raises:
        ValueError: The patches do not divide the image.
    """

    def __init__(
        self,
        *,
        image_size: int,
        patch_size: int,
        num_classes: int,
        embed_dim: int = 768,
        depth: int = 12,
        num_heads: int = 12,
        mlp_dim: int = 3072,
        pool: Pool = "token",
        dropout: float = 0.0,
        drop_path: float = 0.0,
        layer_scale: float | Literal[False] = False,
        attention: Attention = "fused",
        patch_embed: nn.Module | None = None,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ValueError(f"patches of {patch_size} do not divide an image of {image_size}")
        if pool not in ("token", "mean"):
            raise ValueError(f"pool is 'token' or 'mean', not {pool!r}")
        self.image_size = image_size
        self.pool = pool
        self.grid_size = image_size // patch_size
        self.prefix_tokens = 1 if pool == "token" else 0
        tokens = self.prefix_tokens + self.grid_size**2
        self.patch_embed = PatchEmbed(patch_size, embed_dim) if patch_embed is None else patch_embed
        self.cls_token = nn.Parameter(torch.empty(1, 1, embed_dim)) if pool == "token" else None
        self.pos_embed = nn.Parameter(torch.empty(1, tokens, embed_dim))
        self.pos_drop = nn.Dropout(dropout)
        self.blocks = Blocks(
            *[
                EncoderLayer(
                    embed_dim,
                    num_heads,
                    mlp_dim,
                    dropout,
                    None if layer_scale is False else layer_scale,
                    drop_path=drop_path * block / max(depth - 1, 1),
                    attention=attention,
                )
                for block in range(depth)
            ]
        )
        self.norm = nn.LayerNorm(embed_dim, eps=LAYER_NORM_EPS)
        self.head = nn.Linear(embed_dim, num_classes)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start from scratch as timm does, but with a class token and a head of zeros, as in the JAX code."""
        for layer in self.blocks.modules():
            if isinstance(layer, nn.Linear):
                # timm cuts this normal at 100 standard deviations, which is no cut and takes twice the time.
                nn.init.normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)
        if self.cls_token is not None:
            nn.init.zeros_(self.cls_token)
        nn.init.normal_(self.pos_embed, std=0.02)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, image_size, image_size) to logits (B, num_classes).

        Raises:
            ValueError: The images have another size.
        """
        if images.shape[-2:] != (self.image_size, self.image_size):
            size = "x".join(map(str, images.shape[-2:]))
            raise ValueError(f"this model was built for images of {self.image_size}, not {size}")
        x = self.patch_embed(images)  # (B, grid * grid, D)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], dim=1)  # (B, 1 + grid * grid, D)
        x = self.pos_drop(x + self.pos_embed)
        x = self.norm(self.blocks(x))  # (B, N, D)
        x = x[:, 0] if self.pool == "token" else x.mean(dim=1)  # (B, D)
        logits: Tensor = self.head(x)
        return logits


class ViTOptimized(ViT):
    """A :class:`ViT` with all its refinements on: LayerScale, drop-path, dropout and fused attention.

    Each can be set or turned off by its argument. LayerScale starts at 0.1, as CaiT sets it up to 18 blocks:
    at 1e-5 the image hardly reaches the class token in the first hundreds of steps.

    Args:
        dropout: The probability that a value is dropped.
        drop_path: The probability that the last block is skipped; earlier blocks are skipped less often.
        layer_scale: The start value of LayerScale, or false for none.
        arguments: Those of :class:`ViT`.
    """

    def __init__(
        self,
        *,
        dropout: float = 0.1,
        drop_path: float = 0.1,
        layer_scale: float | Literal[False] = 0.1,
        **arguments: Any,
    ) -> None:
        super().__init__(dropout=dropout, drop_path=drop_path, layer_scale=layer_scale, **arguments)


def resize_positions(
    table: Tensor,
    grid_size: int,
    prefix_tokens: int,
    mode: Literal["bicubic", "bilinear"] = "bicubic",
    antialias: bool = True,
) -> Tensor:
    """Interpolate a table of learned positions to another grid, leaving the class token's row as it is.

    The reference interpolates Google's .npz tables bilinearly without antialias, and PyTorch checkpoints
    bicubically with it; the choice moves the logits by several percent.

    Args:
        table: (1, prefix_tokens + old_grid * old_grid, D).
        grid_size: The side of the new grid.
        prefix_tokens: How many rows stand before the grid.
        mode: How to interpolate.
        antialias: Whether to smooth when the grid shrinks.

    Returns:
        (1, prefix_tokens + grid_size * grid_size, D).

    Raises:
        ValueError: The rows do not form a square grid.
    """
    prefix, grid = table[:, :prefix_tokens], table[:, prefix_tokens:]
    old = round(grid.shape[1] ** 0.5)
    if old * old != grid.shape[1]:
        raise ValueError(f"a table of {grid.shape[1]} positions is no square grid")
    if old == grid_size:
        return table
    image = grid.reshape(1, old, old, -1).permute(0, 3, 1, 2).float()  # (1, D, old, old)
    image = F.interpolate(image, size=(grid_size, grid_size), mode=mode, antialias=antialias)
    grid = image.flatten(2).transpose(1, 2).to(table.dtype)  # (1, grid_size * grid_size, D)
    return torch.cat([prefix, grid], dim=1)
