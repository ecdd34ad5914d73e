"""What the `vitui` command does before the app is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOAD = """
import os, subprocess, sys
from tui.cli import BLAS_THREADS, spare_blas_threads
spare_blas_threads()
import numpy
code = f"import os; print(os.environ.get({BLAS_THREADS!r}))"
started = subprocess.run([sys.executable, "-c", code], env={**os.environ}, stdout=subprocess.PIPE, check=True)
print(len(os.listdir("/proc/self/task")), started.stdout.decode().strip())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(("own", "said"), [({}, "1 None"), ({"OPENBLAS_NUM_THREADS": "2"}, "2 2")])
def test_numpy_comes_without_threads_and_what_is_started_has_them(own: dict[str, str], said: str) -> None:
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    env |= own | {"PYTHONPATH": str(Path(__file__).parents[2])}
    loaded = subprocess.run([sys.executable, "-c", LOAD], env=env, stdout=subprocess.PIPE, check=True)
    assert loaded.stdout.decode().strip() == said
