"""The door of a site: each thing that can be wrong is said with what to do, by a real ssh where there is one."""

from __future__ import annotations

import json

import pytest

from engine.config.site import Site
from engine.remote.cluster_check import findings_of
from engine.remote.site_check import _clock, check_site
from engine.sites.command_line import Said, SiteError
from engine.sites.slurm_facts import cluster_facts, gpus_of_partition
from tests import far_host as machine

CONFIG = """Configuration data as of 2026-11-28T23:40:00
AccountingStorageType   = accounting_storage/none
KillWait                = 30 sec
PreemptMode             = REQUEUE
SLURM_VERSION           = 22.05.8
"""
PARTITIONS = """PartitionName=main
   AllowGroups=ALL Default=YES MaxTime=1-00:00:00 PreemptMode=OFF State=UP TotalCPUs=8 TotalNodes=2

PartitionName=spare
   AllowGroups=ALL Default=NO MaxTime=UNLIMITED PreemptMode=CANCEL State=DOWN TotalNodes=2
   TRES=cpu=8,mem=8000M,node=2,gres/gpu=4
"""
NODES = f"{'n1':<64}{'gpu:2':<64}\n{'n2':<64}{'gpu:a100:3(S:0-1)':<64}\n"


class Recorded:
    """A login node of Slurm 22.05, as it answered."""

    def run(self, argv, stdin=b"", timeout_s=20.0):
        if argv[0] == "sinfo":
            return Said(0, NODES, "")
        return Said(0, CONFIG if argv[-1] == "config" else PARTITIONS, "")


def test_what_slurm_says_of_itself_is_read():
    main = cluster_facts(Recorded(), "")
    assert (main.partition, main.max_time, main.nodes, main.gpus, main.is_up) == (
        "main",
        "1-00:00:00",
        2,
        None,
        True,
    )
    assert (main.version, main.kill_wait_s, main.preempt_mode, main.has_accounting) == (
        "22.05.8",
        30,
        "OFF",
        False,
    )
    spare = cluster_facts(Recorded(), "spare")
    assert (spare.preempt_mode, spare.gpus, spare.is_up) == ("CANCEL", 4, False)
    assert gpus_of_partition(Recorded(), "main") == 5
    with pytest.raises(SiteError, match="main, spare"):
        cluster_facts(Recorded(), "gpu")


def test_what_a_cluster_lacks_is_said_with_its_cure():
    facts = cluster_facts(Recorded(), "main")
    site = Site(name="jz", slurm="main")
    states = {finding.about: finding.state for finding in findings_of(site, facts, 5)}
    assert states == {"slurm": "good", "KillWait": "note", "accounting": "note"}
    assert [finding.about for finding in findings_of(site, facts, 0) if finding.state == "bad"] == ["gpus"]
    down = cluster_facts(Recorded(), "spare")
    assert [finding.state for finding in findings_of(site, down, 4)] == ["bad"]
    cancels = facts._replace(preempt_mode="CANCEL")
    assert "preemption" in [finding.about for finding in findings_of(site, cancels, None)]


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
