"""Follows the project in a thread and says what is new: the only reader of files in the app.

At the rate of ``tui.feed.refresh_rate`` it looks at what changed, folds new events of the watched runs into columns,
and posts one snapshot. It touches no widget. Of runs that are not watched it reads status and settings, not events.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from engine.analysis.alarms import Alarm, Watcher
from engine.history.confusion_index import read_matrix
from engine.history.reader import History
from engine.runs.metadata import RunMetadata
from engine.runs.status import ENDED, LIVE, was_taken_out
from engine.runs.store import StoreError
from tui.feed import refresh_rate
from tui.feed.curve_reader import CurveReader
from tui.feed.focused_run import detail_of
from tui.feed.machine_sampler import KEPT_LOOKS, MachineSampler
from tui.feed.queue_reader import QueueReader
from tui.feed.refresh_rate import refresh_interval
from tui.feed.run_metadata import MetadataReader
from tui.feed.run_page_reader import Reader
from tui.feed.run_statuses import RunStatuses, stamp_of
from tui.feed.site_reader import DestinationReader, SiteReader
from tui.feed.time_machine import TimeMachine
from tui.state.messages import Changed
from tui.state.run_page_record import Record
from tui.state.snapshot import Machine, Project, RunDetail, Snapshot, Watch

if TYPE_CHECKING:
    from engine.analysis.confusion import Matrix
    from engine.config.loader import Config


@dataclasses.dataclass
class _Tick:
    """What one tick has read so far."""

    before: Snapshot
    watch: Watch
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    """The fields of the snapshot that are new."""
    changed_runs: set[str] = dataclasses.field(default_factory=set)
    """Runs whose status, configuration or labels are new."""
    ended: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    runs_read: set[str] = dataclasses.field(default_factory=set)
    """Watched runs with new events."""
    loading: bool = False
    """Whether there is more to read than one tick may."""


class Feed:
    """Makes snapshots of a project.

    Args:
        project: Which.
        post: Takes a ``Changed``; safe to call from any thread.
        rate: How many snapshots a second at most; by default as ``tui.feed.refresh_rate`` has it.
    """

    def __init__(
        self, project: Project, post: Callable[[Changed], object], rate: float | None = None
    ) -> None:
        self._interval_s = refresh_interval(rate)
        self._project = project
        self._post = post
        self._stop = threading.Event()
        self._wake = threading.Event()
        self.looked = threading.Event()
        """Set once there was a first look at the project."""
        self._budget_s = refresh_rate.READ_BUDGET_S
        self.watch = Watch()
        self._time_machine = TimeMachine()
        self._snapshot = Snapshot()
        self._config_stamp: int | None = -1
        self._config_was_right = False
        self._curves = CurveReader()
        self._metadata = MetadataReader()
        self._queue_reader = QueueReader(str(project.runs))
        self._sites = SiteReader(project.runs)
        self._runs = RunStatuses(project.runs, self._metadata, self._sites)
        self._destinations = DestinationReader()
        self._machines: deque[Machine] = deque(maxlen=KEPT_LOOKS)
        self._machine = MachineSampler()
        self._reader: Reader | None = None
        self._live: list[str] = []
        self._watcher = Watcher()
        self._steps: tuple[Callable[[_Tick], None], ...] = (
            self._update_config,
            self._update_sites,
            self._update_runs,
            self._update_alarms,
            self._update_metadata,
            self._update_histories,
            self._update_record,
            self._update_curves,
            self._update_detail,
            self._update_machine,
            self._update_queue,
        )
        """What a tick does, in this order: each looks whether its part is new, and reads it where it is."""

    def follow(self) -> None:
        """Post a snapshot whenever something is new, until ``stop``. Runs in a thread of its own.

        While the screen has no time for one there is no next: each has curves of its own.
        """
        first, self._budget_s = True, refresh_rate.FIRST_READ_BUDGET_S
        posted: Changed | None = None
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                is_ready = posted is None or posted.taken.is_set()
                if is_ready and (changed := self.tick()) is not None:
                    posted = changed
                    self._post(changed)
                self.looked.set()
                rest = max(refresh_rate.SHORTEST_REST_S, self._interval_s + began - time.monotonic())
                if posted is not None and posted.snapshot.loading and is_ready:
                    rest = min(rest, refresh_rate.REFRESH_S) if first else 0
                self._wake.wait(rest)
                self._wake.clear()
                first, self._budget_s = False, refresh_rate.READ_BUDGET_S
        finally:
            self.looked.set()
            self._machine.close()

    def stop(self) -> None:
        """End ``follow``."""
        self._stop.set()
        self._wake.set()

    def look_at(self, watch: Watch) -> None:
        """Prepare something else from the next tick on, which comes at once."""
        if watch != self.watch:
            self.watch = watch
            self._wake.set()

    def look_back(self, moment: float | None) -> None:
        """Show a moment of the past, in seconds since the epoch, from the next tick on; None for now."""
        self._time_machine.moment = moment
        self._wake.set()

    def matrices(self, runs: Iterable[str]) -> dict[str, Matrix]:
        """Return the last confusion matrix over the test split of each run that has one. For any thread.

        One that is not watched, or not read yet, is read for it.
        """
        from engine.analysis.confusion import make_matrix

        matrices = {}
        for name in runs:
            if (run := self._runs.by_id.get(name)) is None:
                continue
            if (history := self._curves.histories.get(name)) is None or history.behind:
                history = History(run.path)
                history.update()
            on_test = [entry for entry in tuple(history.matrices) if entry.split == "test"]
            event = read_matrix(run.events, on_test[-1]) if on_test else None
            if event is not None and (matrix := make_matrix(event, on_test[-1])) is not None:
                matrices[name] = matrix
        return matrices

    def tick(self) -> Changed | None:
        """Return what is new since the last tick, None if nothing is."""
        watch, moment = self.watch, self._time_machine.moment
        tick = _Tick(self._snapshot, watch if moment is None else Watch())
        for step in self._steps:
            step(tick)
        news = None
        if tick.changes or tick.alarms:
            self._snapshot = dataclasses.replace(tick.before, **tick.changes)
            news = Changed(self._snapshot, tick.ended, tick.alarms)
        return self._time_machine.show(news, self._snapshot, watch, self._runs.by_id)

    def _update_config(self, tick: _Tick) -> None:
        if (config := self._read_config()) is not None:
            tick.changes["config"], tick.changes["config_error"] = config

    def _update_sites(self, tick: _Tick) -> None:
        if self._sites.look():
            tick.changes["sites"] = self._sites.views
        destinations = self._destinations.look(tick.changes.get("config", tick.before.config))
        if destinations is not None and destinations != tick.before.destinations:
            tick.changes["destinations"] = destinations

    def _update_runs(self, tick: _Tick) -> None:
        tick.changed_runs = self._runs.look(self._budget_s)
        if (error := self._runs.error) != tick.before.runs_error:
            tick.changes["runs_error"] = error
        if self._runs.unread != tick.before.unread:
            tick.changes["unread"] = self._runs.unread
        if not tick.changed_runs:
            return
        statuses, known = self._runs.in_order(), self._runs.known
        tick.changes["runs"] = statuses
        self._live = [status.run for status in statuses if status.state in LIVE]
        was_live = {status.run for status in tick.before.runs if status.state in LIVE}
        # a run seems to start while its entry in the queue is written; who takes it out is told so by what does it
        tick.ended = tuple(
            name
            for name in was_live
            if name in known and known[name].state in ENDED and not was_taken_out(known[name])
        )

    def _update_alarms(self, tick: _Tick) -> None:
        tick.alarms = self._watcher.look((self._runs.known[name] for name in self._live), time.monotonic())
        if self._watcher.standing is not tick.before.alarms:
            tick.changes["alarms"] = self._watcher.standing

    def _update_metadata(self, tick: _Tick) -> None:
        if relabelled := self._metadata.read(self._runs.by_id):
            tick.changes["metadata"] = dict(self._metadata.known)
            tick.changed_runs |= relabelled

    def _update_histories(self, tick: _Tick) -> None:
        tick.runs_read, more = self._curves.read(self._runs.by_id, tick.watch)
        tick.loading = more or self._runs.unread or self._metadata.pending

    def _update_record(self, tick: _Tick) -> None:
        record = self._record(tick.watch)
        tick.loading |= record is not None and record.loading
        if record is not tick.before.record:
            tick.changes["record"] = record

    def _update_curves(self, tick: _Tick) -> None:
        watch, before = tick.watch, tick.before
        if tick.runs_read or watch != before.watch or tick.loading != before.loading:
            curves = self._curves.curves(watch, self._finished(watch))
            tick.changes |= {
                "watch": watch,
                "curves": curves,
                "drawn": curves.drawn,
                "axes": self._curves.axes(watch),
                "loading": tick.loading,
                "configs": {name: self._config(name) for name in watch.runs if name in self._runs.by_id},
            }

    def _update_detail(self, tick: _Tick) -> None:
        focus = tick.watch.focus
        if focus != tick.before.watch.focus or focus in tick.changed_runs or focus in tick.runs_read:
            tick.changes["detail"] = self._detail(focus)

    def _update_machine(self, tick: _Tick) -> None:
        self._machine.whole = tick.watch.machine
        self._machine.runs = frozenset(
            status.pid for name in self._live if not (status := self._runs.known[name]).on
        )
        if (machine := self._machine.sample()) is not None:
            self._machines.append(machine)
            tick.changes |= {"machine": machine, "machines": tuple(self._machines)}

    def _update_queue(self, tick: _Tick) -> None:
        now = self._machines[-1].time if self._machines else time.time()
        queue = self._queue_reader.look(
            self._runs.by_id, self._runs.known, self._runs.stamps, self._metadata.known, self._sites.seen, now,
            news=bool(tick.changed_runs),
        )  # fmt: skip
        if queue is not None and queue != tick.before.queue:
            tick.changes["queue"] = queue

    def _read_config(self) -> tuple[Config | None, str] | None:
        """Return the configuration, or why it cannot be used; None if the file has not changed."""
        stamp = stamp_of(self._project.config)
        if stamp == self._config_stamp:
            return None
        self._config_stamp = stamp
        if stamp is None and self._snapshot.config is None:
            return None, ""  # a folder to begin in, not a mistake
        from engine.config.loader import load_what_is_right

        config, error = load_what_is_right(self._project.config)
        if error is None:
            self._config_was_right = True
            return config, ""
        if self._config_was_right or config is None:
            config = self._snapshot.config  # what was right before stays on the screen
        return config, str(error)

    def _record(self, watch: Watch) -> Record | None:
        """Return the run that the run view shows, None while it is closed."""
        if watch.page is None or (run := self._runs.by_id.get(watch.page.run)) is None:
            self._reader = None
            return None
        if self._reader is None or self._reader.run.id != run.id:
            self._reader = Reader(run)
        return self._reader.look(watch.page, self._curves.histories.get(run.id))

    def _finished(self, watch: Watch) -> set[str]:
        statuses = ((name, self._runs.known.get(name)) for name in watch.runs)
        return {name for name, status in statuses if status is not None and status.state == "finished"}

    def _config(self, name: str) -> Mapping[str, Any]:
        """Return what a run was made with, or went on with; empty where its files do not tell."""
        if config := self._curves.config(name):
            return config
        with contextlib.suppress(StoreError):
            return self._runs.by_id[name].info().config
        return {}

    def _detail(self, name: str | None) -> RunDetail | None:
        if name is None or (run := self._runs.by_id.get(name)) is None:
            return None
        return detail_of(
            run, self._curves.histories.get(name), self._metadata.known.get(name, RunMetadata()).labels
        )
