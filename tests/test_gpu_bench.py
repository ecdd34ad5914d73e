"""The benchmark of what only a GPU shows runs to its end without one, in its reduced form."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.mark.timeout(900)
def test_every_part_comes_to_its_end_on_a_cpu(tmp_path: Path) -> None:
    report = tmp_path / "gpu.md"
    command = [sys.executable, ROOT / "tests/bench/gpu.py", "--small", "--minutes", "14", "--out", report]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    text = report.read_text()
    assert answer.returncode == 0, text
    assert text.count("\n## ") == 9
    for wrong in ("FAILED", "failed", "Not run", "at its limit", "time was up"):
        assert wrong not in text, text


def test_a_part_that_does_not_exist_is_said() -> None:
    command = [sys.executable, ROOT / "tests/bench/gpu.py", "speeed"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 2
    assert "there is no part speeed; there are machine, findings" in answer.stderr
