"""The loop: stopped anywhere and resumed, it is bit for bit the run that never stopped."""

from __future__ import annotations

import errno
import functools
import math
import os
import threading
from functools import partial

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from engine.analysis.conclusions.image_evidence import score_of
from engine.config.schema import Experiment
from engine.errors import CheckpointError
from engine.events import Checkpoint, decode
from engine.history.reader import History
from engine.models import create_model
from engine.models.weights.sources import read_checkpoint
from engine.runs import predictions
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from engine.system.files import tail
from engine.training import checkpoint
from engine.training.data.augment import Preprocess
from engine.training.data.dataset import Dataset, load_dataset
from engine.training.evaluation.evaluator import Evaluator
from engine.training.outcome import trained
from engine.training.trainer import Diverged, Trainer

CPU = torch.device("cpu")
SMALL = Experiment(
    name="small", model="vit_mini", dataset="digits", image_size=8, patch_size=4, subset_per_class=10, val_fraction=0.1,
    epochs=3, batch_size=16, accumulate=4, log_every=3, lr=1e-3, options={"dropout": 0.1, "drop_path": 0.1},
)  # fmt: skip
"""90 images: six batches, the last of ten images, in two groups, the last of two batches: six steps in all."""


@functools.cache
def digits() -> Dataset:
    data = load_dataset(SMALL, seed=0)
    few = slice(0, 100)  # evaluation is not what takes time here
    test = type(data.test)(data.test.images[few], data.test.labels[few])
    return type(data)(data.train, data.val, test, data.classes, data.mean, data.std, data.flips)


def trainer(run: Run, experiment: Experiment = SMALL, stop_at: int | None = None, how="stop-now") -> Trainer:
    torch.manual_seed(7)
    model = create_model(
        experiment.model, num_classes=10, image_size=8, patch_size=experiment.patch_size, **experiment.options
    )

    def wanted():
        return how if stop_at is not None and made.step >= stop_at else None

    made = Trainer(experiment, 7, model, digits(), CPU, Recorder(run), wanted)
    return made


def resumed(run: Run, experiment: Experiment = SMALL) -> Trainer:
    made = trainer(run, experiment)
    torch.manual_seed(99)  # what the process did before must not matter
    made.restore(checkpoint.load(run.checkpoints / "last.pt", CPU))
    return made


def measured(run: Run) -> dict[str, list[float]]:
    history = History(run.path)
    history.update()
    names = [
        name for name in history.metrics if name != "train/images_per_s" and not name.startswith("time/")
    ]
    return {name: [axis.tolist() for axis in history.series(name)] for name in names}


def disturb(model: torch.nn.Module) -> None:
    """Change every weight a little, so that a head of zeros has something to say."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)


def weights(run: Run) -> dict[str, torch.Tensor]:
    return checkpoint.load(run.checkpoints / "last.pt", CPU)["model"]


def checkpoints(run: Run) -> list[Checkpoint]:
    return [event for line in tail(run.events, 0)[0] if isinstance(event := decode(line), Checkpoint)]


@pytest.fixture
def runs(tmp_path):
    store = Store(tmp_path / "runs")
    return lambda: store.create(SMALL, seed=7)


class TestResuming:
    @pytest.mark.parametrize(
        ("clip", "ways"),
        [
            (1.0, ([1, 2, 5],)),  # in the middle of an epoch, behind one, in the middle of the last
            pytest.param(1.0, ([1], [2], [3], [1, 3, 5]), marks=pytest.mark.slow),
            pytest.param(0.0, ([1], [2], [3], [1, 3, 5]), marks=pytest.mark.slow),
        ],
        ids=["limited", "limited, stopped once and thrice", "unlimited"],
    )
    def test_in_the_middle_of_epochs_and_between_them_is_exact(self, runs, clip, ways):
        experiment = replace(SMALL, clip_norm=clip)
        whole = runs()
        assert trainer(whole, experiment).fit() is None
        for stops in ways:
            parts = runs()
            assert trainer(parts, experiment, stop_at=stops[0]).fit() == "stop-now"
            for stop in stops[1:]:
                again = trainer(parts, experiment, stop_at=stop)
                again.restore(checkpoint.load(parts.checkpoints / "last.pt", CPU))
                assert again.step == stops[stops.index(stop) - 1]
                assert again.fit() == "stop-now"
            assert resumed(parts, experiment).fit() is None
            assert measured(parts) == measured(whole), stops
            ends = weights(parts)
            assert all(torch.equal(tensor, ends[name]) for name, tensor in weights(whole).items()), stops

    def test_a_checkpoint_of_a_step_beyond_the_last_is_refused(self, runs):
        run = runs()
        assert trainer(run, stop_at=1).fit() == "stop-now"
        state = checkpoint.load(run.checkpoints / "last.pt", CPU)
        with pytest.raises(CheckpointError, match="is of step 99; 3 epochs have 6"):
            trainer(run).restore(state | {"step": 99})

    def test_after_an_epoch_is_after_that_epoch(self, runs):
        run = runs()
        made = trainer(run, stop_at=1, how="stop-after-epoch")
        assert made.fit() == "stop-after-epoch"
        assert (made.step, made.epoch) == (2, 1.0)
        assert checkpoint.load(run.checkpoints / "last.pt", CPU)["step"] == 2

    @pytest.mark.slow
    def test_after_the_last_step_is_the_end(self, runs):
        run = runs()
        assert trainer(run, stop_at=6).fit() is None
        before = run.events.read_bytes()
        assert resumed(run).fit() is None
        assert run.events.read_bytes() == before

    def test_another_models_checkpoint_is_refused(self, runs):
        run = runs()
        trainer(run, stop_at=1).fit()
        other = replace(SMALL, model="vit_ti")
        with pytest.raises(CheckpointError, match="of another model"):
            resumed(run, other)

    @pytest.mark.parametrize(
        "changes",
        [
            {
                "optimizer": "sgd",
                "ema": 0.9,
                "schedule": "staircase",
                "mixup": 0.2,
                "cutmix": 1.0,
                "layer_decay": 0.75,
            },
            pytest.param({"precision": "fp16", "ema": 0.9}, marks=pytest.mark.slow),
            pytest.param({"precision": "fp16", "optimizer": "sgd"}, marks=pytest.mark.slow),
            pytest.param(
                {"augment": "randaugment", "cutout": 2, "optimizer": "adam"}, marks=pytest.mark.slow
            ),
            pytest.param({"model": "bit_mini", "patch_size": None, "options": {}}, marks=pytest.mark.slow),
        ],
    )
    def test_with_every_part_of_a_recipe_is_exact(self, runs, changes):
        experiment = replace(SMALL, **changes)
        whole, parts = runs(), runs()
        assert trainer(whole, experiment).fit() is None
        assert trainer(parts, experiment, stop_at=3).fit() == "stop-now"
        assert resumed(parts, experiment).fit() is None
        assert measured(parts) == measured(whole)
        one, two = (checkpoint.load(run.checkpoints / "last.pt", CPU) for run in (whole, parts))
        for kept in ("model", "average"):
            assert (one[kept] is None) == (two[kept] is None)
            assert all(torch.equal(tensor, two[kept][name]) for name, tensor in (one[kept] or {}).items())

    def test_the_best_weights_are_found_again_if_killed_before_they_had_their_name(self, runs):
        run = runs()
        trainer(run, stop_at=1, how="stop-after-epoch").fit()
        assert checkpoint.load(run.checkpoints / "last.pt", CPU)["is_best"]
        (run.checkpoints / "best.pt").unlink()
        resumed(run)
        assert (run.checkpoints / "best.pt").read_bytes() == (run.checkpoints / "last.pt").read_bytes()


class TestTheBest:
    @pytest.mark.slow
    @pytest.mark.parametrize(("lr", "winner"), [(1e-3, "model"), (3e-3, "ema")])
    def test_weights_are_those_that_validate_better_the_averaged_ones_too(self, runs, lr, winner):
        run = runs()
        trainer(run, replace(SMALL, lr=lr, ema=0.9, warmup=0.0, schedule="constant")).fit()
        history = History(run.path)
        history.update()
        scores = {
            (f1, -loss, weights, step)
            for weights, split in (("model", "val"), ("ema", "ema/val"))
            for step, f1, loss in zip(
                *history.series(f"{split}/f1"), history.series(f"{split}/loss")[1], strict=True
            )
        }
        _, _, weights, step = max(scores)
        assert weights == winner
        event = [event for event in checkpoints(run) if event.kind == "best"][-1]
        assert (event.weights, event.step) == (weights, step)
        assert event.bytes == (run.checkpoints / "best.pt").stat().st_size
        read = read_checkpoint(run.checkpoints / "best.pt").tensors
        best = checkpoint.load(run.checkpoints / "best.pt", CPU)
        assert best["best_weights"] == weights
        model = create_model(SMALL.model, num_classes=10, image_size=8, patch_size=4, **SMALL.options)
        model.load_state_dict(read)
        data = digits()
        validation = Evaluator(data.val, 10, 256, Preprocess(data, SMALL, CPU).evaluate).run(model)
        f1 = history.series("ema/val/f1" if weights == "ema" else "val/f1")
        assert validation.values["f1"] == f1[1][f1[0].tolist().index(step)]

    def test_averaged_weights_are_found_again_if_killed_before_they_were_kept(self, runs):
        run, experiment = runs(), replace(SMALL, lr=2e-2, ema=0.9, warmup=0.0, schedule="constant")
        trainer(run, experiment, stop_at=2, how="stop-after-epoch").fit()
        last = checkpoint.load(run.checkpoints / "last.pt", CPU)
        assert (last["is_best"], last["best_weights"]) == (True, "ema")
        (run.checkpoints / "best.pt").unlink()
        resumed(run, experiment)
        best = checkpoint.load(run.checkpoints / "best.pt", CPU)["model"]
        assert all(torch.equal(tensor, best[name]) for name, tensor in last["average"].items())
        assert any(not torch.equal(tensor, best[name]) for name, tensor in last["model"].items())


class TestPatience:
    NOISY = replace(SMALL, lr=2e-2, epochs=12, patience=2, warmup=0.0, schedule="constant")

    def test_ends_a_run_that_validates_no_better_and_says_so(self, runs):
        run = runs()
        made = trainer(run, self.NOISY)
        outcome = trained(made)
        history = History(run.path)
        history.update()
        f1, loss = (history.series(f"val/{name}")[1].tolist() for name in ("f1", "loss"))
        scores = [(score, -nats) for score, nats in zip(f1, loss, strict=True)]
        epochs = len(scores)
        assert epochs < 12
        assert made.epoch == epochs == 3 + scores.index(max(scores))
        assert all(epoch - scores.index(max(scores[: epoch + 1])) < 2 for epoch in range(epochs - 1))
        assert (outcome.state, outcome.reason) == (
            "finished",
            f"ended early at epoch {epochs} of 12: no better validation score in 2 evaluations",
        )

    @pytest.mark.slow
    def test_is_not_begun_anew_by_a_resume(self, runs):
        whole, parts = runs(), runs()
        trainer(whole, self.NOISY).fit()
        made = trainer(parts, self.NOISY, stop_at=1, how="stop-after-epoch")
        while made.fit() is not None:
            made = trainer(parts, self.NOISY, stop_at=1, how="stop-after-epoch")
            made.restore(checkpoint.load(parts.checkpoints / "last.pt", CPU))
        assert measured(parts) == measured(whole)
        ends = weights(parts)
        assert all(torch.equal(tensor, ends[name]) for name, tensor in weights(whole).items())
        before = parts.events.read_bytes()
        again = resumed(parts, self.NOISY)
        assert again.is_done
        assert again.fit() is None
        assert again.tested is not None
        assert parts.events.read_bytes() == before


class TestPredictions:
    @pytest.mark.slow
    def test_are_those_of_the_last_scores_and_a_resumed_run_replaces_them(self, runs):
        run = runs()
        for make, end in (
            (partial(trainer, stop_at=2, how="stop-after-epoch"), "stopped"),
            (resumed, "finished"),
        ):
            made = make(run)
            assert trained(made).state == end
            found = predictions.load(run.path)
            assert found.labels.tolist() == digits().test.labels.tolist()
            assert found.digest == digits().test_digest
            for metric in ("test/f1", "test/accuracy"):
                assert score_of(found, metric) == pytest.approx(made.tested.values[metric[5:]], abs=1e-12)
        history = History(run.path)
        history.update()
        assert score_of(found, "test/f1") == pytest.approx(history.series("test/f1")[1][-1], abs=1e-12)

    def test_without_room_for_them_the_run_is_finished_all_the_same(self, runs, monkeypatch):
        def full(folder, predictions):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))

        monkeypatch.setattr(predictions, "save", full)
        run = runs()
        assert trained(trainer(run)).state == "finished"
        history = History(run.path)
        history.update()
        (warning,) = [log.message for log in history.logs if log.level == "warning"]
        assert warning == "the predictions cannot be written: No space left on device"


class TestSaving:
    def test_a_full_disk_keeps_the_last_good_one_and_training_goes_on(self, runs, monkeypatch):
        run = runs()
        save, saved = checkpoint.save, []

        def full_once(path, state):
            saved.append(state["step"])
            if len(saved) == 2:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return save(path, state)

        monkeypatch.setattr(checkpoint, "save", full_once)
        assert trainer(run).fit() is None
        assert saved == [2, 4, 6]
        assert [event.step for event in checkpoints(run) if event.kind == "last"] == [2, 6]
        history = History(run.path)
        history.update()
        (warning,) = [log.message for log in history.logs if log.level == "warning"]
        assert warning == (
            "the checkpoint cannot be written: No space left on device; the one before is kept, training goes on"
        )

    def test_weights_that_are_lost_at_the_end_fail_the_run(self, runs, monkeypatch):
        run = runs()
        save = checkpoint.save

        def full_at_the_end(path, state):
            if state["step"] == 6:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return save(path, state)

        monkeypatch.setattr("engine.training.trainer.PATIENCE_S", 0)
        monkeypatch.setattr(checkpoint, "save", full_at_the_end)
        with pytest.raises(
            CheckpointError, match=r"last weights are lost: .* No space left.* checkpoint before$"
        ):
            trainer(run).fit()
        assert checkpoint.load(run.checkpoints / "last.pt", CPU)["step"] == 4

    def test_a_disk_that_never_had_space_has_nothing_to_go_on_from(self, runs, monkeypatch):
        run = runs()

        def full(path, state):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

        monkeypatch.setattr("engine.training.trainer.PATIENCE_S", 0)
        monkeypatch.setattr(checkpoint, "save", full)
        with pytest.raises(CheckpointError, match=rf"`engine resume {run.id}` begins anew$"):
            trainer(run).fit()
        history = History(run.path)
        history.update()
        warnings = [log.message for log in history.logs if log.level == "warning"]
        assert all("; there is none before, training goes on" in warning for warning in warnings)
        assert warnings

    @pytest.mark.slow
    def test_the_last_weights_are_saved_once_there_is_space(self, runs, monkeypatch):
        run = runs()
        save, tries = checkpoint.save, []

        def full_for_a_moment(path, state):
            tries.append(state["step"])
            if tries.count(6) in (1, 2):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            return save(path, state)

        monkeypatch.setattr(checkpoint, "save", full_for_a_moment)
        assert trainer(run).fit() is None
        assert tries == [2, 4, 6, 6, 6]
        assert checkpoint.load(run.checkpoints / "last.pt", CPU)["step"] == 6

    def test_the_loop_does_not_wait_for_the_disk(self, runs, monkeypatch):
        run = runs()
        written, save = threading.Event(), checkpoint.save

        def slow(path, state):
            if state["step"] == 2:
                assert written.wait(30)
            return save(path, state)

        monkeypatch.setattr(checkpoint, "save", slow)
        made = trainer(run)
        log = made._log
        made._log = lambda: (
            log(),
            made.step == 3 and written.set(),
        )  # a step of the next epoch was taken meanwhile
        assert made.fit() is None
        assert written.is_set()


class TestSteps:
    def test_accumulated_gradients_are_those_of_one_big_batch(self, runs):
        plain = replace(SMALL, augment="none", options={}, clip_norm=0.0, epochs=1, lr=1e-9)
        gradients = {}
        for batch_size, accumulate in ((16, 4), (64, 1)):
            made = trainer(runs(), replace(plain, batch_size=batch_size, accumulate=accumulate))
            found = gradients[batch_size] = []
            made.learner.optimizer.register_step_pre_hook(
                lambda *_, made=made, found=found: found.append(
                    torch.cat([p.grad.flatten() for p in made.learner.model.parameters()])
                )
            )
            made.fit()
        assert len(gradients[16]) == len(gradients[64]) == 2  # 64 images, then 16 + 10
        for small, big in zip(gradients[16], gradients[64], strict=True):
            torch.testing.assert_close(small, big, rtol=1e-4, atol=1e-6)

    @pytest.mark.slow
    def test_no_limit_of_the_gradients_is_one_that_they_never_meet(self, runs):
        none, far = runs(), runs()
        for run, limit in ((none, 0.0), (far, 1e30)):
            trainer(run, replace(SMALL, clip_norm=limit)).fit()
        assert measured(none) == measured(far)
        ends = weights(far)
        assert all(torch.equal(tensor, ends[name]) for name, tensor in weights(none).items())

    @pytest.mark.parametrize(
        ("batch_size", "accumulate", "passes"),
        [
            (16, 4, [(16, True), (10, True)]),
            (16, 5, [(16, True), (10, False)]),
            (40, 1, [(40, False), (10, False)]),
            (30, 2, [(30, True), (30, False)]),
            (90, 1, [(90, False)]),
        ],
    )
    def test_all_kinds_of_passes_are_known_before_the_first(self, runs, batch_size, accumulate, passes):
        made = trainer(runs(), replace(SMALL, batch_size=batch_size, accumulate=accumulate))
        assert made._passes() == passes

    @pytest.mark.slow
    @pytest.mark.parametrize(("every", "epochs"), [(1, [1, 2, 3]), (2, [2, 3]), (3, [3]), (9, [3])])
    def test_it_is_evaluated_every_so_many_epochs_and_after_the_last(self, runs, every, epochs):
        run = runs()
        trainer(run, replace(SMALL, evaluate_every=every, log_every=100)).fit()
        history = History(run.path)
        history.update()
        assert history.series("test/f1", "epoch")[0].tolist() == epochs
        saved = [(each.epoch, each.kind) for each in history.checkpoints]
        assert [epoch for epoch, kind in saved if kind == "last"] == [1, 2, 3]
        assert epochs[0] in [epoch for epoch, kind in saved if kind == "best"]

    def test_training_metrics_are_means_over_all_images_since_the_last(self, runs):
        run = runs()
        made = trainer(run, replace(SMALL, options={}, augment="none", lr=1e-12, epochs=1, log_every=100))
        disturb(made.learner.model)
        made.fit()
        measures = measured(run)
        assert measures["train/loss"][0] == [2]  # at the end of the epoch, though log_every never came
        torch.manual_seed(7)
        model = create_model("vit_mini", num_classes=10, image_size=8, patch_size=4)
        disturb(model)
        data = digits()
        mean, std = (torch.tensor(each).view(3, 1, 1) for each in (data.mean, data.std))
        logits = model((data.train.images / 255 - mean) / std)
        loss = torch.nn.functional.cross_entropy(logits, data.train.labels, label_smoothing=0.1).item()
        assert measures["train/loss"][1] == pytest.approx([loss], rel=1e-4)
        correct = (logits.argmax(1) == data.train.labels).double().mean().item()
        assert measures["train/accuracy"][1] == pytest.approx([correct])

    @pytest.mark.slow
    def test_it_learns(self, runs):
        run = runs()
        quick = replace(
            SMALL, accumulate=1, epochs=15, lr=3e-3, options={}, augment="none", evaluate_every=15
        )
        trainer(run, quick).fit()
        loss = measured(run)["train/loss"][1]
        assert loss[-1] < 0.6 * loss[0]


class TestCheckpoints:
    def test_the_best_is_the_epoch_with_the_best_validation(self, runs):
        run = runs()
        trainer(run, replace(SMALL, epochs=5)).fit()
        values = measured(run)
        scores = list(zip(values["val/f1"][1], [-loss for loss in values["val/loss"][1]], strict=True))
        best = checkpoint.load(run.checkpoints / "best.pt", CPU)
        assert best["epoch"] == 1 + scores.index(max(scores))
        assert checkpoint.load(run.checkpoints / "last.pt", CPU)["epoch"] == 5

    def test_hold_what_the_format_says_and_are_announced_with_their_size(self, runs):
        run = runs()
        trainer(run, stop_at=1).fit()
        (event,) = checkpoints(run)
        assert (event.path, event.kind, event.step) == ("checkpoints/last.pt", "last", 1)
        assert event.bytes == (run.path / event.path).stat().st_size
        assert {"model", "optimizer", "scheduler", "step", "epoch", "rng", "config"} <= set(
            checkpoint.load(run.path / event.path, CPU)
        )


class TestDiverging:
    @pytest.mark.parametrize("log_every", [1, 100])
    @pytest.mark.parametrize("stop_at", [None, 3])
    def test_ends_with_step_and_rate_and_saves_no_broken_weights(self, runs, log_every, stop_at):
        run = runs()
        made = trainer(run, replace(SMALL, options={}, log_every=log_every), stop_at)
        made._stop_request, stop_request = (lambda: None), made._stop_request
        made._steps = 2
        made.fit()
        made._steps, made._stop_request = 6, stop_request
        with torch.no_grad():
            next(made.learner.model.parameters()).fill_(math.nan)
        with pytest.raises(
            Diverged, match=r"the loss is nan at step [34], .* \(learning rate .*, gradient norm nan\)"
        ):
            made.fit()
        assert all(torch.isfinite(tensor).all() for tensor in weights(run).values())

    def test_in_float16_a_wider_range_is_named(self, runs):
        made = trainer(runs(), replace(SMALL, precision="fp16", options={}))
        with torch.no_grad():
            next(made.learner.model.parameters()).fill_(math.nan)
        with pytest.raises(Diverged, match=r"may help, and so may precision = bf16 or float32$"):
            made.fit()

    @pytest.mark.slow
    def test_a_scale_that_falls_below_one_is_said_once(self, runs):
        run = runs()
        made = trainer(run, replace(SMALL, precision="fp16", log_every=1, epochs=1))
        made.learner.scaler.load({**made.learner.scaler.state(), "scale": 0.5, "skipped": 3})
        made.fit()
        history = History(run.path)
        history.update()
        (warning,) = [log.message for log in history.logs if log.level == "warning"]
        assert warning.startswith("3 of 1 steps overflowed in fp16 and were skipped: a smaller lr, ")
        assert warning.endswith("may help, and so may precision = bf16 or float32")

    @pytest.mark.slow
    def test_gradients_that_overflow_in_float16_are_no_divergence(self, runs):
        run = runs()
        made = trainer(run, replace(SMALL, precision="fp16", log_every=1, epochs=1))
        made.learner.scaler.load({**made.learner.scaler.state(), "scale": 2.0**40})
        assert made.fit() is None
        values = measured(run)
        assert values["train/skipped_steps"][1] == [1, 2]
        assert all(map(math.isfinite, values["train/grad_norm"][1] + values["train/loss"][1]))


def test_the_peak_of_memory_is_that_of_the_training(runs, monkeypatch):
    """What is done before the first step, compilation and its trial, is not in it. The GPU is a stand-in."""
    run, held, events = runs(), {"peak": 0}, []

    def counted(kind, memory):
        return lambda device: events.append(kind) or memory()

    monkeypatch.setattr(torch.cuda, "memory_allocated", counted("now", lambda: 3))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", counted("most", lambda: held["peak"]))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", counted("reset", lambda: held.update(peak=5)))
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: torch.get_rng_state())
    generator = torch.Generator
    monkeypatch.setattr(torch, "Generator", lambda device=None: generator())
    made = trainer(run, replace(SMALL, epochs=1))
    accelerate = made.learner.accelerate
    made.learner.accelerate = lambda passes: (held.update(peak=70), accelerate(passes))[1]
    made.device = torch.device("cuda", 0)
    assert made.fit() is None
    assert events == ["reset", "now", "most"]
    assert measured(run)["gpu/memory_peak"][1] == [5]
    assert measured(run)["gpu/memory_allocated"][1] == [3]


def test_a_longer_history_is_not_rewritten(runs):
    """What a resumed run measures joins what the run before it measured, step by step."""
    run = runs()
    trainer(run, replace(SMALL, log_every=1), stop_at=3).fit()
    resumed(run, replace(SMALL, log_every=1)).fit()
    assert np.diff(measured(run)["train/loss"][0]).tolist() == [1] * 5
