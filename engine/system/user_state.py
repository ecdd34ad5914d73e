"""Where a user's own state is kept: what the app remembers, and the key that marks the runs that they queued."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str]) -> Path | None:
    """Return where the user's state is kept (XDG base directories); None for a user without a home."""
    if (said := environment.get("XDG_STATE_HOME", "")) and Path(said).is_absolute():
        return Path(said) / "vitui"
    try:
        return Path.home() / ".local" / "state" / "vitui"
    except RuntimeError:
        return None
