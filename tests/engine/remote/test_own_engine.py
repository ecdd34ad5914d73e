"""A project with an ``engine`` of its own, as DETR, DeiT and MAE have one, does not stand in for vitui's elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config.site import Site
from engine.remote.this_machine.ssh_connection import far_end_script
from engine.sites.batch_script import Task, batch_script
from tests.conftest import ROOT

TASK = Task("quick-s0-20261128-233405-00ff", "vitui-quick-s0-20261128-233405-00ff-1", "ab12")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    own = tmp_path / "project" / "engine" / "__init__.py"
    own.parent.mkdir(parents=True)
    own.write_text("raise SystemExit('this is the engine of the project')\n")
    return tmp_path / "project"


def said(script: str, project: Path) -> str:
    """What a script says that begins in a project."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", script], cwd=project, env=environment, input="", capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_a_job_of_a_cluster_starts_vitui(tmp_path: Path, project: Path):
    (tmp_path / TASK.run).mkdir()
    assert not said(batch_script(Site(name="jz", python=sys.executable), tmp_path, [TASK]), project)
    assert "run.json cannot be used" in (tmp_path / TASK.run / "console.log").read_text(), (
        "vitui looked at it"
    )


def test_a_link_over_ssh_starts_vitui(tmp_path: Path, project: Path):
    script = far_end_script(Site(name="jz", ssh="jz", python=sys.executable), str(tmp_path / "there"))
    assert said(script, project).startswith("VITUI-FAR-END")
