"""The ResNet of a hybrid, which turns an image into tokens (Dosovitskiy et al., 2021, 3.1).

It is not BiT's: normalisation and ReLU follow each convolution, and padding is TensorFlow's SAME, as in
https://github.com/google-research/vision_transformer (models_resnet.py).

::

    x ─┬─ conv1 1x1 ─ norm1 ─ conv2 3x3 (stride) ─ norm2 ─ conv3 1x1 ─ norm3 ─(+)─ ReLU ─ x
       └─ downsample, in the first block of a stage; else x itself ────────────┘
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn

from engine.catalog.model_sizes import Backbone
from engine.models.layers import StdConv2d
from engine.models.resnetv2 import GroupNormAct, stages
from engine.models.vit import patch_projection


class Bottleneck(nn.Module):
    """The post-activation bottleneck, with the stride on its 3x3 convolution.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; a quarter of them in the middle.
        stride: Of the 3x3 convolution: 2 halves the map.
        project: Whether the shortcut has a 1x1 convolution, as it needs where shapes differ.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, project: bool) -> None:
        super().__init__()
        middle = out_channels // 4
        self.downsample = (
            nn.Sequential(
                OrderedDict(
                    conv=StdConv2d(in_channels, out_channels, 1, stride),
                    norm=GroupNormAct(out_channels, relu=False),
                )
            )
            if project
            else None
        )
        self.conv1 = StdConv2d(in_channels, middle, 1)
        self.norm1 = GroupNormAct(middle)
        self.conv2 = StdConv2d(middle, middle, 3, stride, padding="same")
        self.norm2 = GroupNormAct(middle)
        self.conv3 = StdConv2d(middle, out_channels, 1)
        self.norm3 = GroupNormAct(out_channels, relu=False)
        nn.init.zeros_(self.norm3.weight)  # a block begins as the identity, as in the reference

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.norm1(self.conv1(x))  # (B, out / 4, H, W)
        x = self.norm2(self.conv2(x))  # (B, out / 4, H / stride, W / stride)
        x = self.norm3(self.conv3(x))
        return (x + shortcut).relu_()


class ResNetEmbed(nn.Module):
    """Turn an image into tokens: the feature map of a ResNet, each position projected to a token."""

    def __init__(self, backbone: Backbone, embed_dim: int) -> None:
        super().__init__()
        stem = OrderedDict(
            conv=StdConv2d(3, backbone.stem_channels, 7, 2, padding="same"),
            norm=GroupNormAct(backbone.stem_channels),
            # On a map of even size, SAME reaches past the far edge only: that is what ceil_mode does.
            pool=nn.MaxPool2d(3, stride=2, ceil_mode=True),
        )
        self.backbone = nn.Sequential(
            OrderedDict(stem=nn.Sequential(stem), stages=stages(backbone, Bottleneck))
        )
        self.proj = patch_projection(backbone.channels[-1], embed_dim, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W) to tokens (B, N, D)."""
        grid: Tensor = self.proj(self.backbone(images))  # (B, D, H / stride, W / stride)
        return grid.flatten(2).transpose(1, 2)  # (B, N, D)
