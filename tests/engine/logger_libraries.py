"""The libraries of the extra `loggers`: in this Python, or in the one that LOGGERS_PYTHON names."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def python_with(library: str) -> str:
    """Return a Python that has a library; the test is skipped where there is none."""
    python = os.environ.get("LOGGERS_PYTHON", sys.executable)
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec({library!r}) is None)"
    if subprocess.run([python, "-P", "-c", probe]).returncode:
        pytest.skip(
            f"{library} is not installed: pip install '.[loggers]', or name a Python by LOGGERS_PYTHON"
        )
    return python
