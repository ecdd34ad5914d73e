"""What the dashboard has the feed prepare: the runs in the charts, in their order, worked out once."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.metadata import RunMetadata
from engine.runs.status import Status
from tui.state import dashboard_state
from tui.state.dashboard_state import BoardState
from tui.state.run_page_record import Page
from tui.state.snapshot import Snapshot

NAMES = [f"run-{n}" for n in range(8)]
SOME = st.sets(st.sampled_from([*NAMES, "gone"]))


def moment(names: Sequence[str] = NAMES) -> Snapshot:
    runs = tuple(
        Status(run=name, experiment="ViT", seed=seed, state="finished") for seed, name in enumerate(names)
    )
    return Snapshot(runs=runs)


def test_runs_are_found_by_their_id_and_stay_in_order() -> None:
    snapshot = moment()
    assert list(snapshot.by_id) == NAMES
    assert all(snapshot.by_id[status.run] is status for status in snapshot.runs)
    assert list(replace(snapshot, runs=snapshot.runs[:2]).by_id) == NAMES[:2]


@given(SOME, st.none() | st.sampled_from(NAMES), st.none() | st.sampled_from([*NAMES, "gone"]))
def test_the_overlaid_and_the_pinned_are_in_the_charts_with_the_one_in_focus_last(
    selected: Set[str], cursor: str | None, pinned: str | None
) -> None:
    watch = BoardState(pinned=pinned, bands=False).watch(moment(), selected, cursor)
    wanted = [name for name in NAMES if name in selected or name == pinned]
    assert list(watch.runs) == [name for name in wanted if name != cursor] + ([cursor] if cursor else [])
    assert watch.focus == cursor


@given(SOME, st.sets(st.sampled_from(NAMES), min_size=1))
def test_what_is_compared_is_alone_in_the_charts(selected: Set[str], compared: Set[str]) -> None:
    state = BoardState(compared=frozenset(compared), bands=False)
    assert list(state.watch(moment(), selected, NAMES[0]).runs) == [
        name for name in NAMES if name in compared
    ]


def test_a_run_that_is_shown_whole_is_in_focus() -> None:
    page = Page(NAMES[3])
    watch = BoardState(page=page, bands=False).watch(moment(), set(), NAMES[0])
    assert (watch.focus, watch.runs, watch.page) == (NAMES[3], (NAMES[3],), page)


def test_seeds_of_a_whole_row_are_one_curve_and_those_of_their_own_rows_each_their_own() -> None:
    snapshot = moment(NAMES[:3])
    snapshot = replace(snapshot, metadata={name: RunMetadata(config={"lr": 0.1}) for name in NAMES[:3]})
    state = BoardState()
    together = state.watch(snapshot, set(), NAMES[0], whole=True)
    assert set(together.runs) == set(NAMES[:3])
    assert [set(fold) for fold in together.folds] == [set(NAMES[:3])]
    assert state.watch(snapshot, set(), NAMES[0], alone={*NAMES}).runs == (NAMES[0],)
    state.bands = False
    assert state.watch(snapshot, set(), NAMES[0], whole=True).folds == ()


def test_what_a_filter_hides_is_in_no_curve_unless_it_is_overlaid() -> None:
    snapshot = moment(NAMES[:3])
    snapshot = replace(snapshot, metadata={name: RunMetadata(config={"lr": 0.1}) for name in NAMES[:3]})
    state = BoardState()
    left = state.watch(snapshot, set(), NAMES[0], whole=True, passing={NAMES[0]})
    assert (left.runs, left.folds) == ((NAMES[0],), ((NAMES[0],),))
    kept = state.watch(snapshot, set(NAMES[:2]), NAMES[0], whole=True, passing={NAMES[0]})
    assert [set(fold) for fold in kept.folds] == [set(NAMES[:2])]


def test_runs_are_worked_out_once_until_something_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    curves_of = dashboard_state.curves_of
    monkeypatch.setattr(dashboard_state, "curves_of", lambda *rest: asked.append(rest) or curves_of(*rest))
    snapshot, state, selected = moment(), BoardState(), {NAMES[1]}
    first = state.watch(snapshot, selected, NAMES[0])
    assert state.watch(replace(snapshot, loading=True), selected, NAMES[0]) == first
    state.axis = "time"
    state.watch(snapshot, set(selected), NAMES[0])
    assert len(asked) == 1
    selected.add(NAMES[2])  # in place, as the list does
    assert NAMES[2] in state.watch(snapshot, selected, NAMES[0]).runs
    state.watch(moment(), selected, NAMES[0])
    state.pinned = NAMES[4]
    assert NAMES[4] in state.watch(snapshot, selected, NAMES[0]).runs
    assert len(asked) == 4
