"""What makes models faster changes neither what they compute nor the random numbers that follow."""

from __future__ import annotations

import contextlib
import shutil

import pytest
import torch

from engine.models import create_model
from engine.training.collectives import Ranks
from engine.training.compile import attention_kernels, compiled

CPU = torch.device("cpu")


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


class Normalised(torch.nn.Module):
    """A model with attention and BatchNorm, that notes how many images it sees and in which mode."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(3)
        self.vit = vit()
        self.seen: list[tuple[int, bool]] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.seen.append((len(images), self.norm.training))
        return self.vit(self.norm(images))


def test_looking_at_kernels_moves_no_buffer_and_takes_two_images():
    model = Normalised().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    assert attention_kernels(model, torch.rand(2, 3, 8, 8)) == ["flash_attention_for_cpu"]
    assert model.seen == [(2, False)]
    assert all(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_model_without_attention_is_not_run():
    model = torch.nn.Sequential(torch.nn.BatchNorm2d(3))
    model.register_forward_hook(lambda *_: pytest.fail("it ran"))
    assert attention_kernels(model, torch.zeros(2, 3, 8, 8)) == []


def passes(*sizes: int):
    def trial(forward):
        for size in sizes:
            forward(torch.rand(size, 3, 8, 8)).sum().backward()

    return trial


def test_on_a_cpu_nothing_is_compiled_unless_asked_for():
    model = vit()
    for how in ("auto", "off"):
        assert compiled(model, how, CPU, passes(2)) == (model, "")


def test_why_a_model_is_not_compiled_is_said(monkeypatch):
    def fail(model, mode):
        return lambda images: (_ for _ in ()).throw(RuntimeError("no compiler\nfor miles"))

    monkeypatch.setattr(torch, "compile", fail)
    model = vit()
    called, said = compiled(model, "on", CPU, passes(2))
    assert called is model
    assert said == "not compiled: RuntimeError: no compiler"
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_trial_of_compilation_moves_no_buffer(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda model, mode: model)
    model = Normalised().train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    called, said = compiled(model, "on", CPU, passes(4, 3))
    assert (called, said) == (model, "compiled")
    assert model.seen == [(4, True), (3, True)]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


class Two(Ranks):
    """The first of two ranks, the other of which says whether its trial went well."""

    size = 2

    def __init__(self, other: bool) -> None:
        self._other = other

    def gather(self, values: torch.Tensor) -> list[torch.Tensor]:
        return [values, torch.tensor(self._other)]


@pytest.mark.parametrize(
    ("mine", "other", "words"),
    [
        (True, True, "compiled"),
        (True, False, "not compiled: it failed in another process of this run"),
        (False, True, "not compiled: RuntimeError: full"),
    ],
)
def test_ranks_use_the_compiled_model_if_all_can(monkeypatch, mine, other, words):
    def fast(images):
        if not mine:
            raise RuntimeError("full")
        return images.sum().requires_grad_()

    monkeypatch.setattr(torch, "compile", lambda model, mode: fast)
    model = vit()
    assert compiled(model, "on", CPU, passes(2), Two(other)) == (fast if mine and other else model, words)


def test_ranks_that_synchronise_batch_norm_do_not_compile():
    model = torch.nn.SyncBatchNorm(3)
    called, said = compiled(model, "on", CPU, passes(2), Two(True))
    assert called is model
    assert said.startswith("not compiled: its ranks synchronise BatchNorm")


def test_memory_that_ends_in_the_trial_ends_the_run(monkeypatch):
    def fail(model, mode):
        return lambda images: (_ for _ in ()).throw(torch.OutOfMemoryError("CUDA out of memory"))

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(torch.OutOfMemoryError):
        compiled(vit(), "on", CPU, passes(2))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no compiler")
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_model_computes_the_same():
    model = vit().eval()
    with contextlib.suppress(AttributeError):
        torch.nn.init.normal_(model.head.weight)
    images = torch.randn(2, 3, 8, 8)
    fast, said = compiled(model, "on", CPU, passes(2))
    assert said == "compiled"
    torch.testing.assert_close(fast(images), model(images), rtol=1e-4, atol=1e-5)
