"""The stems of BiT: what they leave of small images, and what they pad with."""

import torch

from engine.models import create_model


def test_the_cifar_stem_keeps_the_map():
    bit = create_model("bit_r50x1", num_classes=2, image_size=32, stem="cifar")
    with torch.no_grad():
        assert bit.stem(torch.randn(1, 3, 32, 32)).shape == (1, 64, 32, 32)
        assert bit.stages(torch.randn(1, 64, 8, 8)).shape == (1, 2048, 1, 1)


def test_the_true_stem_pads_its_pool_with_zeros():
    stem = create_model("bit_r50x1", num_classes=2, image_size=32).stem
    x = -torch.ones(1, 64, 4, 4)
    assert stem.pool(stem.pad(x))[0, 0].tolist() == [[0.0, 0.0], [0.0, -1.0]]
