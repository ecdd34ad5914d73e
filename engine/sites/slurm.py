"""Slurm through its own programs: hand in, look, find by name, cancel, hold, begin anew.

A job is only touched where Slurm itself says that it is this user's and has the name of the posting: a job id is given
again after a while, and a copied file may name any. The tasks of an array have one name for all; which run a task is
for is read in the script that Slurm keeps of it (``engine.sites.batch_script``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.sites.batch_script import ARRAY_PREFIX, names_in
from engine.sites.slurm_text import (
    NODE_FORMAT,
    QUEUE_FORMAT,
    Job,
    parse_accounts,
    parse_gpus,
    parse_job,
    parse_partitions,
    parse_queue,
    parse_ranks,
    parse_settings,
    parse_span,
    parse_submitted,
)
from engine.sites.ssh_command import CommandLine, Said, SiteError, Unreachable
from engine.text import printable, shorten

MOST_ASKED = 20
"""Jobs that Slurm no longer lists and that are asked for one by one at a look."""
NOT_INSTALLED = 127
_NO_CONFIGURATION = ("configuration source", "configuration file")
NO_CLUSTER_HERE = 'this machine is of no cluster: begin on its login node, or give the site `ssh = "…"`'
_UNHEARD = (
    "Unable to contact",
    "Socket timed out",
    "Connection refused",
    "timed out",
    "Zero Bytes",
    "Communication",
)
"""Errors of sbatch and scontrol after which it is not known whether the controller did what it was asked."""
_FILTERS = ("ACCOUNT", "LICENSES", "NAMES", "PARTITION", "QOS", "USERS")
_ENVIRONMENT = [
    "env",
    *(word for name in _FILTERS for word in ("-u", f"SQUEUE_{name}")),
    "SLURM_TIME_FORMAT=%s",
]
"""What programs that ask are run with: no filter of the user's own, and times in seconds since the epoch."""


class Limits(NamedTuple):
    """What a partition allows, as far as Slurm says it; None where it does not."""

    time_s: float | None
    """Seconds that a job may take; None for no limit."""
    kill_wait_s: float | None
    """Seconds between SIGTERM and SIGKILL."""
    preempt_mode: str
    """What becomes of a job that is preempted: ``REQUEUE``, ``CANCEL``, ``OFF``."""
    is_up: bool
    partition: str
    """Its name, also where it is the default one."""
    version: str
    """Of Slurm."""
    has_accounts: bool
    """Whether it remembers for long how jobs ended."""


class Slurm:
    """The Slurm of a machine.

    Args:
        line: How commands are given there.
    """

    def __init__(self, line: CommandLine) -> None:
        self._line = line
        self._names: dict[str, list[str]] = {}
        """The names of an array's tasks, by the array's id."""
        self._over: dict[tuple[str, str], Job] = {}
        """The end of each job that Slurm no longer lists, by its name and id: it stays the same."""
        self._has_accounts = True

    def post(self, script: str, options: Sequence[str]) -> str:
        """Hand in a job and return its id.

        Args:
            script: The batch script.
            options: The options of sbatch.

        Raises:
            Unreachable: It is not known whether it arrived.
            SiteError: sbatch refuses it; says why.
        """
        said = self._line.run(["sbatch", "--parsable", *options], script.encode(), timeout_s=60)
        if said.code:
            raise _error("sbatch refuses it", said)
        job_id = parse_submitted(said.out)
        if job_id is None:
            raise Unreachable("sbatch named no job: it is looked for by its name")
        return job_id

    def locate(self, names: Mapping[str, str], jobs: Sequence[Job] | None = None) -> dict[str, Job]:
        """Return the job of each name that has one; raises what ``jobs`` raises.

        Args:
            names: The id of the job of each name; empty where it is not known.
            jobs: What ``jobs`` returned; None to ask it.
        """
        found: dict[str, Job] = {}
        for name, job in self._named(self.jobs() if jobs is None else jobs):
            if name in names and ((before := found.get(name)) is None or _is_rather(job, before)):
                found[name] = job
        dropped = {name: job_id for name, job_id in names.items() if job_id and name not in found}
        return found | self._ends_of(dropped)

    def find(self, name: str) -> str | None:
        """Return the id of the job of a name, None where there is none; raises what ``jobs`` raises."""
        job = self.locate({name: ""}).get(name)
        return job.id if job is not None else None

    def jobs(self) -> list[Job]:
        """Return all jobs of this user that Slurm lists, by one squeue.

        Raises:
            Unreachable: The controller does not answer: that is no news about its jobs.
        """
        said = self._run(["squeue", "-r", "-h", "-t", "all", "--me", "-o", QUEUE_FORMAT])
        if said.code:
            raise Unreachable(f"squeue: {_last(said)}")
        return parse_queue(said.out)

    def named(self) -> dict[str, Job]:
        """Return the jobs of this user that are a posting's, by its name: for who looks for those without a run."""
        return dict(self._named(self.jobs()))

    def script_of(self, job_id: str) -> str:
        """Return the batch script of a job, empty where Slurm does not tell."""
        said = self._run(["scontrol", "write", "batch_script", job_id, "-"])
        return "" if said.code else said.out

    def cancel(self, name: str, job_id: str = "") -> str:
        """Cancel the job of a posting; return in words what became of it.

        Args:
            name: The name of the posting.
            job_id: Its id, as far as it is known.

        Raises:
            Unreachable: The controller does not answer.
            SiteError: Slurm refuses.
        """
        job = self.locate({name: job_id}).get(name)
        if job is None:
            return "it has no job"
        if job.state == "ended":
            return f"job {job.id} is over: {job.exit or job.word}"
        self._do("scancel refuses", ["scancel", job.id])
        return f"job {job.id} is cancelled"

    def hold(self, name: str, job_id: str = "", *, release: bool = False) -> str:
        """Hold a pending job of a posting, or let it go on; otherwise as ``cancel``."""
        job = self._pending(name, job_id)
        self._do("scontrol refuses", ["scontrol", "release" if release else "uhold", job.id])
        return f"job {job.id} waits for its turn again" if release else f"job {job.id} is held"

    def be_nice(self, name: str, job_id: str, nice: int) -> str:
        """Put a pending job of a posting behind others, the further the greater ``nice``; otherwise as ``cancel``.

        An ordinary user may only lower the priority of a job: a negative number is an administrator's.
        """
        job = self._pending(name, job_id)
        self._do("scontrol refuses", ["scontrol", "update", f"JobId={job.id}", f"Nice={nice}"])
        return f"job {job.id} has nice {nice}"

    def move(self, name: str, job_id: str, *, last: bool) -> str:
        """Put a pending job of a posting before all others of this user, or behind them, and return it in words.

        Raises:
            Unreachable: The controller does not answer.
            SiteError: It does not wait, or Slurm refuses.
        """
        job = self._pending(name, job_id)
        if not last:
            self._do("scontrol refuses", ["scontrol", "top", job.id])
            return f"job {job.id} is before your others"
        said = self._run(["squeue", "-r", "-h", "-t", "PENDING", "--me", "-o", "%F|%K|%Q|%y"])
        ranks = parse_ranks(said.out)
        if said.code or job.id not in ranks:
            raise Unreachable(f"squeue: {_last(said)}")
        rank = ranks.pop(job.id)
        nice = rank.nice + max([0, *(rank.priority - other.priority + 1 for other in ranks.values())])
        self._do("scontrol refuses", ["scontrol", "update", f"JobId={job.id}", f"Nice={nice}"])
        return f"job {job.id} is behind your others"

    def requeue(self, name: str, job_id: str = "") -> str:
        """Have the job of a posting begun anew, and return it in words.

        Raises:
            Unreachable: The controller does not answer.
            SiteError: It has no job, or Slurm refuses.
        """
        job = self.locate({name: job_id}).get(name)
        if job is None:
            raise SiteError("it has no job that could be begun anew")
        self._do("scontrol refuses", ["scontrol", "requeue", job.id])
        return f"job {job.id} is begun anew"

    def free_gpus(self, partition: str) -> tuple[int, int] | None:
        """Return the free GPUs of a partition and all of them; None where that is not to be known."""
        columns = ",".join(f"{key}:{width}" for key, width in NODE_FORMAT.items())
        said = self._run(["sinfo", "-h", "-N", "-O", columns])
        return None if said.code else parse_gpus(said.out, partition)

    def limits(self, partition: str) -> Limits | None:
        """Return what a partition allows, None where there is no such partition.

        Args:
            partition: The partition; ``*`` for the default one.

        Raises:
            Unreachable: The controller does not answer.
        """
        said = self._run(["scontrol", "show", "partition", "-o"])
        settings = self._run(["scontrol", "show", "config"])
        if said.code or settings.code:
            raise Unreachable(f"scontrol: {_last(said if said.code else settings)}")
        general = parse_settings(settings.out)
        for table in parse_partitions(said.out):
            is_default = table.get("Default") == "YES"
            if table["PartitionName"] == partition or (partition == "*" and is_default):
                mode = table.get("PreemptMode", general.get("PreemptMode", ""))
                is_ever = general.get("PreemptType", "preempt/none") != "preempt/none"
                return Limits(
                    parse_span(table.get("MaxTime", "")), parse_span(general.get("KillWait", "")),
                    mode if is_ever else "OFF", table.get("State", "UP") == "UP", table["PartitionName"],
                    general.get("SLURM_VERSION", "?"), "none" not in general.get("AccountingStorageType", "none"),
                )  # fmt: skip
        return None

    def _named(self, jobs: Iterable[Job]) -> Iterable[tuple[str, Job]]:
        """Yield each job with the name of the posting that it is for; that of a task stands in its script."""
        for job in jobs:
            array, _, task = job.id.partition("_")
            if not job.name.startswith(ARRAY_PREFIX) or not task:
                yield job.name, job
                continue
            names = self._names_of(array, job.id)
            if int(task) < len(names):
                yield names[int(task)], job

    def _names_of(self, array: str, job_id: str) -> list[str]:
        if array not in self._names:
            if not (script := self.script_of(job_id)):
                return []
            self._names[array] = names_in(script)
        return self._names[array]

    def _ends_of(self, dropped: Mapping[str, str]) -> dict[str, Job]:
        """Return how jobs ended that squeue does not list any longer, as far as anything says so."""
        for name, job_id in list(self._unknown(dropped))[:MOST_ASKED]:
            said = self._run(["scontrol", "show", "job", "-o", job_id])
            job = parse_job(said.out, job_id) if not said.code else None
            if job is not None and _is_for(job, name):
                self._over[name, job_id] = job
        unknown = dict(self._unknown(dropped))
        if unknown and self._has_accounts:
            ids = ",".join(unknown.values())
            columns = "-o", "JobID,State,ExitCode,JobName"
            said = self._run(["sacct", "-n", "-X", "-P", "-j", ids, *columns])
            self._has_accounts = not said.code
            accounts = {job.id: job for job in parse_accounts(said.out)} if not said.code else {}
            for name, job_id in unknown.items():
                job = accounts.get(job_id)
                if job is not None and job.state == "ended" and _is_for(job, name):
                    self._over[name, job_id] = job
        return {
            name: self._over[name, job_id] for name, job_id in dropped.items() if (name, job_id) in self._over
        }

    def _unknown(self, dropped: Mapping[str, str]) -> Iterable[tuple[str, str]]:
        return (pair for pair in dropped.items() if pair not in self._over)

    def _pending(self, name: str, job_id: str) -> Job:
        job = self.locate({name: job_id}).get(name)
        if job is None or job.state != "pending":
            raise SiteError(
                f"job {job.id} is {job.word.lower()}" if job is not None else "it has no job that waits"
            )
        return job

    def _do(self, refusal: str, argv: Sequence[str]) -> None:
        said = self._run(argv)
        if said.code:
            raise _error(refusal, said)

    def _run(self, argv: Sequence[str]) -> Said:
        said = self._line.run([*_ENVIRONMENT, *argv])
        if said.code == NOT_INSTALLED:
            raise Unreachable(f"{argv[0]} is not installed there: is this a machine of the cluster?")
        return said


def _is_for(job: Job, name: str) -> bool:
    """Return whether a job that is over can be that of a posting: the tasks of an array have the array's name."""
    return job.name == name or ("_" in job.id and job.name.startswith(ARRAY_PREFIX))


def _is_rather(job: Job, other: Job) -> bool:
    """Return whether of two jobs of one name the first is meant: one that is not over, else the newer one."""
    return (job.state != "ended", int(job.id.partition("_")[0])) > (
        other.state != "ended", int(other.id.partition("_")[0])
    )  # fmt: skip


def _error(what: str, said: Said) -> SiteError:
    """Return the error of a program that failed; ``Unreachable`` where the controller may have heard it."""
    last = _last(said)
    if any(word in said.err for word in _UNHEARD):
        return Unreachable(last)
    cure = f": {NO_CLUSTER_HERE}" if any(words in last for words in _NO_CONFIGURATION) else ""
    return SiteError(f"{what}: {last}{cure}")


def _last(said: Said) -> str:
    """Return the last line that a program printed of what went wrong, without the program's name."""
    lines = [line.strip() for line in (said.err or said.out).splitlines() if line.strip()]
    last = lines[-1] if lines else f"it ended with status {said.code}"
    return shorten(printable(re.sub(r"^\w+: (error: )?", "", last)), 200)
