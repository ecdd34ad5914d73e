"""A disk without flock: no_flock.c in the way of the C library, for this process and those that it starts."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")


@pytest.fixture(scope="session")
def no_flock_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library whose flock fails."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    library = tmp_path_factory.mktemp("no_flock") / "no_flock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    return library


@pytest.fixture
def no_flock(no_flock_library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have flock fail with ENOSYS, here and in programs that are started."""
    monkeypatch.setenv("LD_PRELOAD", str(no_flock_library))

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", fail)
