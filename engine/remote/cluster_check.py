"""The part of ``engine site check`` that Slurm answers."""

from __future__ import annotations

from collections.abc import Iterator

from engine.config.site import Site
from engine.remote.site_findings import Finding, bad, good, note
from engine.sites.slurm import Limits, Slurm
from engine.sites.ssh_command import CommandLine, SiteError
from engine.text import span

SHORT_S = 60
"""Seconds between SIGTERM and SIGKILL that are few for a checkpoint."""


def check_cluster(line: CommandLine, site: Site) -> Iterator[Finding]:
    """Yield what is found of a cluster.

    Args:
        line: Where Slurm's programs are.
        site: The site, which has a partition.
    """
    try:
        slurm = Slurm(line)
        limits = slurm.limits(site.slurm)
        gpus = slurm.free_gpus(limits.partition) if limits is not None else None
    except SiteError as error:
        cure = "" if site.ssh else 'from elsewhere a cluster is reached by `ssh = "…"`, its login node'
        yield bad("slurm", f"Slurm: {error}", cure)
        return
    yield from findings_of(site, limits, gpus)


def findings_of(site: Site, limits: Limits | None, gpus: tuple[int, int] | None) -> Iterator[Finding]:
    """Yield what follows from what a cluster says of itself.

    Args:
        site: The site.
        limits: What Slurm says of the partition; None where it has none of that name.
        gpus: The free GPUs of the partition, and all; None where that is not known.
    """
    if limits is None:
        yield bad("slurm", f"Slurm has no partition {site.slurm!r}", "`sinfo -s` there lists them")
        return
    of = f"Slurm {limits.version}, partition {limits.partition}"
    if not limits.is_up:
        yield bad("slurm", f"{of} is not up: jobs wait there")
        return
    most = f"at most {span(limits.time_s)} a job" if limits.time_s is not None else "no time limit"
    have = f", {gpus[0]} of {gpus[1]} GPUs free" if gpus is not None else ""
    yield good("slurm", f"{of}: {most}{have}")
    if gpus is not None and not gpus[1] and site.gres:
        why = f"a run asks for {site.gres}, and {limits.partition} has no GPU"
        yield bad("gpus", why, f'`gres = ""` in [sites.{site.name}] asks for none')
    if limits.kill_wait_s is not None and limits.kill_wait_s < SHORT_S:
        told = f"`notice` tells it {site.notice} s before" if site.notice else "`notice` would tell it before"
        yield note("KillWait", f"a job has {limits.kill_wait_s:.0f} s to end once its time is up", told)
    if limits.preempt_mode not in ("OFF", "REQUEUE", ""):
        why = f"Slurm does not begin a preempted job anew (PreemptMode {limits.preempt_mode})"
        yield note("preemption", why, "nothing to do, the bridge posts it anew")
    if not limits.has_accounts:
        yield note("accounting", "it keeps no accounts: how a job ended is forgotten after some minutes")
