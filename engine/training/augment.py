"""Whole batches on their device: crop and flip at the images' own size, then normalise and scale up."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from engine.training.data import Dataset


class Preprocess:
    """Makes the model's input of stored images: float, normalised, ``image_size`` pixels a side."""

    def __init__(self, data: Dataset, image_size: int, *, augment: bool) -> None:
        device = data.train.images.device
        self._size = image_size
        self._augment = augment
        self._flips = data.flips
        # one multiply-add: (pixel / 255 - mean) / std
        std = torch.tensor(data.std, device=device).view(1, 3, 1, 1)
        mean = torch.tensor(data.mean, device=device).view(1, 3, 1, 1)
        self._scale = 1 / (255 * std)
        self._shift = -mean / std

    def evaluate(self, images: Tensor) -> Tensor:
        """Return (B, 3, H, W) uint8 images as (B, 3, image_size, image_size) float32, unaltered otherwise."""
        return self._resize(torch.addcmul(self._shift, images.float(), self._scale))

    def train(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the same, with every image shifted by up to an eighth and perhaps mirrored."""
        if self._augment:
            images = random_crop(images, max(1, images.shape[-1] // 8), generator)
            if self._flips:
                images = random_flip(images, generator)
        return self.evaluate(images)

    def _resize(self, images: Tensor) -> Tensor:
        if images.shape[-2:] == (self._size, self._size):
            return images
        return F.interpolate(images, (self._size, self._size), mode="bicubic", align_corners=False)


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
