"""The training loop: one pass over the data an epoch, then a checkpoint and, where it is due, an evaluation.

The device is waited for in three places only, each marked ``# waits``: every ``log_every`` steps and at the end of
an epoch, at an evaluation, and at the copy for a checkpoint.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

import msgspec
import torch
from torch import nn

from engine.catalog.metrics import AVERAGED
from engine.config.schema import Experiment
from engine.errors import CheckpointError, UserError
from engine.events import Checkpoint, Confusion, Data
from engine.runs import predictions
from engine.runs.predictions import Predictions
from engine.runs.recorder import Reporter
from engine.runs.stop_request import Request
from engine.training import checkpoint
from engine.training.batch_norm import least_batch, note_on_ranks
from engine.training.batch_order import BatchOrder, mixed_seed
from engine.training.best_checkpoint import BestCheckpoint, Weights
from engine.training.changed_data import kept_facts
from engine.training.collectives import ALONE, Ranks
from engine.training.data.augment import Preprocess
from engine.training.data.dataset import Dataset
from engine.training.evaluation.evaluator import Evaluation, Evaluator
from engine.training.learner import Batch, Learner, Pass

PATIENCE_S = 30.0
"""Seconds that the last checkpoint waits for space on a full disk."""


class Diverged(UserError):  # noqa: N818  it names what happened to the run
    """The loss is no longer finite."""


class Trainer:
    """Trains one model on one device and records events.

    Args:
        experiment: What to train, and how.
        seed: Of order and augmentation.
        model: What learns.
        data: The splits.
        device: Where to train.
        recorder: Takes the run's events.
        stop_request: Asked after every step, so it has to be quick, whether and how to stop.
        ranks: The processes that share the run, this one among them.
        facts: What is told of the images; None for nothing.
        ideal_s: Seconds that an image takes on the device at its best, None where that is not known.
    """

    def __init__(
        self,
        experiment: Experiment,
        seed: int,
        model: nn.Module,
        data: Dataset,
        device: torch.device,
        recorder: Reporter,
        stop_request: Callable[[], Request | None],
        ideal_s: float | None = None,
        ranks: Ranks = ALONE,
        facts: Data | None = None,
    ) -> None:
        self.experiment = experiment
        self.facts = facts
        self.device = device
        self._seed = seed
        self._data = data.to(device)
        self._recorder = recorder
        self._ranks = ranks
        self._stop_request = ranks.agreed(stop_request)
        self._ideal_s = ideal_s
        prepare = Preprocess(data, experiment, device)
        self._order = BatchOrder(
            len(data.train),
            experiment.batch_size,
            experiment.accumulate,
            least_batch(model, ranks.size),
            seed,
        )
        self.steps_per_epoch = self._order.steps_per_epoch
        self._steps = self.steps_per_epoch * experiment.epochs
        self.classes = data.classes
        count = len(data.classes)
        self.learner = Learner(experiment, model, count, device, self._steps, prepare.train, ranks)
        self._evaluators = {
            name: Evaluator(split, count, max(256, experiment.batch_size), prepare.evaluate, ranks)
            for name, split in (("val", self._data.val), ("test", self._data.test))
        }
        self.step = 0
        self.epochs_from = 0
        """The step from which epochs are counted; other than 0 where a run goes on with other images."""
        self._scale_is_low = False
        self.tested: Evaluation | None = None
        """The last evaluation on the test split."""
        self._best = BestCheckpoint(experiment.patience)
        self._writer = checkpoint.Writer()
        if ranks.rank:  # all have the same weights by now; what is random from here on is each rank's own
            torch.manual_seed(mixed_seed(seed, 0, 1 + ranks.rank))

    @property
    def epoch(self) -> float:
        """How many epochs are done, as a fraction."""
        return self._counted / self.steps_per_epoch

    @property
    def _counted(self) -> int:
        """The steps that its epochs so far would have, had each as many as an epoch has now."""
        return self.step - self.epochs_from

    @property
    def is_done(self) -> bool:
        """Whether all epochs are trained, or ``patience`` is over."""
        return self._counted >= self._steps or self._best.is_out_of_patience

    @property
    def _has_checkpoint(self) -> bool:
        """Whether a resume finds weights to go on from."""
        return (self._recorder.run.checkpoints / "last.pt").exists()

    def fit(self) -> Request | None:
        """Train to the end or until asked to stop; return what stopped it, None at the end.

        Raises:
            Diverged: The loss is not finite.
            CheckpointError: The last checkpoint cannot be written.
        """
        try:
            stopped = self._fit()
        finally:
            self._writer.wait()
        self._writer.insist(PATIENCE_S)
        if self._writer.error is not None:
            onwards = "goes on from the checkpoint before" if self._has_checkpoint else "begins anew"
            raise CheckpointError(
                f"the last weights are lost: {_cannot_write(self._writer.error)}; with some space freed, "
                f"`engine resume {self._recorder.run.id}` {onwards}",
                transient=True,
            )
        return stopped

    def _fit(self) -> Request | None:
        self.learner.model.train()
        if not self.is_done:
            if note := note_on_ranks(self.learner.model, self._ranks.size):
                self._recorder.log("warning", note)
            self._recorder.log("info", self.learner.accelerate(self._passes()))
            if self.device.type == "cuda":  # from here on the peak is the training's
                torch.cuda.reset_peak_memory_stats(self.device)
            if self.learner.average is not None:
                self._recorder.log(
                    "info", "best.pt holds the weights or their average (ema): what validates better"
                )
        while not self.is_done:
            if (stop := self._train_epoch()) is not None:
                self._check(self.learner.meter.loss())  # waits
                self._save(best=False)
                return stop
            self._finish_epoch()
            if not self.is_done and (stop := self._stop_request()) is not None:
                return stop
        if self.tested is None:  # its process was killed between the last checkpoint and the end
            with self.learner.autocast():
                self.tested = self._evaluators["test"].run(self.learner.model)  # waits
        return None

    def _train_epoch(self) -> Request | None:
        """Train to the end of the epoch, from the middle if it was left there; return "stop-now" if asked."""
        self.learner.meter.restart_clock()
        groups = list(self._order.steps(*divmod(self._counted, self.steps_per_epoch)))
        shares = [[self._ranks.share(batch) for batch in group] for group in groups]
        loaded = self._data.train.batches([indices for share in shares for indices, _ in share])
        for group, share in zip(groups, shares, strict=True):
            batches = [Batch(*next(loaded), counted) for _, counted in share]
            random = torch.Generator(self.device).manual_seed(
                mixed_seed(self._seed, self.step, 1 + self._ranks.rank)
            )
            self.step += 1
            self.learner.step(self.step, batches, sum(map(len, group)), random)
            is_whole = self._counted % self.steps_per_epoch == 0
            if self.step % self.experiment.log_every == 0 or is_whole:
                self._log()
            if self._stop_request() == "stop-now" and not is_whole:
                return "stop-now"
        return None

    def _passes(self) -> list[Pass]:
        """Return the kinds of this rank's passes in an epoch, the most frequent first."""
        kinds = Counter(
            Pass(len(self._ranks.share(batch)[0]), len(group) > 1)
            for group in self._order.steps(0, 0)
            for batch in group
        )
        return [kind for kind, _ in kinds.most_common()]

    def _log(self) -> None:
        values = {
            **self.learner.meter.read(),
            "train/lr": self.learner.lr,
            **self.learner.scaler.values(),
        }  # waits
        if self._ideal_s is not None:
            values["train/mfu"] = 100 * values["train/images_per_s"] * self._ideal_s
        if self.device.type == "cuda":
            values |= self._memory()
        self._recorder.metrics(self.step, self.epoch, values)
        self._check(values["train/loss"])
        if values.get("train/loss_scale", 1.0) < 1.0 and not self._scale_is_low:
            self._scale_is_low = True
            message = (
                f"{values['train/skipped_steps']:.0f} of {self.step} steps overflowed in fp16 and were skipped: "
                f"{advice(self.experiment.clip_norm)}{self._wider_range()}"
            )
            self._recorder.log("warning", message)

    def _memory(self) -> dict[str, float]:
        """Return what torch holds on each rank's GPU, in bytes."""
        held = torch.tensor(
            [torch.cuda.memory_allocated(self.device), torch.cuda.max_memory_allocated(self.device)]
        )
        values = {}
        for rank, memory in enumerate(self._ranks.gather(held)):
            gpu = "gpu" if self._ranks.size == 1 else f"gpu/{rank}"
            values[f"{gpu}/memory_allocated"], values[f"{gpu}/memory_peak"] = map(float, memory.tolist())
        return values

    def _check(self, loss: float) -> None:
        """Raise ``Diverged`` if the loss is not finite, before broken weights are saved."""
        if not math.isfinite(loss):
            norm = self.learner.meter.grad_norm.item()
            last = self._recorder.status.best.get("train/loss")
            before = f", {last:.4g} at best before" if last is not None else ""
            raise Diverged(
                f"the loss is {loss} at step {self.step}{before} (learning rate {self.learner.lr:.3g}, gradient norm "
                f"{norm:.3g}); {advice(self.experiment.clip_norm)}{self._wider_range()}"
            )

    def _wider_range(self) -> str:
        """Return, for a run in float16, which ends at 65,504, the precisions that go further."""
        return ", and so may precision = bf16 or float32" if self.learner.precision.name == "fp16" else ""

    def _finish_epoch(self) -> None:
        """Evaluate where it is due, and save."""
        epoch = self._counted // self.steps_per_epoch
        due = epoch % self.experiment.evaluate_every == 0 or epoch == self.experiment.epochs
        self._save(best=due and self._evaluate())

    def _evaluate(self) -> bool:
        """Evaluate on the whole splits; return whether the model is the best so far by its validation score."""
        began = time.perf_counter()
        with self.learner.autocast():
            evaluations = {  # waits
                name: evaluator.run(self.learner.model) for name, evaluator in self._evaluators.items()
            }
            if self.learner.average is not None:
                evaluations |= {  # waits
                    AVERAGED[name]: evaluator.run(self.learner.average.model)
                    for name, evaluator in self._evaluators.items()
                }
        self.tested = evaluations["test"]
        values = {
            f"{split}/{name}": value for split, it in evaluations.items() for name, value in it.values.items()
        }
        values["time/evaluation"] = time.perf_counter() - began
        self._recorder.metrics(self.step, self.epoch, values)
        self._recorder.emit(self._confusion(evaluations["test"]))
        return self._best.choose({split: it.values for split, it in evaluations.items()})

    def keep_predictions(self) -> None:
        """Write what the last evaluation took the test images for into the run's folder."""
        if self.tested is None or not self._ranks.leads:
            return
        labels = self._data.test.labels.cpu().numpy()
        try:
            predictions.save(
                self._recorder.run.path,
                Predictions(self.tested.guesses, labels, self._data.test_digest),
            )
        except OSError as error:
            self._recorder.log("warning", f"the predictions cannot be written: {error.strerror or error}")

    def _confusion(self, evaluation: Evaluation) -> Confusion:
        return Confusion(
            time=time.time(), run=self._recorder.run.id, step=self.step, epoch=self.epoch, split="test",
            labels=list(self._data.classes), matrix=evaluation.confusion,
        )  # fmt: skip

    def _save(self, *, best: bool) -> None:
        """Copy what a checkpoint keeps, and have it written while training goes on."""
        state = self._state(best=best)
        if not self._ranks.leads:
            return
        state = checkpoint.copied(state)  # waits
        step, epoch, folder = self.step, self.epoch, self._recorder.run.checkpoints
        weights = self._best.weights

        def announce(kind: Literal["last", "best"], size: int, weights: Weights) -> None:
            self._recorder.emit(
                Checkpoint(
                    time=time.time(), run=self._recorder.run.id, step=step, epoch=epoch,
                    path=f"checkpoints/{kind}.pt", kind=kind, bytes=size, weights=weights,
                )
            )  # fmt: skip

        def write() -> None:
            announce("last", checkpoint.save(folder / "last.pt", state), "model")
            if best:
                announce("best", checkpoint.keep_best(folder, state), weights)

        def failed(error: OSError) -> None:
            kept = "the one before is kept" if self._has_checkpoint else "there is none before"
            self._recorder.log("warning", f"{_cannot_write(error)}; {kept}, training goes on")

        self._writer.start(write, failed)

    def _state(self, *, best: bool) -> dict[str, Any]:
        rng = {"cpu": self._ranks.gather(torch.get_rng_state())}
        if self.device.type == "cuda":
            rng["cuda"] = self._ranks.gather(torch.cuda.get_rng_state(self.device))
        return {
            **self.learner.state(),
            "step": self.step,
            "epoch": self.epoch,
            "rng": rng,
            "config": {
                **msgspec.to_builtins(self.experiment),
                "mean": list(self._data.mean),
                "std": list(self._data.std),
            },
            **self._best.state(),
            "is_best": best,
            "data": msgspec.to_builtins(self.facts) if self.facts is not None else None,
            "epochs_from": self.epochs_from,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on exactly where a checkpoint was written; with other images, at the epoch where it was.

        Raises:
            CheckpointError: It is of another model, or of a longer training.
        """
        self.step, self.epochs_from = state["step"], self._epochs_from(state)
        if self._counted > self._steps + self.experiment.epochs:  # ranks may part an epoch into one step more
            raise CheckpointError(
                f"the checkpoint is of step {state['step']:,}; {self.experiment.epochs} epochs have {self._steps:,}"
            )
        self.learner.load(state)
        if self.epochs_from != state.get("epochs_from", 0):
            self.learner.place_schedule(self._counted)
        self._best.load(state)
        if self._ranks.leads and state.get("is_best"):  # its process may have been killed before it kept them
            checkpoint.keep_best(self._recorder.run.checkpoints, state)
        saved = {
            kind: rng_state if isinstance(rng_state, list) else [rng_state]
            for kind, rng_state in state["rng"].items()
        }
        if self._ranks.rank < len(saved["cpu"]):  # else it goes on with more ranks than before
            torch.set_rng_state(saved["cpu"][self._ranks.rank].cpu())
            if self.device.type == "cuda" and "cuda" in saved:
                torch.cuda.set_rng_state(saved["cuda"][self._ranks.rank].cpu(), self.device)

    def _epochs_from(self, state: dict[str, Any]) -> int:
        """Return the step from which epochs are counted: another one where the images are not the checkpoint's."""
        kept = kept_facts(state)
        before: int = state.get("epochs_from", 0)
        if type(before) is not int:
            raise CheckpointError(
                "the checkpoint is no checkpoint of vitui's: its epochs_from is no whole number"
            )
        if kept is None or self.facts is None or kept.digest == self.facts.digest:
            return before
        step: int = state["step"]
        counted: int = round(state["epoch"] * self.steps_per_epoch)
        return step - counted


def _cannot_write(error: OSError) -> str:
    return f"the checkpoint cannot be written: {error.strerror or error}"


def advice(clip_norm: float) -> str:
    """Return what may keep a loss finite, for a run with this ``clip_norm``; 0 means no limit."""
    lower = 1.0 if clip_norm == 0 or clip_norm > 1 else clip_norm / 10
    return f"a smaller lr, a longer warmup or clip_norm = {lower:.3g} (now {clip_norm:.3g}) may help"
