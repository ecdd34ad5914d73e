"""The layers that models are made of."""

from engine.models.layers.residual_branch import DropPath, LayerScale, drop_path
from engine.models.layers.std_conv import StdConv2d, standardized_once
from engine.models.layers.transformer_block import (
    LAYER_NORM_EPS,
    Attention,
    EncoderLayer,
    FeedForward,
    FlashAttention,
)

__all__ = [
    "LAYER_NORM_EPS",
    "Attention",
    "DropPath",
    "EncoderLayer",
    "FeedForward",
    "FlashAttention",
    "LayerScale",
    "StdConv2d",
    "drop_path",
    "standardized_once",
]
