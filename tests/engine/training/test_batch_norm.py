"""A model with BatchNorm trains as any other: nothing but its steps moves its statistics, and it resumes exactly."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from engine.config.schema import Experiment
from engine.models import create_model
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from engine.training import checkpoint
from engine.training.batch_norm import least_batch, note_on_ranks, synchronized
from engine.training.batch_order import cut
from engine.training.data.dataset import Dataset, load_dataset
from engine.training.trainer import Trainer

CPU = torch.device("cpu")
RESNET = Experiment(
    name="resnet", model="timm:resnet18", dataset="digits", image_size=32, subset_per_class=3, val_fraction=0.1,
    epochs=2, batch_size=8, log_every=1, lr=1e-3, options={"channels": [64, 8, 8, 8]},
)  # fmt: skip
"""20 images: two batches of eight and one of four, through all 122 tensors of a ResNet-18, each of them small."""


@functools.cache
def digits() -> Dataset:
    data = load_dataset(RESNET, seed=0)
    few = slice(0, 40)
    test = type(data.test)(data.test.images[few], data.test.labels[few])
    return type(data)(data.train, data.val, test, data.classes, data.mean, data.std, data.flips)


def trainer(run: Run, experiment: Experiment = RESNET, stop_at: int | None = None) -> Trainer:
    torch.manual_seed(7)
    model = create_model(experiment.model, num_classes=10, image_size=32, **experiment.options)

    def wanted() -> Any:
        return "stop-now" if stop_at is not None and made.step >= stop_at else None

    made = Trainer(experiment, 7, model, digits(), CPU, Recorder(run), wanted)
    return made


def tensors(made: Trainer) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in made.learner.model.state_dict().items()}


def differing(one: dict[str, Tensor], two: dict[str, Tensor]) -> list[str]:
    assert len(one) == len(two) == 122
    return [name for name, tensor in one.items() if not torch.equal(tensor, two[name])]


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[[], Run]:
    store = Store(tmp_path / "runs")
    return lambda: store.create(RESNET, seed=7)


def test_what_is_done_before_the_first_step_moves_no_tensor(new_run):
    made = trainer(new_run())
    made.learner.model.train()
    before = tensors(made)
    made.learner.accelerate(made._passes())
    assert differing(before, tensors(made)) == []


@pytest.mark.slow
def test_stopped_and_resumed_is_undisturbed_with_an_average_too(new_run):
    experiment = replace(RESNET, ema=0.9)
    whole = trainer(new_run(), experiment)
    assert whole.fit() is None
    run = new_run()
    assert trainer(run, experiment, stop_at=2).fit() == "stop-now"
    rest = trainer(run, experiment)
    rest.restore(checkpoint.load(run.checkpoints / "last.pt", CPU))
    assert rest.fit() is None
    assert rest.step == whole.step == 6
    assert differing(tensors(whole), tensors(rest)) == []
    averages = [made.learner.average.model.state_dict() for made in (whole, rest)]
    assert differing(*averages) == []
    tracked = averages[0]["bn1.num_batches_tracked"]
    assert (tracked.dtype, int(tracked)) == (torch.int64, 6)


def test_a_last_batch_of_one_image_joins_the_one_before_it(new_run):
    """Channels of one pixel have no variance over one image: PyTorch refuses it, after an epoch of work."""
    made = trainer(new_run(), replace(RESNET, batch_size=19, epochs=1))
    assert made.fit() is None
    assert (made.step, made.learner.model.state_dict()["bn1.num_batches_tracked"]) == (1, 1)


@pytest.mark.parametrize(
    ("images", "size", "least", "lengths"),
    [
        (20, 8, 1, [8, 8, 4]), (17, 8, 1, [8, 8, 1]), (17, 8, 2, [8, 9]), (18, 8, 2, [8, 8, 2]), (16, 8, 2, [8, 8]),
        (19, 8, 4, [8, 11]), (1, 8, 2, [1]), (9, 8, 2, [9]),
    ],
)  # fmt: skip
def test_batches_are_of_one_size_and_the_last_is_not_too_small(images, size, least, lengths):
    batches = cut(torch.arange(images) + 5, size, least)
    assert [len(batch) for batch in batches] == lengths
    assert torch.equal(torch.cat(batches), torch.arange(images) + 5)


def test_only_models_with_batch_norm_need_more_than_one_image():
    resnet = create_model("timm:resnet18", num_classes=10, image_size=32)
    bit = create_model("bit_mini", num_classes=10, image_size=32)
    assert [least_batch(model, ranks) for model in (resnet, bit) for ranks in (1, 4)] == [2, 8, 1, 1]


def test_on_gpus_batch_norm_is_over_the_images_of_all_ranks():
    from timm.layers import SyncBatchNormAct

    bit = create_model("bit_mini", num_classes=10, image_size=32)
    for name, kind in (("resnet18", nn.SyncBatchNorm), ("efficientnet_lite0", SyncBatchNormAct)):
        model = create_model(f"timm:{name}", num_classes=10, image_size=32)
        assert synchronized(model, CPU) is model
        images = torch.rand(2, 3, 32, 32)
        expected = model.eval()(images)
        parameters = list(model.parameters())
        converted = synchronized(model, torch.device("cuda", 1))
        norms = [module for module in converted.modules() if isinstance(module, _BatchNorm)]
        assert norms
        assert all(isinstance(norm, nn.SyncBatchNorm) for norm in norms)
        assert any(type(norm) is kind for norm in norms)
        assert all(one is two for one, two in zip(parameters, converted.parameters(), strict=True))
        assert torch.equal(converted(images), expected)
        assert "on CPUs" in note_on_ranks(create_model(f"timm:{name}", num_classes=10, image_size=32), 2)
        assert note_on_ranks(converted, 2) == note_on_ranks(bit, 2) == ""
    assert synchronized(bit, torch.device("cuda", 1)) is bit
