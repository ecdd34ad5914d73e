"""Google's checkpoints in our words: arrays of the JAX code under its names, to tensors under ours.

ViT, AugReg and R50+ViT come from https://github.com/google-research/vision_transformer, BiT from
https://github.com/google-research/big_transfer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def from_google(arrays: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, Tensor]:
    """Give Google's arrays our names and PyTorch's layout; what has no name here keeps its own."""
    tensors = {_our_name(key): _our_layout(key, array) for key, array in arrays.items()}
    for query in [name for name in tensors if ".attn.query." in name]:
        parts = [query.replace(".query.", f".{part}.") for part in ("query", "key", "value")]
        if all(part in tensors for part in parts):
            tensors[query.replace(".query.", ".qkv.")] = torch.cat([tensors.pop(part) for part in parts])
    return tensors


def _our_layout(key: str, array: np.ndarray[Any, Any]) -> Tensor:
    tensor = torch.from_numpy(array)
    if re.search(r"/(query|key|value)/", key):
        return (
            tensor.flatten(1).T if tensor.ndim == 3 else tensor.flatten()
        )  # (D, heads, d) -> (heads * d, D)
    if key.endswith("out/kernel"):
        return tensor.flatten(0, 1).T  # (heads, d, D) -> (D, heads * d)
    if key.endswith("kernel"):
        return (
            tensor.permute(3, 2, 0, 1) if tensor.ndim == 4 else tensor.T
        )  # (H, W, in, out) -> (out, in, H, W)
    return tensor.flatten() if tensor.ndim == 4 else tensor  # GroupNorm: (1, 1, 1, C) -> (C,)


def _our_name(key: str) -> str:
    for pattern, name in _NAMES:
        match = re.fullmatch(pattern, key)
        if match:
            # Google counts stages and units from 1; "a", "b", "c" are the three convolutions of a block.
            groups = match.groupdict()
            counted = {group: int(groups[group]) - 1 for group in ("stage", "unit") if group in groups}
            letter = {"n": "abc".index(groups["letter"]) + 1} if "letter" in groups else {}
            part = _PARTS.get(groups.get("part", ""), groups.get("part"))
            return name.format(**groups | counted | letter | {"part": part})
    return key


_PARTS = {"kernel": "weight", "scale": "weight", "gamma": "weight", "beta": "bias"}
_PART = r"/(?P<part>kernel|bias|scale|gamma|beta)"
_BLOCK = r"Transformer/encoderblock_(?P<block>\d+)"
_ATTENTION = rf"{_BLOCK}/MultiHeadDotProductAttention_1"
_UNIT = r"block(?P<stage>\d+)/unit(?P<unit>\d+)"
_STAGE = "stages.{stage}.blocks.{unit}"
_NAMES = [
    # ViT and AugReg
    (r"cls", "cls_token"),
    (r"Transformer/posembed_input/pos_embedding", "pos_embed"),
    (rf"embedding{_PART}", "patch_embed.proj.{part}"),
    (rf"{_BLOCK}/LayerNorm_0{_PART}", "blocks.{block}.norm1.{part}"),
    (rf"{_ATTENTION}/(?P<which>query|key|value){_PART}", "blocks.{block}.attn.{which}.{part}"),
    (rf"{_ATTENTION}/out{_PART}", "blocks.{block}.attn.proj.{part}"),
    (rf"{_BLOCK}/LayerNorm_2{_PART}", "blocks.{block}.norm2.{part}"),
    (rf"{_BLOCK}/MlpBlock_3/Dense_0{_PART}", "blocks.{block}.mlp.fc1.{part}"),
    (rf"{_BLOCK}/MlpBlock_3/Dense_1{_PART}", "blocks.{block}.mlp.fc2.{part}"),
    (rf"Transformer/encoder_norm{_PART}", "norm.{part}"),
    (rf"head{_PART}", "head.{part}"),
    # the ResNet of R50+ViT
    (rf"conv_root{_PART}", "patch_embed.backbone.stem.conv.{part}"),
    (rf"gn_root{_PART}", "patch_embed.backbone.stem.norm.{part}"),
    (rf"{_UNIT}/conv(?P<n>\d){_PART}", f"patch_embed.backbone.{_STAGE}.conv{{n}}.{{part}}"),
    (rf"{_UNIT}/gn(?P<n>\d){_PART}", f"patch_embed.backbone.{_STAGE}.norm{{n}}.{{part}}"),
    (rf"{_UNIT}/conv_proj{_PART}", f"patch_embed.backbone.{_STAGE}.downsample.conv.{{part}}"),
    (rf"{_UNIT}/gn_proj{_PART}", f"patch_embed.backbone.{_STAGE}.downsample.norm.{{part}}"),
    # BiT
    (rf"resnet/root_block/standardized_conv2d{_PART}", "stem.conv.{part}"),
    (rf"resnet/{_UNIT}/(?P<letter>[abc])/standardized_conv2d{_PART}", f"{_STAGE}.conv{{n}}.{{part}}"),
    (rf"resnet/{_UNIT}/(?P<letter>[abc])/group_norm{_PART}", f"{_STAGE}.norm{{n}}.{{part}}"),
    (rf"resnet/{_UNIT}/a/proj/standardized_conv2d{_PART}", f"{_STAGE}.downsample.conv.{{part}}"),
    (rf"resnet/group_norm{_PART}", "norm.{part}"),
    (rf"resnet/head/conv2d{_PART}", "head.fc.{part}"),
]
