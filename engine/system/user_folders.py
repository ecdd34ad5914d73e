"""Where the user's own files are kept, beside those of a project (XDG base directories)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def config_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of the user's own settings; None for a user without a home."""
    return _folder(environment, "XDG_CONFIG_HOME", ".config")


def state_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of what is remembered from one time to the next; None for a user without a home."""
    return _folder(environment, "XDG_STATE_HOME", ".local/state")


def _folder(environment: Mapping[str, str], variable: str, otherwise: str) -> Path | None:
    if (said := environment.get(variable, "")) and Path(said).is_absolute():
        return Path(said) / "vitui"
    try:
        return Path.home() / otherwise / "vitui"
    except RuntimeError:
        return None
