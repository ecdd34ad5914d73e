"""What kinds of figure there are, which keys each takes, and what is wrong with a table that mixes them up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from engine.catalog.metrics import AXES
from engine.text import nearest

Mistakes = Iterator[tuple[str, str]]


class FigureKind(NamedTuple):
    """One kind of figure: the keys that only some take, what may stand on its x axis, and its metric."""

    keys: frozenset[str]
    axes: tuple[str, ...] = ()
    """The first is that of a figure which names none."""
    y: str | None = None
    """The metric of a figure that names none; None where one has to be named."""


EVERY = frozenset({"kind", "title", "y", "experiments"})
"""The keys that every kind takes."""
COSTS = ("parameters", "gpu-memory", "host-memory", "images-per-s", "gpu-hours", "energy", "time")
"""What an experiment takes, as the columns of a table of results are called; and the seconds of training."""
KINDS: Mapping[str, FigureKind] = {
    "curves": FigureKind(
        frozenset({"x", "y_label", "smoothing"}), ("epoch", *(axis for axis in AXES if axis != "epoch"))
    ),
    "bars": FigureKind(frozenset({"y_label"})),
    "scatter": FigureKind(frozenset({"x", "y_label"}), COSTS),
    "confusion": FigureKind(frozenset(), y="test/f1"),
    "classes": FigureKind(frozenset({"y_label"}), y="test/f1"),
    "steptime": FigureKind(frozenset(), y="time/forward"),
}


def kind_of(table: Mapping[str, Any]) -> str:
    """Return the kind of a figure's table; that of one which names none is ``curves``."""
    kind = table.get("kind", "curves")
    return kind if isinstance(kind, str) else ""


def with_defaults(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table with what its kind says where it says nothing itself; a table of an unknown kind unchanged."""
    kind = KINDS.get(kind_of(table))
    if kind is None:
        return dict(table)
    return {
        **({"x": kind.axes[0]} if kind.axes else {}),
        **({} if kind.y is None else {"y": kind.y}),
        **table,
    }


def kind_mistakes(table: Mapping[str, Any]) -> Mistakes:
    """Yield ``(key, why)`` for what does not go with the kind of a figure's table, and for a kind there is not."""
    name = kind_of(table)
    kind = KINDS.get(name)
    if kind is None:
        if name:
            yield "kind", f"there is no kind {name!r}{nearest(name, KINDS)} Known: {', '.join(KINDS)}"
        return
    for key in table:
        if key in kind.keys or key in EVERY:
            continue
        takers = [taker for taker, other in KINDS.items() if key in other.keys]
        if takers:
            yield key, f"a figure of kind {name!r} has none; it is a key of {' and '.join(takers)}"
    axis = table.get("x")
    if "x" in kind.keys and isinstance(axis, str) and axis not in kind.axes:
        hint = f"{nearest(axis, kind.axes)} Known: {', '.join(kind.axes)}"
        yield "x", f"a figure of kind {name!r} has no axis {axis!r}{hint}"
    if kind.y is None and "y" not in table:
        yield "y", f"it is missing; a figure of kind {name!r} needs a metric, such as 'test/f1'"
    if name in ("confusion", "classes") and isinstance(y := table.get("y"), str) and not y.partition("/")[2]:
        yield "y", f"found {y!r}; it has to be a metric of the split that is shown, such as 'test/f1'"
