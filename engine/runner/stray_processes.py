"""Processes that leave the group of their program, as daemons do: none outlives the attempt that started it.

This process adopts the descendants of the program whose parent has ended. What is left of them at the end of the
attempt is ended, and so is what carries the mark of the run. Only Linux knows adoption; elsewhere the mark alone tells.
"""

from __future__ import annotations

import os
from collections.abc import Collection

from engine.runs.processes.membership import descendants, leftovers, listed
from engine.runs.processes.sigterm_then_sigkill import GRACE_S, end_processes
from engine.runs.store import Run
from engine.system import process


class StrayProcesses:
    """Adopts what the program of a run leaves behind, while the block lasts.

    Args:
        run: The run, whose lock and mark this process has.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._before: set[int] = set()

    def __enter__(self) -> StrayProcesses:
        process.adopt_orphans(adopt=True)
        self._before = {child.pid for child in descendants()}
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.end(grace_s=0.0)
        process.adopt_orphans(adopt=False)

    def reap(self, others: Collection[int]) -> None:
        """Take note of those that have ended.

        Args:
            others: The children that are waited for elsewhere.
        """
        process.reap_orphans(self._before.union(others))

    def end(self, group: int = 0, grace_s: float = GRACE_S) -> str:
        """End those that are left, once the program has ended; return what they were, in words, empty for none.

        Args:
            group: A process group whose members have been killed already.
            grace_s: Seconds between SIGTERM and SIGKILL.
        """
        candidates = {*descendants(), *leftovers(self._run)}
        left = sorted(
            (each for each in candidates if each.pid not in self._before and not _is_in(each.pid, group)),
            key=lambda each: each.pid,
        )
        text = f"its command left the {listed(left)}, now ended" if left else ""
        end_processes(left, grace_s)
        self.reap(())
        return text


def _is_in(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return True  # it has just ended
