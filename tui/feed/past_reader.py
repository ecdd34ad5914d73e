"""Makes the snapshot of a moment of the past: runs, curves, queue and GPUs as they were, and nothing later.

What has no time in the files is as it is now, or left out: tags, notes and the configuration are those of now; why a
run waited, what its process printed and what was wrong with it is not told.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec

from engine.runs.metadata import RunMetadata
from engine.runs.past.past_run import PastRun, Then
from engine.runs.past.timeline import Happening, happenings
from engine.runs.status import LIVE, Status
from engine.runs.store import Run
from engine.text import ordinal
from tui.feed.curve_reader import CurveReader
from tui.feed.focused_run import detail_of
from tui.feed.past_machine import machine_at
from tui.feed.run_page_reader import Reader
from tui.state.snapshot import Past, Queue, RunDetail, Snapshot, Watch

if TYPE_CHECKING:
    from engine.config.loader import Config
    from tui.feed.lazy_curves import LazyCurves
    from tui.state.run_page_record import Record

BUDGET_S = 0.1
"""Seconds that one look folds the events of runs that were not looked at before."""
LOOK_S = 1.0
"""Seconds from one look to the next where only what has happened since is new."""


class PastReader:
    """Keeps what was folded of each run, so that the next moment costs little."""

    def __init__(self) -> None:
        self._runs: dict[str, PastRun] = {}
        self._deeds: dict[str, tuple[object, list[Happening]]] = {}
        self._curves = CurveReader()
        self._stopped_at = math.inf
        self._reader: Reader | None = None
        self._made: tuple[object, ...] = ()
        self._snapshot: Snapshot | None = None
        self._next = 0.0

    def look(self, moment: float, watch: Watch, live: Snapshot, runs: Mapping[str, Run]) -> Snapshot | None:
        """Return the snapshot of a moment; None where it is the one that was made last.

        Args:
            moment: When, in seconds since the epoch.
            watch: What is looked at.
            live: The snapshot of now.
            runs: All runs.
        """
        made = (
            moment,
            watch,
            live.config,
            live.metadata.keys() == runs.keys(),
            len(live.runs),
            live.loading,
            bool(live.machine.gpus),
        )
        before = self._snapshot
        if before is not None and not before.loading and made == self._made:
            if time.monotonic() < self._next or before.past is None:
                return None
            self._next = time.monotonic() + LOOK_S
            deeds = self._happenings(live, runs)
            if deeds == before.past.happenings:
                return None
        self._made, self._next = made, time.monotonic() + LOOK_S
        self._snapshot = self._look(moment, watch, live, runs)
        return self._snapshot

    def _look(self, moment: float, watch: Watch, live: Snapshot, runs: Mapping[str, Run]) -> Snapshot:
        there, loading = self._statuses(moment, live, runs)
        waiting = [name for name, then in there.items() if then.status.state == "queued"]
        entries = {name: then.place for name, then in there.items() if then.place is not None}
        waiting.sort(key=lambda name: (entries[name].rank, name))
        moved = any(entries[name].priority or entries[name].order is not None for name in waiting)
        order_known = not moved and (len(waiting) < 2 or all(there[name].place_is_known for name in waiting))
        for number, name in enumerate(waiting, 1):
            there[name].status.reason = (
                f"waits, {ordinal(number)} of {len(waiting)}" if order_known else "waits; order not known"
            )
        statuses = tuple(then.status for then in there.values())
        metadata = {name: known for name, known in live.metadata.items() if name in there}
        config, later = _config_then(live.config, statuses)
        existing = {name: runs[name] for name in there}
        more, curves = self._read(moment, watch, existing, statuses)
        record = self._record(moment, watch, existing)
        loading = loading or more or live.loading or (record is not None and record.loading)
        return dataclasses.replace(
            live,
            config=config, config_error="", runs=statuses, metadata=metadata, watch=watch, loading=loading,
            configs={
                name: self._curves.config(name) or _config_of(metadata, name)
                for name in watch.runs
                if name in there
            },
            detail=self._detail(watch, existing, metadata), record=record, alarms={}, sites=(),
            machine=(machine := machine_at(moment, there.values(), live.machine.gpus)), machines=(machine,),
            queue=self._queue(moment, statuses, waiting, there, metadata),
            past=Past(moment, time.time(), self._happenings(live, runs), later, order_known),
            curves=curves, drawn=curves.drawn, axes=self._curves.axes(watch),
        )  # fmt: skip

    def _statuses(
        self, moment: float, live: Snapshot, runs: Mapping[str, Run]
    ) -> tuple[dict[str, Then], bool]:
        """Return the runs that existed, oldest first, and whether there are more to fold than the time allowed."""
        there: dict[str, Then] = {}
        spent = 0.0
        self._runs = {name: run for name, run in self._runs.items() if name in runs}
        for status in live.runs:
            name = status.run
            if (run := runs.get(name)) is None or (known := live.metadata.get(name)) is None:
                continue
            if (past := self._runs.get(name)) is None:
                past = self._runs[name] = PastRun(run, known.created)
            began = time.monotonic()
            is_new = not past.is_near(moment)
            if is_new and spent > BUDGET_S:
                return there, True
            if (then := past.at(moment, status)) is not None:
                there[name] = then
            spent += (time.monotonic() - began) * is_new
        return there, live.metadata.keys() != {status.run for status in live.runs}

    def _happenings(self, live: Snapshot, runs: Mapping[str, Run]) -> tuple[Happening, ...]:
        """Return what runs did, by its time."""
        deeds = {}
        for status in live.runs:
            name = status.run
            if name in runs and (known := live.metadata.get(name)) is not None:
                stamp = (known.created, status.attempt, status.state, status.ended)
                before = self._deeds.get(name)
                if before is None or before[0] != stamp:
                    before = stamp, happenings(runs[name], known.created, status)
                deeds[name] = before
        self._deeds = deeds
        return tuple(sorted(deed for _, of_run in deeds.values() for deed in of_run))

    def _read(
        self, moment: float, watch: Watch, runs: Mapping[str, Run], statuses: tuple[Status, ...]
    ) -> tuple[bool, LazyCurves]:
        """Return whether there is more to read of the watched runs, and their curves."""
        if moment != self._stopped_at:
            self._stopped_at = moment
            self._curves.stop_at(moment)
        _, more = self._curves.read(runs, watch)
        finished = {status.run for status in statuses if status.state == "finished"}
        return more, self._curves.curves(watch, finished)

    def _record(self, moment: float, watch: Watch, runs: Mapping[str, Run]) -> Record | None:
        """Return the run that the run view shows, None while it is closed, or where there was none."""
        if watch.page is None or (run := runs.get(watch.page.run)) is None:
            self._reader = None
            return None
        if self._reader is None or (self._reader.run.id, self._reader.until) != (run.id, moment):
            self._reader = Reader(run, moment)
        return self._reader.look(watch.page, self._curves.histories.get(run.id))

    def _detail(
        self, watch: Watch, runs: Mapping[str, Run], metadata: Mapping[str, RunMetadata]
    ) -> RunDetail | None:
        """Return what is said of the run in focus; None where there was none."""
        if watch.focus is None or (run := runs.get(watch.focus)) is None:
            return None
        history = self._curves.histories.get(watch.focus)
        return detail_of(run, history, metadata.get(watch.focus, RunMetadata()).labels, then=True)

    @staticmethod
    def _queue(
        moment: float, statuses: tuple[Status, ...], waiting: list[str], there: Mapping[str, Then],
        metadata: Mapping[str, RunMetadata],
    ) -> Queue:  # fmt: skip
        """Return the queue; which devices the worker gave out besides is not recorded, so no start is forecast."""
        entries = {name: then.place for name, then in there.items() if then.place is not None}
        if not entries and not any(status.state in LIVE for status in statuses):
            return Queue()
        from engine.queue.forecast import forecast_queue

        configs = {name: known.config for name, known in metadata.items()}
        oldest_first = sorted(statuses, key=lambda status: status.ended)
        forecasts = forecast_queue(oldest_first, entries, waiting, (), moment, configs)
        return Queue(tuple(waiting), entries, forecasts=tuple(forecasts))


def _config_then(config: Config | None, statuses: tuple[Status, ...]) -> tuple[Config | None, int]:
    """Return the configuration with the experiments that had runs, and how many of it had none yet."""
    if config is None:
        return None, 0
    begun = {status.experiment for status in statuses}
    experiments = {name: each for name, each in config.experiments.items() if name in begun}
    return msgspec.structs.replace(config, experiments=experiments), len(config.experiments) - len(
        experiments
    )


def _config_of(metadata: Mapping[str, RunMetadata], name: str) -> Mapping[str, object]:
    known = metadata.get(name)
    return known.config if known is not None else {}
