from __future__ import annotations

import os
import queue
import threading
from pathlib import Path
from typing import Literal

import pytest

from engine.config.loader import load_config
from engine.runs import run_lock
from engine.runs.recorder import Recorder
from engine.runs.status import TAKEN_OUT
from engine.runs.store import Run, Store
from engine.runs.trust.entry_writer import leave_queue
from engine.runs.trust.queued_by_user import BY_SOMEBODY_ELSE
from engine.runs.why_waiting import OTHER_KEY
from engine.runs.worker_status import WorkerStatus, publish
from engine.system.lock_holder import this_process
from tests.conftest import enqueue, queued
from tests.tui.conftest import Write
from tui.feed.console_tail import console_lines
from tui.feed.feed import Feed
from tui.state.messages import Changed
from tui.state.snapshot import Project, Snapshot, Watch
from tui.views.queue_gantt import turn


def first(feed: Feed) -> Snapshot:
    changed = feed.tick()
    assert isinstance(changed, Changed)
    return changed.snapshot


def test_the_first_tick_knows_experiments_and_runs(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    snapshot = first(Feed(project, lambda _: None))
    assert snapshot.config is not None
    assert list(snapshot.config.experiments) == ["ViT-small", "BiT-small", "one-token"]
    assert [(status.run, status.state) for status in snapshot.runs] == [(run.id, "finished")]


def test_nothing_new_is_said_once_nothing_changes(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    feed = Feed(project, lambda _: None)
    feed.tick()
    feed._machine._next = float("inf")
    assert feed.tick() is None


def test_curves_of_watched_runs_grow_as_events_come(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2, end=None)
    feed = Feed(project, lambda _: None)
    feed.tick()
    feed.look_at(Watch((run.id,), run.id, "epoch"))
    (curve,) = first(feed).curves["test/f1"]
    assert list(curve.x) == [1.0, 2.0]
    with run.events.open("ab") as file:
        file.write(
            b'{"event":"metrics","time":1.0,"run":"%s","step":30,"epoch":3.0,"values":{"test/f1":0.5}}\n'
            % run.id.encode()
        )
    loss = feed._snapshot.curves["test/loss"]
    (curve,) = (changed := first(feed)).curves["test/f1"]
    assert list(curve.x) == [1.0, 2.0, 3.0]
    assert curve.y[-1] == 0.5
    assert changed.curves["test/loss"][0] is loss[0]  # so that its chart is not drawn anew


def test_metrics_that_are_measured_together_share_their_places(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=2)
    feed = Feed(project, lambda _: None)
    feed.tick()
    feed.look_at(Watch((run.id,), run.id, "time"))
    curves = first(feed).curves
    assert curves["test/f1"][0].x is curves["test/loss"][0].x


def test_what_was_not_looked_at_yet_is_said_until_it_was(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    feed = Feed(project, lambda _: None)
    feed._budget_s = -1
    assert (snapshot := first(feed)).unread
    assert snapshot.runs == ()
    feed._budget_s = 1
    assert not (snapshot := first(feed)).unread
    assert len(snapshot.runs) == 1


def test_a_run_that_ends_is_told_once(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=1, end=None, alive=True)
    feed = Feed(project, lambda _: None)
    with run_lock.hold(run):
        assert first(feed).runs[0].state == "running"
    changed = feed.tick()
    assert changed is not None
    assert changed.ended == (run.id,)
    assert changed.snapshot.runs[0].state == "crashed"


def test_nothing_more_is_told_while_the_screen_has_no_time(project: Project, write_run: Write) -> None:
    told: queue.SimpleQueue[Changed] = queue.SimpleQueue()
    feed = Feed(project, told.put, rate=100)
    thread = threading.Thread(target=feed.follow)
    thread.start()
    try:
        changed = told.get(timeout=10)
        run = write_run("ViT-small")
        with pytest.raises(queue.Empty):
            told.get(timeout=0.15)
        while run.id not in [status.run for status in changed.snapshot.runs]:
            changed.taken.set()
            changed = told.get(timeout=10)
    finally:
        feed.stop()
        thread.join()


def test_new_and_removed_runs_are_noticed(project: Project, write_run: Write) -> None:
    feed = Feed(project, lambda _: None)
    assert first(feed).runs == ()
    run = write_run("ViT-small")
    assert [status.run for status in first(feed).runs] == [run.id]
    run.path.rename(project.folder / "elsewhere")
    assert first(feed).runs == ()


def test_a_mistake_in_the_configuration_keeps_what_was_right(project: Project) -> None:
    feed = Feed(project, lambda _: None)
    good = first(feed).config
    project.config.write_text("[experiments.x]\nmodel = 'vit_q'\n")
    os.utime(project.config, ns=(1, 1))
    snapshot = first(feed)
    assert snapshot.config == good
    assert "vit_q" in snapshot.config_error


def test_a_mistake_at_the_start_hides_no_experiment_that_is_right(project: Project) -> None:
    good = project.config.read_text()
    project.config.write_text(
        good + "\n[experiments.x]\nmodel = 'vit_q'\n[experiments.y]\nmodel = 'vit_mini'\nbach = 4\n"
    )
    feed = Feed(project, lambda _: None)
    snapshot = first(feed)
    assert snapshot.config is not None
    assert list(snapshot.config.experiments) == ["ViT-small", "BiT-small", "one-token"]
    assert "vit_q" in snapshot.config_error
    project.config.write_text(
        good + "\n[experiments.x]\nmodel = 'vit_q'\n[experiments.y]\nmodel = 'bit_mini'\n"
    )
    os.utime(project.config, ns=(1, 1))
    snapshot = first(feed)
    assert snapshot.config is not None
    assert list(snapshot.config.experiments) == ["ViT-small", "BiT-small", "one-token", "y"]
    project.config.write_text("[experiments")
    os.utime(project.config, ns=(2, 2))
    assert first(feed).config is snapshot.config
    project.config.write_text(good.replace("[defaults]", "[defaults]\nlearn = 1"))
    os.utime(project.config, ns=(3, 3))
    snapshot = first(feed)
    assert snapshot.config is not None
    assert snapshot.config.experiments == {}  # what is wrong with the defaults is wrong with all


def test_the_console_shows_events_and_print_outs_as_clean_lines(write_run: Write) -> None:
    run = write_run("ViT-small", end="failed", reason="\x1b[31mdisk full")
    run.console.write_bytes(b"warning: \x1b[1mbold\x1b[0m\n\n")
    lines = console_lines(run)
    assert lines[0] == "│ warning: bold"
    assert lines[-1].endswith("failed: disk full")
    assert not any("\x1b" in line for line in lines)


def test_a_run_without_run_json_is_shown_with_its_reason(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    (run.path / "run.json").write_text("{")
    feed = Feed(project, lambda _: None)
    feed.tick()
    feed.look_at(Watch((run.id,), run.id))
    detail = first(feed).detail
    assert detail is not None
    assert "run.json cannot be used" in detail.console[0]


def test_links_out_of_the_runs_folder_are_not_followed(
    project: Project, write_run: Write, tmp_path: Path
) -> None:
    run: Run = write_run("ViT-small")
    outside = tmp_path / "outside"
    run.path.rename(outside)
    run.path.symlink_to(outside)
    assert first(Feed(project, lambda _: None)).runs == ()


def test_a_run_that_goes_on_with_another_batch_shows_that_one(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", end=None)
    with run.events.open("ab") as file:
        file.write(
            b'{"event":"start","time":1.0,"run":"%s","attempt":2,"config":{"batch_size":8}}\n'
            % run.id.encode()
        )
    feed = Feed(project, lambda _: None)
    feed.look_at(Watch((run.id,), run.id, "epoch"))
    detail = first(feed).detail
    assert detail is not None
    assert detail.config["batch_size"] == 8


def test_why_a_run_waits_is_told_whenever_the_worker_says_it_anew(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=1, end="stopped")
    enqueue(run)
    feed = Feed(project, lambda _: None)
    assert first(feed).runs[0].state == "queued"
    for reason in ("held", "1 of 1 CPU slot is taken"):
        publish(project.runs, WorkerStatus(worker=this_process(), reasons={run.id: reason}))
        assert first(feed).runs[0].reason == reason
    publish(project.runs, WorkerStatus(worker=this_process(), reasons={run.id: BY_SOMEBODY_ELSE}))
    snapshot = first(
        feed
    )  # the worker is somebody else's, or of another home: of this user's run that is not said
    assert snapshot.runs[0].reason == f"the worker here (pid {os.getpid()}) {OTHER_KEY}"
    assert turn(snapshot, run.id) == ("", "")


def test_a_long_run_is_sketched_before_it_is_read(
    project: Project, write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.feed.curve_reader.LONG_FILE", 2**19)
    monkeypatch.setattr("tui.feed.refresh_rate.READ_BUDGET_S", 0.01)
    run = write_run("ViT-small", epochs=1, end=None)
    line = b'{"event":"metrics","time":%d,"run":"r","step":%d,"epoch":1.0,"values":{"train/loss":%d.5}}\n'
    with run.events.open("ab") as file:
        file.write(b"".join(line % (10**9 + step, step, step % 7) for step in range(100, 10_000)))
    feed = Feed(project, lambda _: None)
    feed.tick()
    feed.look_at(Watch((run.id,), run.id, "step"))
    snapshot = first(feed)
    (rough,) = snapshot.curves["train/loss"]
    assert snapshot.loading
    assert len(rough.x) > 1000
    assert rough.x[-1] > 9_700
    while snapshot.loading:
        snapshot = first(feed)
        assert snapshot.curves["train/loss"][0] is rough or not snapshot.loading
    (whole,) = snapshot.curves["train/loss"]
    assert list(whole.x[-9_900:]) == list(range(100, 10_000))


def test_a_folder_of_runs_that_is_gone_is_said_and_comes_back(project: Project, write_run: Write) -> None:
    write_run("ViT-small")
    feed = Feed(project, lambda _: None)
    assert first(feed).runs_error == ""
    project.runs.rename(away := project.runs.with_name("away"))
    snapshot = first(feed)
    assert snapshot.runs == ()
    assert "is no longer there: moved or removed" in snapshot.runs_error
    away.rename(project.runs)
    snapshot = first(feed)
    assert len(snapshot.runs) == 1
    assert snapshot.runs_error == ""


@pytest.mark.parametrize(
    ("end", "reason", "told"),
    [
        ("finished", "trained all 1 epochs", True),
        ("stopped", "stopped on request", True),
        ("stopped", TAKEN_OUT, False),  # whoever does that is told so, with how many they were
        (None, "", False),
    ],
)
def test_an_end_is_news_but_not_that_a_run_leaves_the_queue_or_waits_again(
    end: Literal["finished", "stopped"] | None,
    reason: str,
    told: bool,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    news: list[Changed] = []
    feed = Feed(project, news.append)
    run = queued(Store(project.runs), load_config(project.config).experiments["ViT-small"], 0)
    with run_lock.hold(run):  # for as long as something is written it seems to start
        feed.tick()
        feed.tick()
        if end is not None:
            recorder = Recorder(run)
            recorder.end(end, reason)
            recorder.close()
            leave_queue(run)
    changed = [feed.tick() for _ in range(3)]
    assert [name for each in (*news, *changed) if each is not None for name in each.ended] == [run.id] * told
