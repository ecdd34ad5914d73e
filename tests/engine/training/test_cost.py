"""Parameters and operations are exactly the published models'; the estimate of memory is near the truth."""

from itertools import accumulate

import msgspec
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from engine.catalog.model_sizes import MODELS
from engine.config.schema import Experiment
from engine.models import checkpoint_blocks, create_model
from engine.training import cost
from engine.training.cost import (
    cost_of,
    count_classes,
    explain,
    images_per_gpu,
    memory_of,
    summaries,
    summarize,
)

# name, image, patch, parameters, forward GFLOP, forward and backward GFLOP: timm's models with 10 classes
COUNTS = [
    ("vit_b", 224, 16, 85_806_346, 35.126, 105.15),
    ("vit_b", 224, 32, 87_462_922, 8.817, 26.22),
    ("vit_b", 32, 16, 85_658_890, 0.855, 2.560),
    ("vit_b", 32, 32, 87_426_058, 0.3446, 1.029),
    ("vit_l", 32, 16, 303_115_274, 3.029, 9.080),
    ("vit_l", 224, 16, 303_311_882, 123.107, 369.0),
    ("bit_r50x1", 32, None, 23_520_842, 0.1669, 0.496),
    ("bit_r50x1", 224, None, 23_520_842, 8.174, 24.29),
    ("bit_r152x2", 32, None, 232_279_178, 1.870, 5.600),
    ("hybrid_b", 32, None, 97_750_346, 1.017, 3.046),
    ("hybrid_l", 32, None, 315_272_266, 3.191, 9.569),
]
MORE_COUNTS = [
    ("vit_ti", 32, 4, 5_362_762, 0.730),
    ("vit_s", 32, 4, 21_342_346, 2.841),
    ("vit_b", 32, 4, 85_152_010, 11.20),
    ("vit_ti", 224, 16, 5_526_346, 2.507),
    ("vit_s", 224, 16, 21_669_514, 9.197),
    ("hybrid_b", 224, None, 97_897_802, 43.07),
    ("hybrid_l_s32", 32, None, 327_930_954, 1.379),
    ("hybrid_l_s32", 224, None, 327_980_106, 38.82),
    ("hybrid_l", 224, None, 315_468_874, 131.1),
    ("bit_r50x1", 128, None, 23_520_842, 2.669),
    ("bit_r152x2", 224, None, 232_279_178, 91.62),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", COUNTS + MORE_COUNTS, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_parameters_are_exactly_the_published(case):
    name, size, patch, parameters = case[:4]
    with torch.device("meta"):
        model = create_model(name, num_classes=10, image_size=size, patch_size=patch)
    assert sum(each.numel() for each in model.parameters()) == parameters


@pytest.mark.slow
@pytest.mark.parametrize("case", COUNTS, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_training_operations_are_the_published(case):
    name, size, patch, parameters, forward, training = case
    takes = explain(name, size, patch, 1, 10)
    assert takes.parameters == parameters
    assert takes.forward_flops / 1e9 == pytest.approx(forward, rel=6e-4)
    assert takes.training_flops / 1e9 == pytest.approx(training, rel=6e-4)


@pytest.mark.slow
@pytest.mark.parametrize("case", MORE_COUNTS, ids=lambda case: f"{case[0]}-{case[1]}-{case[2]}")
def test_forward_operations_are_the_published(case):
    name, size, patch, parameters, forward = case
    summary = summarize(name, size, patch, 10)
    assert (summary.parameters, summary.name) == (parameters, name)
    assert summary.forward_flops / 1e9 == pytest.approx(forward, rel=6e-4)


def test_operations_of_a_vit_follow_from_its_numbers():
    width, mlp, tokens, depth = 96, 192, 17, 4
    block = tokens * width * (3 * width + width + 2 * mlp) + 2 * tokens * tokens * width
    expected = 2 * (16 * (3 * 8 * 8) * width + depth * block + width * 10)
    assert summarize("vit_mini", 32, 8, 10).forward_flops == expected


@pytest.mark.parametrize(
    ("name", "patch"),
    [("vit_mini", 4), pytest.param("bit_mini", None, marks=pytest.mark.slow), ("hybrid_mini", None)],
)
def test_estimated_memory_is_near_a_measured_step(name, patch):
    batch = 64
    memory = explain(name, 32, patch, batch, 10, precision="fp32").memory
    model = create_model(name, num_classes=10, image_size=32, patch_size=patch)
    images = torch.randn(batch, 3, 32, 32)
    model(images[:2]).sum().backward()
    model.zero_grad()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        loss = model(images).square().mean()
        held = profiler.profiler  # the loss keeps the graph, and the graph the activations
    assert loss.requires_grad
    kept = sum(event.nbytes() for event in held.kineto_results.events() if event.name() == "[memory]")
    assert memory.activations == pytest.approx(kept, rel=0.1)
    weights = sum(each.nbytes for each in model.parameters())
    assert (memory.weights, memory.gradients, memory.optimizer) == (weights, weights, 2 * weights)
    assert memory.total == 4 * weights + memory.activations


def peak_of_a_step(model: nn.Module, images: torch.Tensor) -> int:
    """Bytes that a second step of AdamW in float32 holds at most: weights, moments, and what it allocates and frees."""
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step() -> None:
        functional.cross_entropy(model(images), torch.zeros(len(images), dtype=torch.long)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as profiler:
        step()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns()))
    return 3 * sum(parameter.nbytes for parameter in model.parameters()) + max(held)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size", "patch", "batch"),
    [("vit_ti", 32, 4, 32), ("bit_mini", 32, None, 64), ("bit_r50x1", 64, None, 64), ("hybrid_mini", 32, None, 64),
     ("timm:resnet18", 64, None, 64), ("timm:efficientnet_b0", 64, None, 64)],
)  # fmt: skip
def test_estimated_memory_is_near_the_peak_of_a_whole_step(name, size, patch, batch):
    model = create_model(name, num_classes=10, image_size=size, patch_size=patch)
    peak = peak_of_a_step(model, torch.randn(batch, 3, size, size))
    estimate = explain(name, size, patch, batch, 10, precision="fp32").memory.total
    assert estimate == pytest.approx(peak, rel=0.2)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size", "patch"), [("vit_ti", 32, 4), ("timm:resnet18", 64, None)])
def test_with_checkpointing_it_is_near_the_peak_of_a_whole_step(name, size, patch):
    model = create_model(name, num_classes=10, image_size=size, patch_size=patch)
    checkpoint_blocks(model)
    peak = peak_of_a_step(model, torch.randn(32, 3, size, size))
    memory = explain(name, size, patch, 32, 10, precision="fp32", checkpointing=True).memory
    assert memory.total == pytest.approx(peak, rel=0.2)
    kept = explain(name, size, patch, 32, 10, precision="fp32").memory.activations
    assert memory.activations < 0.8 * kept


def test_batch_norm_is_explained_where_its_last_map_is_one_pixel():
    pytest.importorskip("timm")
    one = explain("timm:resnet18", 32, None, 1, 10).memory
    assert 0.2 * 2**20 < one.activations - 2 * 11_181_642 < 0.3 * 2**20  # an image's, and the weights in bf16
    model = create_model("timm:resnet18", num_classes=10, image_size=32)
    assert one.weights == sum(it.nbytes for it in (*model.parameters(), *model.buffers()))
    assert one.gradients == sum(it.nbytes for it in model.parameters())


def test_a_model_that_cannot_run_without_numbers_is_said(monkeypatch):
    class Reads(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images * images.sum().item()

    monkeypatch.setattr(cost, "create_model", lambda name, **_: Reads())
    with pytest.raises(ValueError, match=r"what timm:reads takes cannot be worked out: RuntimeError: .*meta"):
        summarize("timm:reads", 32, None, 10)


@pytest.mark.slow
def test_memory_grows_with_the_batch_and_shrinks_with_bfloat16_and_fused_attention():
    def activations(batch, precision, attention):
        takes = explain("vit_mini", 64, 4, batch, 10, precision=precision, attention=attention)
        return takes.memory.activations

    assert activations(64, "bf16", "fused") == pytest.approx(
        64 / 8 * activations(8, "bf16", "fused"), rel=0.1
    )
    assert activations(8, "bf16", "fused") < 0.7 * activations(8, "fp32", "fused")
    matrix = 4 * 3 * 257 * 257 * 4
    assert activations(1, "fp32", "math") > activations(1, "fp32", "fused") + 0.95 * matrix


def test_optimizers_differ_in_what_they_keep():
    adamw = explain("vit_mini", 32, 8, 8, 10, optimizer="adamw").memory
    sgd = explain("vit_mini", 32, 8, 8, 10, optimizer="sgd").memory
    assert adamw.optimizer == 2 * sgd.optimizer == 2 * sgd.weights


VIT = Experiment(name="vit", model="vit_mini", image_size=8, patch_size=4, batch_size=100, dataset="digits")


def changed(**changes) -> cost.Memory:
    return memory_of(msgspec.structs.replace(VIT, **changes), 16, 10)


def test_the_average_of_the_weights_and_the_dataset_are_counted():
    memory = changed(ema=0.99, optimizer="sgd")
    assert memory.ema == memory.weights == memory.optimizer == memory.gradients
    assert memory.dataset == 1797 * (3 * 8 * 8 + 8)
    assert memory.total == 4 * memory.weights + memory.activations + memory.dataset


@pytest.mark.slow
def test_keys_of_an_experiment_are_counted():
    plain = changed()
    assert (plain.ema, plain.optimizer) == (0, 2 * plain.weights)
    assert changed(precision="float32", image_size=64).activations > 1.5 * changed(image_size=64).activations
    assert changed(precision="tf32") == changed(precision="float32")
    assert changed(precision="fp16") == changed(precision="bf16") == plain
    assert changed(checkpointing=True).activations < 0.6 * plain.activations
    assert cost_of(VIT, 16, 10).memory == plain
    assert changed(subset_per_class=10).dataset == 460 * (3 * 8 * 8 + 8)
    assert changed(dataset="folder:images").dataset == 0


@pytest.mark.parametrize(("gpus", "images"), [(1, 100), (2, 50), (3, 34)])
def test_a_batch_is_shared_by_gpus(gpus, images):
    assert images_per_gpu(msgspec.structs.replace(VIT, gpus=gpus)) == images


def test_classes_of_a_dataset_are_counted(tmp_path):
    for name in ("ant", "bee", "cat", ".hidden"):
        (tmp_path / "train" / name).mkdir(parents=True)
    assert count_classes(f"folder:{tmp_path}") == 3
    assert count_classes("cifar100") == 100
    assert count_classes(f"folder:{tmp_path / 'nowhere'}") == cost.USUAL_CLASSES


def test_the_list_holds_every_model_that_fits(monkeypatch):
    names = ("vit_mini", "bit_mini", "hybrid_mini", "hybrid_b")
    monkeypatch.setattr("engine.training.cost.MODELS", {name: MODELS[name] for name in names})
    fitting = {each.name: each.patch_tokens for each in summaries(40, 8, 10)}
    assert fitting == {"vit_mini": 25, "bit_mini": None, "hybrid_mini": 25}
