from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
import pytest

from engine.analysis import curves as arithmetic
from engine.analysis.curves import Curve, bounds_of, curve_of, mean_over_seeds
from engine.catalog.metrics import Axis
from engine.events import Metrics, Start
from engine.history.reader import History
from tui.feed.lazy_curves import LazyCurves
from tui.feed.measured_columns import RunColumns

LENGTHS = {"a": 5, "b": 9, "c": 0, "d": 7}
"""How often each run has measured what all do; d has not said at which epochs."""
FOLDS: tuple[tuple[str, ...], ...] = (("a", "b"), ("c", "d"))


def measure(history: History, run: str, steps: range) -> None:
    """Have a run say its metrics at some steps."""
    for step in steps:
        epoch = 0.0 if run == "d" else step / 4
        values = {"test/f1": step % 5 / 5, "train/loss": 1 / (1 + step), f"x/{run}": float(step)}
        history.fold(Metrics(time=101.0 + step, run=run, step=step, epoch=epoch, values=values))
        history.fold(
            Metrics(time=101.0 + step, run=run, step=step, epoch=epoch, values={"gpu/energy": 2.0 * step})
        )
        history.offset += 1


def histories() -> dict[str, History]:
    read = {run: History(f"{run}/events.jsonl") for run in LENGTHS}
    for run, length in LENGTHS.items():
        read[run].fold(Start(time=100.0, run=run, config={"model": "vit_b", "batch_size": 8}))
        measure(read[run], run, range(length))
    return read


def look(
    read: Mapping[str, History], axis: Axis = "step", smoothing: float = 0.0,
    folds: Sequence[tuple[str, ...]] = (), before: LazyCurves | None = None,
) -> LazyCurves:  # fmt: skip
    runs = [RunColumns(run, history, axis) for run, history in read.items()]
    return LazyCurves(runs, smoothing, folds, {"a"}, before)


def all_curves(
    read: Mapping[str, History], axis: Axis, smoothing: float, folds: Sequence[tuple[str, ...]]
) -> dict[str, list[Curve]]:
    """Return the curves of all metrics, each made from the whole history of its runs."""
    fold_of = {run: fold for fold in folds for run in fold}
    groups: dict[str, dict[tuple[str, ...], list[Curve]]] = {}
    for run, history in read.items():
        for metric in history.columns:
            curve = curve_of(run, *history.series(metric, axis), smoothing)
            groups.setdefault(metric, {}).setdefault(fold_of.get(run, (run,)), []).append(curve)
    return {
        metric: [
            mean_over_seeds(members, bounds_of(metric), smoothing, {"a"}) for members in of_metric.values()
        ]
        for metric, of_metric in groups.items()
    }


@pytest.mark.parametrize("axis", ["step", "epoch", "time", "joules"])
def test_they_are_those_that_would_be_made_of_everything(axis: Axis) -> None:
    read = histories()
    for smoothing, folds in itertools.product((0.0, 0.6), ((), FOLDS, (("a", "b", "d"),))):
        made, expected = look(read, axis, smoothing, folds), all_curves(read, axis, smoothing, folds)
        assert list(made) == list(expected)
        assert made.drawn == {curve.run for curves in expected.values() for curve in curves}
        for metric, curves in expected.items():
            for curve, whole in zip(made[metric], curves, strict=True):
                for field in fields(Curve):
                    np.testing.assert_equal(getattr(curve, field.name), getattr(whole, field.name))


def test_only_what_is_asked_for_is_made_and_then_made_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def counted(run: str, *words: object, **how: bool) -> Curve:
        made.append(run)
        return curve_of(run, *words, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(arithmetic, "curve_of", counted)
    read = histories()
    first = look(read)
    assert "x/a" in first
    assert len(first) == 6
    assert made == []
    shown = first["x/a"]
    assert made == ["a"]
    measure(read["b"], "b", range(9, 12))
    second = look(read, before=first)  # nobody has asked anything of it
    third = look(read, before=second)
    assert (made, third.wanted) == (["a"], {"x/a"})
    assert third["x/a"][0] is shown[0]  # without news, so that its chart is not drawn anew
    assert [len(curve.x) for curve in third["x/b"]] == [12]
    fourth = look(read, before=third)
    del made[:]
    assert (fourth["x/a"][0], fourth["x/b"][0]) == (third["x/a"][0], third["x/b"][0])
    assert made == []
    with pytest.raises(KeyError):
        fourth["x/nothing"]


def test_what_is_read_later_changes_nothing_of_a_look() -> None:
    read = histories()
    before = look(read, "time")
    measure(read["a"], "a", range(5, 900))
    read["a"].fold(
        Metrics(time=9e3, run="a", step=900, epoch=9.0, values={"test/f1": 0.5})
    )  # alone from now on
    read["b"].go_back(3)
    assert [len(curve.x) for curve in before["test/f1"]] == [5, 9, 7]
    assert before["test/f1"][0].x is before["train/loss"][0].x  # measured together: their places are shared


def test_the_mean_of_another_smoothing_is_another() -> None:
    read = histories()
    rough = look(read, folds=FOLDS)
    (mean, _) = rough["test/f1"]
    assert look(read, folds=FOLDS, before=rough)["test/f1"][0] is mean
    (smooth, _) = look(read, smoothing=0.9, folds=FOLDS, before=rough)["test/f1"]
    np.testing.assert_array_equal(smooth.values, mean.y)
    assert not np.array_equal(smooth.y, mean.y)
