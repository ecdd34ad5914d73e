"""Convolutions with standardised weights (Qiao et al., 2019, arXiv 1903.10520), as BiT and the hybrids have them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# timm's; BiT's own PyTorch code has 1e-10 and the JAX hybrids w / (std + 1e-5), all with the biased variance.
STANDARDIZE_EPS = 1e-8


class StdConv2d(nn.Conv2d):
    """A convolution whose filters are first brought to mean 0 and variance 1 (Qiao et al., 2019).

    Standardised once a step in training (see :func:`standardized_once` for steps of several passes), and kept
    between passes in evaluation. Always in float32 or better: autocast touches the convolution only.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output, one filter each.
        kernel_size: The side of a filter.
        stride: The step of the convolution.
        padding: ``center`` pads both sides alike (PyTorch); ``same`` is TensorFlow's, which pads the far side
            of an even map more when the stride is 2.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: Literal["center", "same"] = "center",
    ) -> None:
        excess = max(kernel_size - stride, 0) if padding == "same" else 2 * (kernel_size // 2)
        near, odd = divmod(excess, 2)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding=0 if odd else near, bias=False
        )
        self.uneven_padding = (near, near + 1, near, near + 1) if odd else None
        self._kept: tuple[tuple[int, int, torch.dtype], Tensor] | None = None
        self._shared: Tensor | None = None
        """The filters of this step, a leaf that gathers the gradients of its passes."""

    def reset_parameters(self) -> None:
        """Start as He et al. (2015) do for ReLU networks."""
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def train(self, mode: bool = True) -> StdConv2d:
        """Switch mode, and forget the filters kept for evaluation."""
        self._kept = None
        return super().train(mode)

    def standardized_weight(self) -> Tensor:
        """Return the filters the convolution uses: (out, in, kernel, kernel), in float32 or better."""
        if self._shared is not None:
            return self._shared
        if torch.compiler.is_compiling():
            return self._standardize()
        if self.training or torch.is_grad_enabled():
            self._kept = None  # a step may follow, and a fused optimizer leaves no trace in the version
            return self._standardize()
        # The version counts other changes in place; another device or type is another address.
        state = (self.weight.data_ptr(), self.weight._version, self.weight.dtype)
        if self._kept is None or self._kept[0] != state:
            self._kept = (state, self._standardize())
        return self._kept[1]

    def _standardize(self) -> Tensor:
        weight = self.weight if self.weight.dtype == torch.double else self.weight.float()
        channels_last = not weight.is_contiguous() and weight.is_contiguous(memory_format=torch.channels_last)
        if channels_last:  # a view, so that the filters lie as the images do
            weight = weight.permute(0, 2, 3, 1)  # (out, kernel, kernel, in)
        flat = weight.reshape(1, self.out_channels, -1)  # (1, out, in * kernel * kernel)
        # Normalising each channel over its positions is what batch norm does, in one kernel.
        filters = F.batch_norm(flat, None, None, training=True, eps=STANDARDIZE_EPS).reshape_as(weight)
        return filters.permute(0, 3, 1, 2) if channels_last else filters

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, ceil(H / stride), ceil(W / stride))."""
        if self.uneven_padding:
            x = F.pad(x, self.uneven_padding)
        weight = self.standardized_weight().to(self.weight.dtype)
        return F.conv2d(x, weight, None, self.stride, self.padding)


@contextmanager
def standardized_once(model: nn.Module) -> Iterator[None]:
    """Standardise each filter once for all forward and backward passes within: the micro-batches of one step.

    Their gradients meet at the standardised filters and go through the standardisation together, on leaving,
    which is exact because that is linear in them. The weights must not change within, and have their gradients
    only afterwards; on an error they get none.
    """
    convs = [module for module in model.modules() if isinstance(module, StdConv2d)]
    whole = [conv._standardize() for conv in convs]
    try:
        for conv, filters in zip(convs, whole, strict=True):
            conv._shared = filters.detach().requires_grad_(filters.requires_grad)
        yield
        reached = [(it, conv._shared.grad) for it, conv in zip(whole, convs, strict=True)
                   if conv._shared is not None and conv._shared.grad is not None]  # fmt: skip
        if reached:
            torch.autograd.backward([it for it, _ in reached], [gradient for _, gradient in reached])
    finally:
        for conv in convs:
            conv._shared = None
