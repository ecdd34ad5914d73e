"""Augmentation moves and mirrors whole batches, and with one generator always in the same way."""

from __future__ import annotations

import torch

from engine.training.augment import Preprocess, random_crop, random_flip
from engine.training.data import Dataset, Split


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(n=8, size=8):
    """Return images in which every pixel has a value of its own."""
    return torch.arange(n * 3 * size * size).remainder(251).to(torch.uint8).view(n, 3, size, size)


def preprocess(size=8, augment=True, flips=True):
    images = numbered()
    split = Split(images, torch.zeros(len(images), dtype=torch.int64))
    data = Dataset(split, split, split, ("a",), (0.4, 0.5, 0.6), (0.1, 0.2, 0.3), flips)
    return Preprocess(data, size, augment=augment)


def test_a_crop_keeps_type_and_shape_and_follows_its_generator():
    images = numbered()
    cropped = random_crop(images, 2, generator())
    assert (cropped.dtype, cropped.shape) == (images.dtype, images.shape)
    assert torch.equal(cropped, random_crop(images, 2, generator()))
    assert not torch.equal(cropped, random_crop(images, 2, generator(1)))


def test_a_crop_is_a_window_of_the_reflected_image():
    images = numbered(20)
    padded = torch.nn.functional.pad(images.float(), (2, 2, 2, 2), mode="reflect").byte()
    shifts = set()
    for image, frame in zip(random_crop(images, 2, generator()), padded, strict=True):
        (shift,) = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if torch.equal(image, frame[:, top : top + 8, left : left + 8])
        ]
        shifts.add(shift)
    assert len(shifts) > 5


def test_half_of_all_images_are_mirrored():
    images = torch.tensor([[0, 255]], dtype=torch.uint8).expand(10_000, 3, 1, 2)
    flipped = random_flip(images, generator())
    assert flipped.dtype == torch.uint8
    assert 0.48 < (flipped[:, 0, 0, 0] == 255).float().mean() < 0.52


def test_what_has_no_mirror_image_is_only_moved():
    images = numbered()
    moved = preprocess(flips=False).train(images, generator())
    assert torch.equal(moved, preprocess(flips=False).evaluate(random_crop(images, 1, generator())))


def test_without_augmentation_training_sees_what_evaluation_sees():
    images = numbered()
    plain = preprocess(augment=False)
    assert torch.equal(plain.train(images, generator()), plain.evaluate(images))


def test_evaluation_normalises_and_scales_up():
    images = numbered()
    mean, std = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1), torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)
    torch.testing.assert_close(
        preprocess().evaluate(images), (images / 255 - mean) / std, atol=1e-5, rtol=1e-5
    )
    assert preprocess(size=20).evaluate(images).shape == (8, 3, 20, 20)
