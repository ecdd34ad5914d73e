"""Whole batches on their device: crop, flip, cut out at the images' own size, then normalise and scale up.

What is random comes from a generator of the step, except RandAugment, mixup and cutmix, which are torchvision's and
draw from torch's own; a checkpoint keeps that too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.config.schema import Experiment
from engine.training.data.dataset import Dataset

SHARED_POLICY = 16
"""Images in a row that RandAugment changes alike: drawn for each alone, a batch would wait for its augmentation."""


class Preprocess:
    """Makes the model's input of stored images: float, normalised, ``image_size`` pixels a side."""

    def __init__(self, data: Dataset, experiment: Experiment, device: torch.device) -> None:
        self._size = experiment.image_size
        self._crop = experiment.augment != "none"
        self._flips = self._crop and data.flips
        self._cutout = experiment.cutout
        self._policy = None
        if experiment.augment == "randaugment":
            from torchvision.transforms import v2

            self._policy = v2.RandAugment(num_ops=2, magnitude=10)
        # one multiply-add: (pixel / 255 - mean) / std
        std = torch.tensor(data.std, device=device).view(1, 3, 1, 1)
        mean = torch.tensor(data.mean, device=device).view(1, 3, 1, 1)
        self._scale = 1 / (255 * std)
        self._shift = -mean / std

    def evaluate(self, images: Tensor) -> Tensor:
        """Return (B, 3, H, W) uint8 images as (B, 3, image_size, image_size) float32, unaltered otherwise."""
        return self._resize(self._normalize(images))

    def train(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return images (B, 3, H, W) augmented as the experiment asks: (B, 3, image_size, image_size) float32.

        Each may be shifted by up to an eighth, mirrored, changed by RandAugment, and have a square blanked out.
        """
        if self._crop:
            images = random_crop(images, max(1, images.shape[-1] // 8), generator)
        if self._flips:
            images = random_flip(images, generator)
        if self._policy is not None:
            images = torch.cat([self._policy(chunk) for chunk in torch.split(images, SHARED_POLICY)])
        ready = self._normalize(images)
        if self._cutout:
            ready = random_cutout(ready, self._cutout, generator)
        return self._resize(ready)

    def _normalize(self, images: Tensor) -> Tensor:
        return torch.addcmul(self._shift, images.float(), self._scale)

    def _resize(self, images: Tensor) -> Tensor:
        if images.shape[-2:] == (self._size, self._size):
            return images
        smaller = images.shape[-1] > self._size
        size = (self._size, self._size)
        return F.interpolate(images, size, mode="bicubic", align_corners=False, antialias=smaller)


class MixupCutmix:
    """Mixup (Zhang et al., 2018) and cutmix (Yun et al., 2019) by torchvision: a batch gets one of those set."""

    def __init__(self, experiment: Experiment, classes: int) -> None:
        self._choices = []
        if experiment.mixup or experiment.cutmix:
            from torchvision.transforms import v2

            if experiment.mixup:
                self._choices.append(v2.MixUp(alpha=experiment.mixup, num_classes=classes))
            if experiment.cutmix:
                self._choices.append(v2.CutMix(alpha=experiment.cutmix, num_classes=classes))

    def __call__(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (B, 3, S, S) and labels (B,), or (B, classes) as parts of one if they were mixed."""
        if not self._choices or len(labels) < 2:
            return images, labels
        chosen = int(torch.randint(len(self._choices), ())) if len(self._choices) > 1 else 0
        mixed: tuple[Tensor, Tensor] = self._choices[chosen](images, labels)
        return mixed


def random_crop(images: Tensor, pad: int, generator: torch.Generator) -> Tensor:
    """Return (B, C, H, W) images, each moved by up to ``pad`` pixels each way, its edge filled by reflection."""
    b, c, height, width = images.shape
    padded = F.pad(images.float(), (pad, pad, pad, pad), mode="reflect").to(images.dtype)
    offsets = torch.randint(2 * pad + 1, (2, b, 1), generator=generator, device=images.device)
    rows = offsets[0] + torch.arange(height, device=images.device)  # (B, H)
    columns = offsets[1] + torch.arange(width, device=images.device)  # (B, W)
    batch = torch.arange(b, device=images.device)[:, None, None, None]
    channel = torch.arange(c, device=images.device)[None, :, None, None]
    return padded[batch, channel, rows[:, None, :, None], columns[:, None, None, :]]


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return (B, C, H, W) images, each mirrored left to right with probability one half."""
    mirrored = torch.rand(len(images), generator=generator, device=images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def random_cutout(images: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Return (B, C, H, W) images, each with a square of ``side`` pixels set to 0 (DeVries and Taylor, 2017).

    The middle of the square is any pixel, so that at an edge less of the image is lost.
    """
    b, _, height, width = images.shape
    hidden = []
    for size in (height, width):
        middle = torch.randint(size, (b, 1), generator=generator, device=images.device)
        offset = torch.arange(size, device=images.device)[None] - middle + side // 2  # (B, size)
        hidden.append((offset >= 0) & (offset < side))
    square = hidden[0][:, None, :, None] & hidden[1][:, None, None, :]  # (B, 1, H, W)
    return images.masked_fill(square, 0)
