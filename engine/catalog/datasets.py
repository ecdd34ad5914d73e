"""The data sets that come by name: their size, their classes, their splits."""

from __future__ import annotations

DATASETS = ("cifar10", "cifar100", "digits")


SIZES = {"cifar10": (50_000, 10), "cifar100": (50_000, 100), "digits": (1_437, 10)}
"""The images to train with, and the classes, of datasets that are no folder."""


CIFAR100_CLASSES = 100


SPLITS = ("train", "test")
