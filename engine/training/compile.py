"""What makes a model faster and leaves what it computes alone: memory layout, compilation; and which kernel ran."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from engine.models.layers import FlashAttention
from engine.training.batch_norm import is_synchronized
from engine.training.collectives import ALONE, Ranks

Compile = Literal["auto", "off", "on", "graphs"]
Forward = Callable[[Tensor], Tensor]
"""From images (B, 3, S, S) to logits (B, classes)."""


def memory_format(model: nn.Module, device: torch.device) -> torch.memory_format:
    """Return how images lie in memory: channels last where a GPU's convolutions are faster so."""
    convolutions = sum(isinstance(module, nn.Conv2d) for module in model.modules())
    return torch.channels_last if device.type == "cuda" and convolutions > 2 else torch.contiguous_format


def slow_in_bf16(device: torch.device) -> bool:
    """Return whether a device is a CPU without instructions for bf16: there it takes ten times as long as float32."""
    machine = platform.machine().lower()
    return (
        device.type == "cpu" and machine in ("x86_64", "amd64") and not torch.cpu._is_avx512_bf16_supported()
    )


def attention_kernels(model: nn.Module, images: Tensor) -> list[str]:
    """Return which kernels of scaled_dot_product_attention a forward pass of (B, 3, S, S) images runs.

    The kernel depends on the size of the heads, type, length and whether gradients are wanted: two images tell it. A
    model without attention is not run, and a model is left as it was.
    """
    if not any(map(_attends, model.modules())):
        return []
    seen = _AttentionRecorder()
    with _undisturbed(model, images.device), _evaluating(model), seen:
        model(images)
    return sorted(seen.names)


def _attends(module: nn.Module) -> bool:
    """Return whether a module may call scaled_dot_product_attention: ours, PyTorch's or one of timm."""
    if isinstance(module, FlashAttention):
        return module.attention == "fused"
    return isinstance(module, nn.MultiheadAttention) or bool(getattr(module, "fused_attn", False))


def compiled(
    model: nn.Module,
    how: Compile,
    device: torch.device,
    trial: Callable[[Forward], None],
    ranks: Ranks = ALONE,
) -> tuple[Forward, str]:
    """Return the model as it is to be called, and in words whether it was compiled, and if not, why.

    Random state, buffers and gradients are as before. Several ranks use the compiled model if it works in all.

    Args:
        model: What may be compiled.
        how: ``auto`` compiles for a GPU, ``graphs`` with CUDA graphs too.
        device: Where the model is.
        trial: Takes every kind of pass of the run, forward and backward, so that no step has to compile; ranks must not
            need each other in it.
        ranks: The processes that share the run, this one among them.

    Raises:
        torch.OutOfMemoryError: The passes do not fit the GPU.
    """
    if how == "off" or (how == "auto" and device.type != "cuda"):
        return model, ""
    if ranks.size > 1 and is_synchronized(
        model
    ):  # a rank whose trial fails would leave the others waiting in it
        return model, "not compiled: its ranks synchronise BatchNorm in the middle of it"
    fast: Forward = model
    failed = ""
    try:
        with _undisturbed(model, device):
            fast = torch.compile(model, mode="reduce-overhead" if how == "graphs" else None)
            trial(fast)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # noqa: BLE001  compilers fail in as many ways as there are
        why = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        failed = f"not compiled: {type(error).__name__}: {why[:200]}"
    if not ranks.unanimous(not failed):
        return model, failed or "not compiled: it failed in another process of this run"
    return fast, "compiled with CUDA graphs" if how == "graphs" else "compiled"


@contextlib.contextmanager
def _undisturbed(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Leave the random state of the CPU and of a GPU as it was, and the model's buffers; gradients are gone."""
    buffers = [buffer.clone() for buffer in model.buffers()]
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        model.zero_grad(set_to_none=True)
        for buffer, before in zip(model.buffers(), buffers, strict=True):
            buffer.copy_(before)


@contextlib.contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    """Have the model and all its modules in evaluation mode."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


class _AttentionRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the operators of attention that run."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        if name.startswith("_scaled_dot_product_"):
            self.names.add(name.removeprefix("_scaled_dot_product_").removesuffix("_attention"))
        return func(*args, **(kwargs or {}))
