"""What a GPU keeps for the backward pass, counted without one: by CUDA's lists and kernels, and near the truth."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from engine.models import create_model
from engine.training.saved_tensors import FakeCudaModel

MIB = 2**20
# name, image, patch, MiB an image: bf16 by CUDA's autocast and float32, as prototypes on fake CUDA tensors had it
TABLE = [
    ("bit_mini", 32, None, 4.68, 3.45),
    ("bit_r50x1", 32, None, 1.90, 1.54),
    ("bit_r50x1", 224, None, 92.19, 74.01),
    ("hybrid_b", 32, None, 3.75, 4.66),
    ("hybrid_b", 224, None, 167.07, 198.98),
    ("vit_b", 32, 16, 1.61, 2.87),
    ("vit_b", 224, 16, 63.34, 112.70),
    ("vit_l", 224, 16, 167.64, 298.02),
]
BATCH, HEADS, TOKENS, HEAD = 2, 2, 40, 16
ROWS = BATCH * HEADS * TOKENS


class Attention(nn.Module):
    """A model that is nothing but attention, over the 40 x 40 pixels of an image as its tokens."""

    def __init__(self, mask: Tensor | None = None) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("mask", mask)

    def forward(self, images: Tensor) -> Tensor:
        """Map (2, 3, 40, 40) to (2, 2, 40, 16)."""
        tokens = (images * self.scale)[:, :2, :, :HEAD].contiguous()  # (2, 2, 40, 16)
        return F.scaled_dot_product_attention(tokens, tokens, tokens, attn_mask=self.mask)


def saved(model: nn.Module, images: int, size: int, precision: str = "fp32", **more) -> int:
    return FakeCudaModel(model).saved_bytes(images, size, precision, **more)


def on_meta(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*layers).to("meta")


def test_cuda_normalises_in_float32_and_keeps_its_input_so():
    def model() -> nn.Sequential:
        return on_meta(nn.Conv2d(3, 32, 1), nn.GroupNorm(32, 32), nn.Conv2d(32, 8, 1))

    channel = BATCH * 8 * 8
    once = 2 * BATCH * 32 * 4  # mean and deviation of each group
    assert saved(model(), BATCH, 8) == 4 * (3 + 32 + 32) * channel + once
    weights = 2 * (3 * 32 + 32 * 8)  # the convolutions' in 16 bits
    half = 2 * 3 * channel + 4 * 32 * channel + 2 * 32 * channel + once + weights
    assert saved(model(), BATCH, 8, "bf16") == saved(model(), BATCH, 8, "fp16") == half


def test_attention_keeps_no_matrix_on_a_gpu():
    inputs = BATCH * 3 * 40 * 40 * 4
    padded = math.ceil(TOKENS / 32) * 32
    tokens_and_out, log_sum_exp = 2 * ROWS * HEAD * 4, BATCH * HEADS * padded * 4
    assert saved(Attention().to("meta"), BATCH, 40) == pytest.approx(
        inputs + tokens_and_out + log_sum_exp, abs=64
    )
    tokens_and_out, log_sum_exp = 4 * ROWS * HEAD * 2, ROWS * 4  # query, key and value are cast one by one
    assert saved(Attention().to("meta"), BATCH, 40, "bf16") == pytest.approx(
        inputs + tokens_and_out + log_sum_exp, abs=64
    )


@pytest.mark.parametrize("dtype", [torch.bool, torch.float32])
def test_attention_with_a_mask_keeps_the_mask_once(dtype):
    mask = torch.zeros(1, 1, TOKENS, TOKENS, dtype=dtype)
    plain, masked = (saved(Attention(it).to("meta"), BATCH, 40, "bf16") for it in (None, mask))
    more = masked - plain
    assert 0 <= more <= TOKENS * TOKENS * 4


def test_of_what_is_recomputed_the_inputs_are_kept_and_one_inside():
    def blocks() -> list[nn.Module]:
        return [nn.Sequential(nn.Conv2d(8, 8, 1), nn.GELU(), nn.Conv2d(8, 8, 1)) for _ in range(5)]

    def model() -> nn.Sequential:
        return on_meta(nn.Conv2d(3, 8, 1), *blocks())

    layers = model()
    activation, images = BATCH * 8 * 8 * 8 * 4, BATCH * 3 * 8 * 8 * 4
    assert saved(model(), BATCH, 8) == images + 5 * 3 * activation
    assert saved(layers, BATCH, 8, recomputed=list(layers)[1:]) == images + 5 * activation + 2 * activation


@pytest.mark.slow
@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case[0]}-{case[1]}")
def test_an_image_keeps_what_the_table_says(case):
    name, size, patch, bf16, fp32 = case
    with torch.device("meta"):
        model = create_model(name, num_classes=10, image_size=size, patch_size=patch)
    fake = FakeCudaModel(model)
    for precision, mib in (("bf16", bf16), ("fp16", bf16), ("fp32", fp32)):
        two, three = (fake.saved_bytes(images, size, precision) for images in (2, 3))
        assert (three - two) / MIB == pytest.approx(mib, abs=0.006)


def kept_on_a_cpu(model: nn.Module, images: Tensor) -> int:
    """Bytes of the real memory that autograd saves in float32, by its addresses, without the weights."""
    blocks: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        blocks[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        graph = model(images)
    assert graph.requires_grad
    weights = {each.untyped_storage().data_ptr() for each in (*model.parameters(), *model.buffers())}
    return sum(size for address, size in blocks.items() if address not in weights)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "patch"),
    [("vit_mini", 32, 4), ("vit_ti", 32, 4), ("vit_b", 32, 16), ("bit_mini", 32, None), ("bit_r50x1", 64, None),
     ("hybrid_mini", 32, None), ("timm:resnet18", 32, None), ("timm:efficientnet_b0", 64, None),
     ("timm:swin_tiny_patch4_window7_224", 224, None)],
)  # fmt: skip
def test_in_float32_it_is_what_real_tensors_keep(name, size, patch):
    options = {"num_classes": 10, "image_size": size, "patch_size": patch}
    with torch.device("meta"):
        model = create_model(name, **options)
    real = kept_on_a_cpu(create_model(name, **options), torch.randn(4, 3, size, size))
    assert saved(model, 4, size) == pytest.approx(real, rel=0.1)
