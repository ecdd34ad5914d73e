"""The training, validation and test split of a dataset: uint8 images that were decoded once, in batches.

The official test split is the test split, whole. The validation split is the dataset's own, or a stratified, seeded
part of the training split. ``subset_per_class`` takes that many training images of each class, stratified and seeded
too.

Small datasets live on the device as one tensor. Larger ones stay in a mapped file, from which batches are
gathered ahead of the training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from torch import Tensor

from engine.catalog.datasets import DATASETS, HUB, TORCH, folder_of, list_of, validation_count
from engine.config.schema import Experiment
from engine.runs.predictions import digest_of
from engine.training.data.csv_image_list import list_source
from engine.training.data.digits import digits_source
from engine.training.data.image_folders import folder_source
from engine.training.data.images_below_folder import printable
from engine.training.data.loaded_parts import (
    LoadedPart,
    identity_of,
    images_in_two_splits,
    notes_on,
    repeated_images,
)
from engine.training.data.prefetch import prefetched
from engine.training.data.unsplit_dataset import DataError, DataSource, Images, Indices, Part, Say, ignore

__all__ = ["DataError", "Dataset", "Split", "load_dataset"]

CPU = torch.device("cpu")
RESIDENT_BYTES = 2 * 2**30
"""A dataset that takes more, or more than a quarter of the free memory of host or GPU, stays in its file."""
SAMPLED_IMAGES, SAMPLED_BYTES = 10_000, 256 * 2**20
"""About as much of the training split makes its statistics, of large images about 64 x 64 pixels of each."""


@dataclass(frozen=True)
class Split:
    """Images (N, 3, H, W) uint8 and their classes (N,) int64, on one device.

    With ``rows`` (N,), the images are too many for the device: ``images`` is then a mapped file, of which
    ``rows[i]`` is the row of image i; only the labels and the batches are on the device.
    """

    images: Tensor
    labels: Tensor
    rows: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, rank: int, ranks: int) -> Split:
        """Return every ``ranks``-th image from ``rank`` on."""
        if ranks == 1:
            return self
        mine = slice(rank, None, ranks)
        if self.rows is None:
            return Split(self.images[mine], self.labels[mine])
        return Split(self.images, self.labels[mine], self.rows[mine])

    def to(self, device: torch.device) -> Split:
        """Return the split on another device."""
        images = self.images.to(device) if self.rows is None else self.images
        return Split(images, self.labels.to(device), self.rows)

    def batches(self, indices: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield images (B, 3, H, W) and labels (B,) on the split's device, for every batch of indices (B,)."""
        if not indices:
            return
        sizes = [len(batch) for batch in indices]
        order = torch.cat(list(indices)).to(self.labels.device)  # one copy to the device, not one a batch
        labels = torch.split(self.labels[order], sizes)
        if self.rows is None:
            for batch, of_batch in zip(torch.split(order, sizes), labels, strict=True):
                yield self.images[batch], of_batch
        else:
            rows = torch.split(self.rows[torch.cat(list(indices)).cpu()], sizes)
            yield from zip(prefetched(self.images, rows, self.labels.device), labels, strict=True)

    def in_order(self, batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all images and labels from first to last, in batches."""
        if self.rows is None:
            yield from zip(
                torch.split(self.images, batch_size), torch.split(self.labels, batch_size), strict=True
            )
        else:
            yield from self.batches(torch.split(torch.arange(len(self)), batch_size))


@dataclass(frozen=True)
class Dataset:
    """The three splits, the names of the classes, and each channel's mean and deviation in [0, 1]."""

    train: Split
    val: Split
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    flips: bool
    """Whether an image's mirror image is of the same class."""
    test_digest: str = ""
    """What stands for the test images, as ``digest_of`` has it."""
    identity: str = ""
    """What stands for all of the images and their classes, wherever they lie."""
    notes: tuple[str, ...] = ()
    """What a user should know of the images: what was left out, and how colours were converted."""
    warnings: tuple[str, ...] = ()
    """What makes scores of these images worth little."""

    def to(self, device: torch.device) -> Dataset:
        """Return the dataset on another device."""
        return dataclasses.replace(
            self, train=self.train.to(device), val=self.val.to(device), test=self.test.to(device)
        )


def load_dataset(experiment: Experiment, seed: int, say: Say = ignore, device: torch.device = CPU) -> Dataset:
    """Return the dataset of an experiment in host memory, cut by ``seed``.

    Images keep their own size where all have one that is no larger than ``image_size``; the loop scales
    batches up on the device. Others are scaled down here.

    Args:
        experiment: Names the dataset, and which part of it to use.
        seed: Of the subset and of the validation split.
        say: Called with a sentence now and then while this takes long, and with whatever a user should know.
            What it raises ends the loading.
        device: Where it will be used; images that are too many for its memory stay in their file.

    Raises:
        DataError: It is not there, damaged, or too small for what is asked of it.
    """
    source = _source(experiment, say)
    drawn = _draw(source.train.labels, source.classes, experiment.subset_per_class, seed)
    subset = np.sort(np.concatenate(drawn))
    images, test_images = source.train.load(subset), _whole(source.test)
    val_images = _whole(source.val) if source.val is not None else None
    usable = np.ones(len(source.train.labels), dtype=bool)
    usable[subset[list(images.broken)]] = False
    kept = [members[usable[members]] for members in drawn]
    if val_images is None:
        chosen, held_out = _hold_out(kept, source.classes, experiment)
    else:
        chosen, held_out = np.sort(np.concatenate(kept)), np.zeros(0, dtype=np.int64)
    loaded = [part for part in (images, val_images, test_images) if part is not None]
    resident = sum(part.pixels.nbytes for part in loaded) <= _resident_limit(device)

    def split(part: Images, rows: Indices, labels: Indices) -> Split:
        where = torch.from_numpy(rows)
        if resident:
            return Split(torch.from_numpy(part.pixels[rows]), torch.from_numpy(labels))
        return Split(torch.from_numpy(part.pixels), torch.from_numpy(labels), where)

    def whole(part: Part, of: Images) -> Split:
        rows = np.delete(np.arange(len(part.labels)), list(of.broken))
        return split(of, rows, part.labels[rows])

    train, val = (
        split(images, np.searchsorted(subset, part), source.train.labels[part]) for part in (chosen, held_out)
    )
    if source.val is not None and val_images is not None:
        val = whole(source.val, val_images)
    test = whole(source.test, test_images)
    tested = np.delete(np.arange(len(source.test.labels)), list(test_images.broken))
    names = [source.test.names[i] for i in tested.tolist()] if source.test.names else [experiment.dataset]
    spec = DATASETS.get(experiment.dataset)
    mean, std = (spec and spec.normalisation) or _statistics(train)
    parts = [LoadedPart("train", source.train, images, subset)]
    if source.val is not None and val_images is not None:
        parts.append(LoadedPart("val", source.val, val_images))
    parts.append(LoadedPart("test", source.test, test_images))
    return Dataset(
        train=train,
        val=val,
        test=test,
        classes=source.classes,
        mean=mean,
        std=std,
        flips=source.flips,
        test_digest=digest_of(source.test.labels[tested], names),
        identity=identity_of(experiment.dataset, source.classes, parts),
        notes=(*source.notes, *notes_on(parts)),
        warnings=(
            *repeated_images(parts[0]),
            *images_in_two_splits(parts),
            *_single_colours(train, val, test),
        ),
    )


def _whole(part: Part) -> Images:
    return part.load(np.arange(len(part.labels)))


def _source(experiment: Experiment, say: Say) -> DataSource:
    name = experiment.dataset
    if name == "digits":
        return digits_source()
    if (folder := folder_of(name)) is not None:
        return folder_source(folder, experiment, say)
    if (file := list_of(name)) is not None:
        return list_source(file, experiment, say)
    if name.startswith(HUB):
        from engine.training.data.hub_sets import hub_source  # of an extra

        return hub_source(name, experiment, say)
    # torchvision is slow to import
    if name.startswith(TORCH):
        from engine.training.data.torch_sets import torch_source

        return torch_source(name, experiment, say)
    from engine.training.data.cifar import cifar_source

    return cifar_source(name, say)


def _resident_limit(device: torch.device) -> int:
    """Return how many bytes of images may lie on a device; they go through the host's memory."""
    free = psutil.virtual_memory().available
    if device.type == "cuda":
        free = min(free, torch.cuda.mem_get_info(device)[0])
    return min(RESIDENT_BYTES, free // 4)


def _draw(labels: Indices, classes: Sequence[str], per_class: int | None, seed: int) -> list[Indices]:
    """Return the indices to use of every class, in a random order."""
    random = np.random.default_rng(seed)
    drawn = []
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        if per_class is not None and len(members) < per_class:
            raise DataError(
                f"subset_per_class = {per_class}, but class {printable(classes[label])} has {_images(len(members))}"
            )
        drawn.append(members[:per_class])
    return drawn


def _hold_out(
    drawn: Sequence[Indices], classes: Sequence[str], experiment: Experiment
) -> tuple[Indices, Indices]:
    """Return the indices to train on and those held out for validation: of every class its share, at least one."""
    train, val = [], []
    for label, members in enumerate(drawn):
        held = validation_count(len(members), experiment.val_fraction)
        if len(members) <= held:
            raise DataError(
                f"class {printable(classes[label])} has {_images(len(members))}: too few to train on and to validate"
            )
        val.append(members[:held])
        train.append(members[held:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(val))


def _images(count: int) -> str:
    return f"{count:,} image{'' if count == 1 else 's'}"


def _single_colours(train: Split, val: Split, test: Split) -> Iterator[str]:
    """Yield a warning for each split whose images are all of one and the same colour."""
    for split, use in ((train, "train on"), (val, "validate"), (test, "test on")):
        if len(split) and _is_of_one_colour(split):
            red, green, blue = split.images[0 if split.rows is None else split.rows[0], :, 0, 0].tolist()
            yield (
                f"all {_images(len(split))} to {use} are of one colour (red {red}, green {green}, blue {blue}): there "
                "is nothing to tell them apart by"
            )


def _is_of_one_colour(split: Split) -> bool:
    images = split.images
    colour = images[0 if split.rows is None else split.rows[0], :, :1, :1]  # (3, 1, 1)
    for begin in range(0, len(split), 256):
        rows = slice(begin, begin + 256) if split.rows is None else split.rows[begin : begin + 256]
        if bool((images[rows] != colour).any()):
            return False
    return True


def _statistics(split: Split) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the channels' mean and standard deviation, as parts of 255."""
    bytes_per_image = split.images[0].nbytes
    step = max(1, len(split) // SAMPLED_IMAGES, len(split) * bytes_per_image // SAMPLED_BYTES)
    sample = torch.arange(0, len(split), step)  # of all classes: a folder's are in order
    count, total, squares = 0, torch.zeros(3, dtype=torch.int64), torch.zeros(3, dtype=torch.int64)
    sparse = max(1, split.images.shape[-1] // 64)
    for batch, _ in split.batches(torch.split(sample, max(1, 2**22 // bytes_per_image))):
        images = batch[..., ::sparse, ::sparse].contiguous()
        count += images[:, 0].numel()
        total += images.sum((0, 2, 3))
        squares += images.int().square().sum((0, 2, 3))
    mean = total.double() / count
    variance = (squares.double() - total * mean) / max(1, count - 1)
    std = variance.clamp_min(0).sqrt() / 255
    return tuple((mean / 255).tolist()), tuple(std.clamp_min(1e-3).tolist())
