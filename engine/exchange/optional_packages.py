"""Packages that only some formats need, loaded on use; where one is missing the message names the extra."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from engine.errors import UserError
from engine.system.installed_extras import how_to_install


class ExchangeError(UserError):
    """An export or import is impossible; the message says what, where, and what would be right."""


def load(module: str, extra: str) -> ModuleType:
    """Return a module of an optional package.

    Args:
        module: Its dotted name.
        extra: The extra of vitui that installs it.

    Raises:
        ExchangeError: It is not installed; the message says how to.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ExchangeError(
            f"{package} is needed for this and cannot be loaded ({error}); "
            f"{how_to_install(extra)} installs it"
        ) from None
