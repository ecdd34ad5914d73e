"""The arithmetic of a run: the type that it multiplies in, TF32, the scale of a float16 loss, and determinism."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.optim import SGD, Optimizer

from engine.config.schema import Experiment
from engine.errors import DeviceError
from engine.training.compile import slow_in_bf16

Name = Literal["float32", "tf32", "bf16", "fp16"]

AUTOCAST: dict[Name, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""The type that matrices and convolutions are computed in; weights stay in float32."""
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
FIXED_WORKSPACES = (":4096:8", ":16:8")
"""Workspaces, set before cuBLAS starts, with which its sums have one order (its manual, section 2.1.4)."""


class Precision(NamedTuple):
    """The precision that a run has, and in words what a user should know of it there."""

    name: Name
    note: str = ""

    def __str__(self) -> str:
        words = f"{self.name} autocast" if self.name in AUTOCAST else self.name
        words += " with loss scaling" if self.name == "fp16" else ""
        return f"{words} ({self.note})" if self.note else words

    def autocast(self, device: torch.device) -> torch.autocast:
        """Return a context in which a model on ``device`` runs in this precision."""
        kind = AUTOCAST.get(self.name)
        return torch.autocast(device.type, kind or torch.bfloat16, enabled=kind is not None)


def precision_on(
    device: torch.device, asked: Literal["auto", "float32", "tf32", "bf16", "fp16"]
) -> Precision:
    """Return what an experiment's ``precision`` comes to on a device.

    ``auto`` is bf16 on a GPU that computes in it, fp16 on older ones, and float32 elsewhere.

    Raises:
        DeviceError: The device does not take it.
    """
    if device.type == "mps":
        if asked not in ("auto", "float32"):
            raise DeviceError(f"precision = {asked} is not offered on mps, which trains in float32")
        return Precision("float32")
    has_bf16 = device.type == "cuda" and computes_in_bf16(device)
    if asked == "auto":
        asked = "float32" if device.type == "cpu" else "bf16" if has_bf16 else "fp16"
    if asked == "tf32" and not has_bf16:  # both came with NVIDIA's Ampere
        return Precision("float32", "there is no TF32 here")
    if asked == "bf16" and device.type == "cuda" and not has_bf16:
        return Precision("bf16", "which this GPU only imitates: precision = fp16 is many times faster")
    if asked == "bf16" and slow_in_bf16(device):
        return Precision("bf16", "which this CPU only imitates: precision = float32 is many times faster")
    if asked == "fp16" and device.type == "cpu":
        return Precision("fp16", "which hardly any CPU computes in: precision = float32 is faster")
    return Precision(asked)


def computes_in_bf16(device: torch.device) -> bool:
    """Return whether a CUDA device has instructions for bf16, rather than imitating it."""
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


@contextmanager
def arithmetic(experiment: Experiment, device: torch.device) -> Iterator[None]:
    """Compute as an experiment asks for, in this process, while the block runs; entered before cuBLAS is used.

    ``float32`` is float32 in every product and convolution. Any other precision lets TF32 do what autocast leaves in
    float32. ``deterministic`` takes only algorithms that give the same bits each time, and raises where there is none.
    """
    with _deterministic(experiment.deterministic), _tf32(device, precision_on(device, experiment.precision)):
        yield


@contextmanager
def _tf32(device: torch.device, precision: Precision) -> Iterator[None]:
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    allowed = precision.name != "float32"
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


@contextmanager
def _deterministic(wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    workspace = os.environ.get(WORKSPACE)
    os.environ[WORKSPACE] = workspace if workspace in FIXED_WORKSPACES else FIXED_WORKSPACES[0]
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
        if workspace is None:
            del os.environ[WORKSPACE]
        else:
            os.environ[WORKSPACE] = workspace


class LossScaler:
    """Scales a loss so that gradients in float16 do not vanish (Micikevicius et al., 2018, arXiv 1710.03740).

    A step whose gradients overflow is skipped: the optimizer leaves weights and moments alone, and the scale is
    halved. The learning rate follows the number of the step, skipped or not. In any other precision a step is the
    optimizer's own, and the device is never waited for.

    Args:
        optimizer: Whose steps they are.
        device: Where the weights are.
        precision: Only ``fp16`` is scaled.
    """

    def __init__(self, optimizer: Optimizer, device: torch.device, precision: Precision) -> None:
        self.enabled = precision.name == "fp16"
        self._optimizer = optimizer
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.enabled)
        self._skipped = torch.zeros((), dtype=torch.int64, device=device)
        self._norm = torch.zeros((), device=device)
        self._overflows = torch.zeros((), dtype=torch.bool, device=device)
        if self.enabled and isinstance(optimizer, SGD):
            _begin_momentum(optimizer)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of a loss (), scaled, to those of the step."""
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def unscale(self) -> None:
        """Bring the gradients of the step, all of them added up, back to their size."""
        self._scaler.unscale_(self._optimizer)

    def step(self, norm: Tensor) -> Tensor:
        """Step the optimizer if the gradients' ``norm`` () is finite; return the norm of the last step taken."""
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if not self.enabled:
            return norm
        self._overflows = ~norm.isfinite()
        self._skipped += self._overflows
        self._norm = torch.where(self._overflows, self._norm, norm)
        return self._norm

    @property
    def has_stepped(self) -> bool:
        """Whether the last step was taken. Waits for the device in fp16."""
        return not self.enabled or not self._overflows.item()

    def values(self) -> dict[str, float]:
        """Return the scale and how many steps of the run were skipped; nothing outside of fp16. Waits."""
        if not self.enabled:
            return {}
        return {"train/loss_scale": self._scaler.get_scale(), "train/skipped_steps": float(self._skipped)}

    def state(self) -> dict[str, Any] | None:
        """Return what a checkpoint keeps, None outside of fp16."""
        if not self.enabled:
            return None
        return {**self._scaler.state_dict(), "skipped": int(self._skipped), "norm": float(self._norm)}

    def load(self, state: dict[str, Any] | None) -> None:
        """Go on from what a checkpoint kept; from None, which another precision or version wrote, begin anew."""
        if self.enabled and state:
            self._skipped.fill_(state["skipped"])
            self._norm.fill_(state["norm"])
            self._scaler.load_state_dict(state)


def _begin_momentum(optimizer: SGD) -> None:
    """Give each weight a momentum of zero: fused SGD leaves it uninitialised where the first step is skipped."""
    for group in optimizer.param_groups:
        for parameter in group["params"] if group["momentum"] else ():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
