"""All that compiles does so before the first step: counted by a backend that generates no code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from engine.config.schema import Experiment
from engine.models import create_model
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from engine.training.data.dataset import load_dataset
from engine.training.trainer import Trainer

CPU = torch.device("cpu")
VIT = Experiment(
    name="vit", model="vit_mini", dataset="digits", image_size=8, patch_size=4, subset_per_class=3, val_fraction=0.1,
    epochs=2, batch_size=8, compile="on", augment="none",
)  # fmt: skip
"""20 images: two batches of eight and one of four."""
BIT = replace(VIT, model="bit_mini", patch_size=None)
RESNET = replace(
    BIT, model="timm:resnet18", image_size=32, batch_size=19, options={"channels": [64, 8, 8, 8]}
)


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Counts how often a graph is compiled; the graphs run as they are."""
    compile_model, counted = torch.compile, [0]

    def backend(graph, inputs):
        counted[0] += 1
        return graph.forward

    monkeypatch.setattr(torch, "compile", lambda model, mode: compile_model(model, backend=backend))
    torch._dynamo.reset()
    yield counted
    torch._dynamo.reset()


@pytest.fixture
def new_run(tmp_path: Path) -> Callable[[], Run]:
    store = Store(tmp_path / "runs")
    return lambda: store.create(VIT, seed=7)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("experiment", "graphs"),
    [
        (VIT, 2),
        (replace(VIT, accumulate=2), 2),
        (replace(BIT, accumulate=2), 2),
        (replace(BIT, accumulate=3), 2),
        (replace(BIT, batch_size=5, accumulate=3), 2),
        (RESNET, 1),
    ],
    ids=["a short last batch", "accumulated", "BiT, the last batch alone", "BiT, accumulated",
         "BiT, a last batch alone", "BatchNorm, a last batch of one"],
)  # fmt: skip
def test_no_step_compiles(new_run, compilations, experiment, graphs):
    size = experiment.image_size
    model = create_model(
        experiment.model,
        num_classes=10,
        image_size=size,
        patch_size=experiment.patch_size,
        **experiment.options,
    )
    made = Trainer(experiment, 7, model, load_dataset(experiment, 0), CPU, Recorder(new_run()), lambda: None)
    step, within = made.learner.step, []

    def counting(*arguments):
        before = compilations[0]
        step(*arguments)
        within.append(compilations[0] - before)

    made.learner.step = counting
    assert made.fit() is None
    assert set(within) == {0}
    assert compilations[0] == graphs
