"""Where a posted run is, as lists and filters see it."""

from __future__ import annotations

import time

import msgspec
import pytest

from engine.commands.run_table import print_run_table
from engine.events import End, Start
from engine.query.select import select_runs
from engine.runs.liveness import status_of
from engine.runs.posted.posting import FILE
from engine.runs.recorder import Recorder
from engine.runs.status import Status
from engine.runs.store import Run, Store
from engine.text import json_line
from tests.engine.runs.posted.posted_by_hand import GPUBOX, JZ, hear, post_by_hand


def begin(run: Run, ago_s: float, *, end: str = "") -> None:
    """Have a run begin some seconds ago on another machine, and end there."""
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time() - ago_s, run=run.id, experiment="tiny", pid=1, host="n17", epochs=2))
    if end:
        recorder.emit(End(time=time.time(), run=run.id, state=end, reason="", duration_s=ago_s))  # type: ignore[arg-type]
    recorder.close()


def test_a_run_of_this_folder_is_nowhere_else(run: Run):
    status = status_of(run)
    assert (status.on, status.node, status.heard) == ("", "", 0.0)


def test_one_that_waits_says_its_site_and_why(run: Run):
    post_by_hand(run)
    assert (status_of(run).on, status_of(run).state) == ("jz", "queued")
    hear(run, reason="Priority")
    status = status_of(run)
    assert (status.on, status.node, status.state, status.reason) == ("jz", "", "queued", "Priority")


def test_the_node_is_what_the_site_says_then_what_the_run_said(run: Run):
    post_by_hand(run, ago_s=60)
    hear(run, state="running", node="n17")
    assert (status_of(run).state, status_of(run).node) == ("starting", "n17")
    begin(run, 5.0)
    hear(run, state="running")
    assert (status_of(run).state, status_of(run).node) == ("running", "n17")


def test_one_that_has_finished_says_where(run: Run):
    post_by_hand(run, ago_s=60)
    begin(run, 30.0, end="finished")
    status = status_of(run)
    assert (status.state, status.on, status.node) == ("finished", "jz", "n17")


def test_a_site_that_is_away_leaves_its_runs_with_their_age(run: Run):
    post_by_hand(run, GPUBOX, ago_s=3600)
    begin(run, 1800.0)
    heard = hear(run, GPUBOX, ago_s=180, state="running", node="gpubox")
    status = status_of(run)
    assert status.state == "silent"
    assert status.reason.startswith("gpubox was heard 3 min ago")
    assert status.heard == heard.at


def test_status_json_has_no_say_in_it(run: Run):
    run.status_file.write_bytes(
        msgspec.json.encode(Status(run=run.id, fold=3, on="evil", node="n1", heard=1.0))
    )
    status = status_of(run)
    assert (status.on, status.node, status.heard) == ("", "", 0.0)


def test_a_damaged_posting_is_of_an_unknown_site(run: Run):
    (run.path / FILE).write_text("{")
    assert (status_of(run).on, status_of(run).state) == ("unknown", "silent")


def test_a_filter_asks_for_the_site_and_the_node(store: Store, run: Run, tiny):
    at_home = store.create(tiny, seed=1)
    post_by_hand(run)
    hear(run, state="running", node="n17")
    assert [status.run for status in select_runs(store, "on=jz node=n17")] == [run.id]
    assert [status.run for status in select_runs(store, "-on=jz")] == [at_home.id]


def test_the_list_has_a_column_for_it_only_where_a_run_was_sent(run: Run, capsys: pytest.CaptureFixture[str]):
    print_run_table([status_of(run)])
    assert capsys.readouterr().out.splitlines()[0].split()[:3] == ["state", "run", "epoch"]
    post_by_hand(run, JZ)
    print_run_table([status_of(run)])
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split()[:4] == ["state", "run", "on", "epoch"]
    assert row.split()[:4] == ["…", "queued", run.id, "jz"]
    assert '"on":"jz"' in json_line(status_of(run)).replace(" ", "")
