"""The checkpoint that is on its way from a machine, one at a time: a user asked for it, or its run is over."""

from __future__ import annotations

from collections.abc import Iterable

from engine.config.site import Site
from engine.remote.this_machine.partial_checkpoint import PartialCheckpoint
from engine.runs.store import Run, StoreError
from engine.sites.far_end_messages import Checkpoint, Chunk, Done, Fetch
from engine.sites.ssh_command import SiteError

FILES: dict[str, Checkpoint] = {"best": "best.pt", "last": "last.pt"}
"""What each word of ``bring``, and of ``engine fetch``, means."""


class CheckpointDownloads:
    """What arrives, and what has to: used by the thread that reads and by the one that looks.

    Args:
        site: Where it comes from.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._run = ""
        self._file: PartialCheckpoint | None = None
        self._brought: set[str] = set()
        """Finished runs whose checkpoint is here, or is refused."""
        self.outcome: bool | SiteError | StoreError = False
        """Whether the last one has arrived, or why it has not."""

    @property
    def file(self) -> PartialCheckpoint | None:
        """What is on its way."""
        return self._file

    def begin(self, run: Run, file: Checkpoint) -> Fetch:
        """Have a checkpoint arrive, and return what to ask for.

        Raises:
            StoreError: The run's folder of checkpoints is none of its own.
        """
        arriving = PartialCheckpoint(run, file)
        self.outcome, self._run, self._file = False, run.id, arriving
        return arriving.request()

    def cut(self) -> None:
        """Forget what is on its way: the connection is gone, or it is not wanted any more."""
        self._run, self._file = "", None

    def take(self, head: Chunk, body: bytes) -> None:
        """Take a part, in the thread that reads."""
        if self._file is None or head.run != self._run or self.outcome:
            return
        try:
            self.outcome = self._file.take(head, body)
        except (SiteError, StoreError) as error:
            self.outcome = error

    def refuse(self, done: Done) -> bool:
        """Take a refusal, and return whether it is one of what is on its way."""
        if self._file is None or not done.code or done.id != self._run[:64]:
            return False
        self.outcome = SiteError(f"{self._site.name}: {done.text}")
        return True

    def is_to_come(self, name: str) -> bool:
        """Return whether the checkpoint of a run that has finished is to be brought, and is not here yet."""
        return self._site.bring != "none" and name not in self._brought

    def next_to_bring(self, finished: Iterable[Run]) -> Fetch | None:
        """Return what to ask for next, None where something is on its way or nothing is left.

        Args:
            finished: The runs that have finished.
        """
        if self._file is not None and not self.outcome:
            return None
        if self._file is not None:
            self._brought.add(self._run)
            self.cut()
        for run in finished:
            if not self.is_to_come(run.id):
                continue
            try:
                return self.begin(run, FILES[self._site.bring])
            except StoreError:
                self._brought.add(run.id)
        return None
