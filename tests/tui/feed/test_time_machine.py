"""A moment of the past is what was seen then, and nothing later."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from engine.runs.status import Status
from tests.tui.feed.scripted_history import BEGIN, Lab, plan_a_day
from tui.feed.feed import Feed
from tui.state.run_page_record import Page
from tui.state.snapshot import Project, Snapshot, Watch
from tui.views.run_list_tree import make_rows


class Cards:
    """NVML as the history has it."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def sample(self) -> list[Any]:
        return sorted(self._lab.gpus.values(), key=lambda sample: sample.index)


def feed_of(lab: Lab) -> Feed:
    feed = Feed(lab.project, lambda _: None)
    feed._machine._nvml, feed._machine._next = Cards(lab), 0.0  # type: ignore[assignment]
    return feed


def shown(feed: Feed) -> Snapshot:
    """Return what a feed shows once it has read all."""
    snapshot = None
    while snapshot is None or snapshot.loading:
        if (changed := feed.tick()) is not None:
            snapshot = changed.snapshot
    return snapshot


def watching(snapshot: Snapshot) -> Watch:
    names = tuple(status.run for status in snapshot.runs)
    return Watch(names, names[-1] if names else None, "epoch")


def bare(status: Status) -> Status:
    """Return a status without why it waits, which has no time in any file."""
    return msgspec.structs.replace(status, reason="" if status.state == "queued" else status.reason)


def told(snapshot: Snapshot) -> dict[str, Any]:
    """Return what a snapshot tells of runs, charts, queue and GPUs."""
    rows = [row for row in make_rows(snapshot, {"ViT-small", "BiT-small"}) if row.run is not None]
    return {
        "runs": [bare(status) for status in snapshot.runs],
        "rows": [
            row._replace(
                note="" if row.state == "queued" else row.note,
                facts=tuple(fact._replace(status=bare(fact.status)) for fact in row.facts),
                active=tuple(map(bare, row.active)), unfinished=tuple(map(bare, row.unfinished)),
            )
            for row in rows
        ],
        "curves": {
            metric: [(curve.run, list(curve.x), list(curve.y)) for curve in curves]
            for metric, curves in snapshot.curves.items()
        },
        "queue": snapshot.queue.waiting,
        "forecasts": {
            (forecast.run, forecast.devices, forecast.finish) for forecast in snapshot.queue.forecasts if forecast.start
        },
        "gpus": [msgspec.structs.replace(gpu, processes={}) for gpu in snapshot.machine.gpus if gpu.utilization],
    }  # fmt: skip


def times_in(thing: Any, begin: float) -> Iterator[float]:
    """Yield all that may be a time of the history in plain data."""
    match thing:
        case float() if thing > begin:
            yield thing
        case dict():
            for each in thing.values():
                yield from times_in(each, begin)
        case list() | tuple():
            for each in thing:
                yield from times_in(each, begin)


def facts(snapshot: Snapshot) -> Any:
    """Return all that was recorded and is in a snapshot, as plain data."""
    assert snapshot.detail is not None
    assert snapshot.record is not None
    parts = [
        snapshot.runs, [metadata.created for metadata in snapshot.metadata.values()], snapshot.queue.entries,
        snapshot.machine.time, [look.time for look in snapshot.machines], snapshot.detail.facts, snapshot.record.starts,
        snapshot.record.end, snapshot.record.checkpoints,
    ]  # fmt: skip
    return [msgspec.to_builtins(part) for part in parts]


@pytest.mark.slow
def test_fifty_moments_are_as_they_were_seen_live(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(project, monkeypatch)
    length = plan_a_day(lab)
    chance = random.Random(19)
    moments = sorted(BEGIN + chance.uniform(0, length) for _ in range(50))
    live = {}
    for moment in moments:
        lab.go_to(moment)
        feed = feed_of(lab)
        feed.look_at(watching(shown(feed)))
        live[moment] = told(shown(feed))
    lab.go_to(BEGIN + length + 1000)

    feed = feed_of(lab)
    unknown = 0
    chance.shuffle(moments)
    for moment in [*moments, *sorted(moments)]:
        feed.look_back(moment)
        feed.look_at(Watch())
        watch = watching(shown(feed))
        feed.look_at(dataclasses.replace(watch, page=Page(watch.focus)) if watch.focus else watch)
        snapshot = shown(feed)
        seen, then = live[moment], told(snapshot)
        assert snapshot.past is not None
        if not snapshot.past.order_known:
            unknown += 1
            seen["queue"], then["queue"] = set(seen["queue"]), set(then["queue"])
        if watch.focus:
            assert max(times_in(facts(snapshot), BEGIN)) <= moment
        for what in seen:
            assert then[what] == seen[what], (what, moment - BEGIN)
    assert 0 < unknown < len(moments)
    assert time.time() == lab.now
