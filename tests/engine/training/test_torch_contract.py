"""What training and the models rely on of PyTorch's private parts is there, and does what it is relied on for.

Whoever upgrades PyTorch begins here: each test names the module that has to be mended.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

ROOT = Path(__file__).parents[3]
RELIED_ON = {
    "engine/training/compile.py": {"_python_dispatch", "_is_avx512_bf16_supported"},
    "engine/training/saved_tensors.py": {
        "_subclasses",
        "_cdata",
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_efficient_attention",
    },
    "engine/training/optim.py": {"_foreach_lerp_"},
    "engine/models/layers/std_conv.py": {"_version"},
}


def private_parts_of_torch(path: Path) -> set[str]:
    """Return the private names of PyTorch that a module imports, or reaches for on what is not its own."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "torch":
            found |= {part for part in node.module.split(".") if part.startswith("_")}
        elif isinstance(node, ast.Attribute) and re.fullmatch(r"_[a-z]\w*", node.attr):
            owner = ast.unparse(node.value)
            if owner.split(".")[0] == "torch" or node.attr in {"_cdata", "_version"}:
                found.add(node.attr)
    return found


def test_only_these_modules_rely_on_these_names():
    places = [path for room in ("training", "models") for path in (ROOT / "engine" / room).rglob("*.py")]
    found = {str(path.relative_to(ROOT)): private_parts_of_torch(path) for path in places}
    assert {path: names for path, names in found.items() if names} == RELIED_ON


def test_fake_tensors_compute_shapes_and_take_no_memory():
    with FakeTensorMode():
        product = torch.empty(2**20, 2**20) @ torch.empty(2**20, 3)
    assert product.shape == (2**20, 3)


def test_fake_tensors_are_on_a_gpu_that_is_not_there():
    layer = nn.Linear(3, 4, device="meta")
    with FakeTensorMode(allow_non_fake_inputs=True):
        out = layer.to_empty(device="cuda")(torch.empty(2, 3, device="cuda"))
    assert (out.device.type, out.shape) == ("cuda", (2, 4))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_of_cuda_can_be_set_without_a_gpu(dtype):
    layers = nn.Linear(32, 32, device="meta"), nn.GroupNorm(4, 32, device="meta")
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", dtype)
    torch.autocast_increment_nesting()
    try:
        with FakeTensorMode(allow_non_fake_inputs=True):
            linear, norm = (layer.to_empty(device="cuda") for layer in layers)
            narrow = linear(torch.empty(2, 32, device="cuda"))
            assert (narrow.dtype, norm(narrow).dtype) == (dtype, torch.float32)
    finally:
        assert torch.autocast_decrement_nesting() == 0
        torch.clear_autocast_cache()
        torch.set_autocast_enabled("cuda", False)
    assert not torch.is_autocast_enabled("cuda")


def test_kernels_of_attention_keep_a_number_a_row_and_no_matrix():
    shape = (1, 2, 64, 16)
    for operator, dtype, middle in (
        (torch.ops.aten._scaled_dot_product_flash_attention, torch.bfloat16, ()),
        (torch.ops.aten._scaled_dot_product_efficient_attention, torch.float32, (None, True)),
    ):
        kept = []
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda it, kept=kept: kept.append(it) or it, lambda it: it
        )
        with FakeTensorMode(), hooks:
            query = torch.empty(shape, dtype=dtype, device="cuda", requires_grad=True)
            out, rows = operator(query, query, query, *middle, 0.0, False, scale=None)[:2]
        assert (out.shape, rows.shape, rows.dtype) == (shape, shape[:3], torch.float32)
        assert {tuple(it.shape) for it in kept if it.numel() > 2} == {shape, shape[:3]}


def test_a_mode_sees_the_call_of_attention():
    calls = []

    class Seen(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            calls.append(func)
            return func(*args, **(kwargs or {}))

    with Seen():
        functional.scaled_dot_product_attention(*torch.zeros(3, 1, 1, 4, 8))
    assert functional.scaled_dot_product_attention in calls


def test_tensors_share_the_key_of_their_storage():
    whole = torch.zeros(4, 4)
    assert whole.untyped_storage()._cdata == whole[1:].untyped_storage()._cdata
    assert whole.untyped_storage()._cdata != whole.clone().untyped_storage()._cdata


def test_the_version_of_a_tensor_counts_changes_in_place():
    weight = nn.Parameter(torch.zeros(3))
    before = weight._version
    with torch.no_grad():
        weight.add_(1)
    assert weight._version > before


def test_many_tensors_are_averaged_at_once():
    mine, theirs = [torch.zeros(2), torch.ones(3)], [torch.ones(2), torch.full((3,), 5.0)]
    torch._foreach_lerp_(mine, theirs, 0.25)
    assert [tensor.tolist() for tensor in mine] == [[0.25] * 2, [2.0] * 3]


def test_a_processor_says_whether_it_has_bf16():
    assert torch.cpu._is_avx512_bf16_supported() in (True, False)


def test_operators_of_attention_are_seen_by_their_names():
    names = []

    class Seen(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            names.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    with Seen():
        functional.scaled_dot_product_attention(*torch.zeros(3, 1, 1, 4, 8))
    assert any(re.fullmatch("_scaled_dot_product_.+_attention.*", name) for name in names)
