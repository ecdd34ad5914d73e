"""A block of a Transformer encoder, as Vision Transformers have it: attention, then the MLP.

::

    x ──┬─ norm1 ─ attn ─ ls1 ─ drop_path ─(+)─┬─ norm2 ─ mlp ─ ls2 ─ drop_path ─(+)── x
        └──────────────────────────────────────┘└─────────────────────────────────────┘

Names of parameters are timm's, so that its checkpoints load unchanged.
"""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from engine.models.layers.residual_branch import DropPath, LayerScale

Attention = Literal["fused", "math"]

LAYER_NORM_EPS = 1e-6  # the reference's; PyTorch's own default, 1e-5, moves the logits by a thousandth


class FlashAttention(nn.Module):
    """Multi-head self-attention that never holds the N x N matrix (Dao et al., 2022).

    ``fused`` leaves the choice of kernel to PyTorch's ``scaled_dot_product_attention``; ``math`` writes the
    matrix out, for proof and for the ablation. Dropout falls on the output, as in the reference, not on the
    matrix.

    Args:
        embed_dim: The width of a token.
        num_heads: Heads, which divide the width.
        dropout: The probability that a value of the output is dropped.
        attention: Which of the two ways.

    Raises:
        ValueError: The heads do not divide ``embed_dim``, or ``attention`` is neither of the two.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, *, attention: Attention = "fused"
    ) -> None:
        super().__init__()
        if embed_dim % num_heads:
            raise ValueError(f"{num_heads} heads do not divide a width of {embed_dim}")
        if attention not in ("fused", "math"):
            raise ValueError(f"attention is 'fused' or 'math', not {attention!r}")
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.attention = attention
        self.qkv = nn.Linear(embed_dim, 3 * embed_dim)
        self.proj = nn.Linear(embed_dim, embed_dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D)."""
        batch, tokens, width = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.num_heads, self.head_dim)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, N, head_dim)
        if self.attention == "fused":
            x = F.scaled_dot_product_attention(q, k, v)
        else:
            scores = (q * self.head_dim**-0.5) @ k.transpose(-2, -1)  # (B, heads, N, N)
            x = scores.softmax(dim=-1) @ v
        x = x.transpose(1, 2).reshape(batch, tokens, width)  # (B, heads, N, head_dim) -> (B, N, D)
        out: Tensor = self.dropout(self.proj(x))
        return out


class FeedForward(nn.Module):
    """The MLP of a block: up, GELU, dropout, down, dropout.

    GELU is the exact one, as in timm; the original JAX code takes flax's default, the tanh form, which moves
    the logits by about 3e-4.
    """

    def __init__(self, embed_dim: int, mlp_dim: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(embed_dim, mlp_dim)
        self.act = nn.GELU()
        self.drop1 = nn.Dropout(dropout)
        self.fc2 = nn.Linear(mlp_dim, embed_dim)
        self.drop2 = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., embed_dim) to (..., embed_dim)."""
        x = self.drop1(self.act(self.fc1(x)))  # (..., mlp_dim)
        out: Tensor = self.drop2(self.fc2(x))
        return out


class EncoderLayer(nn.Module):
    """One pre-norm block: attention, then MLP, each on a scaled and droppable residual branch.

    Args:
        embed_dim: The width D of a token.
        num_heads: Into how many heads attention splits it.
        mlp_dim: The hidden width of the MLP.
        dropout: Dropout after attention and inside the MLP.
        init_values: Where LayerScale starts; None leaves LayerScale out.
        drop_path: With which probability a sample skips a branch; None takes ``dropout``.
        attention: Which form of :class:`FlashAttention`.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        mlp_dim: int,
        dropout: float = 0.1,
        init_values: float | None = 1e-5,
        *,
        drop_path: float | None = None,
        attention: Attention = "fused",
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(embed_dim, eps=LAYER_NORM_EPS)
        self.attn = FlashAttention(embed_dim, num_heads, dropout, attention=attention)
        self.ls1 = LayerScale(embed_dim, init_values) if init_values is not None else nn.Identity()
        self.norm2 = nn.LayerNorm(embed_dim, eps=LAYER_NORM_EPS)
        self.mlp = FeedForward(embed_dim, mlp_dim, dropout)
        self.ls2 = LayerScale(embed_dim, init_values) if init_values is not None else nn.Identity()
        self.drop_path = DropPath(dropout if drop_path is None else drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, N, D) to tokens (B, N, D)."""
        x = x + self.drop_path(self.ls1(self.attn(self.norm1(x))))
        x = x + self.drop_path(self.ls2(self.mlp(self.norm2(x))))
        return x  # noqa: RET504 (the two lines mirror each other)
