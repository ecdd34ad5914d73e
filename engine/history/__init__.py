"""A run's events as columns of numbers; ``History`` is read on first use, as it brings numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.history.reader import History

__all__ = ["History"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module (PEP 562)."""
    if name != "History":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from engine.history.reader import History

    return History
