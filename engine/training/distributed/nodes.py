"""Several nodes that train one run: which of them this one is, and where their processes meet.

::

    node 0   engine train ── supervisor ── agent ── its ranks        records the run, hears signals, has its lock
    node 1   engine train ─────────────── agent ── its ranks         does what the file of node 0 says

srun starts ``engine train`` on each node. The first is the run's process as on one machine; it writes what the ranks
are to do into the run's folder, which all nodes see, and the others take it from there. How they meet needs no service:
each knows its number, and the address of the first node.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.runs.store import Run
from engine.system.own_modules import own_module
from engine.system.process import STOP_SIGNALS, stop_signals_blocked

VARIABLE = "VITUI_NODES"
"""Set by the script of a job that has several nodes."""
POLL_S = 0.2
NOBODY = "-"
"""Stands for the address of the process that records, where a rank cannot reach it."""


class Orders(msgspec.Struct):
    """What a node that helps has to know of the file that its ranks read."""

    per_node: int
    """The ranks of each node."""


class Nodes(NamedTuple):
    """The nodes of a run, as one of them sees them."""

    size: int = 1
    """How many there are."""
    number: int = 0
    """Which one this is, from 0."""
    meets_at: str = "localhost:0"
    """Host and port of the first."""
    start: str = ""
    """Names this start of the job: a job that is begun anew has another."""

    def orders(self, run: Run) -> Path:
        """Return the file in which the first node says what the ranks are to do."""
        return run.path / f"ranks-{self.start}.json"


def nodes_of_job(environment: Mapping[str, str] = os.environ) -> Nodes:
    """Return the nodes that this process's job has, as srun says it; one where there is no such job."""
    size = _number(environment, VARIABLE)
    if size < 2:
        return Nodes()
    job = _number(environment, "SLURM_JOB_ID")
    host = environment.get("SLURM_LAUNCH_NODE_IPADDR") or environment.get("SLURMD_NODENAME", "localhost")
    restarts = _number(environment, "SLURM_RESTART_COUNT")
    port = 20_000 + job % 10_000
    return Nodes(size, _number(environment, "SLURM_NODEID"), f"{host}:{port}", f"{job}-{restarts}")


def help_first_node(run: Run, nodes: Nodes) -> int:
    """Start the ranks of this node, which is not the first, once the first says how; return the exit code.

    Signals are the first node's to hear: srun ends this process when the first has gone without a word.
    """
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    orders = nodes.orders(run)
    while not orders.exists():
        time.sleep(POLL_S)
    ranks = msgspec.json.decode(orders.read_bytes(), type=Orders).per_node
    with stop_signals_blocked():
        agent = subprocess.Popen(agent_command(ranks, nodes, NOBODY, orders), stdin=subprocess.DEVNULL)
    return agent.wait()


def agent_command(ranks: int, nodes: Nodes, address: str, orders: Path) -> list[str]:
    """Return the command of torchrun's agent for the ranks of a node.

    Args:
        ranks: How many there are on this node.
        nodes: The nodes.
        address: Where ranks say what happens.
        orders: The file that says what they are to do.
    """
    return [
        *own_module("engine.training.distributed.rank_launcher"), str(os.getpid()), str(ranks), address,
        str(orders), str(nodes.size), str(nodes.number), nodes.meets_at, nodes.start,
    ]  # fmt: skip


def _number(environment: Mapping[str, str], name: str) -> int:
    text = environment.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
