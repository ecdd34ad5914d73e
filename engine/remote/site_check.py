"""``engine site check``: everything that has to be so before a run can be sent, each in plain words with its cure.

A site is asked in the order in which a run meets it: the door, vitui there, the clock, the folder, the devices, the
data, Slurm. What cannot be asked because the door is shut is left out.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from engine.config.schema import Experiment
from engine.config.site import Site
from engine.remote.cluster_check import check_cluster
from engine.remote.host_link import HostLink
from engine.remote.site_findings import Finding, bad, good, note
from engine.runs.posted import site_status
from engine.runs.provenance.repository import git_commit
from engine.sites.far_end_messages import Answer, Question
from engine.sites.ssh_command import Here, SiteError, Ssh, Unreachable
from engine.system import lock
from engine.text import span

CLOCK_S = 5.0
"""Seconds by which clocks may differ without a word."""


def check_site(root: Path, site: Site, experiments: Mapping[str, Experiment]) -> Iterator[Finding]:
    """Yield what is found of a site, as it is found.

    Args:
        root: The folder of runs here.
        site: The site.
        experiments: Those whose data are looked for there.
    """
    if site.is_here:
        yield from _folder_here(root)
        yield from check_cluster(Here(), site)
        return
    door = _door(site)
    yield door
    if door.state == "bad":
        return
    try:
        with contextlib.closing(HostLink(root, site)) as link:
            yield from _far_end(link, site, experiments, root)
    except SiteError as error:
        yield bad("vitui", str(error))
    if site.slurm:
        yield from check_cluster(Ssh(site.ssh, setup=site.setup), site)


def _door(site: Site) -> Finding:
    begun = time.monotonic()
    try:
        Ssh(site.ssh).run(["true"])
    except Unreachable as error:
        return bad("ssh", str(error))
    took = time.monotonic() - begun
    return good("ssh", f"ssh {site.ssh} gets in without a question, its host key is known ({took:.1f} s)")


def _far_end(
    link: HostLink, site: Site, experiments: Mapping[str, Experiment], root: Path
) -> Iterator[Finding]:
    hello = link.connect()
    yield good("vitui", f"vitui {hello.engine} is there, as here; it calls itself {hello.host}")
    with _mark_in(root) as mark:
        configs = {name: msgspec.structs.asdict(experiment) for name, experiment in experiments.items()}
        answer = link.check(Question(configs, str(Path.cwd()), str(Path.home()), mark))
    yield _clock(link.clock_ahead_s)
    yield _folder(site, hello.folder, answer)
    yield _locks(answer.has_flock)
    yield from _devices(site, answer, experiments)
    yield from _data(site, hello.folder, answer, experiments)
    yield _code(answer, hello.folder)


def _clock(ahead_s: float) -> Finding:
    if abs(ahead_s) <= CLOCK_S:
        return good("clock", "its clock is as here")
    which = "ahead" if ahead_s > 0 else "behind"
    why = f"its clock is {span(abs(ahead_s))} {which}; ages are told by the one here"
    return note("clock", why, "have both set by NTP")


def _folder(site: Site, folder: str, answer: Answer) -> Finding:
    if answer.is_same_folder:
        cure = "leave `ssh` out, this machine shares its disk" if site.slurm else "give it another `folder`"
        return bad("folder", f"{folder}/runs there is this folder of runs itself", cure)
    return good("folder", f"{folder}/runs there is a folder of its own, and can be written")


def _locks(locks_files: bool) -> Finding:
    if locks_files:
        return good("locks", "its disk locks files")
    why = "its disk does not lock files: a lease of 90 s stands in"
    return note("locks", why, "mount it with flock, where you can")


def _devices(site: Site, answer: Answer, experiments: Mapping[str, Experiment]) -> Iterator[Finding]:
    trains = not experiments or any(not experiment.command for experiment in experiments.values())
    if answer.torch:
        yield good("torch", f"PyTorch {answer.torch}")
    elif trains:
        yield bad(
            "torch", "PyTorch is not there: only a `command` runs", "`pip install 'vitui[train]'` there"
        )
    if answer.gpus:
        yield good("gpus", f"{len(answer.gpus)} × {answer.gpus[0][:60]}")
    elif not site.slurm:  # a login node has none, and needs none
        yield note("gpus", f"no GPU: {answer.no_gpu[:200]}; runs train on the CPU")


def _data(
    site: Site, folder: str, answer: Answer, experiments: Mapping[str, Experiment]
) -> Iterator[Finding]:
    for name in sorted(answer.lacks.keys() & experiments.keys()):
        cure = f"copy it there, paths begin in {folder}: `rsync -a PATH {site.ssh}:{folder}/`"
        yield bad("data", f"{name}: {answer.lacks[name][:300]}", cure)
    if experiments and not answer.lacks:
        yield good("data", f"what {len(experiments)} experiments read is there, or is downloaded there")


def _code(answer: Answer, folder: str) -> Finding:
    here = (git_commit() or {}).get("commit") or ""
    if not answer.commit:
        return note("code", f"no repository in {folder}: a `command` finds there only what you put there")
    if answer.commit != here:
        why = f"the commit there is {answer.commit[:8]}, here {here[:8] or 'none'}"
        return note("code", why, f"`git pull` in {folder}, where a `command` has to be the same")
    return good("code", f"the commit there is that of here, {here[:8]}{', with changes' * answer.is_dirty}")


def _folder_here(root: Path) -> Iterator[Finding]:
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield _locks(lock.has_flock(root))
    except OSError as error:
        yield bad("folder", f"{root} cannot be written: {error.strerror}")


@contextlib.contextmanager
def _mark_in(root: Path) -> Iterator[str]:
    """Yield the name of a file in the folder of runs here: who finds it there has the same folder."""
    folder = site_status.folder_of(root)
    name = f".mark-{os.urandom(8).hex()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / name).touch(mode=0o600)
    except OSError as error:
        raise SiteError(f"{folder} cannot be written: {error.strerror}") from None
    try:
        yield name
    finally:
        (folder / name).unlink(missing_ok=True)
