"""Augmentation moves and mirrors whole batches, and with one generator always in the same way."""

from __future__ import annotations

import torch

from engine.config.schema import Experiment
from engine.training.data.augment import MixupCutmix, Preprocess, random_crop, random_cutout, random_flip
from engine.training.data.dataset import Dataset, Split


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def numbered(n=8, size=8):
    """Return images in which every pixel has a value of its own."""
    return torch.arange(n * 3 * size * size).remainder(251).to(torch.uint8).view(n, 3, size, size)


def preprocess(size=8, flips=True, **keys):
    images = numbered()
    split = Split(images, torch.zeros(len(images), dtype=torch.int64))
    data = Dataset(split, split, split, ("a",), (0.4, 0.5, 0.6), (0.1, 0.2, 0.3), flips)
    experiment = Experiment(name="x", model="vit_mini", image_size=size, **keys)
    return Preprocess(data, experiment, torch.device("cpu"))


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
    plain = preprocess(augment="none")
    assert torch.equal(plain.train(images, generator()), plain.evaluate(images))


def test_evaluation_normalises_and_scales_up():
    images = numbered()
    mean, std = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1), torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)
    torch.testing.assert_close(
        preprocess().evaluate(images), (images / 255 - mean) / std, atol=1e-5, rtol=1e-5
    )
    assert preprocess(size=20).evaluate(images).shape == (8, 3, 20, 20)


def test_a_square_of_zeros_is_cut_out_and_only_that():
    images = torch.ones(2000, 3, 8, 8)
    cut = random_cutout(images, 4, generator())
    hidden = cut[:, 0] == 0
    assert torch.equal(cut == 0, hidden[:, None].expand_as(cut))
    sizes = hidden.flatten(1).sum(1)
    assert set(sizes.tolist()) <= {rows * columns for rows in range(2, 5) for columns in range(2, 5)}
    assert sizes.max() == 16
    assert hidden.any(0).all()
    assert torch.equal(preprocess(cutout=4, augment="none").train(numbered(), generator()) == 0,
                       random_cutout(torch.ones(8, 3, 8, 8), 4, generator()) == 0)  # fmt: skip


def test_sixteen_images_in_a_row_are_changed_alike_as_torchvision_does():
    from torchvision.transforms import v2

    images = numbered(1).expand(16 * 16 + 5, -1, -1, -1)
    prepare, still = (preprocess(augment=kind, flips=False) for kind in ("randaugment", "light"))
    torch.manual_seed(0)
    made = prepare.train(images, generator())
    after = torch.get_rng_state()
    torch.manual_seed(0)
    policy = v2.RandAugment(num_ops=2, magnitude=10)
    cropped = random_crop(images, 1, generator())
    chunks = [still.evaluate(policy(cropped[start : start + 16])) for start in range(0, len(images), 16)]
    assert torch.equal(made, torch.cat(chunks))
    assert torch.equal(torch.get_rng_state(), after)
    firsts = {tuple(chunk[0].flatten().tolist()) for chunk in chunks}
    assert len(firsts) > 8


def test_mixed_images_have_mixed_labels():
    torch.manual_seed(0)
    images, labels = torch.eye(4)[:, None, :, None].expand(4, 3, 4, 4), torch.arange(4)
    same, still = MixupCutmix(Experiment(name="x", model="vit_mini"), 4)(images, labels)
    assert same is images
    assert still is labels
    for keys in ({"mixup": 1.0}, {"cutmix": 1.0}, {"mixup": 1.0, "cutmix": 1.0}):
        mixed, parts = MixupCutmix(Experiment(name="x", model="vit_mini", **keys), 4)(images, labels)
        assert mixed.shape == images.shape
        assert parts.shape == (4, 4)
        torch.testing.assert_close(parts.sum(1), torch.ones(4))
        shown = mixed.mean(dim=(1, 3)) / mixed.mean(dim=(1, 3)).sum(
            1, keepdim=True
        )  # each row is of one image
        if "cutmix" not in keys:
            torch.testing.assert_close(shown, parts)
