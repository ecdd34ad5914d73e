"""A repository to take the code of."""

from __future__ import annotations

import pytest

from tests.engine.runs.provenance.repositories import repository


@pytest.fixture
def project(tmp_path, monkeypatch):
    here = repository(tmp_path / "project", _gitignore=".env\n*.log\n", gone_py="g\n")
    monkeypatch.chdir(here)
    return here
