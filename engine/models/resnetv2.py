"""BiT: a pre-activation ResNet with GroupNorm and standardised weights (Kolesnikov et al., 2020).

::

    image ─ stem ─ stages ─ norm, ReLU ─ mean over the map ─ head

    x ─ norm1 ─┬─ conv1 1x1 ─ norm2 ─ conv2 3x3 (stride) ─ norm3 ─ conv3 1x1 ─(+)─ x
               └─ downsample, in the first block of a stage; else x itself ────┘
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor, nn

from engine.catalog.model_sizes import Backbone
from engine.models.checkpointing import Blocks
from engine.models.layers import StdConv2d


class GroupNormAct(nn.GroupNorm):
    """GroupNorm with 32 groups (Wu and He, 2018), followed by ReLU unless told otherwise."""

    def __init__(self, channels: int, relu: bool = True) -> None:
        super().__init__(32, channels, eps=1e-5)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C, H, W)."""
        x = super().forward(x)
        return x.relu_() if self.relu else x


class PreActBottleneck(nn.Module):
    """Narrow, 3x3, widen, each behind its normalisation and ReLU (He et al., 2016, arXiv 1603.05027).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output; a quarter of them in the middle.
        stride: Of the 3x3 convolution: 2 halves the map.
        project: Whether the shortcut has a 1x1 convolution, as it needs where shapes differ.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, project: bool) -> None:
        super().__init__()
        middle = out_channels // 4
        self.downsample = nn.Sequential() if project else None
        if self.downsample is not None:
            self.downsample.add_module("conv", StdConv2d(in_channels, out_channels, 1, stride))
        self.norm1 = GroupNormAct(in_channels)
        self.conv1 = StdConv2d(in_channels, middle, 1)
        self.norm2 = GroupNormAct(middle)
        self.conv2 = StdConv2d(middle, middle, 3, stride)
        self.norm3 = GroupNormAct(middle)
        self.conv3 = StdConv2d(middle, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H / stride, W / stride)."""
        active = self.norm1(x)
        shortcut = x if self.downsample is None else self.downsample(active)
        x = self.conv1(active)  # (B, out / 4, H, W)
        x = self.conv2(self.norm2(x))  # (B, out / 4, H / stride, W / stride)
        x = self.conv3(self.norm3(x))
        return x + shortcut


def stages(backbone: Backbone, block: Callable[[int, int, int, bool], nn.Module]) -> nn.Sequential:
    """Stack the blocks of a ResNet; each stage after the first halves the map.

    Args:
        backbone: How many blocks and channels each stage has.
        block: Builds one from (in channels, out channels, stride, whether the shortcut needs a projection).
    """
    built = nn.Sequential()
    channels = backbone.stem_channels
    for stage, (depth, out_channels) in enumerate(zip(backbone.layers, backbone.channels, strict=True)):
        blocks = Blocks()
        for index in range(depth):
            stride = 2 if stage > 0 and index == 0 else 1
            blocks.append(block(channels, out_channels, stride, index == 0))
            channels = out_channels
        built.append(nn.Sequential(OrderedDict(blocks=blocks)))
    return built


class ResNetV2(nn.Module):
    """A BiT classifier for images of any size.

    Args:
        backbone: Its stages. The ``imagenet`` stem is BiT's: a 7x7 convolution and a 3x3 max-pool, both of
            stride 2. The ``cifar`` stem, a 3x3 convolution of stride 1, keeps small images from vanishing: at
            32 pixels the true stem leaves a map of 1x1 to the last stage.
        num_classes: How many logits.
    """

    def __init__(self, backbone: Backbone, num_classes: int) -> None:
        super().__init__()
        stem: OrderedDict[str, nn.Module] = OrderedDict()
        if backbone.stem == "cifar":
            stem["conv"] = StdConv2d(3, backbone.stem_channels, 3)
        else:
            stem["conv"] = StdConv2d(3, backbone.stem_channels, 7, 2)
            # Zeros, not the -inf of a padded max-pool: what BiT's weights were trained with.
            stem["pad"] = nn.ZeroPad2d(1)
            stem["pool"] = nn.MaxPool2d(3, stride=2)
        self.stem = nn.Sequential(stem)
        self.stages = stages(backbone, PreActBottleneck)
        self.norm = GroupNormAct(backbone.channels[-1])
        fc = nn.Conv2d(backbone.channels[-1], num_classes, kernel_size=1)
        nn.init.zeros_(fc.weight)
        if fc.bias is not None:
            nn.init.zeros_(fc.bias)
        self.head = nn.Sequential()
        self.head.add_module("fc", fc)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, H, W) to logits (B, num_classes)."""
        x = self.norm(self.stages(self.stem(images)))  # (B, C, H / stride, W / stride)
        logits: Tensor = self.head(x.mean(dim=(2, 3), keepdim=True))  # (B, num_classes, 1, 1)
        return logits.flatten(1)
