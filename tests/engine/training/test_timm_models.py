"""Models of timm train, stop and resume as the catalogue's do."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from msgspec.structs import replace

from engine.cli import main
from engine.config.schema import Experiment
from engine.events import Start, decode
from engine.models import create_model
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from engine.system.files import tail
from engine.training import checkpoint
from engine.training.build_trainer import build
from engine.training.data.dataset import Dataset, load_dataset
from engine.training.data.unsplit_dataset import ignore
from engine.training.trainer import Trainer

CPU = torch.device("cpu")
STEPS = 3
MODELS = {
    "cait_xxs24_224": {"embed_dim": 48, "depth": 1, "num_heads": 2, "depth_token_only": 1},
    "swin_tiny_patch4_window7_224": {"embed_dim": 24, "depths": [1, 1], "num_heads": [1, 2]},
}
"""Talking heads, which no kernel of PyTorch computes, and windows with relative positions; made small."""


def experiment(name: str) -> Experiment:
    return Experiment(
        name="timm", model=f"timm:{name}", options=MODELS[name] | {"drop_path_rate": 0.2}, dataset="digits",
        image_size=32, subset_per_class=10, val_fraction=0.1, epochs=1, batch_size=32, lr=1e-3, layer_decay=0.75,
    )  # fmt: skip


@functools.cache
def digits() -> Dataset:
    data = load_dataset(experiment("cait_xxs24_224"), seed=0)
    few = type(data.test)(data.test.images[:20], data.test.labels[:20])
    return type(data)(data.train, few, few, data.classes, data.mean, data.std, data.flips)


def trainer(run: Run, name: str, stop_at: int | None = None) -> Trainer:
    torch.manual_seed(7)
    settings = experiment(name)
    model = create_model(settings.model, num_classes=10, image_size=32, **settings.options)

    def wanted() -> str | None:
        return "stop-now" if made.step == stop_at else None

    made = Trainer(settings, 7, model, digits(), CPU, Recorder(run), wanted)
    return made


@pytest.mark.parametrize("name", MODELS)
def test_stopped_and_resumed_it_is_the_run_that_never_stopped(name: str, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    whole, parts = (store.create(experiment(name), seed=7) for _ in "ab")
    assert trainer(whole, name).fit() is None
    assert trainer(parts, name, stop_at=2).fit() == "stop-now"
    again = trainer(parts, name)
    torch.manual_seed(99)  # what the process did before must not matter
    again.restore(checkpoint.load(parts.checkpoints / "last.pt", CPU))
    assert again.step == 2
    assert again.fit() is None
    one, two = (checkpoint.load(run.checkpoints / "last.pt", CPU) for run in (whole, parts))
    assert one["step"] == two["step"] == STEPS
    assert all(torch.equal(tensor, two["model"][key]) for key, tensor in one["model"].items())


def test_weights_from_a_file_keep_their_normalisation_when_the_run_goes_on(tmp_path: Path) -> None:
    name = "test_efficientnet"
    weights = tmp_path / "weights.pth"
    torch.save(create_model(f"timm:{name}", num_classes=10, image_size=32).state_dict(), weights)
    settings = replace(
        experiment("cait_xxs24_224"), model=f"timm:{name}", options={}, pretrained=str(weights)
    )
    run = Store(tmp_path / "runs").create(settings, seed=0)

    def made() -> Trainer:
        return build(settings, 0, CPU, Recorder(run), lambda: "stop-now", ignore)

    assert made().fit() == "stop-now"
    assert b"inputs normalised by mean 0.485, 0.456, 0.406 and std 0.229, 0.224, 0.225" in (
        run.events.read_bytes()
    )
    state = checkpoint.load(run.checkpoints / "last.pt", CPU)
    assert state["config"]["mean"] == [0.485, 0.456, 0.406]
    state["config"] |= {"mean": [0.5] * 3, "std": [0.5] * 3}  # as runs once began
    checkpoint.save(run.checkpoints / "last.pt", state)
    weights.unlink()
    assert made().fit() == "stop-now"
    assert checkpoint.load(run.checkpoints / "last.pt", CPU)["config"]["mean"] == [0.5] * 3
    assert [event.init for line in tail(run.events, 0)[0] if isinstance(event := decode(line), Start)] == [
        str(weights)
    ] * 2


def test_check_takes_them(tmp_path: Path) -> None:
    config = tmp_path / "experiments.toml"
    config.write_text(
        "".join(f'[experiments.{name}]\nmodel = "timm:{name}"\nimage_size = 32\n' for name in MODELS)
    )
    said = CliRunner().invoke(main, ["check", "--config", str(config)])
    assert (said.exit_code, said.output) == (0, f"{config}: 2 experiments and 0 figures, all right\n")
