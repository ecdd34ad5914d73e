"""Images as uint8 tensors, decoded once: the training, validation and test split of a dataset.

The official test split is the test split, whole. The validation split is a stratified, seeded part of the
training split. ``subset_per_class`` takes that many training images of each class, stratified and seeded too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from engine.config import Experiment

DATA_DIR = Path("data")
"""Where downloads are kept, below the working folder."""
IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".gif"}


class DataError(Exception):
    """A dataset cannot be used; the message says why and what would help."""


@dataclass(frozen=True)
class Split:
    """Images (N, 3, H, W) uint8 and their classes (N,) int64, on one device."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> Split:
        """Return the split on another device."""
        return Split(self.images.to(device), self.labels.to(device))


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

    def to(self, device: torch.device) -> Dataset:
        """Return the dataset on another device."""
        return dataclasses.replace(
            self, train=self.train.to(device), val=self.val.to(device), test=self.test.to(device)
        )


@dataclass(frozen=True)
class _Source:
    """A dataset before it is cut: labels are known, images are decoded for the indices that are asked for."""

    train_labels: np.ndarray[Any, Any]
    test_labels: np.ndarray[Any, Any]
    classes: tuple[str, ...]
    train_images: Callable[[np.ndarray[Any, Any]], Tensor]
    test_images: Callable[[], Tensor]
    flips: bool = True


def load_dataset(experiment: Experiment, seed: int) -> Dataset:
    """Return the dataset of an experiment, cut by ``seed``.

    Images keep their own size where all have one that is no larger than ``image_size``; the loop scales
    batches up on the device. Others are scaled down here.

    Raises:
        DataError: It is not there, damaged, or too small for what is asked of it.
    """
    name = experiment.dataset
    if name == "digits":
        source = _digits()
    elif name.startswith("folder:"):
        source = _folder(Path(name.removeprefix("folder:")), experiment.image_size)
    else:
        source = _cifar(name)
    chosen, held_out = _cut(source.train_labels, experiment.subset_per_class, experiment.val_fraction, seed)
    images = source.train_images(np.concatenate([chosen, held_out]))  # (train + val, 3, H, W)
    labels = torch.from_numpy(np.concatenate([source.train_labels[chosen], source.train_labels[held_out]]))
    n = len(chosen)
    train = Split(images[:n], labels[:n])
    mean, std = _statistics(train.images)
    return Dataset(
        train=train,
        val=Split(images[n:], labels[n:]),
        test=Split(source.test_images(), torch.from_numpy(source.test_labels)),
        classes=source.classes,
        mean=mean,
        std=std,
        flips=source.flips,
    )


def _cut(
    labels: np.ndarray[Any, Any], per_class: int | None, val_fraction: float, seed: int
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the indices to train on and those held out for validation: of every class its share, at least one."""
    random = np.random.default_rng(seed)
    train, val = [], []
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        if per_class is not None:
            if len(members) < per_class:
                raise DataError(
                    f"subset_per_class = {per_class}, but class {label} has {len(members)} images"
                )
            members = members[:per_class]
        held = max(1, round(val_fraction * len(members)))
        if len(members) <= held:
            raise DataError(f"class {label} has {len(members)} images: too few to train on and to validate")
        val.append(members[:held])
        train.append(members[held:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(val))


def _statistics(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the channels' mean and standard deviation of (N, 3, H, W) uint8 images, as parts of 255."""
    pixels = (
        images[:: len(images) // 10_000 or 1].float().div_(255)
    )  # of all classes: a folder's are in order
    std, mean = torch.std_mean(pixels, dim=(0, 2, 3))
    return tuple(mean.tolist()), tuple(std.clamp_min(1e-3).tolist())


def _digits() -> _Source:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    grey = torch.from_numpy((digits.images * (255 / 16)).round().astype(np.uint8))  # (1797, 8, 8)
    images = grey[:, None].expand(-1, 3, -1, -1)
    labels = digits.target.astype(np.int64)
    train, test = train_test_split(np.arange(len(labels)), test_size=0.2, stratify=labels, random_state=0)
    return _Source(
        train_labels=labels[train],
        test_labels=labels[test],
        classes=tuple(str(digit) for digit in range(10)),
        train_images=lambda chosen: images[torch.from_numpy(train[chosen])],
        test_images=lambda: images[torch.from_numpy(test)],
        flips=False,
    )


def _cifar(name: str) -> _Source:
    from torchvision.datasets import CIFAR10, CIFAR100

    kind = {"cifar10": CIFAR10, "cifar100": CIFAR100}[name]
    try:
        train, test = (kind(DATA_DIR, train=part, download=True) for part in (True, False))
    except (OSError, RuntimeError) as error:
        archive = kind.url.rpartition("/")[2]
        raise DataError(
            f"{name} is not in {DATA_DIR.resolve()} and cannot be downloaded ({error}); "
            f'put {archive} (md5 {kind.tgz_md5}) there, or use dataset = "folder:PATH"'
        ) from None

    def tensor(pixels: np.ndarray[Any, Any]) -> Tensor:
        return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()  # (N, 3, 32, 32)

    return _Source(
        train_labels=np.array(train.targets),
        test_labels=np.array(test.targets),
        classes=tuple(train.classes),
        train_images=lambda chosen: tensor(train.data[chosen]),
        test_images=lambda: tensor(test.data),
    )


def _folder(root: Path, image_size: int) -> _Source:
    """Read an image folder: ``root/train/<class>/*`` and ``root/test/<class>/*``."""
    classes = _class_folders(root / "train")
    if (others := set(_class_folders(root / "test"))) != set(classes):
        differ = ", ".join(sorted(others ^ set(classes)))
        raise DataError(
            f"{root}: train/ and test/ do not have the same class folders; they differ in: {differ}"
        )
    listed = {part: _list_images(root / part, classes) for part in ("train", "test")}
    files, labels = listed["train"]
    test_files, test_labels = listed["test"]
    return _Source(
        train_labels=labels,
        test_labels=test_labels,
        classes=tuple(classes),
        train_images=lambda chosen: _decode([files[i] for i in chosen], image_size),
        test_images=lambda: _decode(test_files, image_size),
    )


def _class_folders(folder: Path) -> list[str]:
    try:
        found = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    except OSError as error:
        raise DataError(
            f"{folder} cannot be read ({error.strerror}); it has to hold a folder a class"
        ) from None
    if len(found) < 2:
        raise DataError(f"{folder} has to hold at least two class folders, it holds {len(found)}")
    return found


def _list_images(folder: Path, classes: Sequence[str]) -> tuple[list[Path], np.ndarray[Any, Any]]:
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
        if not found:
            raise DataError(f"{folder / name} holds no images ({', '.join(sorted(IMAGE_SUFFIXES))})")
        files += found
        labels += [label] * len(found)
    return files, np.array(labels, dtype=np.int64)


def _decode(files: Sequence[Path], image_size: int) -> Tensor:
    """Return the images (N, 3, H, W): square at their own size if all share one that is small enough, else cut."""
    images, broken = [], []
    for file in files:
        try:
            image = _open(file)  # (3, H, W)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # what PIL raises
            broken.append(file)
            continue
        images.append(image if max(image.shape[1:]) <= image_size else _fit(image, image_size))
    if broken:
        names = ", ".join(str(file) for file in broken[:3])
        raise DataError(
            f"{len(broken)} of {len(files)} images cannot be decoded: {names}; remove or replace them"
        )
    shapes = {image.shape for image in images}
    if len(shapes) > 1 or any(height != width for _, height, width in shapes):
        images = [_fit(image, image_size) for image in images]
    return torch.stack(images)


def _open(file: Path) -> Tensor:
    """Return an image (3, H, W) of 8 bits a channel; of a moving one the first frame."""
    with Image.open(file) as image:
        grey16 = image.mode.startswith("I")  # PIL would cut these off at 255
        eight_bits = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)) if grey16 else image
        pixels = np.array(eight_bits.convert("RGB"))  # (H, W, 3)
    return torch.from_numpy(pixels).permute(2, 0, 1).contiguous()


def _fit(image: Tensor, size: int) -> Tensor:
    """Scale (3, H, W) so that its shorter side is ``size``, and cut the middle square out of it."""
    height, width = image.shape[1:]
    if (height, width) == (size, size):
        return image
    scale = size / min(height, width)
    shape = (max(size, round(height * scale)), max(size, round(width * scale)))
    scaled = F.interpolate(image[None], shape, mode="bilinear", antialias=True)[0]  # (3, H', W') uint8
    top, left = (shape[0] - size) // 2, (shape[1] - size) // 2
    return scaled[:, top : top + size, left : left + size]
