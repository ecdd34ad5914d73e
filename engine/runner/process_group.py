"""Ends what a run started when the run's own process ends, however that ends: no program outlives its run.

A killed process cannot clean up. So a second process waits at a pipe that only the first holds open; when the pipe
closes it kills its own process group, which is the program's too. A signal to all of them ends the program alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from types import TracebackType

from engine.system.process import stop_signals_blocked

_WAIT = "read -r _; kill -KILL 0"


class ProcessGroup:
    """A process group that lives no longer than this process; programs are started into ``group``.

    Leaving the context kills what is left in the group.
    """

    def __enter__(self) -> ProcessGroup:
        with stop_signals_blocked():
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _WAIT], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, process_group=0
            )
        self.group = self._process.pid
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.signal(signal.SIGKILL)
        self._process.communicate()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all in the group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, number)
