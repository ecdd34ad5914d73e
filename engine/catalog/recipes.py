"""How each family is trained where an experiment does not say: settings that suit 7 and 14 epochs on 50,000 images.

Sources: Dosovitskiy et al. (2021), tables 3 and 4; big_vision's plain ViT-S/16; Kolesnikov et al. (2020) and its
HyperRule. In so few steps a warm-up that is a part of the run and a schedule that ends at zero matter most, and
heavy augmentation costs accuracy: models underfit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine.catalog.model_sizes import MODELS, ModelSpec

Settings = dict[str, Any]

SEED: Settings = {
    "optimizer": "adam", "lr": 1e-4, "weight_decay": 0.0, "batch_size": 16, "accumulate": 8, "schedule": "constant",
    "warmup": 0.0, "label_smoothing": 0.0, "clip_norm": 0.0, "augment": "none", "mixup": 0.0, "cutmix": 0.0,
    "cutout": 0, "ema": 0.0, "layer_decay": 1.0, "subset_per_class": 100,
}  # fmt: skip
"""The recipe of the original comparison: Adam at a constant rate on 100 images of each class."""


def fill(layers: Sequence[Mapping[str, Any]]) -> Settings:
    """Lay settings over those of a recipe; later layers win.

    The family's own recipe lies below all layers. A layer that names a recipe brings its settings along: they
    stand over the layers before it, and under the layer's own keys.
    """
    given: Settings = {}
    for layer in layers:
        given |= (SEED if layer.get("recipe") == "seed" else {}) | dict(layer)
    return of_family(given) | given


def inherited(values: Mapping[str, Any]) -> set[str]:
    """Return the keys of a whole experiment that are as its recipe has them."""
    recipe = SEED if values.get("recipe") == "seed" else of_family(values)
    return {key for key, value in recipe.items() if values.get(key) == value}


def of_family(given: Mapping[str, Any]) -> Settings:
    """Return the settings of a model's family; empty for a model of another kind.

    ``lr`` follows the images in an optimizer step: linearly for SGD (Goyal et al., 2017), by the square root for
    Adam (Malladi et al., 2022).

    Args:
        given: The experiment's own keys; values are not checked yet.
    """
    name = given.get("model")
    if given.get("command") or not isinstance(name, str):
        return {}
    spec = MODELS.get(name)
    if spec is None and not name.startswith("timm:"):
        return {}
    is_bit = spec is not None and spec.family == "bit"
    width = spec.encoder.width if spec is not None and spec.encoder is not None else 384
    settings, rate = _from_scratch(spec, width, is_long=_whole(given, "epochs", 7) >= 14)
    if given.get("pretrained"):
        changes, rate = _fine_tuning(given, is_bit=is_bit)
        settings |= changes
    optimizer = given.get("optimizer", settings["optimizer"])
    if optimizer != settings["optimizer"]:
        settings["weight_decay"], rate = _of_optimizer(optimizer, is_bit=is_bit)
    settings |= _batches(given, rate.images, width)
    images = _whole(given, "batch_size", settings["batch_size"]) * _whole(
        given, "accumulate", settings["accumulate"]
    )
    scale = images / rate.images if optimizer == "sgd" else math.sqrt(images / rate.images)
    return settings | {"lr": float(f"{rate.peak * scale:.3g}")}


class _Rate(NamedTuple):
    """A learning rate, and the images of an optimizer step that it suits."""

    peak: float
    images: int


def _from_scratch(spec: ModelSpec | None, width: int, *, is_long: bool) -> tuple[Settings, _Rate]:
    """Return the settings of a model that starts from random weights.

    Args:
        spec: The model, None for one of timm.
        width: The size of its tokens.
        is_long: Whether it trains for 14 epochs or more.
    """
    settings: Settings = {
        "optimizer": "adamw", "schedule": "cosine", "warmup": 0.1, "label_smoothing": 0.1, "clip_norm": 1.0,
        "augment": "light", "weight_decay": 0.05,
    }  # fmt: skip
    if spec is not None and spec.family == "bit":
        is_deep = spec.backbone is not None and sum(spec.backbone.layers) >= 50
        settings |= {"optimizer": "sgd", "weight_decay": 5e-4, "warmup": 0.05, "cutout": 8 if is_long else 0}
        return settings, _Rate(0.05 if is_deep else 0.1, 256)
    if is_long and (spec is None or spec.family == "vit"):
        settings["weight_decay"] = 0.1
    return settings, _Rate(1e-3 if width < 768 else 5e-4 if width < 1024 else 3e-4, 512)


def _fine_tuning(given: Mapping[str, Any], *, is_bit: bool) -> tuple[Settings, _Rate]:
    """Return what is different for a model that starts from published weights."""
    settings: Settings = {"optimizer": "sgd", "weight_decay": 0.0, "label_smoothing": 0.0, "cutout": 0}
    if is_bit:
        return settings | {"schedule": "staircase", "mixup": 0.1}, _Rate(0.003, 512)
    return settings, _Rate(0.01 if given.get("patch_size") == 16 else 0.03, 512)


def _of_optimizer(optimizer: object, *, is_bit: bool) -> tuple[float, _Rate]:
    """Return the weight decay and the rate of an optimizer of the other kind than the family's own."""
    if optimizer in ("adamw", "adam"):
        return 0.05 if optimizer == "adamw" else 0.0, _Rate(1e-3 if is_bit else 5e-4, 512)
    return 5e-4, _Rate(0.03, 512)


def _batches(given: Mapping[str, Any], images: int, width: int) -> Settings:
    """Return how the images of a step are split: large ones go through the model in several parts."""
    small = _whole(given, "image_size", 32) < 96
    size = images if small else 128 if width < 1024 else 64
    return {"batch_size": size, "accumulate": images // size}


def _whole(given: Mapping[str, Any], key: str, default: int) -> int:
    """Return a whole number of at least 1 that is given, the default for anything else."""
    value = given.get(key, default)
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 2**31 else default
