"""A queued run has the environment of the shell that submitted it, wherever its worker was started."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.config.loader import load_config
from engine.config.validate import ConfigError
from engine.events import Log, QueuePlace, Start, decode
from engine.queue.approval import approval_of_release, release
from engine.queue.move_and_hold import hold
from engine.queue.submit import submit
from engine.runs.liveness import status_of
from engine.runs.queue_entry import queue_entry, write_entry
from engine.runs.status import ENDED
from engine.runs.store import Run, Store
from engine.runs.trust import entry_writer
from engine.runs.trust.queued_by_user import why_untrusted
from engine.system.own_modules import own_module
from tests.conftest import Engine

PROGRAM = """\
#!{python}
import json, os, sys
names = ("FOO", "PATH", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "LD_LIBRARY_PATH", "BAR", "CUDA_VISIBLE_DEVICES")
said = {{name: os.environ.get(name) for name in names}} | {{"program": __file__, "cwd": os.getcwd()}}
open("said-" + os.environ["VITUI_ATTEMPT"], "w").write(json.dumps(said))
sys.exit({status})
"""


def program_in(folder: Path, status: int = 0) -> Path:
    folder.mkdir(parents=True)
    program = folder / "mine"
    program.write_text(PROGRAM.format(python=sys.executable, status=status))
    program.chmod(0o755)
    return folder


def config(lab: Path, more: str = "") -> None:
    (lab / "experiments.toml").write_text(
        f'[experiments.x]\ncommand = ["mine"]\nenv = ["FOO", "UNSET"]\n{more}'
    )


def shell(**variables: str) -> dict[str, str]:
    """Return the environment of a shell of the user's, without what this process has of these."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("PYTHONPATH", "VIRTUAL_ENV", "FOO", "BAR")
    }
    return {name: value for name, value in kept.items() if not name.startswith("CONDA")} | variables


def in_shell(lab: Path, environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*own_module("engine.cli"), *words],
        cwd=lab,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def only_run(lab: Path) -> Run:
    (run,) = Store(lab / "runs").runs()
    return run


def events(run: Run) -> list[object]:
    return [decode(line) for line in run.events.read_bytes().splitlines()]


def a_run(lab: Path, more: str = "") -> Run:
    """Queue a run from a shell with a program and FOO, without starting a worker."""
    config(lab, more)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(lab)
        patch.setenv("PATH", path_of_b(lab))
        patch.setenv("FOO", "value-of-b")
        patch.setenv("CONDA_PREFIX", "/conda/b")
        for name in ("UNSET", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH"):
            patch.delenv(name, raising=False)
        (run,) = submit(Store(lab / "runs"), load_config(lab / "experiments.toml").experiments["x"], [0])
    return run


def path_of_b(lab: Path) -> str:
    return f"{lab / 'b'}:{os.environ['PATH']}"


def work_from_another_shell(lab: Path, *options: str) -> None:
    done = in_shell(
        lab, shell(PATH=f"{lab / 'a'}:{os.environ['PATH']}", FOO="a", UNSET="a"), "work", *options
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_what_a_run_has_is_of_its_shell_and_its_ticket_forgets_it(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program_in(lab / "a"), program_in(lab / "b")
    run = a_run(lab)
    assert stat.S_IMODE(run.queue_file.stat().st_mode) == 0o600
    assert (entry := queue_entry(run)) is not None
    work_from_another_shell(lab, "--devices", "cpu:1")
    said = json.loads((lab / "said-1").read_text())
    assert (said["program"], said["FOO"], said["CONDA_PREFIX"]) == (
        str(lab / "b/mine"),
        "value-of-b",
        "/conda/b",
    )
    assert said["PATH"] == path_of_b(lab)
    (start,) = (event for event in events(run) if isinstance(event, Start))
    assert start.queued == QueuePlace(since=entry.submitted, devices={"cpu:0": "CPU slot 1"})
    assert start.environment == "of the shell that submitted it: CONDA_PREFIX, FOO, PATH"
    logs = [event.message for event in events(run) if isinstance(event, Log)]
    assert f"its program has the environment {start.environment}" in logs
    kept = b"".join(path.read_bytes() for path in run.path.rglob("*") if path.is_file())
    assert b"value-of-b" not in kept


@pytest.mark.slow
def test_a_ticket_of_before_leaves_the_environment_as_the_worker_has_it(lab: Path) -> None:
    program_in(lab / "a"), program_in(lab / "b")
    run = a_run(lab)
    entry = queue_entry(run)
    assert entry is not None
    entry_writer.enter(run, msgspec.structs.replace(entry, environment=None))
    worker = shell(PATH=f"{lab / 'a'}:{os.environ['PATH']}", FOO="a", CONDA_PREFIX="/conda/a")
    assert in_shell(lab, worker, "work", "--devices", "cpu:1").returncode == 0
    said = json.loads((lab / "said-1").read_text())
    assert (said["program"], said["FOO"], said["CONDA_PREFIX"]) == (str(lab / "a/mine"), "a", "/conda/a")
    (start,) = (event for event in events(run) if isinstance(event, Start))
    assert start.environment == "of the worker"


@pytest.mark.slow
def test_a_retry_has_it_again_and_then_it_is_gone(lab: Path) -> None:
    program_in(lab / "a", 1), program_in(lab / "b", 1)
    run = a_run(lab, "retries = 1\n")
    work_from_another_shell(lab, "--devices", "cpu:1", "--backoff", "0")
    for attempt in (1, 2):
        assert json.loads((lab / f"said-{attempt}").read_text())["program"] == str(lab / "b/mine")
    entry = queue_entry(run)
    assert entry is not None
    assert (entry.stage, entry.environment) == ("left", None)


def test_the_proof_covers_it_and_a_change_of_the_queue_keeps_it(
    lab: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run(lab)
    hold(run)
    hold(run, release=True)
    entry = queue_entry(run)
    assert entry is not None
    assert entry.environment is not None
    assert why_untrusted(run, entry) == ""
    assert (entry.environment["FOO"], entry.environment["UNSET"]) == ("value-of-b", None)
    write_entry(
        run, msgspec.structs.replace(entry, environment=entry.environment | {"PATH": "/of/a/stranger"})
    )
    changed = queue_entry(run)
    assert changed is not None
    assert "queued by somebody else" in why_untrusted(run, changed)
    approval = approval_of_release(run)
    assert approval is not None
    monkeypatch.setenv("FOO", "of the one who released it")
    release(approval)
    released = queue_entry(run)
    assert released is not None
    assert released.environment is not None
    assert released.environment["PATH"] == os.environ["PATH"]
    assert released.environment["FOO"] == "of the one who released it"


@pytest.mark.parametrize(
    ("name", "why"), [("HF_TOKEN", "looks like a secret"), ("A=B", "no name of a variable")]
)
def test_a_secret_is_refused_in_the_file(lab: Path, name: str, why: str) -> None:
    (lab / "experiments.toml").write_text(f'[experiments.x]\ncommand = ["mine"]\nenv = ["HOME", "{name}"]\n')
    with pytest.raises(ConfigError, match=rf"experiments.toml:3:\d+.*{why}"):
        load_config(lab / "experiments.toml")


OF_A_PROJECT = "raise SystemExit('this is the engine of a project')\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["module", "package"])
def test_a_project_may_have_an_engine_of_its_own(
    lab: Path, engine: Engine, kind: str, until: Callable[..., None]
) -> None:
    if kind == "package":
        (lab / "engine").mkdir()
    (lab / ("engine/__init__.py" if kind == "package" else "engine.py")).write_text("OWN = 7\n")
    (lab / "tui.py").write_text(OF_A_PROJECT)
    (lab / "program.py").write_text("import engine\nopen('own', 'w').write(str(engine.OWN))\n")
    command = msgspec.json.encode([sys.executable, "program.py"]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.x]\ncommand = {command}\n")
    environment = shell(PYTHONPATH=str(lab), PATH=os.environ["PATH"])
    done = in_shell(
        lab, environment, "submit", "x", "--device", "cpu"
    )  # starts a worker, which starts the run
    assert done.returncode == 0, done.stdout + done.stderr
    until(lambda: status_of(only_run(lab)).state in ENDED)
    assert status_of(only_run(lab)).state == "finished"
    assert (lab / "own").read_text() == "7"
