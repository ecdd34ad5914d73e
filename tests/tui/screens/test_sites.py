"""Runs at sites on the screens: where they are, how old that is, and where the next one goes."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest

from engine.events import Metrics, Start, encode
from engine.runs.posted.posting import FILE, posting_of
from engine.runs.posted.site_status import SiteStatus, publish
from engine.runs.queue_entry import waiting_entry
from engine.runs.store import Run, Store
from engine.runs.trust.posted_by_user import own_posting
from tests.engine.runs.posted.posted_by_hand import GPUBOX, hear, post_by_hand
from tests.tui.conftest import Write
from tests.tui.pilot import AppPilot, board, opened, runs, settle, toasts, until
from tui.screens.dialogs import Dialog
from tui.screens.queue_page import QueueScreen
from tui.state.snapshot import Project
from tui.terminal.textual_private import screen_strips
from tui.views.run_list_columns import find_column
from tui.widgets.completing_input import CompletingInput
from tui.widgets.key_bar import KeyBar
from tui.widgets.runs.run_overview import Overview

TABLES = '\n[sites.jz]\nslurm = "gpu"\n\n[sites.gpubox]\nssh = "gpubox"\n'


@pytest.fixture
def lab(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a cluster and a machine over ssh; what is sent to the latter waits for a bridge."""
    project.config.write_text(project.config.read_text() + TABLES)
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text("#!/bin/sh\nexit 255\n")
    ssh.chmod(0o700)
    monkeypatch.setenv("PATH", str(ssh.parent), prepend=":")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return project


def waits(write_run: Write, experiment: str = "ViT-small", **more: object) -> Run:
    """Return a run that has not begun."""
    run = write_run(experiment, epochs=0, end=None, **more)
    run.events.unlink()
    run.status_file.unlink()
    return run


def began(run: Run, ago_s: float, heard_ago_s: float = 0.0) -> None:
    """Have a run begin on a node, and have measured something."""
    now = time.time()
    events = [
        Start(time=now - ago_s, run=run.id, experiment="ViT-small", pid=7, host="n17", epochs=4, steps_per_epoch=10),
        Metrics(time=now - heard_ago_s, run=run.id, step=10, epoch=1.0, values={"test/f1": 0.5, "train/loss": 1.0}),
    ]  # fmt: skip
    run.events.write_bytes(b"".join(map(encode, events)))


def keys(pilot: AppPilot) -> list[str]:
    return [offer.words for offer in board(pilot).query_one(KeyBar).fitting_offers()]


def shown(pilot: AppPilot) -> str:
    return "\n".join(strip.text for strip in screen_strips(pilot.app.screen))


async def dialog(pilot: AppPilot) -> str:
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))
    return str(pilot.app.screen._text)  # type: ignore[attr-defined]


async def test_a_run_that_waits_says_why_its_site_says_and_no_worker(lab: Project, write_run: Write) -> None:
    run = waits(write_run)
    post_by_hand(run)
    hear(run, reason="12 jobs go before it (Priority)")
    async with opened(lab, (160, 36)) as pilot:
        row = next(row for row in runs(pilot).rows if row.run == run.id)
        assert (row.state, row.note) == ("queued", "12 jobs go before it (Priority)")
        on, node = find_column("on"), find_column("node")
        assert on is not None
        assert node is not None
        assert (on.text(row), node.text(row)) == ("jz", "")
        hear(run, state="running", node="n17")
        await until(pilot, lambda: runs(pilot).row.state == "starting")
        assert "its job began on n17" in shown(pilot)


async def test_a_site_that_is_away_leaves_its_run_with_its_age(lab: Project, write_run: Write) -> None:
    run = waits(write_run)
    post_by_hand(run, GPUBOX, ago_s=3600)
    began(run, 1800, heard_ago_s=185)
    hear(run, GPUBOX, ago_s=181, state="running", node="gpubox")
    async with opened(lab, (160, 36)) as pilot:
        (row,) = (row for row in runs(pilot).rows if row.run == run.id)
        assert (row.state, row.age) == ("silent", "3 min ago")
        line = next(line for line in shown(pilot).splitlines() if "3 min ago" in line)
        assert re.search(r"» ViT-small .* 1/4 +3 min ago", line)
        assert not re.search("failed|crashed", shown(pilot))
        hear(run, GPUBOX, state="running", node="gpubox")
        await until(pilot, lambda: not runs(pilot).row.age)


async def test_r_goes_where_the_experiment_ran_last(lab: Project, write_run: Write) -> None:
    first = write_run("ViT-small")
    post_by_hand(first, GPUBOX)
    write_run("BiT-small")
    async with opened(lab, (160, 36)) as pilot:
        assert "Run on gpubox" in keys(pilot)
        await pilot.press("r", "n")
        await until(pilot, lambda: "on gpubox" in toasts(pilot))
        (new,) = (run for run in Store(lab.runs).runs() if run.id.startswith("ViT") and run.id != first.id)
        posting = own_posting(new)
        assert posting is not None
        assert posting.site == GPUBOX
        await pilot.press("down")
        await until(pilot, lambda: "Run" in keys(pilot))
        await pilot.press("r", "n")
        await until(pilot, lambda: "BiT-small has finished" in toasts(pilot))
        assert any(waiting_entry(run) for run in Store(lab.runs).runs() if run.id.startswith("BiT"))


async def test_r_asks_no_site_for_a_run_that_a_stranger_sent(lab: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    post_by_hand(run, GPUBOX)
    copied = (run.path / FILE).read_bytes().replace(b'"job":"8123"', b'"job":"8124"')
    (run.path / FILE).write_bytes(copied)
    async with opened(lab, (160, 36)) as pilot:
        await pilot.press("r", "n")
        said = await dialog(pilot)
        assert f"{run.id} was sent to gpubox, but not by you" in said
        assert len(Store(lab.runs).runs()) == 1


async def test_r_says_that_a_site_is_gone(lab: Project, write_run: Write) -> None:
    run = write_run("ViT-small")
    post_by_hand(run, GPUBOX)
    lab.config.write_text(lab.config.read_text().replace(TABLES, ""))
    async with opened(lab, (160, 36)) as pilot:
        await pilot.press("r", "n")
        said = await dialog(pilot)
        assert "no site 'gpubox'" in said
        assert "on=here" in said


async def test_o_asks_where_to(lab: Project, write_run: Write) -> None:
    post_by_hand(write_run("ViT-small"), GPUBOX)
    async with opened(lab, (160, 36)) as pilot:
        await pilot.press("o", *"on=", "tab")
        line = pilot.app.screen.query_one(CompletingInput)
        assert list(line.offers()) == ["on=here", "on=jz", "on=gpubox"]
        for text, said in (
            ("", "enter queues a run, seed 0 on gpubox"),
            ("on=here", "enter queues a run, seed 0"),
            ("on=jz lr=1e-3", "enter queues a run, seed 0 on jz"),
            ("on=zj", "✗ no site 'zj'; did you mean 'jz'? Known: jz, gpubox; "
                      "slurm:PARTITION and host:ALIAS need no table"),
            ("on=jz priority=3", "✗ priority=3: it is of the queue here; on=here sends it there"),
            ("on=host:-oProxyCommand=x", "✗ host:-oProxyCommand=x: '-oProxyCommand=x' is no alias: "
                                         "put what ssh needs into ~/.ssh/config and name it here"),
        ):  # fmt: skip
            line.value = text
            await settle(pilot)
            assert str(pilot.app.screen.query_one("#variation-said").render()) == said  # type: ignore[attr-defined]
        line.value = "on=here lr=2e-3"
        await pilot.press("enter")
        await until(pilot, lambda: "ViT-small is queued" in toasts(pilot))
        (new,) = (run for run in Store(lab.runs).runs() if waiting_entry(run))
        assert posting_of(new) is None


async def test_a_site_that_takes_its_time_holds_no_key_up(
    lab: Project, write_run: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_by_hand(write_run("ViT-small"))
    answers = threading.Event()

    def slow(*_: object) -> list[Run]:
        answers.wait(20)
        return [Run(lab.runs / "ViT-small-s0-20261118-150059-abcd")]

    monkeypatch.setattr("engine.remote.post.submit_to", slow)
    async with opened(lab, (120, 36)) as pilot:
        await pilot.press("r", "n", "question_mark")
        await pilot.pause()
        assert "Help" in type(pilot.app.screen).__name__
        assert "on jz" not in toasts(pilot)
        await pilot.press("escape")
        answers.set()
        await until(pilot, lambda: "queued again on jz as" in toasts(pilot))


async def test_the_queue_has_a_block_a_site_and_the_runs_there(lab: Project, write_run: Write) -> None:
    live, waiting = waits(write_run), waits(write_run, seed=1)
    for run in (live, waiting):
        post_by_hand(run, ago_s=900)
    began(live, 600)
    now = time.time()
    hear(live, state="running", node="n17", starts=now - 610, ends=now + 3000)
    hear(waiting, reason="Priority")
    status = SiteStatus(site=GPUBOX, at=now - 300, trouble="it wants a login: run `ssh gpubox` once")
    publish(lab.runs, status)
    async with opened(lab, (120, 36)) as pilot:
        await pilot.press("5", "5")
        screen = pilot.app.screen
        assert isinstance(screen, QueueScreen)
        await until(pilot, lambda: "yours:" in shown(pilot))
        said = shown(pilot)
        assert re.search(r"jz gpu +yours: 0 run, 0 wait +\S+ s ago", said)
        assert re.search(
            r"gpubox +away, heard 5 min (\d+ s )?ago: it wants a login: run `ssh gpubox` once", said
        )
        assert re.search(r"» ViT-small s0 on jz +ends .*┤", said)
        assert re.search(r"… ViT-small s1 on jz +\? +│ not known: Priority", said)
        assert "1 live, 1 waiting" in said
        assert "running on jz, n17, job 8123, epoch 1.00 of 4" in said
        assert "its time is up" in said
        await pilot.press("j")
        await until(pilot, lambda: "waits on jz, job 8123: Priority" in shown(pilot))


async def test_the_pages_of_a_run_say_where_it_is(lab: Project, write_run: Write) -> None:
    run = waits(write_run)
    post_by_hand(run, ago_s=900, number=3)
    began(run, 600)
    now = time.time()
    hear(run, state="running", node="n17", starts=now - 600, ends=now + 3000, restarts=2)
    facts = {"on": "jz, slurm gpu", "job": "8123, posted 3 times", "node": "n17", "restarts": "2"}
    async with opened(lab, (200, 60)) as pilot:
        await until(pilot, lambda: ("job", facts["job"]) in pilot.app.screen.query_one(Overview)._facts)
        overview = dict(pilot.app.screen.query_one(Overview)._facts)
        assert {name: overview[name] for name in facts} == facts
        assert overview["limit"].startswith("1 h 00, until ")
        await pilot.press("enter")
        await until(pilot, lambda: "8123, posted 3 times" in shown(pilot))
        hear(run, state="running", node="n17", starts=now - 600, ends=now + 3000, restarts=3)
        await until(pilot, lambda: re.search(r"restarts +3", shown(pilot)) is not None)
