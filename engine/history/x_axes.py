"""Where the points of a curve stand on each x axis: step, epoch, time, images seen, GPU-hours, joules.

===========  ================================================================================================
step         optimizer steps
epoch        epochs, as the run has them
time         seconds since the first start, without the pauses between attempts
samples      images seen: steps times batch size times accumulated batches
gpu-hours    that time on all GPUs together, in hours
joules       what all GPUs together have taken by then
===========  ================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import TYPE_CHECKING, Any

from engine.catalog.metrics import AXES, Axis, whole_run
from engine.config.schema import IMPORTED, SCRIPT, positive_number
from engine.events import Start

if TYPE_CHECKING:
    from engine.history.column_store import Array, Column

TIMELESS: tuple[Axis, ...] = ("step", "epoch", "samples")
"""The axes of a metric that is read alone."""


def x_values(
    axis: Axis,
    points: tuple[Array, Array, Array, Array],
    starts: Sequence[Start],
    columns: Mapping[str, Column],
) -> Array:
    """Return where some points stand on an axis (N,), NaN where the run does not know it.

    Args:
        axis: Which.
        points: Their steps, epochs, times in seconds and values, all (N,).
        starts: The starts of the run's attempts: when it began, and with which settings.
        columns: All metrics of the run, for the energy that was measured.
    """
    steps, epochs, times, _ = points
    config = starts[-1].config if starts else {}
    match axis:
        case "step":
            return steps
        case "epoch":
            return epochs if epochs.any() or not steps.any() else _unknown(steps)
        case "samples":
            return steps * images_per_step(config)
        case "joules":
            return _joules(times, columns)
    if len(times) > 1 and times.min() == times.max() and steps.min() != steps.max():
        return _unknown(steps)  # another program's log says no times
    if len(times):
        times = times - (starts[0].time if starts else times[0])
    if axis == "time":
        return times
    if starts and starts[-1].init == IMPORTED:
        return _unknown(steps)
    return times * positive_number(config, "gpus") / 3600


def known_axes(starts: Sequence[Start], columns: Mapping[str, Column]) -> set[Axis]:
    """Return the axes on which a run has a place for a point of at least one metric.

    Args:
        starts: The starts of the run's attempts.
        columns: All metrics of the run.
    """
    return {axis for axis in AXES if any(_has_places(axis, starts, columns, name) for name in columns)}


def _has_places(axis: Axis, starts: Sequence[Start], columns: Mapping[str, Column], metric: str) -> bool:
    """Return whether a run has places for the points of a metric on an axis."""
    import numpy as np

    if axis == "gpu-hours" and starts and starts[-1].device.startswith("cpu"):
        return False
    if axis == "joules":  # which are those of another metric
        return whole_run(metric) == "gpu/energy" and len(columns[metric]) > 0
    return bool(np.isfinite(x_values(axis, columns[metric].points(), starts, columns)[-1:]).any())


def _unknown(points: Array) -> Array:
    """Return as many places that the run does not know."""
    import numpy as np

    return np.full(len(points), np.nan)


def images_per_step(config: Mapping[str, Any]) -> float:
    """Return how many images an optimizer step sees; NaN for a program of the user's, whose steps are its own."""
    if config.get("model") in (None, SCRIPT):
        return nan
    return positive_number(config, "batch_size") * positive_number(config, "accumulate")


def _joules(times: Array, columns: Mapping[str, Column]) -> Array:
    """Return what all GPUs together had taken at some times (N,), NaN where it was not measured."""
    import numpy as np

    total = np.full(len(times), np.nan)
    for name, column in columns.items():
        if whole_run(name) == "gpu/energy" and len(column):
            _, _, when, energy = column.points()
            measured = np.interp(times, when, energy)
            total = np.where(np.isnan(total), measured, total + measured)
    return total
