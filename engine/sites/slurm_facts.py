"""What a cluster says of itself: limits of a partition, what becomes of jobs, whether it keeps accounts."""

from __future__ import annotations

import re
from typing import NamedTuple

from engine.sites.command_line import CommandLine, SiteError

_PAIR = re.compile(r"^\s*([A-Za-z][\w/]*)\s*=\s*(.*?)\s*$", re.MULTILINE)
_WORD = re.compile(r"([A-Za-z][\w/]*)=(\S*)")


class ClusterFacts(NamedTuple):
    """What is worth knowing before a run is sent there."""

    version: str
    kill_wait_s: int
    """Seconds between SIGTERM and SIGKILL at the end of a job's time."""
    preempt_mode: str
    """``OFF``, ``REQUEUE``, ``CANCEL`` …, of the partition."""
    has_accounting: bool
    partition: str
    """Its name, where it was looked up."""
    max_time: str
    """Its time limit, ``UNLIMITED`` where it has none."""
    nodes: int
    gpus: int | None
    """Its GPUs; None where Slurm does not say."""
    is_up: bool


def cluster_facts(line: CommandLine, partition: str) -> ClusterFacts:
    """Return what Slurm says of itself and a partition.

    Args:
        line: Where its programs are.
        partition: The partition; empty for the default one.

    Raises:
        Unreachable: The machine does not answer.
        SiteError: There is no Slurm, it does not answer, or it has no such partition.
    """
    config = dict(_PAIR.findall(_said(line, ["scontrol", "show", "config"])))
    partitions = [
        dict(_WORD.findall(block))
        for block in re.split(r"\n\s*\n", _said(line, ["scontrol", "show", "partition"]))
        if "PartitionName=" in block
    ]
    mine = [one for one in partitions if one.get("PartitionName") == partition] if partition else [
        one for one in partitions if one.get("Default") == "YES"
    ]  # fmt: skip
    if not mine:
        names = ", ".join(one["PartitionName"] for one in partitions)[:300]
        which = f"no partition {partition!r}" if partition else "no default partition"
        raise SiteError(f"it has {which}; there are: {names}")
    one = mine[0]
    preempt = one.get("PreemptMode") or config.get("PreemptMode", "OFF")
    gpu = re.search(r"gres/gpu=(\d+)", one.get("TRES", ""))
    return ClusterFacts(
        version=config.get("SLURM_VERSION", "unknown"), kill_wait_s=_number(config.get("KillWait", "")),
        preempt_mode=preempt, has_accounting="none" not in config.get("AccountingStorageType", "none"),
        partition=one["PartitionName"], max_time=one.get("MaxTime", "UNLIMITED"),
        nodes=_number(one.get("TotalNodes", "")), gpus=int(gpu[1]) if gpu else None, is_up=one.get("State") == "UP",
    )  # fmt: skip


def gpus_of_partition(line: CommandLine, partition: str) -> int | None:
    """Return the GPUs of a partition's nodes by ``sinfo``; None where its words cannot be read.

    Raises:
        Unreachable: The machine does not answer.
    """
    said = line.run(["sinfo", "-h", "-N", "-p", partition, "-O", "NodeHost:64,Gres:64"])
    if said.code:
        return None
    counts = [re.findall(r"gpu:(?:[\w.-]+:)?(\d+)", row[64:]) for row in said.out.splitlines()]
    return sum(int(number) for numbers in counts for number in numbers) if counts else None


def _said(line: CommandLine, argv: list[str]) -> str:
    said = line.run(argv)
    if said.code == 0:
        return said.out
    why = next(
        (text.strip() for text in reversed(said.err.splitlines()) if text.strip()), f"exit code {said.code}"
    )
    raise SiteError(f"{argv[0]}: {why[:300]}")


def _number(text: str) -> int:
    match = re.match(r"\d+", text)
    return int(match[0]) if match else 0
