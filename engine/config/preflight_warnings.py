"""What can be known before a run waits: are its packages, files and images there, and are there enough of these."""

from __future__ import annotations

import math

import msgspec

from engine.catalog.datasets import HUB, folder_of, list_of, training_images, validation_images
from engine.catalog.model_sizes import TIMM_PREFIX
from engine.catalog.weights import weights_file
from engine.config.schema import Experiment
from engine.config.split_folders import split_folders
from engine.system.installed_extras import lacking

FEWEST_TO_CHOOSE_BY = 100
"""Validation images from which on the best checkpoint is chosen without a warning."""


def missing(experiment: Experiment) -> str:
    """Return in words what this machine lacks to train an experiment: packages, data, weights; empty if nothing."""
    return "; ".join(filter(None, (missing_packages(experiment), missing_files(experiment))))


def missing_packages(experiment: Experiment) -> str:
    """Return in words which packages are not installed that training it takes; empty if none. A command needs none."""
    if experiment.command:
        return ""
    timm = ("timm",) if experiment.model.startswith(TIMM_PREFIX) else ()
    hub = ("hf",) if experiment.dataset.startswith(HUB) else ()
    return f"training {lacks}" if (lacks := lacking("train", *timm, *hub)) else ""


def missing_files(experiment: Experiment) -> str:
    """Return in words what of an experiment's dataset, or which file of weights, is not there; empty if all is."""
    if experiment.command:
        return ""
    files = (_missing_data(experiment.dataset, experiment.split), _missing_weights(experiment.pretrained))
    return "; ".join(filter(None, files))


def _missing_data(dataset: str, split: float | None) -> str:
    if (file := list_of(dataset)) is not None:
        return "" if file.is_file() else f"dataset: there is no file {file}"
    folder = folder_of(dataset)
    if folder is None:
        return ""
    if not folder.is_dir():
        return f"dataset: there is no folder {folder}"
    folders = split_folders(folder, split)
    return f"dataset: {folders}" if isinstance(folders, str) else ""


def _missing_weights(pretrained: str | None) -> str:
    path = weights_file(pretrained or "")
    return f"pretrained: there is no file {path}" if path is not None and not path.is_file() else ""


def oversized_batch(experiment: Experiment, images: int | None = None) -> str:
    """Return in words that an experiment's batches are larger than its data; empty where they are not.

    Args:
        experiment: What is to be trained.
        images: How many images it trains on, where they have been counted; else those of a data set by name are known.
    """
    if images is None:
        images = None if experiment.command else training_images(msgspec.structs.asdict(experiment))
    if not images:
        return ""
    what = f"the {images:,} training images: one step an epoch"
    if experiment.batch_size > images:
        return f"batch_size is more than {what}, of {images:,} images"
    if experiment.accumulate > 1 and experiment.batch_size * experiment.accumulate > images:
        return f"batch_size times accumulate is more than {what}, of {images:,} images"
    return ""


def few_validation_images(experiment: Experiment, images: int | None = None) -> str:
    """Return in words that the best checkpoint is chosen by too few images to tell epochs apart; empty otherwise.

    A share measured on n images has a standard error of sqrt(p (1 - p) / n), at most 0.5 / sqrt(n) (binomial). Late
    epochs of a run differ by some hundredths. Below ``FEWEST_TO_CHOOSE_BY`` the error may exceed 0.05 and one image
    alone is more than a hundredth, so that the choice among many epochs is mostly luck.

    Args:
        experiment: What is to be trained.
        images: How many images validate, where they have been counted; else those of a data set by name are known.
    """
    if images is None:
        images = None if experiment.command else validation_images(msgspec.structs.asdict(experiment))
    if not images or images >= FEWEST_TO_CHOOSE_BY or experiment.epochs <= experiment.evaluate_every:
        return ""
    error = 0.5 / math.sqrt(images)
    return (
        f"best.pt is chosen by {images} validation images, whose scores have a standard error of up to {error:.2f}; a "
        "larger val_fraction chooses better"
    )
