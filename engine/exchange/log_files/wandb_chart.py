"""Charts that Weights & Biases exports: a column a run, with the least and the most of each point beside it.

::

    "Step","vit-s0 - val/loss","vit-s0 - val/loss__MIN","vit-s0 - val/loss__MAX","bit-s0 - val/loss",…
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.exchange.log_files.step_and_epoch_columns import SPLIT_WORDS, may_place, plain

BETWEEN = " - "
"""What stands between a run's name and the metric's."""
BOUNDS = ("__MIN", "__MAX")


def chart_columns(names: Sequence[str]) -> dict[str, tuple[str, str]] | None:
    """Return the run and metric of each column of a chart that was exported, None for any other table.

    Args:
        names: The columns of the table.
    """
    axes = [name for name in names if BETWEEN not in name and may_place(name)]
    columns = [name for name in names if name not in axes]
    if not axes or not columns or not all(BETWEEN in name for name in columns):
        return None
    has_bounds = any(name + bound in columns for name in columns for bound in BOUNDS)
    plains = {name: _without_bound(name, columns) for name in columns}
    metric = _shared_metric(list(plains.values()))
    found = {}
    for name, base in plains.items():
        if metric is not None and base.endswith(BETWEEN + metric):
            run, own = base.removesuffix(BETWEEN + metric), metric
        else:
            run, _, own = base.rpartition(BETWEEN)
        found[name] = (run.strip(), own.strip() + name[len(base) :])
    if not all(run for run, _ in found.values()):
        return None
    if not has_bounds and all(plain(run) in SPLIT_WORDS for run, _ in found.values()):
        return None
    return found


def _without_bound(name: str, columns: Sequence[str]) -> str:
    base = name.removesuffix(BOUNDS[0]).removesuffix(BOUNDS[1])
    return base if base in columns else name


def _shared_metric(names: list[str]) -> str | None:
    """Return the longest metric with which all columns end, None where they are of several."""
    parts = names[0].split(BETWEEN)
    for i in range(1, len(parts)):
        metric = BETWEEN.join(parts[i:])
        if all(name.endswith(BETWEEN + metric) for name in names):
            return metric
    return None
