"""What a metric is called on the axis of a figure, and in which unit it is drawn there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.analysis.curves import Array
from engine.catalog.metrics import Axis, metric_of
from tui.axis_ticks import Unit, limits, unit_of

_OF_TRAINING = frozenset({"lr", "grad_norm", "images_per_s", "mfu"})
"""Metrics that only training has: their names stand without "Train"."""
_GROUPS = {
    "train": "Train",
    "val": "Validation",
    "test": "Test",
    "ema": "Averaged",
    "time": "Time",
    "gpu": "GPU",
    "cpu": "CPU",
}
_BYTES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "bytes"))


@dataclass(frozen=True)
class Scale:
    """The y axis of a figure: what it is called, how its ticks are written, what its values are divided by."""

    title: str
    unit: Unit
    size: float = 1.0

    def limits(self, low: float, high: float) -> tuple[float, float]:
        """Return an interval around values that have been divided; it begins at 0 where 0 means something."""
        return limits(low, high, self.unit)


def y_scale(metric: str, curves: Sequence[Array]) -> Scale:
    """Return the scale on which curves of a metric, each (N,), are drawn."""
    unit = unit_of(metric)
    if unit.kind == "binary":
        biggest = max((float(np.nanmax(np.abs(y))) for y in curves if np.isfinite(y).any()), default=0.0)
        size, name = next((prefix for prefix in _BYTES if biggest >= prefix[0]), _BYTES[-1])
        return Scale(f"{title(metric)} ({name})", Unit(floor=0.0), size)
    if unit.name.strip() and unit.kind != "count":
        return Scale(f"{title(metric)} ({unit.name.strip()})", Unit(kind="plain", floor=unit.floor))
    return Scale(title(metric), Unit(kind=unit.kind, floor=unit.floor))


def title(metric: str) -> str:
    """Return a metric in words: ``test/f1`` is Test F1 (macro), ``gpu/1/memory_used`` GPU 1 memory used."""
    group, _, rest = metric.partition("/")
    if group not in _GROUPS or not rest:
        return metric
    device, _, name = rest.rpartition("/")
    owner = "" if group == "train" and name in _OF_TRAINING else _GROUPS[group]
    words = [owner, device, metric_of(metric).kind.title]
    text = " ".join(word for word in words if word)
    return text[0].upper() + text[1:]


def x_title(axis: Axis, unit: str) -> str:
    """Return what the x axis is called."""
    return {
        "epoch": "Epoch", "step": "Optimizer step", "time": f"Training time ({unit})", "samples": "Images seen",
        "gpu-hours": "Device hours", "joules": "Energy (J)",
    }[axis]  # fmt: skip


def time_scale(longest: float) -> tuple[float, str]:
    """Return the unit for times up to ``longest`` seconds: how many seconds it has, and its name."""
    if longest < 180:
        return 1.0, "s"
    return (60.0, "min") if longest < 3 * 3600 else (3600.0, "h")
