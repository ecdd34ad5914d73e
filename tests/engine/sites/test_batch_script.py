"""The script that sbatch gets, given to bash; and the options."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.config.site import Site
from engine.runs.store import StoreError
from engine.sites.batch_script import ARRAY_PREFIX, Task, batch_options, batch_script, job_name, names_in

ONE = Task("quick-ViT(B)+x-s0-20261128-233405-00ff", "vitui-quick-ViT(B)+x-s0-20261128-233405-00ff-1", "ab12")
TWO = Task("other-s1", "vitui-other-s1-3", "cd34")
SAYS = '#!/bin/bash\nprintf "%s\\n" "$@"; env | grep -e ^VITUI -e ^FROM_SETUP; echo wrong >&2\n'


def site(**fields: Any) -> Site:
    return Site(**{"name": "jz", "slurm": "gpu"} | fields)


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A program in Python's place that says what it is given."""
    path = tmp_path / "a python"
    path.write_text(SAYS)
    path.chmod(0o700)
    return path


def run(script: str, folder: Path, **environment: str) -> None:
    (folder / "slurm_script").write_text(script)
    subprocess.run(["bash", folder / "slurm_script"], env=os.environ | environment, check=True, timeout=20)


@pytest.mark.parametrize("task", [0, 1])
def test_a_script_starts_the_run_of_its_task(tmp_path: Path, python: Path, task: int):
    root = tmp_path / "the runs; echo $HOME"
    for each in (ONE, TWO):
        (root / each.run).mkdir(parents=True)
    where = site(
        python=str(python), setup=["export FROM_SETUP='a b'", "VITUI_SEED=3"], wrap=["nice", "-n", "1"]
    )
    script = batch_script(where, root, [ONE, TWO])
    run(script, tmp_path, SLURM_ARRAY_TASK_ID=str(task), VITUI_RUN="another", VITUI_SEED="7")
    mine = (ONE, TWO)[task]
    said = (root / mine.run / "console.log").read_text().splitlines()
    words = ["--runs", str(root), "--posted", mine.name, "--contents", mine.contents]
    assert said[:11] == ["-m", "vitui_start", "engine.cli", "train", mine.run, *words]
    assert sorted(said[11:]) == ["FROM_SETUP=a b", "VITUI_SITE=jz", "wrong"]


def test_one_run_needs_no_array(tmp_path: Path, python: Path):
    (tmp_path / ONE.run).mkdir()
    run(batch_script(site(python=str(python)), tmp_path, [ONE]), tmp_path, SLURM_JOB_ID="1")
    assert ONE.name in (tmp_path / ONE.run / "console.log").read_text()


def test_a_python_in_the_home_is_found(tmp_path: Path, python: Path):
    (tmp_path / ONE.run).mkdir()
    python.rename(tmp_path / "python")
    run(batch_script(site(python="~/python"), tmp_path, [ONE]), tmp_path, HOME=str(tmp_path))
    assert ONE.name in (tmp_path / ONE.run / "console.log").read_text()


def test_the_names_are_read_from_the_script_again():
    assert names_in(batch_script(site(), Path("/runs"), [ONE, TWO])) == [ONE.name, TWO.name]
    for text in ("", "#!/bin/bash\nsleep 1\n", "vitui_names=('a)\n", "vitui_names=($(reboot))\n"):
        assert names_in(text) == []


@pytest.mark.parametrize(
    "task",
    [
        ONE._replace(run="../x"),
        ONE._replace(run="$(x)"),
        ONE._replace(name="a b"),
        ONE._replace(contents="a;b"),
    ],
)
def test_what_is_no_name_of_a_run_goes_nowhere(task: Task):
    with pytest.raises(StoreError):
        batch_script(site(), Path("/runs"), [task])


def options(where: Site, *tasks: Task, gpus: int = 1, **known: Any) -> list[str]:
    return batch_options(where, Path("/my/runs 100%"), tasks, folder=Path("/my"), gpus=gpus, **known)


def test_the_options_of_a_job():
    full = site(
        time="4:00:00", account="abc", qos="long", constraint="a100", cpus=8, memory="32G", nodes=2,
        extra=["--exclusive"], notice=60, parallel=4,
    )  # fmt: skip
    assert options(full, ONE, gpus=4) == [
        f"--job-name={ONE.name}", "--chdir=/my", "--requeue", "--open-mode=append",
        f"--output=/my/runs 100%%/{ONE.run}/slurm.out", "--signal=B:USR2@60", "--partition=gpu", "--time=4:00:00",
        "--gres=gpu:2", "--account=abc", "--qos=long", "--constraint=a100", "--mem=32G", "--cpus-per-task=8",
        "--nodes=2", "--ntasks-per-node=1", "--exclusive",
    ]  # fmt: skip


def test_the_options_of_an_array():
    given = options(site(slurm="*", gres="", notice=0, parallel=4), ONE, TWO)
    assert given == [
        f"--job-name={job_name([ONE, TWO])}", "--chdir=/my", "--requeue", "--open-mode=append",
        "--output=/dev/null", "--array=0-1%4",
    ]  # fmt: skip
    assert job_name([ONE, TWO]).startswith(ARRAY_PREFIX)
    assert job_name([ONE, TWO]) != job_name([TWO, ONE])


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ({}, []),
        ({"takes_s": 3600.0}, ["--time=100"]),
        ({"takes_s": 3600.0, "limit_s": 1800.0}, ["--time=30"]),
        ({"takes_s": 61.0, "limit_s": None}, ["--time=12"]),
    ],
)
def test_the_time_is_made_of_the_forecast(known: dict[str, Any], asked: list[str]):
    assert [option for option in options(site(), ONE, **known) if option.startswith("--time")] == asked
