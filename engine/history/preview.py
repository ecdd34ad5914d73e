"""A preview of a long file of events: lines from evenly spaced places, shown until all of it is read."""

from __future__ import annotations

import os

from engine.events import Metrics, decode
from engine.history.reader import History
from engine.system.files import tail

HEAD = 64 * 1024
"""Bytes of the beginning that are read whole: what the run is."""
WINDOW = 2048
"""Bytes that are read at each place."""


def sketch(path: str | os.PathLike[str], places: int = 2000) -> History:
    """Return the history of a few lines of a run: the shape of its curves in a fraction of the time reading takes.

    What is measured seldom may be missing. It is not to be updated.

    Args:
        path: A run's folder, or its events.jsonl.
        places: How many places of the file to look at, at even distances.
    """
    history = History(path)
    try:
        size = history.path.lstat().st_size
    except OSError:
        return history
    lines, end = tail(history.path, 0, HEAD)
    history.take(lines, 0)
    furthest = 0
    for sample in range(places):
        at = max(end, HEAD + (size - HEAD) * sample // places)
        lines, after = tail(history.path, at, WINDOW)
        if at > end and lines:  # somewhere within a line
            at += len(lines.pop(0)) + 1
        if not lines:
            continue
        first = decode(lines[0])
        if isinstance(first, Metrics):
            if first.step < furthest:  # an attempt began before where the last one had come
                history.go_back(first.step - 1)
            furthest = first.step
        history.take(lines, at)
        end = max(end, after)
    return history
