"""What `engine doctor` says of runs at sites: jobs without a run, runs without a job, sites that do not answer."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator

from engine.config.site import Site
from engine.diagnostics.findings import Finding
from engine.remote.host_link import HostLink
from engine.remote.live_postings import LivePostings, Posted
from engine.remote.post import link_to, require_programs
from engine.remote.start_bridge import LOG
from engine.runs.posted import site_status
from engine.runs.posted.posting import JOB_PREFIX, posting_of
from engine.runs.store import Run, Store, is_run_id
from engine.sites.far_end_messages import Question
from engine.sites.slurm import Slurm
from engine.sites.ssh_command import Here, SiteError
from engine.system.files import last_lines

LIVE_JOBS = ("pending", "running", "ending")


def check_sites(store: Store) -> Iterator[Finding]:
    """Yield what is not well between a folder of runs and the sites that its runs were posted to."""
    if not site_status.folder_of(store.root).is_dir():
        return
    posted = LivePostings(store).by_site()
    yield from _check_bridge(store, sum(map(len, posted.values())))
    sites = {status.site.name: status.site for status in site_status.read_all(store.root)}
    sites |= {name: next(iter(runs.values()))[1].site for name, runs in posted.items()}
    for name, site in sorted(sites.items()):
        if site.is_here:
            yield from _check_cluster(store, site, posted.get(name, {}))
        elif name in posted and (known := site_status.read(store.root, name)) and known.trouble:
            yield _unheard(site, known.trouble)
        else:
            yield from _check_machine(store, site, posted.get(name, {}))


def _check_bridge(store: Store, count: int) -> Iterator[Finding]:
    if count and not site_status.is_looked_after(store.root):
        runs = f"{count} run{'s' * (count > 1)} at sites {'are' if count > 1 else 'is'}"
        yield Finding(LOG, "bridge", f"{runs} not looked after", "`engine ls` has that done")
    lines = [line.decode(errors="replace") for line in last_lines(store.root / LOG)]
    if any(line.startswith("Traceback") for line in lines):
        text = f"what looks after runs at sites met {lines[-1][:200]}"
        yield Finding(LOG, "bridge", text, f"{store.root / LOG} has the whole of it")


def _check_cluster(store: Store, site: Site, posted: Posted) -> Iterator[Finding]:
    """Are there jobs of this folder that no run is posted as, and runs whose job is gone?"""
    try:
        require_programs(site)
        if posted:
            said = link_to(store.root, site).look(posted).runs
            for name, (_, posting) in posted.items():
                seen = said.get(name)
                if seen is not None and seen.state == "gone":
                    job = f"job {posting.job}" if posting.job else f"no job named {posting.name}"
                    text = f"{site.name} no longer has {job}" if posting.job else f"{site.name} has {job}"
                    yield Finding(name, "posting", text, "`engine ls` has that looked after")
        yield from _jobs_without_run(store, site)
    except SiteError as error:
        yield _unheard(site, str(error))


def _check_machine(store: Store, site: Site, posted: Posted) -> Iterator[Finding]:
    """Does a machine over ssh have runs of this folder that none here is posted as?"""
    with contextlib.closing(HostLink(store.root, site)) as link:
        try:
            folder = link.connect().folder
            brought = link.check(Question()).brought
        except SiteError as error:
            yield _unheard(site, str(error))
            return
    for name in brought:
        if name not in posted and is_run_id(name):
            there = f"cd {shlex.quote(folder)} && engine stop {name}"
            text = f"{site.name} has it in {folder}, and no run here is posted as it"
            yield Finding(name, "job", text, f"ssh {shlex.quote(site.ssh)} {shlex.quote(there)}")


def _jobs_without_run(store: Store, site: Site) -> Iterator[Finding]:
    slurm = Slurm(Here())
    folder = f"--runs {shlex.quote(str(store.root.resolve()))} "
    for name, job in slurm.named().items():
        if job.state not in LIVE_JOBS or not name.startswith(JOB_PREFIX):
            continue
        run = Run(store.root / name.removeprefix(JOB_PREFIX).rpartition("-")[0])
        posting = posting_of(run) if run.path.is_dir() else None
        if posting is not None and posting.name == name:
            continue
        if folder in slurm.script_of(job.id):  # else another project's
            text = f"job {job.id} ({job.state}) at {site.name} is of no run here: {name}"
            yield Finding(run.id, "job", text, f"`scancel {job.id}`")


def _unheard(site: Site, why: str) -> Finding:
    return Finding(site.name, "site", f"it does not answer: {why}", f"`engine site check {site.name}`")
