"""What Slurm's programs print, as values. Any text gives what can be understood of it, and nothing raises.

Names come last in a line, as they may hold what separates the others. A job that another user named is never ours
(``squeue --me``), and a job of ours is only taken for a run's where its whole name is that of the posting.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import NamedTuple

from engine.events import Moment
from engine.runs.posted.posting import JobState, Seen

QUEUE_FORMAT = "%F|%K|%T|%r|%N|%S|%e|%j"
"""What ``squeue -r -o`` is asked for: a line for each task of an array."""
NODE_FORMAT = {"NodeHost": 64, "Partition": 32, "Gres": 64, "GresUsed": 64, "StateLong": 20}
"""What ``sinfo -N -O`` is asked for: columns of fixed width, which are cut where they are longer."""
GUESS_S = 30 * 86_400.0
"""Seconds ahead beyond which Slurm's guess is none: jobs without a time limit count as a year."""
_STATES: dict[str, JobState] = {
    "PENDING": "pending", "CONFIGURING": "pending", "REQUEUED": "pending", "REQUEUE_FED": "pending",
    "REQUEUE_HOLD": "pending", "SPECIAL_EXIT": "pending", "RESV_DEL_HOLD": "pending",
    "RUNNING": "running", "RESIZING": "running", "SIGNALING": "running",
    "COMPLETING": "ending", "STAGE_OUT": "ending",
    "COMPLETED": "ended", "CANCELLED": "ended", "FAILED": "ended", "TIMEOUT": "ended", "NODE_FAIL": "ended",
    "OUT_OF_MEMORY": "ended", "BOOT_FAIL": "ended", "DEADLINE": "ended", "PREEMPTED": "ended",
    "LAUNCH_FAILED": "ended", "RECONFIG_FAIL": "ended",
}  # fmt: skip
_EXIT = re.compile(r"\d{1,3}:\d{1,3}", re.ASCII)
_JOB = re.compile(r"\d+(_\d+)?", re.ASCII)
_SHOWN = re.compile(
    r"JobId=\d+ (?:ArrayJobId=\d+ ArrayTaskId=\S+ (?:ArrayTaskThrottle=\d+ )?)?JobName=(\S+) UserId=\S+",
    re.ASCII,
)
_SUBMITTED = re.compile(r"(\d+)(;[\w.-]+)?", re.ASCII)
_NODES_IN_USE = {"idle", "mixed", "allocated", "completing", "planned", "reserved"}
"""States of nodes whose GPUs count; those that are drained, down or unknown have none for anybody."""
LONGEST = 200
"""Characters of a word of Slurm that are kept."""


class Job(NamedTuple):
    """What one of Slurm's programs says of a job, or of a task of an array."""

    id: str
    """``8123`` or ``8123_4``."""
    name: str
    word: str
    """Its state, in Slurm's word: ``RUNNING``."""
    reason: str = ""
    node: str = ""
    starts: Moment = 0.0
    ends: Moment = 0.0
    exit: str = ""
    restarts: int = 0

    @property
    def state(self) -> JobState:
        """Its state, in ours."""
        return _STATES.get(self.word, "unknown")

    def seen(self, now: Moment) -> Seen:
        """Return what a look at a moment says of it."""
        state = self.state
        reason, node, ends = self.reason, self.node, self.ends
        if state == "unknown" or self.word == "CONFIGURING":
            reason = self.word
        guess_is_wild = state == "pending" and self.starts - now > GUESS_S
        return Seen(
            at=now, since=now, state=state, node=node, restarts=self.restarts,
            reason="" if state in ("running", "ended") or reason == "None" else reason,
            starts=0.0 if guess_is_wild else self.starts,
            ends=ends if state in ("running", "ending") and ends - now <= GUESS_S else 0.0,
            exit=(self.exit or self.word) if state == "ended" else "",
        )  # fmt: skip


def parse_queue(text: str) -> list[Job]:
    """Return the jobs that ``squeue -o QUEUE_FORMAT`` lists: one for each line that is a job."""
    return [job for line in text.splitlines() if (job := _queued_job(line)) is not None]


class Rank(NamedTuple):
    """Where a pending job stands: Slurm takes ``nice`` off what is its priority else."""

    priority: int
    nice: int


def parse_ranks(text: str) -> dict[str, Rank]:
    """Return the ranks of jobs by their ids, from ``squeue -r -o '%F|%K|%Q|%y'``."""
    ranks = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"(\d+)\|(N/A|\d*)\|(\d{1,12})\|(-?\d{1,12})", line.strip(), re.ASCII):
            task = "" if match[2] in ("", "N/A") else f"_{match[2]}"
            ranks[match[1] + task] = Rank(int(match[3]), int(match[4]))
    return ranks


def _queued_job(line: str) -> Job | None:
    fields = line.split("|", 7)
    if len(fields) != 8:
        return None
    number, task, word, reason, node, starts, ends, name = (field.strip() for field in fields)
    job_id = number if task in ("", "N/A") else f"{number}_{task}"
    if not _JOB.fullmatch(job_id) or not word:
        return None
    return Job(job_id, name, _word(word), reason[:LONGEST], node[:LONGEST], moment(starts), moment(ends))


def parse_job(text: str, job_id: str) -> Job | None:
    """Return what ``scontrol show job -o`` says of the job with an id; None where it cannot be read.

    A name with spaces, which could hold what looks like the fields behind it, is none of ours.
    """
    for line in text.splitlines():
        if not (match := _SHOWN.match(line)):
            continue
        fields = dict(re.findall(r" (\w+)=(\S+)", line[match.end() :]))
        word = _word(fields.get("JobState", ""))
        if not word:
            continue
        code = fields.get("ExitCode", "")
        return Job(
            job_id, match[1], word, _known(fields.get("Reason", "")), _known(fields.get("NodeList", "")),
            moment(fields.get("StartTime", "")), moment(fields.get("EndTime", "")),
            code if word == "FAILED" and _EXIT.fullmatch(code) else "", _count(fields.get("Restarts", "")),
        )  # fmt: skip
    return None


def parse_accounts(text: str) -> list[Job]:
    """Return the jobs that ``sacct -n -X -P -o JobID,State,ExitCode,JobName`` lists."""
    jobs = []
    for line in text.splitlines():
        job_id, _, rest = line.partition("|")
        word, _, rest = rest.partition("|")
        code, bar, name = rest.partition("|")
        if bar and _JOB.fullmatch(job_id) and _word(word):
            failed = _word(word) == "FAILED" and _EXIT.fullmatch(code)
            jobs.append(Job(job_id, name, _word(word), exit=code if failed else ""))
    return jobs


def parse_submitted(text: str) -> str | None:
    """Return the id that ``sbatch --parsable`` prints, in its last line; None where there is none."""
    for line in reversed(text.splitlines()):
        if match := _SUBMITTED.fullmatch(line.strip()):
            return match[1]
    return None


def parse_gpus(text: str, partition: str) -> tuple[int, int] | None:
    """Return the free GPUs of a partition and all of them, from ``sinfo -h -N -O`` with ``NODE_FORMAT``.

    Args:
        text: What it printed.
        partition: The partition; ``*`` for the default one.

    Returns:
        None where a line of it cannot be read as it is meant, or it has no GPUs: silence is better than a guess.
    """
    free = total = 0
    for line in text.splitlines():
        columns = dict(zip(NODE_FORMAT, _columns(line), strict=False))
        named = columns.get("Partition", "")
        if named.endswith("*") if partition == "*" else named.rstrip("*") == partition:
            state = columns.get("StateLong", "")
            have, used = (_gpus_of(columns.get(key, "")) for key in ("Gres", "GresUsed"))
            if have is None or used is None or not state or used > have:
                return None
            if state.rstrip("~#%$@^+-") in _NODES_IN_USE:
                total += have
                free += have - used if state.rstrip("~#%$@^+-") != "reserved" else 0
    return (free, total) if total else None


def _columns(line: str) -> Iterator[str]:
    at = 0
    for width in NODE_FORMAT.values():
        column = line[at : at + width]
        yield "" if len(column) == width and not column[-1].isspace() else column.strip()  # it may be cut
        at += width


def _gpus_of(gres: str) -> int | None:
    """Return the GPUs in ``gpu:a100:4(S:0-1),mps:400``, None where that is not to be understood."""
    count = 0
    if not gres:
        return None
    for word in re.sub(r"\([^()]*\)", "", gres).split(","):
        kind, _, number = word.partition(":")
        if kind == "gpu":
            number = number.rpartition(":")[2]
            if not (number.isascii() and number.isdecimal() and len(number) < 9):
                return None
            count += int(number)
    return count


def parse_settings(text: str) -> dict[str, str]:
    """Return the ``Name = value`` lines of ``scontrol show config``."""
    pairs = (line.partition("=") for line in text.splitlines())
    return {name.strip(): value.strip() for name, equals, value in pairs if equals and name.strip()}


def parse_partitions(text: str) -> list[dict[str, str]]:
    """Return the fields of each line of ``scontrol show partition -o``."""
    tables = (dict(re.findall(r"(\w+)=(\S+)", line)) for line in text.splitlines())
    return [table for table in tables if "PartitionName" in table]


def parse_span(text: str) -> float | None:
    """Return the seconds in ``1-12:00:00``, ``4:00:00`` or ``30 sec``; None for no limit and what is no time."""
    if match := re.fullmatch(r"(\d{1,9}) sec", text, re.ASCII):
        return float(match[1])
    match = re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,6}):(\d\d):(\d\d)", text, re.ASCII)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def moment(text: str) -> Moment:
    """Return a time as seconds since the epoch, from those or from Slurm's own form; 0 where it does not say."""
    if text.isascii() and text.isdecimal() and len(text) < 12:
        return float(text)
    try:
        return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))
    except (ValueError, OverflowError):
        return 0.0


def _word(text: str) -> str:
    """Return a state without what follows it: ``CANCELLED by 1000``, ``CANCELLED+``."""
    return (text.split() or [""])[0].rstrip("+").upper()[:LONGEST]


def _known(text: str) -> str:
    return "" if text in ("(null)", "None", "N/A", "Unknown") else text[:LONGEST]


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else 0
