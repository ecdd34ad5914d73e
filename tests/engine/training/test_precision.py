"""Precision: which one a device gets, float16's loss scaling, TF32 and determinism."""

from __future__ import annotations

import math
import os

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from engine.config.schema import Experiment
from engine.errors import DeviceError
from engine.training.build_trainer import ideal_seconds
from engine.training.learner import Batch, Learner
from engine.training.precision import LossScaler, Precision, arithmetic, precision_on

CPU, CUDA, MPS = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))
FP16 = Experiment(
    name="fp16", model="vit_mini", patch_size=4, image_size=8, batch_size=4, lr=1e-2, warmup=0.0, precision="fp16",
    schedule="constant",
)  # fmt: skip


@pytest.fixture
def card(monkeypatch):
    """Pretend that CUDA device 0 has a compute capability: ``card(7)`` is a T4, ``card(8)`` an A100."""

    def pretend(major: int) -> None:
        class Properties:
            pass

        Properties.major = major
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: Properties)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA A100-SXM4-40GB")
        monkeypatch.setattr(torch.cuda, "_exchange_device", lambda _: 0)
        monkeypatch.setattr(torch.cuda, "_maybe_exchange_device", lambda _: 0)

    return pretend


@pytest.mark.parametrize(
    ("major", "asked", "name"),
    [(7, "auto", "fp16"), (8, "auto", "bf16"), (7, "float32", "float32"), (8, "float32", "float32"),
     (8, "tf32", "tf32"), (7, "tf32", "float32"), (7, "bf16", "bf16"), (8, "fp16", "fp16")],
)  # fmt: skip
def test_a_gpu_gets_bf16_where_it_computes_in_it(card, major, asked, name):
    card(major)
    precision = precision_on(CUDA, asked)
    assert precision.name == name
    assert ("imitates" in str(precision)) == (major == 7 and asked == "bf16")


def test_other_devices_get_float32():
    assert precision_on(CPU, "auto") == precision_on(MPS, "auto") == Precision("float32")
    assert str(precision_on(CPU, "tf32")) == "float32 (there is no TF32 here)"
    assert str(precision_on(CPU, "fp16")).startswith("fp16 autocast with loss scaling (")
    with pytest.raises(DeviceError, match="precision = fp16 is not offered on mps"):
        precision_on(MPS, "fp16")


@pytest.mark.parametrize(("precision", "tf32"), [("float32", False), ("tf32", True), ("auto", True)])
def test_float32_never_uses_tf32(card, precision, tf32):
    card(8)

    def flags():
        return torch.get_float32_matmul_precision() == "high", torch.backends.cudnn.allow_tf32

    before = flags()
    with arithmetic(replace(FP16, precision=precision), CUDA):
        assert flags() == (tf32, tf32)
    assert flags() == before


def test_the_peak_is_that_of_the_precision(card, monkeypatch):
    card(8)
    monkeypatch.setattr("engine.training.build_trainer.training_flops", lambda *_: 10**9)
    seconds = {
        name: ideal_seconds(replace(FP16, precision=name), CUDA, 10) for name in ("auto", "fp16", "tf32")
    }
    assert seconds["tf32"] == 2 * seconds["auto"] == 2 * seconds["fp16"]
    assert ideal_seconds(replace(FP16, precision="float32"), CUDA, 10) is None


def learner(experiment: Experiment) -> Learner:
    torch.manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 8), nn.GELU(), nn.Linear(8, 3))
    return Learner(experiment, model, 3, CPU, 100, lambda stored, _: stored)


def take_step(made: Learner, number: int, parts: int = 1) -> None:
    random = torch.Generator().manual_seed(number)
    images = torch.randn(4, 3, 8, 8, generator=random)
    batches = [
        Batch(part, torch.tensor([0, 1, 2, 1])[: len(part)], len(part)) for part in images.chunk(parts)
    ]
    made.step(number, batches, 4, random)


def weights(made: Learner) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in made.model.parameters()])


def overflow(made: Learner) -> None:
    """Scale the loss so that its gradients are infinite in float16."""
    made.scaler.load({**made.scaler.state(), "scale": 2.0**40})


class TestLossScaling:
    @pytest.mark.parametrize("parts", [1, 2])
    def test_gradients_are_those_of_float32(self, parts):
        norms = {}
        for precision in ("float32", "fp16"):
            made = learner(replace(FP16, precision=precision))
            take_step(made, 1, parts)
            norms[precision] = made.meter.grad_norm.item()
        assert norms["fp16"] == pytest.approx(norms["float32"], rel=1e-2)

    @pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
    def test_a_step_that_overflows_changes_nothing_but_the_scale(self, optimizer):
        made, other = (learner(replace(FP16, optimizer=optimizer, ema=0.5)) for _ in range(2))
        overflow(made)
        before = weights(made)
        take_step(made, 1)
        assert torch.equal(weights(made), before)
        assert made.scaler.values() == {"train/loss_scale": 2.0**39, "train/skipped_steps": 1}
        assert made.meter.grad_norm == 0  # not the infinity that was not used
        made.scaler.load({**made.scaler.state(), "scale": 2.0**16})
        take_step(made, 2)
        take_step(other, 2)
        assert not torch.equal(weights(made), before)
        assert torch.equal(weights(made), weights(other))
        assert math.isfinite(made.meter.read()["train/grad_norm"])

    def test_a_skipped_step_is_none_of_the_average(self):
        made = learner(replace(FP16, ema=0.5))
        take_step(made, 1)
        average = {name: tensor.clone() for name, tensor in made.average.model.state_dict().items()}
        overflow(made)
        take_step(made, 2)
        assert all(
            torch.equal(tensor, average[name]) for name, tensor in made.average.model.state_dict().items()
        )
        take_step(made, 3)

    def test_the_learning_rate_follows_the_number_of_the_step(self):
        made, other = (learner(replace(FP16, schedule="cosine")) for _ in range(2))
        overflow(made)
        for number in (1, 2, 3):
            take_step(made, number)
            take_step(other, number)
            assert made.lr == other.lr

    def test_another_precision_has_no_scale(self):
        scaler = LossScaler(torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))]), CPU, Precision("bf16"))
        assert (scaler.values(), scaler.state(), scaler.has_stepped) == ({}, None, True)

    def test_a_checkpoint_without_a_scale_begins_with_a_new_one(self):
        state = learner(replace(FP16, precision="float32")).state()
        assert state["scaler"] is None
        for saved in (state, {key: value for key, value in state.items() if key != "scaler"}):
            made = learner(FP16)
            made.load(saved)
            take_step(made, 1)
            assert made.scaler.values() == {"train/loss_scale": 2.0**16, "train/skipped_steps": 0}


class TestDeterminism:
    def test_it_is_asked_for_within_and_as_before_without(self):
        def flags():
            return (
                torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic,
                torch.backends.cudnn.benchmark, os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
            )  # fmt: skip

        before = flags()
        with arithmetic(replace(FP16, precision="auto"), CPU):
            assert flags() == before
        with arithmetic(replace(FP16, precision="auto", deterministic=True), CPU):
            assert flags() == (True, True, False, ":4096:8")
        assert flags() == before

    @pytest.mark.parametrize(("asked", "got"), [(":16:8", ":16:8"), (":0:0", ":4096:8")])
    def test_a_workspace_of_the_users_stays_if_it_is_fixed(self, monkeypatch, asked, got):
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", asked)
        with arithmetic(replace(FP16, precision="auto", deterministic=True), CPU):
            assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == got
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == asked

    def test_the_numbers_on_a_cpu_are_the_same(self):
        ends = []
        for deterministic in (False, True):
            experiment = replace(FP16, precision="float32", deterministic=deterministic)
            with arithmetic(experiment, CPU):
                made = learner(experiment)
                take_step(made, 1)
                ends.append(weights(made))
        assert torch.equal(*ends)
