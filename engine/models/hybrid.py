"""The hybrid: a ResNet whose feature map a Transformer reads as its patches (Dosovitskiy et al., 2021, 3.1).

::

    image ─ stem ─ stages ─ 1x1 projection ─ tokens ─ ViT
"""

from __future__ import annotations

from typing import Any

from engine.catalog.model_sizes import Backbone
from engine.models.hybrid_resnet import ResNetEmbed
from engine.models.vit import ViT


class Hybrid(ViT):
    """A :class:`~engine.models.vit.ViT` on the feature map of a ResNet.

    Args:
        backbone: The ResNet.
        image_size: The side of the images, a multiple of ``stride``, so that the maps SAME pads are even.
        stride: How many pixels of the image a position of the feature map covers.
        embed_dim: The width D of a token.
        arguments: As for :class:`~engine.models.vit.ViT`.
    """

    def __init__(
        self, backbone: Backbone, *, image_size: int, stride: int, embed_dim: int, **arguments: Any
    ) -> None:
        super().__init__(
            image_size=image_size,
            patch_size=stride,
            embed_dim=embed_dim,
            patch_embed=ResNetEmbed(backbone, embed_dim),
            **arguments,
        )
