"""What a metric is by its name, and how the values of several GPUs make one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.metrics import (
    HEADLINES,
    family,
    is_loss,
    metric_of,
    over_gpus,
    peak_memory,
    value_of,
    whole_run,
)

SIZES = st.floats(0, 1e15)


@pytest.mark.parametrize(
    ("name", "short", "full", "spoken", "title"),
    [
        ("test/f1", "F1", "test F1", "F1", "F1 (macro)"),
        ("val/f1", "val F1", "val F1", "validation F1", "F1 (macro)"),
        ("train/accuracy", "train acc", "train acc", "training accuracy", "accuracy"),
        ("train/loss", "loss", "train loss", "training loss", "loss"),
        ("gpu/1/memory_peak", "gpu/1 peak", "gpu/1 peak", "gpu/1 memory allocated, peak", "memory allocated, peak"),
        ("gpu/memory_allocated", "gpu memory_allocated", "gpu memory_allocated", "gpu memory allocated between steps",
         "memory allocated between steps"),
        ("own_number", "own_number", "own_number", "own number", "own number"),
    ],
)  # fmt: skip
def test_a_metric_has_its_names(name: str, short: str, full: str, spoken: str, title: str) -> None:
    metric = metric_of(name)
    assert (metric.short, metric.full, metric.spoken, metric.kind.title) == (short, full, spoken, title)


@pytest.mark.parametrize(
    ("name", "unit", "direction", "extreme"),
    [
        ("test/f1", "fraction", "higher", "highest"), ("test/ece", "fraction", "lower", "lowest"),
        ("ema/loss", "plain", "lower", "lowest"), ("train/lr", "rate", "neither", None),
        ("gpu/0/memory_used", "bytes", "lower", "highest"), ("cpu/memory_process", "bytes", "lower", "highest"),
        ("gpu/energy", "joules", "neither", None), ("gpu/3/power", "watts", "neither", None),
        ("time/data", "seconds", "lower", None), ("train/images_per_s", "images/s", "higher", None),
        ("train/mfu", "percent", "higher", None), ("what/ever", "plain", "neither", None),
        ("energy", "plain", "neither", None),
    ],
)  # fmt: skip
def test_a_metric_has_unit_and_direction(name: str, unit: str, direction: str, extreme: str | None) -> None:
    kind = metric_of(name).kind
    assert (kind.unit, kind.direction, kind.extreme) == (unit, direction, extreme)


def test_headlines_are_scores() -> None:
    assert all(metric_of(name).kind.is_score for name in HEADLINES)


@given(st.text())
def test_any_name_is_a_metric(name: str) -> None:
    metric = metric_of(name)
    assert metric.name == name
    assert isinstance(metric.kind.text(1.5), str)


@given(st.lists(SIZES, min_size=1, max_size=8))
def test_gpus_make_one_number_by_their_family(sizes: list[float]) -> None:
    for kind, expected in (("memory_peak", max(sizes)), ("energy", math.fsum(sizes))):
        values = {f"gpu/{i}/{kind}": size for i, size in enumerate(sizes)} | {"cpu/memory_process": 1e18}
        assert over_gpus(values, kind) == value_of(values, f"gpu/{kind}") == pytest.approx(expected)
    assert over_gpus({"gpu/0/utilization": 20.0, "gpu/1/utilization": 40.0}, "utilization") == 30


@given(SIZES)
def test_one_gpu_is_a_family_of_one(size: float) -> None:
    for kind in ("memory_peak", "energy", "utilization", "power"):
        assert over_gpus({f"gpu/{kind}": size}, kind) == size


def test_values_that_are_no_numbers_count_for_nothing() -> None:
    assert over_gpus({"gpu/0/energy": None, "gpu/1/energy": math.nan, "gpu/2/energy": 5.0}, "energy") == 5
    assert over_gpus({"gpu/0/energy": None, "gpu/x/energy": 7.0, "gpu/energy_used": 3.0}, "energy") is None


def test_a_family_is_found_by_its_name() -> None:
    names = ["gpu/0/power", "gpu/1/power", "gpu/1/power_limit", "train/loss", "gpu/x/power"]
    assert family(names, "gpu/power") == ["gpu/0/power", "gpu/1/power"]
    assert family(names, "train/loss") == ["train/loss"]
    assert family(names, "gpu/energy") == []
    assert [whole_run(name) for name in names[2:]] == ["gpu/power_limit", "train/loss", "gpu/x/power"]


def test_the_memory_of_the_host_is_that_of_a_run_without_a_gpu() -> None:
    host = {"cpu/memory_process": 9e9}
    assert peak_memory(host) == 9e9
    assert peak_memory(host | {"gpu/0/memory_process": 1e9, "gpu/1/memory_process": 2e9}) == 2e9


@pytest.mark.parametrize("name", ["loss", "train/loss", "val_loss", "Loss/train", "train.loss", "loss_epoch"])
def test_a_loss_is_known_by_its_name(name):
    assert is_loss(name)


@pytest.mark.parametrize("name", ["train/loss_scale", "glossary", "lossless", "test/f1", ""])
def test_other_names_are_no_losses(name):
    assert not is_loss(name)
