"""Who has a lock: one process, named so that it is told from every other one, also of another machine."""

from __future__ import annotations

import os

import msgspec

from engine.system import process


class Holder(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Who took a lock; ``started`` and ``boot`` as ``engine.system.process`` has them."""

    pid: int
    started: float
    boot: str
    host: str
    space: str
    """The space in which the pid counts: a container has its own."""
    works: bool = False
    """Whether it has the lock for the work that the lock is for; others have it for the moment of a change."""

    @property
    def is_dead(self) -> bool:
        """Whether it is known to be gone; of another machine or container nothing is known."""
        return self._is_of_here and process.is_gone(self.pid, self.started, self.boot)

    @property
    def is_alive(self) -> bool:
        """Whether it is known to live, here."""
        return self._is_of_here and process.is_alive(self.pid, self.started, self.boot)

    @property
    def is_of_this_boot(self) -> bool:
        """Whether this machine's processes tell all of it: two machines of one name have booted apart."""
        return self._is_of_here and self.boot == process.boot_id()

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is of another machine or container, so that nothing can be known of it here."""
        return not self._is_of_here

    @property
    def _is_of_here(self) -> bool:
        return (self.host, self.space) == (process.host(), process.pid_space())


def this_process() -> Holder:
    """Return the process that asks."""
    return process_of_here(os.getpid())


def process_of_here(pid: int) -> Holder:
    """Return a process of this machine by its pid."""
    return Holder(
        pid=pid, started=process.started(pid) or 0.0, boot=process.boot_id(),
        host=process.host(), space=process.pid_space(),
    )  # fmt: skip
