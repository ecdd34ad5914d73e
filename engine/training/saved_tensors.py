"""What a forward pass on a CUDA GPU keeps for its backward pass, counted where there is no GPU.

The model runs on fake tensors: their device is "cuda" and they have shapes but no numbers. CUDA's own autocast lists
apply, which differ from the CPU's (GroupNorm, for one, runs and keeps its input in float32), and attention runs the
kernels that a GPU would choose, which keep the log-sum-exp of each row and leave the matrix of scores out (Dao et al.,
2022). Each storage that autograd saves counts once.

The model runs eagerly. A compiled one keeps what Inductor's partitioner chooses, which may be less or more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, UntypedStorage, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

Precision = Literal["bf16", "fp16", "fp32"]
"""What autocast computes in; fp32 is none, in TF32 or without it."""

_AUTOCAST: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}
_WIDEST_FLASH_HEAD = 256
"""Channels of a head that FlashAttention takes at most."""


class FakeCudaModel:
    """A model on a GPU that need not be there.

    Args:
        model: A model on the meta device, in training mode; from here on its tensors are fake ones on "cuda".
    """

    def __init__(self, model: nn.Module) -> None:
        self._fake = FakeTensorMode(allow_non_fake_inputs=True)
        with self._fake:
            self._model = model.to_empty(device="cuda")

    def saved_bytes(
        self, images: int, image_size: int, precision: Precision, recomputed: Sequence[nn.Module] = ()
    ) -> int:
        """Return the bytes that autograd holds at the end of a forward pass in training, weights apart.

        Args:
            images: How many go through the model at once.
            image_size: Their side, in pixels.
            precision: What autocast computes in.
            recomputed: The modules of the model under gradient checkpointing (Chen et al., 2016), none inside another:
                of each the input is kept, and at any time the insides of one of them.
        """
        saved = _Saved(self._model)
        handles = [module.register_forward_pre_hook(saved.enter) for module in recomputed]
        handles += [module.register_forward_hook(saved.leave) for module in recomputed]
        hooks = saved_tensors_hooks(saved.keep, lambda tensor: tensor)
        try:
            with self._fake, hooks, _GpuAttention(), _cuda_autocast(precision):
                batch = torch.empty(images, 3, image_size, image_size, device="cuda")
                _graph = self._model(batch)  # which holds all storages, so that each has a key of its own
                return saved.total
        finally:
            for handle in handles:
                handle.remove()


class _Saved:
    """The storages that autograd saves of a model's activations, each once."""

    def __init__(self, model: nn.Module) -> None:
        self._weights = {
            tensor.untyped_storage()._cdata for tensor in (*model.parameters(), *model.buffers())
        }
        self._kept: dict[int, UntypedStorage] = {}
        self._inside: dict[int, UntypedStorage] | None = None
        self._largest_inside = 0

    @property
    def total(self) -> int:
        """Bytes of what is kept and of the largest module that is recomputed."""
        return _size(self._kept) + self._largest_inside

    def keep(self, tensor: Tensor) -> Tensor:
        """Count the storage of a tensor that autograd saves; return the tensor."""
        storage = tensor.untyped_storage()
        if storage._cdata not in self._weights:
            (self._kept if self._inside is None else self._inside)[storage._cdata] = storage
        return tensor

    def enter(self, _module: nn.Module, inputs: tuple[Any, ...]) -> None:
        """Keep the input of a module that is recomputed, and count its insides apart."""
        for tensor in inputs:
            if isinstance(tensor, Tensor):
                self.keep(tensor)
        self._inside = {}

    def leave(self, _module: nn.Module, _inputs: tuple[Any, ...], _output: Any) -> None:
        """Note how much the insides of the module take."""
        inside = self._inside or {}
        self._largest_inside = max(
            self._largest_inside, _size({key: it for key, it in inside.items() if key not in self._kept})
        )
        self._inside = None


def _size(storages: dict[int, UntypedStorage]) -> int:
    return sum(storage.nbytes() for storage in storages.values())


@contextmanager
def _cuda_autocast(precision: Precision) -> Iterator[None]:
    """Turn on autocast for "cuda", which ``torch.autocast`` refuses where there is no GPU."""
    if precision not in _AUTOCAST:
        yield
        return
    before = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    torch.set_autocast_enabled("cuda", True)
    torch.set_autocast_dtype("cuda", _AUTOCAST[precision])
    torch.autocast_increment_nesting()
    try:
        yield
    finally:
        if torch.autocast_decrement_nesting() == 0:
            torch.clear_autocast_cache()
        torch.set_autocast_enabled("cuda", before[0])
        torch.set_autocast_dtype("cuda", before[1])


class _GpuAttention(TorchFunctionMode):
    """Runs the kernel of scaled_dot_product_attention that PyTorch chooses on a GPU."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.scaled_dot_product_attention:
            return _attention(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Map (B, heads, N, head_dim) as FlashAttention does, or the memory-efficient kernel with a mask or in float32."""
    if query.ndim != 4 or enable_gqa:
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )
    if torch.is_autocast_enabled("cuda"):
        dtype = torch.get_autocast_dtype("cuda")
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    if attn_mask is None and query.dtype != torch.float32 and query.shape[-1] <= _WIDEST_FLASH_HEAD:
        flash = torch.ops.aten._scaled_dot_product_flash_attention
        out: Tensor = flash(query, key, value, dropout_p, is_causal, scale=scale)[0]
    else:
        bias = None
        if attn_mask is not None:  # a mask of bools becomes one of numbers
            bias = attn_mask.to(query.dtype).expand(*query.shape[:-1], key.shape[-2])  # (B, heads, N, N)
        efficient = torch.ops.aten._scaled_dot_product_efficient_attention
        out = efficient(query, key, value, bias, True, dropout_p, is_causal, scale=scale)[0]
    return out
