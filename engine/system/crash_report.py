"""A report of an unexpected error on the user's own disk: a file from which its cause can be found."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from engine.system.files import create_private, write_all
from engine.system.user_folders import state_folder

KEPT = 20
"""Reports that are kept; older ones go."""
PACKAGES = ("vitui", "textual", "rich", "click", "msgspec", "numpy", "torch")
"""Packages whose version is told; of ``torch`` only where it was loaded."""
VARIABLES = (
    "TERM", "COLORTERM", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TMUX", "STY", "SSH_CONNECTION", "LANG", "LC_ALL",
    "PYTHONIOENCODING", "NO_COLOR", "COLUMNS", "LINES",
)  # fmt: skip
"""Variables that say in which terminal it was; of the other ones none is told."""


def write_crash_report(error: BaseException, events: Sequence[str] = ()) -> Path | None:
    """Write down an error with its traceback, and return the file; None where none can be written.

    Args:
        error: The error.
        events: What happened before it, the latest last.
    """
    if (state := state_folder()) is None:
        return None
    folder = state / "crashes"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{os.urandom(2).hex()}.txt"
        handle = create_private(path)
        try:
            write_all(handle, "\n".join(_lines(error, events)).encode(errors="backslashreplace"))
        finally:
            os.close(handle)
        _thin(folder)
    except OSError:
        return None
    return path


def changed_file(error: BaseException) -> str | None:
    """Return a file of code that was replaced while this process ran, of those that an error went through; else None.

    Code is loaded when it is first needed: after an upgrade under a running program, old and new may not fit.
    """
    import psutil

    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, ImportError) and error.path:
        files.append(error.path)
    try:
        began = psutil.Process().create_time()
        return next((file for file in files if os.path.exists(file) and os.stat(file).st_mtime > began), None)  # noqa: PTH110, PTH116
    except (OSError, psutil.Error):
        return None


def _lines(error: BaseException, events: Sequence[str]) -> Iterable[str]:
    yield time.strftime("%Y-%m-%d %H:%M:%S %z")
    yield f"command   {sys.argv}"
    yield f"folder    {_cwd()}"
    yield f"system    {platform.platform()}, Python {platform.python_version()}"
    yield f"versions  {', '.join(_versions())}"
    yield f"terminal  {', '.join(f'{name}={os.environ[name]!r}' for name in VARIABLES if name in os.environ)}"
    yield ""
    yield "".join(traceback.format_exception(error))
    if events:
        yield "What happened before, the latest last:"
        yield from events
        yield ""


def _cwd() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "(it is gone)"


def _versions() -> Iterable[str]:
    for name in PACKAGES:
        if name != "torch" or name in sys.modules:
            with contextlib.suppress(PackageNotFoundError):
                yield f"{name} {version(name)}"


def _thin(folder: Path) -> None:
    """Remove all but the newest reports; their names sort by time."""
    for old in sorted(folder.glob("crash-*.txt"))[:-KEPT]:
        old.unlink(missing_ok=True)
