"""Starts the ranks of a run and watches them: torchrun's agent, in a process of its own.

python -m engine.training.distributed.rank_launcher PARENT RANKS ADDRESS JOB NODES NODE MEETS-AT START

The run's process starts it with the stop signals blocked, and the ranks inherit that.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import uuid

from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from engine.events import End, Failure
from engine.system.own_modules import own_module
from engine.system.process import end_with
from engine.training.distributed.event_socket import EventSocket


def main() -> None:
    """Run the ranks to their end; exit with 1 if one failed, and say so if it could not itself."""
    parent, ranks, address, job, nodes, node, meets_at, start = sys.argv[1:]
    end_with(int(parent))
    several = int(nodes) > 1
    config = LaunchConfig(
        min_nodes=int(nodes), max_nodes=int(nodes), nproc_per_node=int(ranks), run_id=start or uuid.uuid4().hex,
        rdzv_backend="static" if several else "c10d", rdzv_configs={"rank": int(node)} if several else {},
        rdzv_endpoint=meets_at, max_restarts=0, monitor_interval=0.1, logs_specs=DefaultLogsSpecs(),
    )  # fmt: skip
    try:
        python, *words = own_module("engine.training.distributed.rank_process")
        elastic_launch(config, python)(*words, str(os.getpid()), address, job)
    except ChildFailedError as error:
        # the others end of themselves, and may have done so before the agent looked
        killed = ((rank, failure) for rank, failure in error.failures.items() if failure.exitcode < 0)
        for rank, failure in killed:
            name = signal.Signals(-failure.exitcode).name
            message = f"the process of GPU {rank} was killed by {name}; console.log has what it said"
            cause = Failure(type="RankKilled", message=message, traceback=str(error))
            EventSocket(address).say(End(time=time.time(), run="", state="failed", error=cause))
        sys.exit(1)


if __name__ == "__main__":
    main()
