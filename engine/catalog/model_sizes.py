"""The models there are: their names, the numbers that define them, and what sizes they accept.

Free of torch, so that configuration and app can answer for a model without building it;
``engine.models`` builds exactly what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.text import divisors, nearest

Family = Literal["vit", "bit", "hybrid"]

TIMM_PREFIX = "timm:"
"""What stands before the name of a model that is timm's, not ours."""


@dataclass(frozen=True)
class Backbone:
    """A ResNet of bottleneck blocks: one entry of ``layers`` and ``channels`` a stage (He et al., 2016)."""

    layers: tuple[int, ...]
    channels: tuple[int, ...]
    stem_channels: int
    stem: Literal["imagenet", "cifar"] = "imagenet"


@dataclass(frozen=True)
class Encoder:
    """A Transformer encoder: ``width`` is the token size, ``mlp_dim`` the hidden size of its MLPs."""

    width: int
    depth: int
    heads: int
    mlp_dim: int


@dataclass(frozen=True)
class ModelSpec:
    """What a model name stands for: an encoder, a backbone, or (hybrid) the second feeding the first."""

    name: str
    family: Family
    encoder: Encoder | None = None
    backbone: Backbone | None = None
    optimized: bool = False
    """Built as ``ViTOptimized``: LayerScale, drop-path and fused attention in every block."""

    @property
    def stride(self) -> int:
        """How many pixels of the image one step in the backbone's output covers, along each side."""
        if self.backbone is None:
            return 1
        root = 4 if self.backbone.stem == "imagenet" else 1
        return int(root * 2 ** (len(self.backbone.layers) - 1))


def _resnet(layers: tuple[int, ...], factor: int) -> Backbone:
    channels = tuple(256 * factor * 2**stage for stage in range(len(layers)))
    return Backbone(layers, channels, 64 * factor)


_ENCODERS = {
    "mini": Encoder(96, 4, 3, 192),
    "ti": Encoder(192, 12, 3, 768),
    "s": Encoder(384, 12, 6, 1536),
    "b": Encoder(768, 12, 12, 3072),
    "l": Encoder(1024, 24, 16, 4096),
}
_BIT = {
    "bit_mini": Backbone((1, 1, 1), (128, 256, 512), 32, stem="cifar"),
    "bit_r50x1": _resnet((3, 4, 6, 3), 1),
    "bit_r101x1": _resnet((3, 4, 23, 3), 1),
    "bit_r50x3": _resnet((3, 4, 6, 3), 3),
    "bit_r101x3": _resnet((3, 4, 23, 3), 3),
    "bit_r152x2": _resnet((3, 8, 36, 3), 2),
    "bit_r152x4": _resnet((3, 8, 36, 3), 4),
}
# Stage 4 removed and its layers put into stage 3, for a stride of 16 (Dosovitskiy et al., 2021, section 4.1).
_HYBRID = {
    "hybrid_mini": (Backbone((1, 1), (128, 256), 32), "mini"),
    "hybrid_b": (_resnet((3, 4, 9), 1), "b"),
    "hybrid_l": (_resnet((3, 4, 9), 1), "l"),
    "hybrid_b_s32": (_resnet((3, 4, 6, 3), 1), "b"),
    "hybrid_l_s32": (_resnet((3, 4, 6, 3), 1), "l"),
}

MODELS: dict[str, ModelSpec] = {
    **{f"vit_{size}": ModelSpec(f"vit_{size}", "vit", encoder) for size, encoder in _ENCODERS.items()},
    **{
        f"vit_{size}_optimized": ModelSpec(f"vit_{size}_optimized", "vit", encoder, optimized=True)
        for size, encoder in _ENCODERS.items()
    },
    **{name: ModelSpec(name, "bit", backbone=backbone) for name, backbone in _BIT.items()},
    **{
        name: ModelSpec(name, "hybrid", _ENCODERS[encoder], backbone)
        for name, (backbone, encoder) in _HYBRID.items()
    },
}
"""Every model by name, in the order in which lists show them."""

_ON_A_CPU = ("mini",)
"""Sizes that train on a CPU in minutes."""


def wants_gpu(name: str) -> bool:
    """Return whether a model of the catalogue trains for hours without a GPU; of others that is not known."""
    return name in MODELS and not any(size in name.split("_") for size in _ON_A_CPU)


OPTIONS: dict[Family, dict[str, str]] = {
    "vit": {
        "pool": "'token' or 'mean'",
        "dropout": "a probability below 1",
        "drop_path": "a probability below 1",
        "layer_scale": "a start value above 0, or false",
        "attention": "'fused' or 'math'",
    },
    "bit": {"stem": "'imagenet' or 'cifar'"},
    "hybrid": {
        "pool": "'token' or 'mean'",
        "dropout": "a probability below 1",
        "drop_path": "a probability below 1",
        "attention": "'fused' or 'math'",
    },
}
"""What ``create_model`` and the ``options`` of an experiment accept, by family, and what each takes."""


def problems(
    name: str, image_size: int, patch_size: int | None, options: Mapping[str, Any]
) -> list[tuple[str, str]]:
    """Say what is wrong with a model of that name, size and options.

    Args:
        name: A name in ``MODELS``, or ``timm:NAME``.
        image_size: The side of the square images, in pixels.
        patch_size: The side of a patch, in pixels; None for a model without patches of its own.
        options: What ``OPTIONS`` lists for the family.

    Returns:
        One ``(key, what is wrong and what would be right)`` for each mistake; empty when it can be built.
    """
    if name.startswith(TIMM_PREFIX):
        return _timm_problems(patch_size)
    spec = MODELS.get(name)
    if spec is None:
        allowed = ", ".join([*MODELS, f"{TIMM_PREFIX}NAME"])
        return [("model", f"there is no model {name!r}{nearest(name, MODELS)} Known: {allowed}")]
    mistakes: list[tuple[str, str]] = []
    if image_size < 1:
        mistakes.append(("image_size", f"an image has at least one pixel, not {image_size}"))
    elif spec.family == "vit":
        if patch_size is None:
            mistakes.append(("patch_size", f"{name} needs a patch_size, e.g. 16"))
        elif patch_size < 1 or image_size % patch_size:
            message = (
                f"patches of {patch_size} do not divide an image of {image_size}; {divisors(image_size)}"
            )
            mistakes.append(("patch_size", message))
    elif patch_size is not None:
        why = "has no patches" if spec.family == "bit" else "takes each position of its backbone as a patch"
        mistakes.append(("patch_size", f"{name} {why}: leave patch_size out"))
    if spec.family == "hybrid" and image_size > 0 and image_size % spec.stride:
        mistakes.append(
            ("image_size", f"{name} needs a multiple of its stride {spec.stride}, not {image_size}")
        )
    if spec.family == "bit" and 0 < image_size < 8:
        mistakes.append(("image_size", f"{name} needs at least 8 pixels, not {image_size}"))
    accepted = OPTIONS[spec.family]
    for key, value in options.items():
        if key not in accepted:
            message = f"{name} has no option {key!r}{nearest(key, accepted)} It takes: {', '.join(accepted)}"
            mistakes.append(("options", message))
        elif not _ACCEPTED[key](value):
            mistakes.append(("options", f"{key} is {accepted[key]}, not {value!r}"))
    return mistakes


def _timm_problems(patch_size: int | None) -> list[tuple[str, str]]:
    """What can be said of a model of timm without importing it."""
    if patch_size is not None:
        return [("patch_size", "a model of timm has its patches, if any, in its name: leave patch_size out")]
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_probability(value: Any) -> bool:
    return _is_number(value) and 0 <= value < 1


_ACCEPTED: dict[str, Callable[[Any], bool]] = {
    "pool": lambda value: value in ("token", "mean"),
    "dropout": _is_probability,
    "drop_path": _is_probability,
    "layer_scale": lambda value: value is False or (_is_number(value) and value > 0),
    "attention": lambda value: value in ("fused", "math"),
    "stem": lambda value: value in ("imagenet", "cifar"),
}


def patch_tokens(name: str, image_size: int, patch_size: int | None) -> int | None:
    """Return how many patch tokens (without the class token) our encoders see; None for other models."""
    spec = MODELS.get(name)
    if spec is None or spec.encoder is None:
        return None
    side = image_size // (patch_size or spec.stride)
    return side * side


def caveat(
    name: str, image_size: int, patch_size: int | None, options: Mapping[str, Any] | None = None
) -> str:
    """Return a caution for readers of this model's results, in a sentence; empty where there is no need for one.

    Args:
        name: A name in ``MODELS``; any other has no caution.
        image_size: The side of the square images, in pixels.
        patch_size: The side of a patch, in pixels; None for a model without patches of its own.
        options: The model's options.
    """
    tokens = patch_tokens(name, image_size, patch_size)
    if tokens == 1:
        return "one patch token: no spatial structure is left, the model is an MLP on the whole image"
    if tokens is not None and tokens <= 4:
        return f"only {tokens} patch tokens: hardly any spatial structure is left"
    spec = MODELS.get(name)
    small = (options or {}).get("stem") == "cifar"
    if spec is not None and spec.family == "bit" and not small and image_size // spec.stride <= 1:
        return "its last stage works on 1x1 maps: its 3x3 convolutions see mostly padding"
    return ""
