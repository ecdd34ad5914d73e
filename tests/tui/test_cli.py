"""What the `vitui` command does before the app is there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tui.cli import main

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


@pytest.mark.parametrize(
    ("word", "said"),
    [
        (
            "plto",
            "there is no folder 'plto', and no such verb; did you mean 'plot'? `vitui --help` lists all",
        ),
        ("zork", "there is no folder 'zork', and no such verb. `vitui --help` lists all"),
        ("labs/mine", "there is no folder 'labs/mine'"),
    ],
)
def test_a_word_that_is_no_folder_and_no_verb_is_told_in_one_line(
    word: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [word])
    assert (result.exit_code, result.output) == (2, f"{said}\n")
