"""Files that are written whole or not at all, and replace others only when asked to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.exchange.optional_packages import ExchangeError
from engine.system.files import draft_of

SHOWN = 3
"""Names that a message lists at most."""


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise ExchangeError if one of the files is there."""
    existing = [str(path) for path in paths if os.path.lexists(path)]
    if existing:
        more = f" and {len(existing) - SHOWN} more" if len(existing) > SHOWN else ""
        names = ", ".join(existing[:SHOWN]) + more
        are = "are" if len(existing) > 1 else "is"
        raise ExchangeError(f"{names} {are} there already: `--force` replaces, `--out DIR` writes elsewhere")


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """Yield a path to write to; what is there takes its real name when the block ends well, else it is removed.

    Raises:
        ExchangeError: The file or its folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft_of(path) as written:
            yield written
    except OSError as error:
        raise ExchangeError(f"{path} cannot be written: {error.strerror or error}") from None
