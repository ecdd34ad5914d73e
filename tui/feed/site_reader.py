"""What sites said last, as the feed sees it: of their machines and their runs; and where runs may be sent."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.runs.posted.posting import Seen
from engine.runs.posted.site_status import SiteGpu, SiteStatus, read_all
from engine.runs.worker_status import BEAT_S
from engine.system.nvml import GpuSample
from engine.system.user_folders import config_folder
from tui.feed.machine_sampler import KEPT_LOOKS
from tui.state.snapshot import Machine, SiteView

if TYPE_CHECKING:
    from engine.config.loader import Config
    from engine.config.site import Site

LARGEST = 1e15
"""What no number of a machine exceeds: a site's file is anybody's text, and a number of 300 digits fills a screen."""


class SiteReader:
    """Reads the files of sites, each when it was replaced.

    Args:
        root: The folder of all runs.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, SiteStatus] = {}
        self._looks: dict[str, deque[Machine]] = {}
        self._due: dict[str, float] = {}
        self.views: tuple[SiteView, ...] = ()
        self.seen: Mapping[str, Mapping[str, Seen]] = {}
        """What each site said last of its runs."""
        self.moved: set[str] = set()
        """Runs that a site said something new of, until ``judged``."""

    def look(self) -> bool:
        """Read what was replaced; return whether anything was."""
        known = {status.site.name: status for status in read_all(self._root)}
        if known.keys() == self._known.keys() and all(known[name] is self._known[name] for name in known):
            return False
        before, self._known = self._known, known
        self.seen = {name: status.runs for name, status in known.items()}
        for name in known.keys() | before.keys():
            old, new = (self._runs(statuses.get(name)) for statuses in (before, known))
            self.moved |= {
                run for run in old.keys() | new.keys() if _says(old.get(run)) != _says(new.get(run))
            }
        self._looks = {name: self._remember(status) for name, status in known.items()}
        self.views = tuple(SiteView(status, tuple(self._looks[name])) for name, status in known.items())
        return True

    def is_due(self, run: str, now: float) -> bool:
        """Return whether a posted run that lives or waits is to be judged again: its state may be due to its age.

        A thousand runs are not judged at once: each has its own time, every few seconds.
        """
        return run in self.moved or now >= self._due.get(run, 0.0)

    def may_wait(self, run: str, now: float) -> bool:
        """Return whether a posted run may be judged at a later look, where this one has judged many: soon enough."""
        return now < self._due.get(run, 0.0) + BEAT_S

    def judged(self, run: str, now: float) -> None:
        """Remember that a posted run was judged, until its time comes again."""
        self.moved.discard(run)
        self._due[run] = now + BEAT_S * (0.5 + zlib.crc32(run.encode(errors="replace")) % 256 / 256)

    def keep(self, runs: Iterable[str]) -> None:
        """Forget all runs but these."""
        there = set(runs)
        self._due = {run: due for run, due in self._due.items() if run in there}
        self.moved &= there

    @staticmethod
    def _runs(status: SiteStatus | None) -> Mapping[str, Seen]:
        return status.runs if status is not None else {}

    def _remember(self, status: SiteStatus) -> deque[Machine]:
        """Return the looks at a machine over ssh with this one."""
        looks = self._looks.get(status.site.name) or deque(maxlen=KEPT_LOOKS)
        if status.gpus or status.cpu is not None:
            gpus = tuple(_sample(status.site.name, gpu) for gpu in status.gpus)
            machine = Machine(time=status.at, cpu=_bounded(status.cpu) or 0.0, gpus=gpus)
            if not looks or looks[-1].time < status.at:
                looks.append(machine)
        return looks


class DestinationReader:
    """Knows where runs may be sent: the sites of experiments.toml, and those of the user's own file."""

    def __init__(self) -> None:
        self._stamps: tuple[object, int | None] = None, -1

    def look(self, config: Config | None) -> Mapping[str, Site] | None:
        """Return the sites by name; None where they have not changed.

        Args:
            config: The project's configuration as it is now.
        """
        from engine.config.site_tables import OWN_FILE, all_sites
        from engine.config.validate import ConfigError

        folder = config_folder()
        stamps = config, None if folder is None else _stamp(folder / OWN_FILE)
        if stamps[0] is self._stamps[0] and stamps[1] == self._stamps[1]:
            return None
        self._stamps = stamps
        of_project = config.sites if config is not None else {}
        try:
            return all_sites(of_project)
        except (
            ConfigError
        ):  # `o` says what is wrong with the user's own file when it is asked for one of its sites
            return of_project


def _says(seen: Seen | None) -> Seen | None:
    """Return a site's word without its time: each look has another."""
    return None if seen is None else replace(seen, at=0.0)


def _sample(site: str, gpu: SiteGpu) -> GpuSample:
    used, total = _bounded(gpu.memory_used), _bounded(gpu.memory_total)
    return GpuSample(
        index=gpu.index % 10_000, name=gpu.name, uuid=f"{site}:{gpu.index}", processes=None,
        utilization=_bounded(gpu.utilization), power=_bounded(gpu.power), temperature=_bounded(gpu.temperature),
        memory_used=None if used is None else int(used), memory_total=None if total is None else int(total),
    )  # fmt: skip


def _bounded(value: float | None) -> float | None:
    return None if value is None or not 0 <= value <= LARGEST else value


def _stamp(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return os.stat(path).st_mtime_ns  # noqa: PTH116  a Path is made once
    return None
