"""Whether the metrics of an imported run are all on one scale of steps: some programs count batches and epochs both."""

from __future__ import annotations

from collections.abc import Iterator

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
