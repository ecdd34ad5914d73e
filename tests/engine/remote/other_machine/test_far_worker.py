"""Who is started for runs that were brought to a machine and that nobody there looks at."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.queue.worker import work
from engine.remote.other_machine import far_worker
from engine.remote.other_machine.far_worker import ensure_service
from engine.runs.queue_entry import waiting_entry
from engine.runs.trust import entry_writer
from tests.conftest import queued
from tests.engine.remote.other_machine.test_far_verdict import taken


@pytest.fixture
def began(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which of them were started."""
    began: list[str] = []
    monkeypatch.setattr(
        far_worker, "ensure_worker", lambda store, *options: began.append(" ".join(["worker", *options]))
    )
    return began


def test_a_run_that_waits_has_a_worker(store, tiny, began):
    ensure_service(store, [queued(store, tiny)])
    assert began == ["worker --config /dev/null"]


def test_a_run_that_crashed_with_its_worker_has_another(store, tiny, began):
    ensure_service(store, [taken(store, tiny, "failed")])
    assert began == ["worker --config /dev/null"]


def test_a_run_that_waits_for_its_user_has_none_once_a_worker_has_seen_it(store, tiny, began):
    run = queued(store, tiny)
    entry_writer.change(run, waiting_entry(run), replace(waiting_entry(run), on_hold=True))
    work(store, lambda: False)
    ensure_service(store, [run])
    assert began == []
    ensure_service(store, [run, queued(store, tiny, seed=1)])
    assert began == ["worker --config /dev/null"], "that came after it had left"


def test_a_run_that_was_not_queued_has_none(store, tiny, began):
    ensure_service(store, [store.create(tiny, seed=0)])
    assert began == []
