"""The part of ``engine site check`` that Slurm answers."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.site import ANY_PARTITION, Site
from engine.remote.findings import Finding, bad, good, note
from engine.sites.command_line import CommandLine, SiteError
from engine.sites.slurm_facts import ClusterFacts, cluster_facts, gpus_of_partition

SHORT_S = 60
"""Seconds between SIGTERM and SIGKILL that are few for a checkpoint."""


def check_cluster(line: CommandLine, site: Site) -> Iterator[Finding]:
    """Yield what is found of a cluster.

    Args:
        line: Where Slurm's programs are.
        site: The site, which has a partition.
    """
    partition = "" if site.slurm == ANY_PARTITION else site.slurm
    try:
        facts = cluster_facts(line, partition)
        gpus = facts.gpus if facts.gpus is not None else gpus_of_partition(line, facts.partition)
    except SiteError as error:
        cure = "" if site.ssh else 'from elsewhere a cluster is reached by `ssh = "…"`, its login node'
        yield bad("slurm", f"Slurm: {error}", cure)
        return
    yield from findings_of(site, facts, gpus)


def findings_of(site: Site, facts: ClusterFacts, gpus: int | None) -> Iterator[Finding]:
    """Yield what follows from what a cluster says of itself.

    Args:
        site: The site.
        facts: What Slurm says.
        gpus: The GPUs of the partition; None where that is not known.
    """
    of = f"partition {facts.partition}: {facts.nodes} nodes, {'?' if gpus is None else gpus} GPUs"
    if not facts.is_up:
        yield bad("slurm", f"Slurm {facts.version}, {of}, which is not up")
        return
    yield good("slurm", f"Slurm {facts.version}, {of}, at most {facts.max_time}")
    if gpus == 0 and site.gres:
        why = f"a run asks for {site.gres}, and {facts.partition} has no GPU"
        yield bad("gpus", why, f'`gres = ""` in [sites.{site.name}] asks for none')
    if facts.kill_wait_s < SHORT_S:
        told = f"`notice` tells it {site.notice} s before" if site.notice else "`notice` would tell it before"
        yield note(
            "KillWait", f"a job has {facts.kill_wait_s} s for its checkpoint once its time is up", told
        )
    if facts.preempt_mode not in ("OFF", "REQUEUE", ""):
        why = f"Slurm does not begin a preempted job anew (PreemptMode {facts.preempt_mode})"
        yield note("preemption", why, "nothing to do, the bridge posts it anew")
    if not facts.has_accounting:
        yield note("accounting", "it keeps no accounts: how a job ended is forgotten after some minutes")
