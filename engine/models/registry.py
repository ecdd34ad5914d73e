"""From a name in the catalogue to a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from engine.catalog.model_sizes import MODELS, TIMM_PREFIX, ModelSpec, problems
from engine.models.hybrid import Hybrid
from engine.models.resnetv2 import ResNetV2
from engine.models.vit import ViT, ViTOptimized


def create_model(
    name: str, *, num_classes: int, image_size: int, patch_size: int | None = None, **options: Any
) -> nn.Module:
    """Return a new model that maps images (B, 3, image_size, image_size) to logits (B, num_classes).

    Args:
        name: A name in :data:`engine.catalog.model_sizes.MODELS`, or ``timm:NAME`` for any classifier of timm.
        num_classes: How many logits.
        image_size: The side of the square images.
        patch_size: The side of a patch, for a ViT.
        options: What :data:`engine.catalog.model_sizes.OPTIONS` lists for the family; for timm, its own arguments.

    Raises:
        ValueError: There is no such model, in that size or with those options; the message says which there are.
    """
    wrong = problems(name, image_size, patch_size, options)
    if num_classes < 1:
        wrong.append(("num_classes", f"a classifier needs at least one class, not {num_classes}"))
    if wrong:
        raise ValueError("; ".join(what for _, what in wrong))
    if name.startswith(TIMM_PREFIX):
        return _timm(name.removeprefix(TIMM_PREFIX), num_classes, image_size, options)
    spec = MODELS[name]
    if spec.backbone is not None and spec.family == "bit":
        return ResNetV2(replace(spec.backbone, **options), num_classes)
    arguments = _encoder(spec) | {"num_classes": num_classes, "image_size": image_size, **options}
    if spec.backbone is not None:
        return Hybrid(spec.backbone, stride=spec.stride, **arguments)
    arguments["patch_size"] = patch_size
    return (ViTOptimized if spec.optimized else ViT)(**arguments)


def _encoder(spec: ModelSpec) -> dict[str, Any]:
    """The arguments of a ViT that its encoder fixes."""
    encoder = spec.encoder
    if encoder is None:
        raise ValueError(f"{spec.name} has no encoder")
    return {
        "embed_dim": encoder.width,
        "depth": encoder.depth,
        "num_heads": encoder.heads,
        "mlp_dim": encoder.mlp_dim,
    }


def _timm(name: str, num_classes: int, image_size: int, options: dict[str, Any]) -> nn.Module:
    """Build a model of timm; those made for one size of image are told ours."""
    import timm

    if not timm.is_model(name):
        similar = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5])
        raise ValueError(f"timm has no model {name!r}; similar: {similar or 'none'}")
    settings = timm.get_pretrained_cfg(name)
    if settings is not None and settings.fixed_input_size:
        options = {"img_size": image_size} | options
    model: nn.Module = timm.create_model(name, num_classes=num_classes, **options)
    return model


def is_timm(model: nn.Module) -> bool:
    """Return whether a model is one of timm's: each carries the configuration of its weights."""
    return hasattr(model, "pretrained_cfg")
