"""The learning rate rises in a line and falls in half a cosine, once over the whole run."""

from __future__ import annotations

import pytest
import torch

from engine.config import Experiment
from engine.models import create_model
from engine.training.optim import make_optimizer, make_schedule, warmup_cosine


def test_the_values_of_the_schedule():
    rates = [warmup_cosine(step, 110, 10) for step in range(110)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10] == 1
    assert rates[35] == pytest.approx(0.5 * (1 + 2**-0.5))
    assert rates[60] == pytest.approx(0.5)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert warmup_cosine(110, 110, 10) == warmup_cosine(500, 110, 10) == 0


@pytest.mark.parametrize(("steps", "warmup_steps"), [(1, 0), (1, 1), (2, 1), (5, 0)])
def test_the_shortest_runs_learn_too(steps, warmup_steps):
    assert all(0 < warmup_cosine(step, steps, warmup_steps) <= 1 for step in range(steps))


def test_the_optimizer_follows_the_schedule_and_decays_what_it_should():
    experiment = Experiment(name="x", model="vit_mini", patch_size=4, image_size=8, lr=0.5, weight_decay=0.1)
    model = create_model("vit_mini", num_classes=10, image_size=8, patch_size=4)
    optimizer = make_optimizer(model, experiment)
    schedule = make_schedule(optimizer, steps=20, warmup=0.1)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.5 * warmup_cosine(step, 20, 2) for step in range(20)])
    decay = {id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
    assert len(decay) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        if name.endswith(".bias") or "norm" in name:
            assert decay[id(parameter)] == 0, name
    assert set(decay.values()) == {0, 0.1}
    assert all(isinstance(p, torch.nn.Parameter) for group in optimizer.param_groups for p in group["params"])
