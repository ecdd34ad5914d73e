"""The queue is what its entries say: they move, are held, come back, and a run that has begun never gets back in."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.events import End
from engine.queue import move_and_hold as queue
from engine.queue.stop_and_resume import request_resume, request_stop
from engine.runs import run_lock, worker_status
from engine.runs.liveness import status_of
from engine.runs.queue_entry import (
    QueueEntry,
    queue_entry,
    waiting_entry,
)
from engine.runs.recorder import Recorder
from engine.runs.store import Run, RunInfo, Store, StoreError
from engine.runs.trust import entry_writer
from engine.runs.trust.entry_writer import leave_queue, take_from_queue
from engine.runs.why_waiting import NO_WORKER
from engine.system.lock_holder import Holder, this_process
from tests.conftest import queued

RUNS = [f"run-s{seed}-20261124-1500{seed:02d}-abcd" for seed in range(6)]


def make(store: Store, **wishes) -> list[Run]:
    """Return six folders, queued a second apart."""
    runs = []
    for number, name in enumerate(RUNS):
        run = Run(store.root / name)
        run.path.mkdir(parents=True)
        facts = RunInfo(
            id=name,
            experiment="run",
            config={"name": "run", "model": "vit_mini"},
            seed=number,
            created=1000.0,
        )
        (run.path / "run.json").write_bytes(msgspec.json.encode(facts))
        entry_writer.enter(run, QueueEntry(submitted=1000.0 + number, **wishes))
        runs.append(run)
    return runs


def order(store: Store) -> str:
    """Return the seeds of the queue, in order."""
    return "".join(run.id[5] for run in queue.waiting(store))


seeds = st.integers(0, 5)


class TestEntries:
    def test_an_old_entry_waits_as_it_did(self, run):
        run.queue_file.write_text('{"submitted":5.0,"device":"cuda:1","settings":["batch_size=8"]}')
        assert waiting_entry(run) == QueueEntry(submitted=5.0, device="cuda:1", settings=["batch_size=8"])
        assert (waiting_entry(run).gpus, waiting_entry(run).priority, waiting_entry(run).retried) == (1, 0, 0)

    def test_taken_it_waits_no_longer_and_says_who_has_it(self, run):
        entry_writer.enter(run, QueueEntry(submitted=1.0, devices={"cpu:0": "CPU slot 1"}))
        take_from_queue(run, 0, by_hand=False)
        assert waiting_entry(run) is None
        place = queue_entry(run)
        assert (place.stage, place.devices) == ("taken", {"cpu:0": "CPU slot 1"})
        assert place.owner.is_alive
        assert place.owner == this_process()

    def test_a_holder_of_another_boot_start_or_machine_is_not_alive(self):
        me = this_process()
        for field, value in [("boot", "x"), ("started", 1.0), ("host", "elsewhere"), ("pid", 2**22 + 1)]:
            assert not msgspec.structs.replace(me, **{field: value}).is_alive

    @pytest.mark.parametrize(
        "act", [lambda run: take_from_queue(run, 0, by_hand=False), lambda run: leave_queue(run)]
    )
    def test_on_a_full_disk_nobody_else_takes_it(self, run, monkeypatch, act):
        entry_writer.enter(run, QueueEntry(submitted=1.0))
        monkeypatch.setattr("engine.system.files.write_all", full)
        act(run)
        assert waiting_entry(run) is None


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


class TestOrder:
    def test_by_priority_then_by_time(self, store):
        runs = make(store)
        assert order(store) == "012345"
        assert queue.prioritize(runs[4], 1) == f"{RUNS[4]} has priority 1"
        queue.prioritize(runs[1], -1)
        assert order(store) == "402351"

    def test_moved(self, store):
        runs = make(store)
        assert queue.move(store, runs[3], "first") == f"{RUNS[3]} is number 1 of 6 in the queue"
        assert order(store) == "301245"
        assert queue.move(store, runs[0], "last").endswith("is number 6 of 6 in the queue")
        assert order(store) == "312450"
        queue.move(store, runs[5], runs[1])
        assert order(store) == "351240"

    def test_it_takes_the_priority_of_where_it_goes(self, store):
        runs = make(store)
        queue.prioritize(runs[5], 7)
        queue.move(store, runs[2], runs[5])
        assert (order(store), waiting_entry(runs[2]).priority) == ("250134", 7)
        queue.move(store, runs[5], "last")
        assert (order(store), waiting_entry(runs[5]).priority) == ("201345", 0)

    def test_a_move_hundreds_of_times_into_the_same_gap_is_a_move(self, store):
        runs = make(store)
        expected = order(store)
        for number in range(200):
            mover = runs[2 + number % 3]
            expected = expected.replace(mover.id[5], "").replace("1", f"{mover.id[5]}1")
            queue.move(store, mover, runs[1])
            assert order(store) == expected

    @given(st.lists(st.tuples(seeds, st.sampled_from(["first", "last", "high"]) | seeds), max_size=8))
    def test_any_moves_do_what_they_say(self, tmp_path_factory, moves):
        store = Store(tmp_path_factory.mktemp("moves"))
        runs = make(store)
        for mover, where in moves:
            expected = [int(seed) for seed in order(store) if int(seed) != mover]
            if where == mover:
                continue
            if where == "high":
                queue.prioritize(runs[mover], 1)
                assert [int(seed) for seed in order(store) if int(seed) != mover] == expected
                continue
            at = {"first": 0, "last": 5}[where] if isinstance(where, str) else expected.index(where)
            expected.insert(at, mover)
            queue.move(store, runs[mover], where if isinstance(where, str) else runs[where])
            assert [int(seed) for seed in order(store)] == expected

    def test_what_does_not_wait_is_not_moved(self, store, run):
        for act in (
            lambda: queue.move(store, run, "first"), lambda: queue.hold(run), lambda: queue.prioritize(run, 1),
        ):  # fmt: skip
            with pytest.raises(StoreError, match="does not wait in the queue"):
                act()
        waiting = make(store)[0]
        with pytest.raises(StoreError, match=f"{run.id} does not wait"):
            queue.move(store, waiting, run)

    def test_what_is_being_started_is_not_moved(self, store, monkeypatch):
        monkeypatch.setattr("engine.runs.run_lock.HOLD_TIMEOUT_S", 0.1)
        run = make(store)[0]
        with run_lock.hold(run), pytest.raises(StoreError, match="by another process"):
            queue.hold(run)
        assert not waiting_entry(run).on_hold


def ended(store: Store, tiny, state: str) -> Run:
    run = store.create(tiny, seed=0)
    recorder = Recorder(run)
    recorder.emit(End(time=time.time(), run=run.id, state=state))
    recorder.close()
    return run


class TestAfter:
    def test_a_moved_run_waits_no_longer_for_what_never_finishes(self, store, tiny):
        failed, finished = ended(store, tiny, "failed"), ended(store, tiny, "finished")
        run, queued = make(store)[:2]
        after = [failed.id, finished.id, queued.id, "gone-s0-20261124-150000-abcd"]
        entry_writer.enter(run, QueueEntry(submitted=1.0, after=after, not_before=2e9))
        said = queue.move(store, run, "first")
        assert said.endswith(f"; it waits no longer for {failed.id}, gone-s0-20261124-150000-abcd")
        assert (waiting_entry(run).after, waiting_entry(run).not_before) == ([finished.id, queued.id], 0.0)


class TestBack:
    def test_a_resumed_run_asks_the_queue_for_what_it_asked_before(self, store, tiny):
        run = ended(store, tiny, "failed")
        entry_writer.enter(
            run,
            QueueEntry(
                submitted=1.0, stage="failed", gpus=2, priority=3, share=True, device="cuda", retried=2
            ),
        )
        request_resume(run, settings=["batch_size=8"])
        entry = waiting_entry(run)
        assert (entry.gpus, entry.priority, entry.share, entry.device) == (2, 3, True, "cuda")
        assert (entry.settings, entry.retried, entry.holder) == (["batch_size=8"], 0, None)
        assert entry.attempts == status_of(run).attempt
        assert entry.submitted > 1.0

    def test_a_run_that_somebody_else_has_resumed_meanwhile_stays_out(self, store, tiny, monkeypatch):
        run = ended(store, tiny, "failed")
        with run_lock.hold(run):
            take_from_queue(run, 0, by_hand=False)  # as the process does that another request started
        monkeypatch.setattr(queue, "status_of", lambda run, **mine: status_of(run))
        with pytest.raises(StoreError, match="is starting"):
            queue.put_back(run)
        assert waiting_entry(run) is None

    def test_cancelled_it_keeps_what_it_asked_for(self, store, tiny):
        run = queued(store, replace(tiny, gpus=2), share=True)
        request_stop(run, "stop-now")
        assert (waiting_entry(run), queue_entry(run).stage, queue_entry(run).gpus) == (None, "left", 2)
        assert status_of(run).state == "stopped"
        request_resume(run)
        assert (waiting_entry(run).gpus, waiting_entry(run).share) == (2, True)


class TestReasons:
    def test_without_a_worker_it_says_so(self, store):
        runs = make(store)
        assert status_of(runs[0]).reason == NO_WORKER
        queue.hold(runs[0])
        assert status_of(runs[0]).reason == "held"
        queue.hold(runs[0], release=True)
        assert status_of(runs[0]).reason == NO_WORKER

    def test_it_is_what_the_worker_says(self, store):
        runs = make(store)
        said = worker_status.WorkerStatus(
            worker=this_process(), reasons={runs[0].id: "1 of 1 CPU slot is taken"}
        )
        worker_status.publish(store.root, said)
        assert status_of(runs[0]).reason == "1 of 1 CPU slot is taken"
        assert status_of(runs[1]).reason == ""  # not seen yet
        said.reasons = {runs[0].id: "held"}
        worker_status.publish(store.root, said)
        assert status_of(runs[0]).reason == "held"
        worker_status.withdraw(store.root)
        assert status_of(runs[0]).reason == NO_WORKER

    def test_a_dead_worker_is_not_believed_one_elsewhere_is(self, store):
        run = make(store)[0]
        for host, reason in [(this_process().host, NO_WORKER), ("elsewhere", "because")]:
            worker = Holder(pid=2**22 + 1, started=1.0, boot="x", host=host, space=this_process().space)
            worker_status.publish(
                store.root, worker_status.WorkerStatus(worker=worker, reasons={run.id: "because"})
            )
            assert status_of(run).reason == reason

    @pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff", b"{" * 10_000])
    def test_a_damaged_notice_says_nothing(self, store, damage):
        run = make(store)[0]
        (store.root / ".queue.json").write_bytes(damage)
        assert status_of(run).reason == NO_WORKER
