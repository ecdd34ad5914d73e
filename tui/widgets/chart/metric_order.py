"""Which metric's chart comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.catalog.metrics import MEMORY, family

FIRST = (
    "test/f1",
    "train/loss",
    "test/loss",
    "MEMORY",
    "test/accuracy",
    "train/images_per_s",
    "val/f1",
    "train/lr",
)
"""The order of charts; MEMORY stands for the memory metric that the runs have, of each GPU."""


def order(metrics: Mapping[str, object] | Sequence[str]) -> list[str]:
    """Return the metrics as charts show them: what people look for first, at least four, then the rest by name."""
    there = list(metrics)
    memory = next(
        (names for name in MEMORY if (names := sorted(family(there, name)))), [] if there else [MEMORY[0]]
    )
    first = [metric for name in FIRST for metric in (memory if name == "MEMORY" else [name])]
    ordered = [name for i, name in enumerate(first) if name and (name in there or i < 4)]
    return ordered + sorted(name for name in there if name not in ordered)
