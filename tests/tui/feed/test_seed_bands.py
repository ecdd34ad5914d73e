"""What several seeds came to: the same on every axis, before smoothing, and told by those that have finished."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tui.feed.seed_bands import mean, outcome_of
from tui.state.snapshot import RunCurve


def curve(run: str, *values: float, every: float = 1.0, raw: list[float] | None = None) -> RunCurve:
    x = every * np.arange(len(values), dtype=float)
    return RunCurve(run, x, np.array(values, float), raw=None if raw is None else np.array(raw))


def test_what_came_of_seeds_does_not_depend_on_the_axis() -> None:
    on_epochs = mean([curve("a", 0.1, 0.6), curve("b", 0.2, 0.8)]).outcome
    on_time = mean([curve("a", 0.1, 0.6), curve("b", 0.2, 0.8, every=3.0)]).outcome
    assert on_epochs == on_time
    assert on_epochs is not None
    assert on_epochs.last == pytest.approx(0.7)
    assert on_epochs.spread == pytest.approx(math.sqrt(0.02))
    assert on_epochs.peak == 0.8


def test_smoothing_does_not_change_it() -> None:
    smoothed = outcome_of([curve("a", 0.1, 0.2, raw=[0.1, 0.9]), curve("b", 0.1, 0.3, raw=[0.1, 0.7])])
    assert smoothed is not None
    assert smoothed.last == pytest.approx(0.8)


def test_a_run_that_goes_on_does_not_count_beside_finished_ones() -> None:
    curves = [curve("a", 0.1, 0.6), curve("b", 0.2, 0.8), curve("c", 0.1)]
    ended = mean(curves, {"a", "b"}).outcome
    assert ended is not None
    assert ended.last == pytest.approx(0.7)
    alone = mean(curves, {"a"}).outcome
    assert alone is not None
    assert (alone.last, alone.spread) == (0.6, None)


def test_nothing_finite_comes_to_nothing() -> None:
    assert outcome_of([curve("a", math.nan), curve("b", math.inf), curve("c", 1e300)]) is None
