"""The reference: timm's models of the same name, and weights under which a mistake shows."""

from collections import OrderedDict
from functools import partial

import pytest
import torch

from engine.catalog.model_sizes import MODELS


@pytest.fixture(autouse=True)
def _reproducible():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more threads on a busy machine cost far more than they gain
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


def build_reference(name, image_size, patch_size=None, num_classes=10, **options):
    from timm.layers import StdConv2d, StdConv2dSame  # seconds, which tests of other things need not spend
    from timm.models.resnetv2 import ResNetV2
    from timm.models.vision_transformer import VisionTransformer
    from timm.models.vision_transformer_hybrid import HybridEmbed

    spec = MODELS[name]
    encoder, backbone = spec.encoder, spec.backbone
    if spec.family == "bit":
        model = ResNetV2(
            list(backbone.layers),
            backbone.channels,
            num_classes,
            stem_chs=backbone.stem_channels,
            stem_type="fixed",
            conv_layer=partial(StdConv2d, eps=1e-8),
        )
        if backbone.stem == "cifar":  # timm has no such stem
            model.stem = torch.nn.Sequential(
                OrderedDict(conv=StdConv2d(3, backbone.stem_channels, 3, eps=1e-8))
            )
        return model
    if spec.family == "hybrid":
        resnet = ResNetV2(
            list(backbone.layers),
            backbone.channels,
            0,
            stem_chs=backbone.stem_channels,
            global_pool="",
            preact=False,
            stem_type="same",
            conv_layer=partial(StdConv2dSame, eps=1e-8),
        )
        options["embed_layer"] = partial(HybridEmbed, backbone=resnet)
    return VisionTransformer(
        img_size=image_size,
        patch_size=patch_size or 1,
        num_classes=num_classes,
        embed_dim=encoder.width,
        depth=encoder.depth,
        num_heads=encoder.heads,
        mlp_ratio=encoder.mlp_dim / encoder.width,
        **{"init_values": 0.1 if spec.optimized else None, **options},
    )


@pytest.fixture(scope="session")
def reference():
    """Build timm's model of the same name: ``reference(name, image_size, patch_size)``."""
    return build_reference


@pytest.fixture(scope="session")
def randomise():
    """Give every parameter values under which no part of the network is silent."""

    def randomised(model, seed=1):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.parameters():
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
                one = 1.0 if parameter.ndim == 1 else 0.0
                parameter.copy_(one + noise * (0.3 if parameter.ndim == 1 else 0.05))
        return model

    return randomised
