"""The models: ViT, BiT and their hybrid, equal to the public references weight by weight.

Read ``layers``, ``vit``, ``resnetv2``, ``hybrid``, then ``registry``, which builds them by name, and ``pretrained``,
which loads checkpoints.
"""

from engine.models.checkpointing import checkpoint_blocks, recomputed_modules, statistics_kept
from engine.models.layers import standardized_once
from engine.models.registry import create_model, is_timm

__all__ = [
    "checkpoint_blocks",
    "create_model",
    "is_timm",
    "recomputed_modules",
    "standardized_once",
    "statistics_kept",
]
