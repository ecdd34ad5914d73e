"""What a metric may be called: letters of any script stay, what a filter could not hold does not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from itertools import count

from engine.catalog.metrics import MAX_NAME, RESERVED, is_overlong
from engine.events import MAX_METRICS

_BARRED = re.compile(r"""^-|[\s=!~<>,|"']""")
"""What ends a key in the filter language, or turns a term round."""
UNNAMED = "value"
"""What a metric is called that says no name."""
LONGEST = 2000
"""Characters of another program's name that are looked at."""


def metric_name(name: str, suffix: str = "") -> str:
    """Return the name under which a metric of another program can be asked for here; most stay as they are.

    Args:
        name: What the other program calls it.
        suffix: What it ends with here, to tell it from others; it is kept where the name is cut to the length
            that readers take.
    """
    name = as_written(name)
    name = "".join(c if c.isprintable() else "_" for c in name)
    name = _BARRED.sub("_", name)[:MAX_NAME] or UNNAMED
    while is_overlong(name + suffix):
        name = name[:-1]
    return name + suffix


def as_written(name: str) -> str:
    """Return the name of another program's metric as people read it: without blanks around it, accents composed."""
    return unicodedata.normalize("NFC", name.strip())


def free_name(name: str, taken: Container[str]) -> str:
    """Return what a metric of another program is called here, where no other metric of its run is called so.

    Args:
        name: What the other program calls it.
        taken: What its other metrics are called here.
    """
    called = plain = metric_name(name)
    numbers = count(2)
    suffix = "_"
    while called in taken:
        called, suffix = metric_name(plain, suffix), f"_{next(numbers)}"
    return called


class MetricNames:
    """What the metrics of a program are called here while it goes on measuring them."""

    def __init__(self) -> None:
        self._called: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, name: str) -> str:
        """Return what a metric is called here; those that find no place in a run are not told apart."""
        name = name[:LONGEST]
        if (called := self._called.get(name)) is not None:
            return called
        if len(self._called) >= MAX_METRICS + RESERVED:
            return metric_name(name)
        called = self._called[name] = free_name(name, self._taken)
        self._taken.add(called)
        return called
