"""One file that another program has logged into, as runs; what is in it decides how it is read, not its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.exchange.csv_reader import read_csv
from engine.exchange.imported_run import ImportedRun


def read_log(path: Path, content: bytes | None = None) -> Iterator[ImportedRun]:
    """Yield the runs of a file.

    Args:
        path: The file; what its runs are called where nothing in it says so.
        content: What is in it, where that does not lie there: standard input.

    Raises:
        ExchangeError: It cannot be read, or holds something else; the message says where.
    """
    if content is not None:
        raise NotImplementedError
    return read_csv(path)
