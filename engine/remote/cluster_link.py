"""The way to a cluster that this machine belongs to: its nodes see the folder of runs, and Slurm has its programs.

What runs write arrives by itself, and a request to stop is a file, as on one machine. Slurm is asked for the rest, and
only for what this user posted: a copied posted.json begins and cancels nothing.
"""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.config.site import Site
from engine.config.validate import ConfigError
from engine.queue.durations import DurationEstimator
from engine.remote.link import Verb
from engine.runs import stop_request
from engine.runs.liveness import status_of
from engine.runs.posted import site_status
from engine.runs.posted.posting import Posting, Seen
from engine.runs.posted.site_status import SiteStatus
from engine.runs.resume_settings import changed, last_experiment
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust.posted_by_user import contents_of, why_not_own
from engine.sites import job_arrays
from engine.sites.batch_script import Task, batch_options, batch_script
from engine.sites.slurm import Slurm
from engine.sites.slurm_reasons import why_it_waits
from engine.sites.ssh_command import CommandLine, SiteError, Unreachable

GPUS_EVERY_S = 30.0
"""Seconds between two counts of the free GPUs."""
MEASURED = 200
"""The newest runs that say how long another takes."""
OVER = ("ended", "gone")


class ClusterLink:
    """A cluster; one thread at a time uses it.

    Args:
        root: The folder of runs.
        site: The site.
        line: How commands are given on a machine of the cluster.

    Attributes:
        jobs: The job of each run at the last look, by the run's id.
    """

    def __init__(self, root: Path, site: Site, line: CommandLine) -> None:
        self.jobs: dict[str, str] = {}
        self._root = root.resolve()
        self._site = site
        self._slurm = Slurm(line)
        known = site_status.read(root, site.name)
        self._last: dict[str, Seen] = dict(known.runs) if known is not None else {}
        self._wanted: dict[str, int] = {}
        """The devices that each posting asks for, by its name."""
        self._gpus: tuple[int, int] | None = None
        self._gpus_at = -GPUS_EVERY_S

    def post(self, run: Run, posting: Posting) -> Posting:
        """Hand in one run; see ``engine.remote.link.Link``."""
        posted = self.post_all([(run, posting)])[run.id]
        if isinstance(posted, SiteError):
            raise posted
        return posted

    def post_all(self, runs: Iterable[tuple[Run, Posting]]) -> dict[str, Posting | SiteError]:
        """Hand in several runs, many of one kind as an array.

        Returns:
            By the run's id its posting with its job, or why it was not handed in; ``Unreachable`` where unknown.
        """
        result: dict[str, Posting | SiteError] = {}
        kinds: defaultdict[tuple[bytes, Path, int, bool], list[tuple[Run, Posting]]] = defaultdict(list)
        for run, posting in runs:
            try:
                _require_own(run, posting)
                gpus, spreads = _devices(run, posting)
                kind = msgspec.json.encode(posting.site), _folder(run, self._root), gpus, spreads
                kinds[kind].append((run, posting))
            except SiteError as error:
                result[run.id] = error
        for (_, folder, gpus, spreads), group in kinds.items():
            for batch in job_arrays.split(group):
                try:
                    result |= self._post(batch, folder, gpus, spreads=spreads)
                except SiteError as error:
                    result |= {run.id: error for run, _ in batch}
        return result

    def _post(
        self, batch: Sequence[tuple[Run, Posting]], folder: Path, gpus: int, *, spreads: bool
    ) -> dict[str, Posting]:
        """Hand in runs of one kind as one job, or as one array."""
        site = batch[0][1].site
        takes_s = None if site.time else self._takes_s([run for run, _ in batch])
        limits = self._slurm.limits(site.slurm) if takes_s is not None else None
        try:
            tasks = [Task(run.id, posting.name, contents_of(run, posting)) for run, posting in batch]
            script = batch_script(site, self._root, tasks, on_all_nodes=spreads)
        except StoreError as error:
            raise SiteError(str(error)) from None
        options = batch_options(
            site, self._root, tasks, folder=folder, gpus=gpus, takes_s=takes_s,
            limit_s=limits.time_s if limits is not None else None, on_all_nodes=spreads,
        )  # fmt: skip
        job = self._slurm.post(script, options)
        ids = job_arrays.job_ids(job, len(batch))
        return {run.id: replace(posting, job=id_) for (run, posting), id_ in zip(batch, ids, strict=True)}

    def look(self, posted: Mapping[str, tuple[Run, Posting]]) -> SiteStatus:
        """Return what Slurm says of runs; see ``engine.remote.link.Link``."""
        now = time.time()
        jobs = self._slurm.jobs()
        found = self._slurm.locate({posting.name: posting.job for _, posting in posted.values()}, jobs)
        self.jobs = {
            id_: found[posting.name].id for id_, (_, posting) in posted.items() if posting.name in found
        }
        seen = {}
        for run_id, (run, posting) in posted.items():
            job = found.get(posting.name)
            word = Seen(at=now, since=now, state="gone")
            if job is not None:
                word = replace(job.seen(now), job=job.id)
            seen[run_id] = self._in_words(_since(word, self._last.get(run_id), posting), run, posting)
        self._last = seen
        free, total = self._count_gpus() or (None, None)
        states = [job.state for job in jobs]
        return SiteStatus(
            site=self._site, at=now, runs=seen, free_gpus=free, all_gpus=total,
            running=states.count("running"), waiting=states.count("pending"),
        )  # fmt: skip

    def ask(self, run: Run, posting: Posting, verb: Verb, words: Sequence[str] = ()) -> str:
        """Ask Slurm, or the run itself, to do something, and return in words what will happen.

        Args:
            run: The run.
            posting: Its posting.
            verb: What to do; ``stop`` and ``stop-now`` cancel a job that waits, and the caller records the run's end.
            words: The number of a priority, or ``first`` or ``last``.

        Raises:
            Unreachable: The controller does not answer.
            SiteError: Slurm refuses, or this user did not post the run.
        """
        _require_own(run, posting)
        name, job = posting.name, posting.job
        if verb in ("stop", "stop-now"):
            return self._stop(run, posting, now=verb == "stop-now")
        if verb == "cancel":
            return self._slurm.cancel(name, job)
        if verb in ("hold", "release"):
            return self._slurm.hold(name, job, release=verb == "release")
        if verb == "priority":
            return self._prioritize(posting, *words)
        if list(words) not in (["first"], ["last"]):
            raise SiteError("Slurm has no place before one job: move it to `first` or `last`")
        return self._slurm.move(name, job, last=list(words) == ["last"])

    def close(self) -> None:
        """Do nothing: there is no connection."""

    def _stop(self, run: Run, posting: Posting, *, now: bool) -> str:
        job = self._slurm.locate({posting.name: posting.job}).get(posting.name)
        if job is None or job.state == "pending":
            return self._slurm.cancel(posting.name, posting.job)
        if job.state in OVER:
            return f"job {job.id} is over: {job.exit or job.word}"
        try:
            stop_request.ask(run, "stop-now" if now else "stop-after-epoch")
        except OSError as error:
            raise SiteError(f"{run.id} cannot be asked to stop: {error.strerror}") from None
        return "it stops at its next step" if now else "it stops after its epoch"

    def _prioritize(self, posting: Posting, priority: str) -> str:
        nice = -int(priority)
        try:
            return self._slurm.be_nice(posting.name, posting.job, nice)
        except Unreachable:
            raise
        except SiteError as error:
            if nice < 0:
                raise SiteError(f"{error}; an ordinary user may only lower the priority of a job") from None
            raise

    def _in_words(self, seen: Seen, run: Run, posting: Posting) -> Seen:
        if seen.state not in ("pending", "unknown"):
            return seen
        if posting.name not in self._wanted:
            with contextlib.suppress(SiteError):  # a damaged run asks for none
                self._wanted[posting.name] = _devices(run, posting)[0] if "{gpus}" in posting.site.gres else 0
        gpus = self._wanted.get(posting.name, 0)
        reason = why_it_waits(
            seen.reason, partition=posting.site.slurm, gpus=gpus, starts=seen.starts, now=seen.at
        )
        return replace(seen, reason=reason)

    def _count_gpus(self) -> tuple[int, int] | None:
        if time.monotonic() - self._gpus_at >= GPUS_EVERY_S:
            self._gpus = self._slurm.free_gpus(self._site.slurm)
            self._gpus_at = time.monotonic()
        return self._gpus

    def _takes_s(self, runs: Sequence[Run]) -> float | None:
        """Return how long the longest of some runs is expected to take; None where that is not known of all."""
        others = Store(self._root).runs()[-MEASURED:]
        configs = {run.id: run.config() for run in itertools.chain(others, runs)}
        estimator = DurationEstimator(map(status_of, others), configs)
        seconds = [estimator.left(status_of(run)).seconds for run in runs]
        known = [each for each in seconds if each is not None]
        return max(known) if len(known) == len(seconds) else None


def _since(seen: Seen, last: Seen | None, posting: Posting) -> Seen:
    """Return what is seen with the time since when it was so; what was known of a job's end stays known."""
    if last is None or last.at < posting.posted or (last.state in OVER) != (seen.state in OVER):
        return seen
    if seen.state in OVER:
        return replace(last if seen.state == "gone" else seen, at=seen.at, since=last.since)
    return replace(seen, since=last.since) if last.state == seen.state else seen


def _require_own(run: Run, posting: Posting) -> None:
    if why := why_not_own(run, posting):
        raise SiteError(f"{run.id} is not touched at {posting.site.name}: {why}")


def _devices(run: Run, posting: Posting) -> tuple[int, bool]:
    """Return the devices that a run trains on, and whether they are spread over nodes.

    A command of the user's own begins on the first node: it knows best what to do with the others.
    """
    try:
        experiment = changed(last_experiment(run), posting.settings)
    except (StoreError, ConfigError) as error:
        raise SiteError(f"{run.id}: {error}") from None
    nodes, gpus = posting.site.nodes, experiment.gpus
    if gpus % nodes and not experiment.command:
        raise SiteError(
            f"{run.id}: gpus = {gpus} cannot be spread evenly over the {nodes} nodes of {posting.site.name}"
        )
    return gpus, nodes > 1 and not experiment.command


def _folder(run: Run, root: Path) -> Path:
    """Return the folder in which a run was made, as on one machine; else that of the project."""
    try:
        home = Path(run.info().cwd)
    except StoreError:
        return root.parent
    return home if home.is_absolute() and home.is_dir() else root.parent
