"""What the steps and epochs of an imported run count: batches or epochs, from 0 or from 1.

Lightning, timm, Keras and fastai call the first epoch 0 and write its measurements there. Here an epoch is how many are
done, with what is measured within one between::

    there   epoch 0, step 49     epoch 0, step 99 (its end)     epoch 1, step 149
    here    0.5                  1                              1.5
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from engine.exchange.imported_run import Extent, ImportedRun

SHORT = 4
"""How many times the last step of a metric goes into that of the others where the two are on different scales."""
LEAST = 2
"""Points that a metric has at least, to be on a scale."""


def scale_remarks(imported: ImportedRun) -> Iterator[str]:
    """Yield what to say of metrics that were measured all along and whose steps end long before the others'."""
    if imported.has_epochs or len(imported.metrics) < 2:
        return
    extents = imported.extents()
    last = max(extent.last_step for extent in extents.values())
    short = [name for name, extent in extents.items() if _counts_otherwise(extent, last)]
    begin = min(extent.begin for extent in extents.values())
    end = max(extent.end for extent in extents.values())
    if imported.has_times and end > begin:
        short = [name for name in short if extents[name].end - begin > (end - begin) / 2]
    if short:
        names = ", ".join(short[:3]) + (f" and {len(short) - 3} more" if len(short) > 3 else "")
        ends = max(extents[name].last_step for name in short)
        yield f"{names}: ends at step {ends:g}, the others at {last:g}: are these epochs?"


def _counts_otherwise(extent: Extent, last: float) -> bool:
    """Return whether a metric has a point at about every number up to its last, which is far before the others'."""
    counted = extent.last_step - extent.first_step + 1 <= 2 * extent.points
    return extent.points >= LEAST and counted and extent.last_step * SHORT <= last


COUNTED_FROM_0 = "its epochs count from 0: here the first that is finished is epoch 1"
EVALUATED = re.compile(r"(?:val|valid|validation|test|eval|evaluation|ema)(?:$|[/_. -])", re.IGNORECASE)
"""How a metric's name begins that tells nothing of whether there was training before it."""


def count_epochs_from_one(imported: ImportedRun) -> bool:
    """Have a run whose epochs count from 0 say how many are done; return whether it was one.

    Its epochs are whole, and what is measured in epoch 1 is measured in epoch 0, something of the training too: an
    evaluation before the training lacks that, and who counts the epochs that are done has no evaluation at 0 of them.
    """
    if not imported.has_epochs or imported.is_own:
        return False
    measured: dict[float, set[str]] = {}
    ends: dict[float, float] = {}
    for name, step, epoch in imported.places():
        measured.setdefault(epoch, set()).add(name)
        if not imported.epochs_said_at or step in imported.epochs_said_at:
            ends[epoch] = max(step, ends.get(epoch, 0.0))
    if 0.0 not in measured or any(epoch != int(epoch) for epoch in measured):
        return False
    is_trained = any(EVALUATED.match(name) is None for name in measured[0.0])
    is_before_a_step = ends.get(0.0) == 0 and ends.get(1.0, 1) > 1
    if not is_trained or is_before_a_step or not measured.get(1.0, set()) <= measured[0.0]:
        return False
    last = max(measured)
    unfinished = None if measured.get(last - 1, set()) <= measured[last] else last
    imported.put_epochs([_done(step, epoch, ends, unfinished) for _, step, epoch in imported.places()])
    return True


def _done(step: float, epoch: float, ends: Mapping[float, float], unfinished: float | None) -> float:
    """Return how many epochs are done at a step.

    Args:
        step: The step.
        epoch: The epoch that it is in, counted from 0.
        ends: The last step of each epoch.
        unfinished: The epoch that is not finished: it is as long as the one before at least. None where all are.
    """
    end = ends.get(epoch, step)
    begin = ends.get(epoch - 1, -1.0 if epoch == 0 else end)
    length = end - begin
    if epoch == unfinished:
        length = max(length, begin - ends.get(epoch - 2, -1.0))
    return epoch + (min(1.0, (step - begin) / length) if length > 0 else 1.0)
