"""Optimizers decay what they should, learning rates follow the schedule, and averages average."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.schema import Experiment
from engine.models import create_model
from engine.training.optim import ExponentialMovingAverage, cosine, make_optimizer, make_schedule, staircase

EXPERIMENT = Experiment(name="x", model="vit_mini", patch_size=4, image_size=8, lr=0.5, weight_decay=0.1)


def small(**changes):
    import msgspec

    return msgspec.structs.replace(EXPERIMENT, **changes)


def rates_of(experiment, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=experiment.lr)
    schedule = make_schedule(optimizer, steps, experiment)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_a_cosine_after_the_warm_up():
    rates = rates_of(small(lr=1.0, warmup=10 / 110), 110)
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10] == 1
    assert rates[35] == pytest.approx(0.5 * (1 + 2**-0.5))
    assert rates[60] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert cosine(1.0) == 0


def test_stairs_at_three_six_and_nine_tenths():
    rates = rates_of(small(lr=1.0, warmup=0.0, schedule="staircase"), 100)
    assert rates == pytest.approx([1] * 30 + [0.1] * 30 + [0.01] * 30 + [0.001] * 10)
    assert staircase(0.0) == 1
    assert rates_of(small(schedule="constant", warmup=0.1), 20) == pytest.approx([0.25] + [0.5] * 19)


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0.0), (1, 0.9), (2, 0.5), (5, 0.0)])
def test_the_shortest_runs_learn_too(steps, warmup):
    assert all(0 < rate <= 0.5 for rate in rates_of(small(warmup=warmup), steps))


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "sgd"])
def test_norms_biases_tokens_and_positions_are_not_decayed(optimizer):
    model = create_model("vit_mini", num_classes=10, image_size=8, patch_size=4)
    groups = make_optimizer(model, small(optimizer=optimizer)).param_groups
    decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
    assert len(decay) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        free = name.endswith((".bias", "cls_token", "pos_embed")) or "norm" in name
        assert decay[id(parameter)] == (0 if free else 0.1), name


def test_sgd_is_nesterovs_and_adam_has_its_usual_betas():
    model = create_model("vit_mini", num_classes=10, image_size=8, patch_size=4)
    (first, *_) = make_optimizer(model, small(optimizer="sgd")).param_groups
    assert (first["momentum"], first["nesterov"]) == (0.9, True)
    assert make_optimizer(model, small(optimizer="adam")).param_groups[0]["betas"] == (0.9, 0.999)
    assert make_optimizer(model, small(optimizer="adamw")).param_groups[0]["betas"] == (0.9, 0.95)


def test_the_constants_of_optimizers_are_keys():
    model = create_model("vit_mini", num_classes=10, image_size=8, patch_size=4)

    def first(**changes):
        return make_optimizer(model, small(**changes)).param_groups[0]

    for optimizer in ("adam", "adamw"):
        group = first(optimizer=optimizer, betas=[0.8, 0.99], eps=1e-6)
        assert (group["betas"], group["eps"]) == ((0.8, 0.99), 1e-6)
        assert first(optimizer=optimizer)["eps"] == 1e-8
    for momentum in (0.0, 0.5):
        group = first(optimizer="sgd", momentum=momentum)
        assert (group["momentum"], group["nesterov"]) == (momentum, momentum > 0)


@settings(max_examples=25)
@given(
    st.sampled_from(["cosine", "staircase"]), st.integers(1, 60), st.floats(0, 0.9), st.floats(0, 0.9),
)  # fmt: skip
def test_the_learning_rate_falls_to_its_floor(schedule, steps, warmup, part):
    floored = rates_of(small(lr=0.5, min_lr=0.5 * part, warmup=warmup, schedule=schedule), steps)
    plain = rates_of(small(lr=0.5, warmup=warmup, schedule=schedule), steps)
    rising = round(warmup * steps)
    assert floored[:rising] == plain[:rising]
    assert min(floored[rising:], default=0.5) >= 0.5 * part * (1 - 1e-9)
    for with_floor, without in zip(floored[rising:], plain[rising:], strict=True):
        cosine_rate = 0.5 * part + (1 - part) * without
        expected = cosine_rate if schedule == "cosine" else max(0.5 * part, without)
        assert with_floor == pytest.approx(expected)
    if part == 0:
        assert floored == plain


def test_the_average_is_the_recurrence_it_says():
    model = torch.nn.Linear(2, 2)
    average = ExponentialMovingAverage(model, decay=0.9)
    expected = model.weight.detach().double().clone()
    for step in range(1, 200):
        with torch.no_grad():
            model.weight.copy_(torch.full((2, 2), math.sin(step)))
        average.update(model, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * math.sin(step)
    torch.testing.assert_close(average.model.weight.double(), expected, rtol=1e-4, atol=1e-5)
    assert not average.model.weight.requires_grad
    assert not average.model.training
