"""experiments.toml and what stands in it.

``load_config``, ``Config`` and ``ConfigError`` are read on first use: a list of runs needs no TOML reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.config.loader import Config, load_config
    from engine.config.validate import ConfigError

__all__ = ["Config", "ConfigError", "load_config"]
_HOMES = {"Config": "loader", "load_config": "loader", "ConfigError": "validate"}


def __getattr__(name: str) -> Any:
    """Import a public name from its module (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
