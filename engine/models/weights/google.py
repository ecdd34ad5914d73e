"""Google's checkpoints in our words: arrays of the JAX code under its names, to arrays under ours.

ViT, AugReg and R50+ViT come from https://github.com/google-research/vision_transformer, BiT from
https://github.com/google-research/big_transfer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def from_google(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Give Google's arrays our names and PyTorch's layout; what is unknown is left over under another name."""
    ours = {_our_name(key): _our_layout(key, array) for key, array in arrays.items()}
    for query in [name for name in ours if ".attn.query." in name]:
        parts = [query.replace(".query.", f".{part}.") for part in ("query", "key", "value")]
        if all(part in ours for part in parts):
            ours[query.replace(".query.", ".qkv.")] = np.concatenate([ours.pop(part) for part in parts])
    return ours


def _our_layout(key: str, array: Array) -> Array:
    if re.search(r"/(query|key|value)/bias$", key):
        return array.reshape(-1)  # (heads, head_dim) -> (D,)
    if re.search(r"/(query|key|value)/kernel$", key):
        return array.reshape(len(array), -1).T  # (D, heads, head_dim) -> (D, D)
    if key.endswith("/out/kernel"):
        return array.reshape(-1, array.shape[-1]).T  # (heads, head_dim, D) -> (D, D)
    if key.endswith("/kernel"):
        return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T  # (..., in, out) -> (out, in, ...)
    return array.reshape(-1) if array.ndim == 4 else array  # GroupNorm: (1, 1, 1, C) -> (C,)


def _our_name(key: str) -> str:
    for pattern, ours in _RENAMES:
        key = re.sub(pattern, ours, key)
    # Google counts stages and units from 1.
    return re.sub(r"(?<=stages\.)\d+|(?<=unit\.)\d+", lambda n: str(int(n[0]) - 1), key).replace(
        "unit.", "blocks."
    )


_RENAMES = [
    (r"^cls$", "cls_token"),
    (r"^Transformer/posembed_input/pos_embedding$", "pos_embed"),
    (r"^embedding/", "patch_embed.proj."),
    (r"^Transformer/encoderblock_(\d+)/", r"blocks.\1."),
    (r"LayerNorm_0/", "norm1."),
    (r"MultiHeadDotProductAttention_1/(query|key|value)/", r"attn.\1."),
    (r"MultiHeadDotProductAttention_1/out/", "attn.proj."),
    (r"LayerNorm_2/", "norm2."),
    (r"MlpBlock_3/Dense_0/", "mlp.fc1."),
    (r"MlpBlock_3/Dense_1/", "mlp.fc2."),
    (r"^Transformer/encoder_norm/", "norm."),
    (r"^head/", "head."),
    # the ResNet of a hybrid
    (r"^(?=(conv_root|gn_root|block\d+)/)", "patch_embed.backbone."),
    (r"conv_root/", "stem.conv."),
    (r"gn_root/", "stem.norm."),
    (r"conv_proj/", "downsample.conv."),
    (r"gn_proj/", "downsample.norm."),
    (r"conv(\d)/", r"conv\1."),
    (r"gn(\d)/", r"norm\1."),
    # BiT
    (r"^resnet/root_block/standardized_conv2d/", "stem.conv."),
    (r"^resnet/group_norm/", "norm."),
    (r"^resnet/head/conv2d/", "head.fc."),
    (r"^resnet/", ""),
    (r"a/proj/standardized_conv2d/", "downsample.conv."),
    *((rf"/{letter}/standardized_conv2d/", f"/conv{n}.") for n, letter in enumerate("abc", 1)),
    *((rf"/{letter}/group_norm/", f"/norm{n}.") for n, letter in enumerate("abc", 1)),
    # all
    (r"block(\d+)/unit(\d+)/", r"stages.\1.unit.\2."),
    (r"(kernel|scale|gamma)$", "weight"),
    (r"beta$", "bias"),
]
