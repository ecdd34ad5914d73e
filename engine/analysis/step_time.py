"""Where the time of a training step goes: the means of ``time/*``, an evaluation's shared out over the steps."""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.catalog.metrics import PHASES
from engine.history.column_store import Column

EVALUATION = "evaluation"


def mean_of(column: Column) -> float:
    """Return the mean of all finite values of a column, NaN where it has none."""
    import numpy as np

    values = column.points()[3]
    values = values[np.isfinite(values)]
    with np.errstate(over="ignore"):  # a hostile run may have measured what no sum can hold: infinite, then
        return float(values.mean()) if len(values) else math.nan


def in_step(means: Mapping[str, float], per_epoch: int | None, every: object) -> dict[str, float]:
    """Return each phase's milliseconds in a step.

    Args:
        means: Seconds by ``time/*`` metric.
        per_epoch: Steps in an epoch; None where it is unknown, and the evaluation is left out then.
        every: Epochs between two evaluations, as a run's configuration has it.
    """
    spent = {name: means.get(f"time/{name}", math.nan) * 1000 for name in PHASES}
    if per_epoch and isinstance(every, int) and every > 0:
        spent[EVALUATION] = means.get(f"time/{EVALUATION}", math.nan) * 1000 / (per_epoch * every)
    return {name: value for name, value in spent.items() if math.isfinite(value) and value >= 0}
