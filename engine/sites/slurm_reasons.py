"""Why a job waits, in words with Slurm's own behind: one table."""

from __future__ import annotations

import time

from engine.events import Moment

_REASONS = {
    "": "waits to be looked at",
    "None": "waits to be looked at",
    "Resources": "waits for {what} of {partition}",
    "Priority": "other jobs go before it",
    "BeginTime": "begins anew {when}",
    "Dependency": "waits for another job",
    "DependencyNeverSatisfied": "the job that it waits for did not end well",
    "JobHeldUser": "is held: `engine hold --release` lets it go on",
    "JobHeldAdmin": "is held by an administrator, or by Slurm after it could not be started",
    "JobHoldMaxRequeue": "was begun anew too often: `engine hold --release` lets it go on",
    "launch": "could not be started: `engine hold --release` tries again",
    "CONFIGURING": "its nodes are being started",
    "Prolog": "its nodes are being prepared",
    "Cleaning": "what it was before is being cleared away",
    "JobArrayTaskLimit": "waits for others of its array: `parallel` of its site",
    "ReqNodeNotAvail": "the nodes that it asks for are reserved or down",
    "NodeDown": "a node that it asks for is down",
    "Nodes": "the nodes that it asks for are reserved or down",
    "Reservation": "waits for its reservation to begin",
    "PartitionDown": "{partition} is closed now",
    "PartitionInactive": "{partition} is closed now",
    "PartitionTimeLimit": "asks for more time than {partition} gives: `time` of its site",
    "PartitionNodeLimit": "asks for more nodes than {partition} gives: `nodes` of its site",
    "BadConstraints": "no node has what it asks for",
    "Licenses": "waits for a licence",
    "InvalidAccount": "its account is not known: `account` of its site",
    "InvalidQOS": "its QOS is not known: `qos` of its site",
    "SUSPENDED": "is suspended for another job",
    "STOPPED": "was stopped by a signal",
}
_BEGINNINGS = ("ReqNodeNotAvail", "Nodes", "JobHoldMaxRequeue", "launch", "Dependency")
"""Reasons that are followed by details."""
_LIMITS = (("QOS", "your limit"), ("Assoc", "your group's limit"), ("MaxJobs", "your limit"))
"""Beginnings of the reasons of which there are many: a limit of a user or a group is reached."""


def why_it_waits(reason: str, *, partition: str, gpus: int, starts: Moment = 0.0, now: Moment = 0.0) -> str:
    """Return in words why a job waits, with Slurm's own word behind.

    Args:
        reason: Slurm's word, such as ``Resources``; empty before it has one.
        partition: The partition; ``*`` for the default one.
        gpus: The GPUs that it asks for; 0 where it asks for none.
        starts: When Slurm says that it will begin; 0 where it does not say.
        now: The time of the look.
    """
    text = _REASONS.get(reason) or next(
        (_REASONS[beginning] for beginning in _BEGINNINGS if reason.startswith(beginning)), None
    )
    if text is None:
        whose = next((whose for beginning, whose in _LIMITS if reason.startswith(beginning)), None)
        text = f"{whose} is reached" if whose else "waits"
    said = text.format(
        what=_what(gpus), when=_when(starts, now),
        partition="its partition" if partition == "*" else partition,
    )  # fmt: skip
    return f"{said} ({reason})" if reason and reason != "None" else said


def _what(gpus: int) -> str:
    if not gpus:
        return "a free place"
    return "a free GPU" if gpus == 1 else f"{gpus} free GPUs"


def _when(starts: Moment, now: Moment) -> str:
    return time.strftime("at %H:%M", time.localtime(starts)) if starts > now else "soon"
