"""The packages of an environment are those that Python itself finds there."""

from __future__ import annotations

import os
import sys
from importlib.metadata import distributions

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.provenance.packages import (
    Environment,
    changed_packages,
    environment_here,
    environment_in,
    environment_of,
    keep_environment,
)

VERSIONS = st.dictionaries(st.sampled_from(["torch", "numpy", "a-b"]), st.sampled_from(["1.0", "2.0"]))


def venv(prefix, **packages):
    """Make what a virtual environment with some packages looks like."""
    (prefix / "bin").mkdir(parents=True)
    python = prefix / "bin/python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    (prefix / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.7\n")
    for name, version in packages.items():
        (prefix / f"lib/python3.11/site-packages/{name}-{version}.dist-info").mkdir(parents=True)
    return prefix


def test_the_list_is_what_python_finds():
    found = {dist.name.lower().replace("_", "-").replace(".", "-"): dist.version for dist in distributions()}
    listed = {name.replace(".", "-"): version for name, version in environment_here().packages.items()}
    assert len(listed) > 20
    assert listed == {name: version for name, version in found.items() if name in listed}
    assert len(found.keys() - listed.keys()) <= 1  # one of which the folder's name tells no version


def test_the_environment_of_another_python_is_listed_without_starting_it(tmp_path):
    prefix = venv(tmp_path / "venv", torch="2.11.0+cu130", typing_extensions="4.12.2", odd="x")
    expected = Environment("3.11.7", str(prefix), {"torch": "2.11.0+cu130", "typing-extensions": "4.12.2"})
    assert environment_of([str(prefix / "bin/python"), "train.py"], {}) == expected
    assert environment_of(["python", "train.py"], {"PATH": str(prefix / "bin")}) == expected
    assert environment_of([sys.executable], {}) == environment_here()


def test_a_shim_of_pyenv_leads_to_the_python_that_is_chosen(tmp_path, monkeypatch):
    shims, project = tmp_path / "pyenv/shims", tmp_path / "project"
    for folder in (shims, project):
        folder.mkdir(parents=True)
    (shims / "python").write_text("#!/bin/sh\nexit 1\n")
    (shims / "python").chmod(0o755)
    monkeypatch.chdir(project)
    path = {"PATH": str(shims)}
    assert environment_of(["python"], path) is None
    for version in ("3.11.7", "3.12.1"):
        venv(tmp_path / "pyenv/versions" / version, torch=version)
    (tmp_path / "pyenv/version").write_text("3.11.7\n")
    assert environment_of(["python"], path).packages == {"torch": "3.11.7"}
    (project / ".python-version").write_text("3.12.1\n")
    assert environment_of(["python"], path).packages == {"torch": "3.12.1"}
    assert environment_of(["python"], path | {"PYENV_VERSION": "3.11.7"}).packages == {"torch": "3.11.7"}


@pytest.mark.parametrize("command", [["/bin/sh", "train.sh"], ["no-such-program"]])
def test_a_program_that_is_no_python_s_has_no_packages(command):
    assert environment_of(command, dict(os.environ)) is None


def test_a_list_is_written_once_and_a_change_is_told(tmp_path):
    prefix, run = venv(tmp_path / "venv", torch="2.11.0", numpy="2.0"), tmp_path / "run"
    run.mkdir()
    command = [str(prefix / "bin/python")]
    assert keep_environment(run, command, {}) == ""
    first = (run / "packages.txt").read_bytes()
    assert first.decode() == f"# Python 3.11.7\n# {prefix}\nnumpy==2.0\ntorch==2.11.0\n"
    assert (run / "packages.txt").stat().st_mode & 0o777 == 0o600
    assert environment_in(run) == environment_of(command, {})
    (prefix / "lib/python3.11/site-packages/torch-2.11.0.dist-info").rename(
        prefix / "lib/python3.11/site-packages/torch-2.12.0.dist-info"
    )
    assert keep_environment(run, command, {}) == "torch 2.11.0 → 2.12.0"
    assert (run / "packages.txt").read_bytes() == first


@given(st.binary())
def test_whatever_stands_in_the_list_is_read(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp()
    (folder / "packages.txt").write_bytes(data)
    environment = environment_in(folder)
    assert all("\n" not in name and "\x1b" not in version for name, version in environment.packages.items())


@given(VERSIONS, VERSIONS)
def test_differences_are_the_same_from_both_sides(one, other):
    before, after = Environment("3.11", "", one), Environment("3.12", "", other)
    there, back = changed_packages(before, after), changed_packages(after, before)
    assert [(name, new, old) for name, old, new in there] == back
    assert changed_packages(before, before) == []
    assert {name for name, _, _ in there} == {"python"} | {
        name for name in one.keys() | other.keys() if one.get(name) != other.get(name)
    }
