"""Where the user's own files are kept, beside those of a project (XDG base directories)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the folder of what is remembered from one time to the next; None for a user without a home."""
    if (said := environment.get("XDG_STATE_HOME", "")) and Path(said).is_absolute():
        return Path(said) / "vitui"
    try:
        return Path.home() / ".local" / "state" / "vitui"
    except RuntimeError:
        return None
