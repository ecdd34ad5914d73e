"""What makes models faster changes neither what they compute nor the random numbers that follow."""

from __future__ import annotations

import contextlib
import shutil

import pytest
import torch

from engine.models import create_model
from engine.training.compile import attention_kernels, compiled


def full_precision() -> torch.autocast:
    return torch.autocast("cpu", enabled=False)


def vit(attention="fused"):
    return create_model(
        "vit_mini", num_classes=3, image_size=8, patch_size=4, attention=attention, dropout=0.1
    )


def test_the_kernel_of_attention_is_named():
    images = torch.zeros(2, 3, 8, 8)
    assert attention_kernels(vit(), images) == ["flash_attention_for_cpu"]
    assert attention_kernels(vit("math"), images) == []


def test_looking_at_kernels_leaves_random_numbers_alone():
    model = vit().train()
    torch.manual_seed(1)
    attention_kernels(model, torch.zeros(2, 3, 8, 8))
    after = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(after, torch.rand(3))


def test_on_a_cpu_nothing_is_compiled_unless_asked_for():
    model, images = vit(), torch.zeros(2, 3, 8, 8)
    for how in ("auto", "off"):
        assert compiled(model, how, images, full_precision) == (model, "")


def test_why_a_model_is_not_compiled_is_said(monkeypatch):
    def fail(model, mode):
        return lambda images: (_ for _ in ()).throw(RuntimeError("no compiler\nfor miles"))

    monkeypatch.setattr(torch, "compile", fail)
    model = vit()
    called, said = compiled(model, "on", torch.zeros(2, 3, 8, 8), full_precision)
    assert called is model
    assert said == "not compiled: RuntimeError: no compiler"
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_model_computes_the_same():
    model = vit().eval()
    with contextlib.suppress(AttributeError):
        torch.nn.init.normal_(model.head.weight)
    images = torch.randn(2, 3, 8, 8)
    fast, said = compiled(model, "on", images, full_precision)
    assert said == "compiled"
    torch.testing.assert_close(fast(images), model(images), rtol=1e-4, atol=1e-5)
