"""What makes a model faster and leaves what it computes alone: memory layout, compilation; and which kernel ran."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

Compile = Literal["auto", "off", "on", "graphs"]


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
    """Return which kernels of scaled_dot_product_attention a forward pass of (B, 3, S, S) images runs."""
    seen = _AttentionRecorder()
    with _random_kept(images.device), seen:
        model(images)
    return sorted(seen.names)


def compiled(
    model: nn.Module, how: Compile, images: Tensor, autocast: Callable[[], torch.autocast]
) -> tuple[Callable[[Tensor], Tensor], str]:
    """Return the model as it is to be called, and in words whether it was compiled, and if not, why.

    Random state and gradients are as before.

    Args:
        model: What may be compiled.
        how: ``auto`` compiles for a GPU, ``graphs`` with CUDA graphs too.
        images: What it is tried on, forward and backward: (B, 3, S, S) on the model's device.
        autocast: Returns the precision in which the model runs.
    """
    if how == "off" or (how == "auto" and images.device.type != "cuda"):
        return model, ""
    mode = "reduce-overhead" if how == "graphs" else None
    try:
        with _random_kept(images.device):
            fast: Callable[[Tensor], Tensor] = torch.compile(model, mode=mode)
            with autocast():
                logits = fast(images)
            logits.float().sum().backward()  # type: ignore[no-untyped-call]
    except Exception as error:  # noqa: BLE001  compilers fail in as many ways as there are
        why = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return model, f"not compiled: {type(error).__name__}: {why[:200]}"
    finally:
        model.zero_grad(set_to_none=True)
    return fast, "compiled with CUDA graphs" if how == "graphs" else "compiled"


def _random_kept(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Leave the random state of the CPU and of a GPU as it was."""
    kept: contextlib.AbstractContextManager[None] = torch.random.fork_rng(
        devices=[device] if device.type == "cuda" else []
    )
    return kept


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
