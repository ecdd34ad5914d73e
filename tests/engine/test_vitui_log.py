"""The logger of programs: alone in any project, with any numbers, from one process of many, by callbacks."""

from __future__ import annotations

import ast
import importlib.util
import json
import math
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np
import pytest

from engine.events import Log, Metrics, decode
from engine.runs.liveness import status_of
from engine.runs.store import Run, Store
from engine.system.own_modules import own_module
from tests.conftest import Engine
from tests.engine.logger_libraries import python_with

FILE = Path(__file__).parents[2] / "vitui_log.py"
RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "NODE_RANK", "LOCAL_RANK")


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as a copy of it is: without what other tests told it."""
    for name in (*RANKS, "VITUI_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    spec = importlib.util.spec_from_file_location("vitui_log", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "torch.distributed", None)
    return module


def printed(capfd: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_it_needs_python_alone_and_an_old_one() -> None:
    tree = ast.parse(FILE.read_text(), feature_version=(3, 8))
    imported = {alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= set(sys.stdlib_module_names)
    done = subprocess.run([sys.executable, "-I", "-S", str(FILE)], cwd="/", capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_the_verb_prints_it(engine: Engine) -> None:
    assert engine("logger").stdout == FILE.read_bytes()


def test_all_that_float_takes_is_a_value(
    logger: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Tensor:
        def detach(self) -> float:
            return 0.5

        def __float__(self) -> float:
            raise AssertionError("it needs a gradient")

    monkeypatch.setenv("VITUI_RUN_DIR", "/x")
    values = {
        "a": 1, "b": np.float32(0.25), "c": float("nan"), "d": np.array([2.0])[0], "e": Tensor(), "f": 10**400,
        "val": {"loss": 0.1, "deep": {"x": True}}, "bad": [1, 2], "worse": None, 3: 4,
    }  # fmt: skip
    logger.log(values, step=np.int64(7), epoch=np.float64(1.5))
    out, err = capfd.readouterr()
    assert json.loads(out) == {
        "event": "metrics", "step": 7, "epoch": 1.5,
        "values": {"a": 1.0, "b": 0.25, "c": None, "d": 2.0, "e": 0.5, "f": None, "val/loss": 0.1, "val/deep/x": 1.0,
                   "3": 4.0},
    }  # fmt: skip
    assert err.splitlines() == [
        "vitui_log: bad is left out, it is no number: [1, 2]", "vitui_log: worse is left out, it is no number: None",
    ]  # fmt: skip
    logger.log({"bad": "x"})
    assert capfd.readouterr() == ("", "")


def test_steps_that_are_left_out(
    logger: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VITUI_RUN_DIR", "/x")
    for place in ({}, {}, {"epoch": 3}, {"epoch": 3.5}, {"step": 10, "epoch": 4}, {"epoch": 4}, {}):
        logger.log({"a": 1}, **place)  # type: ignore[arg-type]
    assert [event["step"] for event in printed(capfd)] == [1, 2, 3, 4, 10, 10, 10]


def test_outside_of_a_run_it_is_a_line_for_people(
    logger: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    logger.log({"train/loss": 0.123456789, "test/f1": math.nan}, step=100, epoch=2)
    logger.log({"a": 1}, step=101)
    assert capfd.readouterr().out == "step 100  epoch 2  train/loss 0.123457  test/f1 nan\nstep 101  a 1\n"


@pytest.mark.parametrize(
    ("environment", "rank"),
    [({}, 0), ({"RANK": "1", "SLURM_PROCID": "0"}, 1), ({"SLURM_PROCID": "3"}, 3), ({"OMPI_COMM_WORLD_RANK": "2"}, 2),
     ({"LOCAL_RANK": "1"}, 1), ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, 1000), ({"RANK": "x"}, 0)],
)  # fmt: skip
def test_only_rank_0_writes(
    logger: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    environment: dict[str, str], rank: int,
) -> None:  # fmt: skip
    monkeypatch.setenv("VITUI_RUN_DIR", "/x")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    logger.log({"a": 1}, step=1)
    assert len(printed(capfd)) == (rank == 0)
    logger.log({"a": 1}, step=1, every_rank=True)
    assert printed(capfd)[0]["rank"] == rank


def test_callbacks_are_made_when_they_are_asked_for(logger: ModuleType) -> None:
    with pytest.raises(AttributeError, match="no attribute 'Callback'"):
        logger.Callback  # noqa: B018
    for name in set(logger.__all__) - {"log", "rank"}:
        assert name in logger._CALLBACKS


PROJECT = """
import engine, sys
from vitui_log import log
assert engine.OWN and "msgspec" not in sys.modules
for step in range(1, 4):
    sys.stdout.write(f"\\r{step}"); log({"train/loss": 1 / step, "bad": "x"}, step=step, epoch=step / 2)
"""


def test_a_copy_in_a_project_with_an_engine_of_its_own(lab: Path) -> None:
    (lab / "engine").mkdir()
    (lab / "engine/__init__.py").write_text("OWN = True\n")
    (lab / "vitui_log.py").write_bytes(FILE.read_bytes())
    (lab / "train.py").write_text(PROJECT)
    command = msgspec.json.encode([sys.executable, "train.py"]).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")
    subprocess.run([*own_module("engine.cli"), "run", "mine"], cwd=lab, capture_output=True, check=True)
    (run,) = Store(lab / "runs").runs()
    assert points(run, "train/loss") == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert status_of(run).epoch == 1.5


def points(run: Run, metric: str) -> list[tuple[int, float | None]]:
    events = [decode(line) for line in run.events.read_bytes().splitlines()]
    return [(event.step, event.values[metric]) for event in events
            if isinstance(event, Metrics) and metric in event.values]  # fmt: skip


LIGHTNING = """
import torch, {lightning} as pl
from vitui_log import LightningCallback
class M(pl.LightningModule):
    def __init__(self):
        super().__init__(); self.l = torch.nn.Linear(4, 2)
    def loss(self, b): return torch.nn.functional.cross_entropy(self.l(b[0]), b[1])
    def training_step(self, b, i):
        loss = self.loss(b); self.log("train/loss", loss, on_epoch=True, on_step=False); return loss
    def validation_step(self, b, i): self.log("val/cost", self.loss(b))
    def test_step(self, b, i): self.log("test/loss", self.loss(b))
    def configure_optimizers(self): return torch.optim.SGD(self.parameters(), 0.1)
data = torch.utils.data.TensorDataset(torch.randn(16, 4), torch.randint(0, 2, (16,)))
data = torch.utils.data.DataLoader(data, batch_size=4)
bar = pl.callbacks.TQDMProgressBar()
log = LightningCallback(rename={{"val/cost": "val/loss"}})
trainer = pl.Trainer(max_epochs=3, callbacks=[log, bar], logger=False, accelerator="cpu",
                     enable_checkpointing=False, enable_model_summary=False)
module = M()
trainer.fit(module, data, data)
trainer.test(module, data)
"""
TRANSFORMERS = """
import torch, transformers
from vitui_log import TransformersCallback
class M(torch.nn.Module):
    def __init__(self):
        super().__init__(); self.l = torch.nn.Linear(4, 2)
    def forward(self, x, labels):
        logits = self.l(x); return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}
data = [{"x": torch.randn(4), "labels": i % 2} for i in range(16)]
arguments = transformers.TrainingArguments(
    output_dir="out", num_train_epochs=3, per_device_train_batch_size=4, logging_steps=2, eval_strategy="epoch",
    save_strategy="no", report_to=[], use_cpu=True)
log = TransformersCallback({"eval_loss": "val/cost"})
transformers.Trainer(M(), arguments, train_dataset=data, eval_dataset=data, callbacks=[log]).train()
"""
KERAS = """
import os; os.environ["KERAS_BACKEND"] = "torch"
import keras, numpy as np
from vitui_log import KerasCallback
x, y = np.random.rand(16, 4), np.arange(16) % 2
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2, activation="softmax")])
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
log = KerasCallback({"val_accuracy": "val/right"})
model.fit(x, y, epochs=3, batch_size=4, validation_data=(x, y), callbacks=[log])
model.evaluate(x, y, callbacks=[KerasCallback()])
"""
LIBRARIES = {
    "lightning": (LIGHTNING.format(lightning="lightning.pytorch"),
                  {"train/loss": [4, 8, 12], "val/loss": [4, 8, 12], "test/loss": [12]}),
    "pytorch_lightning": (LIGHTNING.format(lightning="pytorch_lightning"),
                          {"train/loss": [4, 8, 12], "val/loss": [4, 8, 12], "test/loss": [12]}),
    "transformers": (TRANSFORMERS, {"train/loss": [2, 4, 6, 8, 10, 12], "train/lr": [2, 4, 6, 8, 10, 12],
                                    "val/cost": [4, 8, 12], "train/mean_loss": [12]}),
    "keras": (KERAS, {"train/loss": [4, 8, 12], "val/right": [4, 8, 12], "test/loss": [12]}),
}  # fmt: skip
"""A program by its library, and the steps of some metrics."""


@pytest.mark.slow
@pytest.mark.parametrize("library", LIBRARIES)
def test_callbacks_of_the_real_libraries(lab: Path, engine: Engine, library: str) -> None:
    program, steps = LIBRARIES[library]
    command = msgspec.json.encode([python_with(library), "train.py"]).decode()
    (lab / "train.py").write_text(program)
    (lab / "vitui_log.py").write_bytes(FILE.read_bytes())
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")
    done = engine("run", "mine")
    (run,) = Store(lab / "runs").runs()
    assert done.returncode == 0, run.console.read_text()[-2000:]
    assert {name: [step for step, _ in points(run, name)] for name in steps} == steps
    assert status_of(run).epoch == 3
    events = [decode(line) for line in run.events.read_bytes().splitlines()]
    assert [event.message for event in events if isinstance(event, Log)] == []


TORCHRUN = """
import torch.distributed as dist
from vitui_log import log
dist.init_process_group("gloo")
for step in (1, 2):
    log({"train/loss": dist.get_rank() + step / 10}, step=step)
    log({"every": dist.get_rank() + step / 10}, step=step, every_rank=True)
    dist.barrier()
dist.destroy_process_group()
"""


@pytest.mark.slow
@pytest.mark.xdist_group("engine")
def test_ranks_of_torchrun(lab: Path, engine: Engine) -> None:
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "train.py"]
    (lab / "train.py").write_text(TORCHRUN)
    (lab / "vitui_log.py").write_bytes(FILE.read_bytes())
    command = msgspec.json.encode(words).decode()
    (lab / "experiments.toml").write_text(f"[experiments.mine]\ncommand = {command}\n")
    assert engine("run", "mine").returncode == 0
    (run,) = Store(lab / "runs").runs()
    assert points(run, "train/loss") == [(1, 0.1), (2, 0.2)]
    assert points(run, "every")[-1] == (2, 0.2)
