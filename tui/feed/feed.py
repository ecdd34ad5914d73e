"""Follows the project in a thread and says what is new: the only reader of files in the app.

Four times a second it looks at what changed, folds new events of the watched runs into columns, and posts one
snapshot. It touches no widget. Files that nobody watches are not read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from engine.analysis.alarms import Alarm, Watcher
from engine.history.confusion_index import read_matrix
from engine.history.reader import CHUNK, History
from engine.runs.metadata import About
from engine.runs.status import LIVE, Status, status_of
from engine.runs.store import Run, Store, StoreError
from tui.feed.machine_sampler import MachineSampler
from tui.feed.queue_reader import Lineup
from tui.feed.run_detail import detail_of
from tui.feed.run_metadata import Abouts
from tui.feed.run_reader import Reader
from tui.feed.seed_means import Bands
from tui.state.messages import Changed
from tui.state.run_record import Record
from tui.state.snapshot import Machine, Project, RunDetail, Snapshot, Watch

if TYPE_CHECKING:
    from engine.analysis.confusion import Matrix
    from engine.analysis.curves import Curve
    from engine.config.loader import Config

TICK_S = 0.25
READ_BUDGET_S = 0.2
"""Seconds that one tick may spend on reading histories, or on runs it does not know, before it shows what it has."""
FIRST_S = 0.02
"""The same before anything stands on the screen: the newest runs fill it, and the thread would hold its painting up."""
LONG = 8 * 1024 * 1024
"""Unread bytes of a run from which it is sketched first: reading them takes a tenth of a second."""
MACHINES = 300
"""How many looks at the machine are kept: five minutes."""


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
        rate: How many snapshots a second at most; as many as ``TICK_S`` says by default.
    """

    def __init__(
        self, project: Project, post: Callable[[Changed], object], rate: float | None = None
    ) -> None:
        self._tick_s = TICK_S if rate is None else 1 / rate
        self._project = project
        self._post = post
        self._store = Store(project.runs)
        self._stop = threading.Event()
        self._wake = threading.Event()
        self.looked = threading.Event()
        """Set once there was a first look at the project."""
        self._budget_s = READ_BUDGET_S
        self.watch = Watch()
        self._snapshot = Snapshot()
        self._config_stamp: int | None = -1
        self._root_stamp = -1
        self._runs: dict[str, Run] = {}
        self._stamps: dict[str, int] = {}
        self._unread = False
        """Whether there are runs that were not looked at yet."""
        self._statuses: dict[str, Status] = {}
        self._histories: dict[str, History] = {}
        self._sketches: dict[str, History] = {}
        """What is shown of runs while their long files are read."""
        self._prepared: dict[tuple[str, str], tuple[object, Curve]] = {}
        """The curves of the last tick by run and metric, with what they were made from."""
        self._bands = Bands()
        self._abouts = Abouts()
        self._lineup = Lineup(str(project.runs))
        self._machines: deque[Machine] = deque(maxlen=MACHINES)
        self._machine = MachineSampler()
        self._reader: Reader | None = None
        self._live: list[str] = []
        self._watcher = Watcher()
        self._steps: tuple[Callable[[_Tick], None], ...] = (
            self._update_config,
            self._update_runs,
            self._update_alarms,
            self._update_abouts,
            self._update_histories,
            self._update_record,
            self._update_curves,
            self._update_detail,
            self._update_machine,
            self._update_queue,
        )
        """What a tick does, in this order: each looks whether its part is new, and reads it where it is."""

    def follow(self) -> None:
        """Post a snapshot whenever something is new, until ``stop``. Runs in a thread of its own."""
        first, self._budget_s = True, FIRST_S
        try:
            while not self._stop.is_set():
                began = time.monotonic()
                if (changed := self.tick()) is not None:
                    self._post(changed)
                self.looked.set()
                rest = max(0.02, self._tick_s + began - time.monotonic())
                if self._snapshot.loading:
                    rest = min(rest, TICK_S) if first else 0
                self._wake.wait(rest)
                self._wake.clear()
                first, self._budget_s = False, READ_BUDGET_S
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

    def matrices(self, runs: Iterable[str]) -> dict[str, Matrix]:
        """Return the last confusion matrix over the test split of each run that has one. For any thread.

        One that is not watched, or not read yet, is read for it.
        """
        from engine.analysis.confusion import make_matrix

        matrices = {}
        for name in runs:
            if (run := self._runs.get(name)) is None:
                continue
            if (history := self._histories.get(name)) is None or history.behind:
                history = History(run.path)
                history.update()
            on_test = [entry for entry in tuple(history.matrices) if entry.split == "test"]
            event = read_matrix(run.events, on_test[-1]) if on_test else None
            if event is not None and (matrix := make_matrix(event, on_test[-1])) is not None:
                matrices[name] = matrix
        return matrices

    def tick(self) -> Changed | None:
        """Return what is new since the last tick, None if nothing is."""
        tick = _Tick(self._snapshot, self.watch)
        for step in self._steps:
            step(tick)
        if not tick.changes and not tick.alarms:
            return None
        self._snapshot = dataclasses.replace(tick.before, **tick.changes)
        return Changed(self._snapshot, tick.ended, tick.alarms)

    def _update_config(self, tick: _Tick) -> None:
        if (config := self._read_config()) is not None:
            tick.changes["config"], tick.changes["config_error"] = config

    def _update_runs(self, tick: _Tick) -> None:
        tick.changed_runs = self._look_at_runs()
        if not tick.changed_runs:
            return
        statuses = tuple(self._statuses[name] for name in self._runs if name in self._statuses)
        tick.changes["runs"] = statuses
        self._live = [status.run for status in statuses if status.state in LIVE]
        was_live = {status.run for status in tick.before.runs if status.state in LIVE}
        tick.ended = tuple(
            name for name in was_live if name in self._statuses and self._statuses[name].state not in LIVE
        )

    def _update_alarms(self, tick: _Tick) -> None:
        tick.alarms = self._watcher.look((self._statuses[name] for name in self._live), time.monotonic())
        if self._watcher.standing is not tick.before.alarms:
            tick.changes["alarms"] = self._watcher.standing

    def _update_abouts(self, tick: _Tick) -> None:
        if relabelled := self._abouts.read(self._runs):
            tick.changes["about"] = dict(self._abouts.known)
            tick.changed_runs |= relabelled

    def _update_histories(self, tick: _Tick) -> None:
        tick.runs_read, more = self._read_histories(tick.watch)
        tick.loading = more or self._unread or self._abouts.pending

    def _update_record(self, tick: _Tick) -> None:
        record = self._record(tick.watch)
        tick.loading |= record is not None and record.loading
        if record is not tick.before.record:
            tick.changes["record"] = record

    def _update_curves(self, tick: _Tick) -> None:
        watch, before = tick.watch, tick.before
        if tick.runs_read or watch != before.watch or tick.loading != before.loading:
            tick.changes |= {
                "watch": watch,
                "curves": self._curves(watch),
                "loading": tick.loading,
                "configs": {name: self._config(name) for name in watch.runs if name in self._runs},
            }

    def _update_detail(self, tick: _Tick) -> None:
        focus = tick.watch.focus
        if focus != tick.before.watch.focus or focus in tick.changed_runs or focus in tick.runs_read:
            tick.changes["detail"] = self._detail(focus)

    def _update_machine(self, tick: _Tick) -> None:
        if (machine := self._machine.sample()) is not None:
            self._machines.append(machine)
            tick.changes |= {"machine": machine, "machines": tuple(self._machines)}

    def _update_queue(self, tick: _Tick) -> None:
        now = self._machines[-1].time if self._machines else time.time()
        queue = self._lineup.look(
            self._runs, self._statuses, self._stamps, self._abouts.known, now, news=bool(tick.changed_runs)
        )
        if queue is not None and queue != tick.before.queue:
            tick.changes["queue"] = queue

    def _read_config(self) -> tuple[Config | None, str] | None:
        """Return the configuration, or why it cannot be used; None if the file has not changed."""
        stamp = _stamp(self._project.config)
        if stamp == self._config_stamp:
            return None
        self._config_stamp = stamp
        if stamp is None and self._snapshot.config is None:
            return None, ""  # a folder to begin in, not a mistake
        from engine.config.loader import load_config
        from engine.config.validate import ConfigError

        try:
            return load_config(self._project.config), ""
        except ConfigError as error:
            return self._snapshot.config, str(error)  # what was right before stays on the screen

    def _look_at_runs(self) -> set[str]:
        """Judge the runs that may have changed; return which did."""
        changed_runs: set[str] = set()
        stamp = _stamp(self._project.runs) or 0
        root_changed = stamp != self._root_stamp  # a run came or went, or the worker says anew why runs wait
        if root_changed:
            self._root_stamp = stamp
            changed_runs |= self._list_runs()
        deadline = time.monotonic() + self._budget_s
        self._unread = False
        for name, run in reversed(self._runs.items()):  # newest first: what people look for
            previous = self._statuses.get(name)
            if previous is None and time.monotonic() > deadline:
                self._unread = True
                continue
            folder = _stamp(run.path) or 0  # every status, queue entry and request is renamed into the folder
            folder_changed = folder != self._stamps.get(name)
            may_move = (
                previous is None or previous.state in LIVE or (root_changed and previous.state == "queued")
            )
            if not may_move and not folder_changed:
                continue
            if folder_changed:
                self._abouts.touch(name)
            self._stamps[name] = folder
            status = status_of(run)
            if previous is None or _differs(previous, status):
                changed_runs.add(name)
            self._statuses[name] = status
        return changed_runs

    def _list_runs(self) -> set[str]:
        """List the folder of runs anew; return the runs that came or went."""
        runs = {run.id: run for run in self._store.runs()}
        came_or_went = runs.keys() ^ self._runs.keys()
        self._runs = runs
        self._statuses = {name: status for name, status in self._statuses.items() if name in runs}
        self._abouts.keep(runs)
        return came_or_went

    def _read_histories(self, watch: Watch) -> tuple[set[str], bool]:
        """Read on in the watched runs; return which have news, and whether there is more than time allowed."""
        watched = [name for name in dict.fromkeys((*watch.runs, watch.focus)) if name in self._runs]
        self._histories = {
            name: self._histories.get(name) or History(self._runs[name].path) for name in watched if name
        }
        runs_read, deadline = set(), time.monotonic() + READ_BUDGET_S
        if sketched := self._sketch():
            return sketched, True
        for name, history in self._histories.items():
            while history.update(CHUNK):
                runs_read.add(name)
                if time.monotonic() > deadline:
                    return runs_read, True
            self._sketches.pop(name, None)
        return runs_read, False

    def _sketch(self) -> set[str]:
        """Sketch the runs of which much is unread; return which were."""
        self._sketches = {
            name: sketched for name, sketched in self._sketches.items() if name in self._histories
        }
        long = {
            name
            for name, history in self._histories.items()
            if name not in self._sketches and history.behind > LONG
        }
        if long:
            from engine.history.preview import sketch

            self._sketches |= {name: sketch(self._runs[name].path) for name in long}
        return long

    def _record(self, watch: Watch) -> Record | None:
        """Return the run that the run view shows, None while it is closed."""
        if watch.page is None or (run := self._runs.get(watch.page.run)) is None:
            self._reader = None
            return None
        if self._reader is None or self._reader.run.id != run.id:
            self._reader = Reader(run)
        return self._reader.look(watch.page, self._histories.get(run.id))

    def _curves(self, watch: Watch) -> dict[str, tuple[Curve, ...]]:
        """Return the curves by metric; one without news is the same object as before, so that nobody draws it anew."""
        curves: dict[str, list[Curve]] = {}
        before, self._prepared = self._prepared, {}
        for name in watch.runs:
            if (history := self._sketches.get(name) or self._histories.get(name)) is None:
                continue
            for metric, column in history.columns.items():
                length = history.offset if watch.axis == "joules" else len(column)
                source = (watch.axis, watch.smoothing, len(history.starts), column, length)
                prepared = before.get((name, metric))
                if prepared is None or prepared[0] != source:
                    prepared = source, self._curve(name, history, metric, watch)
                self._prepared[name, metric] = prepared
                curves.setdefault(metric, []).append(prepared[1])
        if watch.folds:
            finished = {name for name in watch.runs if self._is_finished(name)}
            return self._bands.fold(curves, watch.folds, finished, watch.smoothing)
        return {metric: tuple(of_runs) for metric, of_runs in curves.items()}

    def _is_finished(self, run: str) -> bool:
        status = self._statuses.get(run)
        return status is not None and status.state == "finished"

    def _curve(self, run: str, history: History, metric: str, watch: Watch) -> Curve:
        from engine.analysis.curves import curve_of

        x, y = history.series(metric, watch.axis)
        return curve_of(run, x, y, watch.smoothing, self._seams(history, watch))

    @staticmethod
    def _seams(history: History, watch: Watch) -> tuple[float, ...]:
        per_epoch = history.starts[0].steps_per_epoch if history.starts else None
        if watch.axis == "step":
            return tuple(float(step) for step in history.seams)
        if watch.axis == "epoch" and per_epoch:
            return tuple(step / per_epoch for step in history.seams)
        return ()

    def _config(self, name: str) -> Mapping[str, Any]:
        """Return what a run was made with, or went on with; nothing for one that does not say."""
        history = self._histories.get(name)
        if history and history.starts and history.starts[-1].config:
            return history.starts[-1].config
        with contextlib.suppress(StoreError):
            return self._runs[name].info().config
        return {}

    def _detail(self, name: str | None) -> RunDetail | None:
        if name is None or (run := self._runs.get(name)) is None:
            return None
        return detail_of(run, self._histories.get(name), self._abouts.known.get(name, About()).labels)


def _differs(a: Status, b: Status) -> bool:
    """Return whether a list would show two statuses differently."""
    return msgspec.structs.replace(a, heartbeat=b.heartbeat) != b


def _stamp(path: Any) -> int | None:
    with contextlib.suppress(OSError):
        return int(path.stat().st_mtime_ns)
    return None
