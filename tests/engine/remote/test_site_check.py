"""The door of a site: each thing that can be wrong is said with what to do, by a real ssh where there is one."""

from __future__ import annotations

import json

import pytest

from engine.config.site import Site
from engine.remote.cluster_check import findings_of
from engine.remote.site_check import _clock, check_site
from engine.sites.slurm import Limits
from tests.engine.remote import far_host as machine

GOOD = Limits(
    time_s=86400, kill_wait_s=90, preempt_mode="REQUEUE", is_up=True, partition="main", version="22.05.8",
    has_accounts=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("limits", "gpus", "states"),
    [
        (GOOD, (1, 4), {"slurm": "good"}),
        (GOOD, None, {"slurm": "good"}),
        (GOOD, (0, 0), {"slurm": "good", "gpus": "bad"}),
        (GOOD._replace(is_up=False), (1, 4), {"slurm": "bad"}),
        (None, None, {"slurm": "bad"}),
        (GOOD._replace(time_s=None, kill_wait_s=10), (1, 4), {"slurm": "good", "KillWait": "note"}),
        (
            GOOD._replace(preempt_mode="CANCEL", has_accounts=False), (1, 4),
            {"slurm": "good", "preemption": "note", "accounting": "note"},
        ),
    ],
)  # fmt: skip
def test_what_a_cluster_lacks_is_said_with_its_cure(limits, gpus, states):
    found = list(findings_of(Site(name="jz", slurm="main"), limits, gpus))
    assert {finding.about: finding.state for finding in found} == states


@pytest.mark.parametrize(("ahead", "state"), [(0.3, "good"), (-4, "good"), (90, "note"), (-3600, "note")])
def test_a_clock_that_differs_is_told_of(ahead, state):
    assert _clock(ahead).state == state


def test_a_site_here_without_slurm_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {one.about: one for one in check_site(tmp_path / "runs", Site(name="jz", slurm="gpu"), {})}
    assert findings["locks"].state == "good"
    assert findings["slurm"].state == "bad"
    assert "login node" in findings["slurm"].cure


@pytest.mark.sites
@pytest.mark.slow
def test_a_machine_that_is_ready(engine, far_host):
    with (engine.folder / "experiments.toml").open("a") as file:
        file.write(far_host.table())
    done = engine("site", "check", machine.NAME, "--json")
    findings = {one["about"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stdout
    assert {about: one["state"] for about, one in findings.items()} == {
        "ssh": "good", "vitui": "good", "clock": "good", "folder": "good", "locks": "good", "torch": "good",
        "gpus": findings["gpus"]["state"], "data": "good", "code": "note",
    }  # fmt: skip
    assert b"calls itself box" in engine("site", "check", machine.NAME).stdout
    assert b"ssh box" in engine("site", "ls").stdout
    assert not list((engine.folder / "runs" / ".sites").iterdir())


@pytest.mark.sites
@pytest.mark.slow
def test_a_machine_with_what_can_be_wrong(engine, far_host):
    tables = [
        "[experiments.data]\nmodel = 'vit_mini'\nepochs = 1\ndataset = 'folder:pictures'\n",
        far_host.table("itself", folder=str(engine.folder)), far_host.table("data"),
        *(f'[sites.{alias}]\nssh = "{alias}"\n' for alias in (machine.STRANGER, machine.LOCKED, machine.NOWHERE)),
        far_host.table("none", python="/nowhere"),
    ]  # fmt: skip
    (engine.folder / "pictures").mkdir()
    with (engine.folder / "experiments.toml").open("a") as file:
        file.write("".join(tables))
    said = {}
    for name in ("itself", "data", machine.STRANGER, machine.LOCKED, machine.NOWHERE, "none"):
        done = engine("site", "check", name)
        assert done.returncode == 1
        said[name] = next(line for line in done.stdout.decode().splitlines() if line.startswith("✗"))
    assert "is this folder of runs itself" in said["itself"]
    assert f"there is no folder {far_host.project}/pictures" in said["data"]
    assert "rsync" in said["data"]
    assert f"run `ssh {machine.STRANGER}` once" in said[machine.STRANGER]
    assert f"run `ssh {machine.LOCKED}` once" in said[machine.LOCKED]
    assert "refused" in said[machine.NOWHERE]
    assert "pip install vitui" in said["none"]


@pytest.mark.sites
@pytest.mark.slow
def test_a_cluster_here(engine, cluster):
    done = engine("site", "check", "slurm:main", "--json")
    findings = {one["about"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stdout
    assert {about: one["state"] for about, one in findings.items()} == {
        "locks": "good", "slurm": "good", "KillWait": "note", "accounting": "note",
    }  # fmt: skip
    assert "4 of 4 GPUs free" in findings["slurm"]["text"]
    assert engine("site", "check", "slurm:nowhere").returncode == 1
