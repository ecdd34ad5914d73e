"""The models: ViT, BiT and their hybrid, equal to the public references weight by weight.

Read ``layers`` (a Transformer block), ``vit``, ``resnetv2``, ``hybrid``, then ``registry``, which builds them
by name, ``pretrained``, which loads checkpoints, and ``cost``, which says what training one takes.
"""

from engine.models.registry import create_model, parameter_groups

__all__ = ["create_model", "parameter_groups"]
