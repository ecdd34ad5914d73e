"""A place where runs may be sent: a machine over ssh, a cluster that this machine belongs to, or one over ssh."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.config.schema import Positive, Text, Words

ANY_PARTITION = "*"
"""Stands for the partition that the cluster takes where none is named."""


class Site(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place where runs may be sent: a machine over ssh, a cluster that this machine belongs to, or one over ssh."""

    name: str
    ssh: Annotated[str, Meta(description="an alias of ~/.ssh/config")] = ""
    """Whose ``Host`` to connect to; empty for a cluster that this machine belongs to."""
    folder: Annotated[str, Meta(description="a folder there")] = ""
    """The project's folder there; by default ``~/.vitui/<name of this folder>``."""
    slurm: Annotated[str, Meta(description="a partition, or '*' for the cluster's default one")] = ""
    """The partition; empty for a machine without Slurm."""
    time: Annotated[str, Meta(description="a time as Slurm takes it, such as '4:00:00' or '1-12:00:00'")] = ""
    """The time limit of a job; where it is not given, made of the forecast."""
    gres: Annotated[str, Meta(description="what a job asks for, such as 'gpu:{gpus}'")] = "gpu:{gpus}"
    """``{gpus}`` is the number of devices of a node; empty where nothing is to be asked for."""
    account: Text = ""
    qos: Text = ""
    constraint: Text = ""
    cpus: Positive | None = None
    """Cores for each task."""
    memory: Text = ""
    """Of a node, as Slurm takes it: ``32G``."""
    nodes: Positive = 1
    """Nodes that share a run; its ``gpus`` are spread over them."""
    extra: Words = []
    """Further options of sbatch, as they stand."""
    notice: Annotated[int, Meta(ge=0, le=86_400, description="a whole number of seconds, 0 for none")] = 120
    """Seconds before the time limit at which a run is told, writes a checkpoint and is begun anew."""
    parallel: Annotated[int, Meta(ge=0, le=100_000, description="a whole number, 0 for no limit")] = 0
    """Tasks of an array that may run at once."""
    setup: Words = []
    """Lines of shell that come before the run."""
    wrap: Words = []
    """Words that come before the run's command, such as those that start a container."""
    python: Text = "python"
    """The Python there that has vitui, once the lines of ``setup`` were run."""
    code: Annotated[Literal["there", "send"], Meta(description="'there' or 'send'")] = "there"
    """Whether the code that lies there runs, or that of here is sent."""
    bring: Annotated[Literal["none", "best", "last"], Meta(description="'none', 'best' or 'last'")] = "none"
    """Which checkpoint comes here when a run has finished."""

    @property
    def is_here(self) -> bool:
        """Whether its folder of runs is this machine's own: a cluster that this machine belongs to."""
        return not self.ssh

    @property
    def where(self) -> str:
        """What it is, for people: ``slurm gpu``, ``ssh gpubox``, ``slurm gpu over ssh jz.login``."""
        cluster = f"slurm {self.slurm}" if self.slurm else ""
        host = f"ssh {self.ssh}" if self.ssh else ""
        return " over ".join(part for part in (cluster, host) if part)
