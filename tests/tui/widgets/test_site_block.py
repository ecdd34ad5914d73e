"""The blocks of sites on the machine board: whatever a site's file says, each line is text and fits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.config.site import Site
from engine.runs.posted.posting import Posting, Seen
from engine.runs.posted.site_status import SiteGpu, SiteStatus
from engine.runs.posted.whereabouts import Whereabouts
from engine.runs.status import Status
from tests.engine.runs.posted.posted_by_hand import GPUBOX, JZ
from tests.hostile_texts import HOSTILE, acted_on
from tui.feed.site_reader import SiteReader
from tui.state.snapshot import Machine, SiteView, Snapshot
from tui.text import Line
from tui.views.site_facts import age_text, facts_at_site
from tui.widgets.machine.machine_board import board_lines

NOW = 1_795_000_000.0


def text(line: Line) -> str:
    return "".join(words for words, _ in line)


def block(*statuses: SiteStatus, width: int = 100, runs: tuple[Status, ...] = ()) -> list[str]:
    """Return the lines of sites, below those of a machine of which nothing is known yet."""
    views = tuple(SiteView(status) for status in statuses)
    snapshot = Snapshot(machine=Machine(time=NOW), sites=views, runs=runs)
    return [text(line).rstrip() for line in board_lines(snapshot, width)][1:]


def test_a_cluster_says_what_is_free_and_what_is_yours() -> None:
    status = SiteStatus(site=JZ, at=NOW - 8, free_gpus=3, all_gpus=16, running=4, waiting=7)
    assert block(status) == ["jz gpu    3 of 16 GPUs free   yours: 4 run, 7 wait   8 s ago"]
    assert block(status, width=46) == ["jz gpu    3/16 free   4 run, 7 wait   8 s ago"]
    assert block(status, width=34) == ["jz gpu    3/16 free   8 s ago"]
    assert block(msgspec.structs.replace(status, free_gpus=None)) == [
        "jz gpu    yours: 4 run, 7 wait   8 s ago"
    ]


def test_one_that_does_not_answer_says_why_and_since_when() -> None:
    status = SiteStatus(site=GPUBOX, at=NOW - 180, trouble="it wants a login: run `ssh gpubox` once")
    assert block(status) == ["gpubox   away, heard 3 min ago: it wants a login: run `ssh gpubox` once"]
    never = msgspec.structs.replace(status, at=0.0)
    live = Status(run="r", state="queued", on="gpubox")
    assert block(never, runs=(live,)) == ["gpubox   away: it wants a login: run `ssh gpubox` once"]


def test_one_of_long_ago_is_shown_while_a_run_is_there() -> None:
    status = SiteStatus(site=JZ, at=NOW - 86_400)
    assert block(status) == []
    assert block(status, runs=(Status(run="r", state="finished", on="jz"),)) == []
    assert block(status, runs=(Status(run="r", state="silent", on="jz"),)) == [
        "jz gpu    yours: 0 run, 0 wait   1 d ago"
    ]


@pytest.mark.parametrize(
    ("ago", "said"), [(0.3, "0.3 s ago"), (8.2, "8 s ago"), (200, "3 min ago"), (-5, "0.0 s ago")]
)
def test_ages(ago: float, said: str) -> None:
    assert age_text(NOW - ago, NOW) == said


TEXTS = st.sampled_from(list(HOSTILE.values()))
WHOLE = st.integers(-(2**70), 2**70)
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
MOMENTS = st.floats(0, 1e11)
SITES = st.builds(Site, name=TEXTS, ssh=TEXTS, slurm=TEXTS)
GPUS = st.builds(
    SiteGpu, index=WHOLE, name=TEXTS, utilization=NUMBERS, memory_used=NUMBERS, memory_total=NUMBERS, power=NUMBERS,
    temperature=NUMBERS,
)  # fmt: skip
SEEN = st.builds(
    Seen, at=MOMENTS, since=MOMENTS, state=st.sampled_from(["pending", "running", "ended"]), reason=TEXTS, node=TEXTS,
    starts=MOMENTS, ends=MOMENTS, restarts=WHOLE, exit=TEXTS,
)  # fmt: skip
STATUSES = st.builds(
    SiteStatus, site=SITES, at=MOMENTS, trouble=TEXTS | st.just(""), clock_ahead_s=st.floats(-1e300, 1e300),
    free_gpus=st.none() | WHOLE, all_gpus=st.none() | WHOLE, running=WHOLE, waiting=WHOLE, host=TEXTS,
    gpus=st.lists(GPUS, max_size=3).map(tuple), cpu=NUMBERS,
)  # fmt: skip


@given(st.lists(STATUSES, max_size=3), st.integers(24, 200))
def test_no_site_breaks_the_board(statuses: list[SiteStatus], width: int) -> None:
    reader = SiteReader(Path("/nowhere"))
    views = tuple(SiteView(status, tuple(reader._remember(status))) for status in statuses)
    runs = tuple(Status(run=str(n), state="queued", on=status.site.name) for n, status in enumerate(statuses))
    lines = board_lines(Snapshot(machine=Machine(time=NOW), sites=views, runs=runs), width)
    assert len(lines) == 1 + sum(1 if status.trouble else 1 + len(status.gpus) for status in statuses)
    for line in lines[1:]:
        assert not acted_on(text(line))
        assert cell_len(text(line).rstrip()) <= width


@given(SITES, SEEN, st.sampled_from(["queued", "running", "crashed", "silent"]), WHOLE, TEXTS)
def test_no_posting_breaks_the_facts(site: Site, seen: Seen, state: Any, number: int, job: str) -> None:
    place = Whereabouts(Posting(site=site, name="n", posted=1.0, number=number, job=job), seen)
    for pair in facts_at_site(Status(run="r", state=state, host=job, attempt=1), place):
        assert not acted_on("".join(pair))
    assert math.isfinite(seen.ends)
