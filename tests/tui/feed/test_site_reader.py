"""What the feed reads of sites, and which runs it judges again for it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from engine.config.site import Site
from engine.events import Metrics, encode
from engine.runs.posted.site_status import SiteGpu, SiteStatus, folder_of, publish
from engine.runs.store import Run
from tests.engine.runs.posted.posted_by_hand import GPUBOX, JZ, hear, post_by_hand
from tests.tui.conftest import Write
from tui.feed.feed import Feed
from tui.feed.site_reader import SiteReader
from tui.state.snapshot import Project, Snapshot


def quiet(project: Project) -> Feed:
    """Return a feed that does not look at the machine."""
    feed = Feed(project, lambda _: None)
    feed._machine._next = float("inf")
    return feed


def ticked(feed: Feed) -> Snapshot:
    feed.tick()
    return feed._snapshot


def test_without_sites_there_is_nothing_to_read(tmp_path: Path) -> None:
    reader = SiteReader(tmp_path)
    assert not reader.look()
    assert (reader.views, reader.seen) == ((), {})


def test_a_file_is_read_once_for_each_time_that_it_is_replaced(tmp_path: Path) -> None:
    reader = SiteReader(tmp_path)
    publish(tmp_path, SiteStatus(site=JZ, at=1.0))
    assert reader.look()
    assert not reader.look()
    publish(tmp_path, SiteStatus(site=JZ, at=2.0, free_gpus=3))
    assert reader.look()
    assert [view.status.free_gpus for view in reader.views] == [3]
    (folder_of(tmp_path) / "jz.json").unlink()
    assert reader.look()
    assert reader.views == ()


def test_a_site_without_a_table_and_a_file_of_another_name(tmp_path: Path) -> None:
    reader = SiteReader(tmp_path)
    publish(tmp_path, SiteStatus(site=Site(name="slurm:*", slurm="*")))
    publish(tmp_path, SiteStatus(site=JZ))
    (folder_of(tmp_path) / "jz.json").rename(folder_of(tmp_path) / "other.json")
    os.close(os.open(os.fsencode(folder_of(tmp_path)) + b"/\xff.json", os.O_CREAT))
    reader.look()
    assert [view.status.site.name for view in reader.views] == ["slurm:*"]


def test_a_machine_over_ssh_has_a_past(tmp_path: Path) -> None:
    reader = SiteReader(tmp_path)
    for second in range(1, 4):
        gpu = SiteGpu(index=0, name="RTX", utilization=10.0 * second, memory_used=1e300, power=-5.0)
        publish(tmp_path, SiteStatus(site=GPUBOX, at=float(second), gpus=(gpu,)))
        reader.look()
    (view,) = reader.views
    assert [look.gpus[0].utilization for look in view.looks] == [10.0, 20.0, 30.0]
    assert (view.looks[-1].gpus[0].memory_used, view.looks[-1].gpus[0].power) == (None, None)


def test_a_word_that_only_is_newer_is_no_news_of_a_run(tmp_path: Path) -> None:
    run = Run(tmp_path / "r")
    reader = SiteReader(tmp_path)
    hear(run, ago_s=3.0, since=5.0)
    reader.look()
    reader.judged("r", time.monotonic())
    hear(run, ago_s=2.0, since=5.0)
    assert reader.look()
    assert reader.moved == set()
    hear(run, ago_s=1.0, since=5.0, reason="Priority")
    reader.look()
    assert reader.moved == {"r"}
    assert reader.is_due("r", time.monotonic())


@pytest.fixture
def at_jz(write_run: Write) -> Run:
    """A run that waits at a cluster, as its site has said."""
    run = write_run("ViT-small", epochs=0, end=None)
    run.events.unlink()
    run.status_file.unlink()
    post_by_hand(run)
    hear(run, reason="Resources")
    return run


def test_the_snapshot_has_the_sites_and_what_they_say(project: Project, at_jz: Run) -> None:
    snapshot = ticked(quiet(project))
    assert [(status.on, status.state, status.reason) for status in snapshot.runs] == [
        ("jz", "queued", "Resources")
    ]
    assert [view.status.site.name for view in snapshot.sites] == ["jz"]
    seen = snapshot.seen(snapshot.runs[0])
    assert seen is not None
    assert seen.reason == "Resources"
    assert snapshot.queue.postings[at_jz.id].job == "8123"
    assert [forecast.run for forecast in snapshot.queue.forecasts] == [at_jz.id]
    assert snapshot.queue.waiting == ()


def test_a_run_is_judged_when_its_site_says_something_new(project: Project, at_jz: Run) -> None:
    feed = quiet(project)
    ticked(feed)
    assert feed.tick() is None
    hear(at_jz, state="running", node="n17")
    (status,) = ticked(feed).runs
    assert (status.state, status.node) == ("starting", "n17")


def test_and_when_it_has_written_something(project: Project, write_run: Write) -> None:
    run = write_run("ViT-small", epochs=1, end=None)
    post_by_hand(run)
    hear(run, state="running", node="n17")
    feed = quiet(project)
    assert ticked(feed).runs[0].step == 10
    with run.events.open("ab") as file:
        file.write(
            encode(Metrics(time=time.time(), run=run.id, step=11, epoch=1.1, values={"train/loss": 1.0}))
        )
    assert (ticked(feed).runs[0].step, feed._snapshot.runs[0].state) == (11, "running")


def test_of_many_runs_some_are_judged_at_the_next_look(
    project: Project, at_jz: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = quiet(project)
    ticked(feed)
    monkeypatch.setattr("tui.feed.refresh_rate.JUDGE_BUDGET_S", -1.0)
    hear(at_jz, state="running", node="n17")
    assert ticked(feed).runs[0].state == "queued"
    feed._sites._due[at_jz.id] = 0.0  # as if it had waited for long
    assert ticked(feed).runs[0].state == "starting"


def test_where_runs_may_go(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    feed = quiet(project)
    assert ticked(feed).destinations == {}
    project.config.write_text(project.config.read_text() + '\n[sites.jz]\nslurm = "gpu"\n')
    assert list(ticked(feed).destinations) == ["jz"]
    own = tmp_path / "config" / "vitui" / "sites.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[sites.box]\nssh = "box"\n')
    assert sorted(ticked(feed).destinations) == ["box", "jz"]
    own.write_text("[sites.box]\nsssh = 1\n")
    os.utime(own, ns=(1, 1))
    assert list(ticked(feed).destinations) == ["jz"]


def test_the_word_of_the_site_that_has_a_run_counts(project: Project, at_jz: Run) -> None:
    hear(at_jz, starts=time.time() + 600)
    hear(at_jz, GPUBOX, state="running", starts=time.time() + 9)  # it was there before
    (forecast,) = ticked(quiet(project)).queue.forecasts
    assert forecast.start is not None
    assert forecast.start > time.time() + 500
    post_by_hand(at_jz, ago_s=-60)  # what was said is about an earlier job
    (forecast,) = ticked(quiet(project)).queue.forecasts
    assert forecast.start is None
