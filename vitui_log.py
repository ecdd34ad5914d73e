"""Tells vitui what a training measures: ``log({"train/loss": 0.5}, step=100, epoch=1)``.

Copy this file into your project, or import it where vitui is installed. It needs Python 3.8 and nothing else.

- In a run of vitui each call is a line of JSON on stdout, which becomes points of curves. Elsewhere it is a line of
  text.
- Values are what ``float()`` takes: numbers, NaN, scalars of NumPy, PyTorch, TensorFlow and JAX. Tables in tables
  become names with slashes. What is no number is left out, and said once on stderr: a log never ends a training.
- Of several processes (torchrun, Slurm, MPI, Lightning, DeepSpeed) only rank 0 writes, unless ``every_rank=True``.

Callbacks that do it by themselves; their libraries are imported when they are asked for::

    from vitui_log import LightningCallback     # Trainer(callbacks=[LightningCallback()])
    from vitui_log import TransformersCallback  # Trainer(..., callbacks=[TransformersCallback()])
    from vitui_log import KerasCallback         # model.fit(..., callbacks=[KerasCallback()])

Each takes names in place of the library's: ``LightningCallback(rename={"val_acc": "test/accuracy"})``.
"""

from __future__ import annotations

import json
import math
import os
import sys
import threading
from typing import Any, Iterator, Mapping  # noqa: UP035  isinstance of Python 3.8 takes these

__all__ = ["KerasCallback", "LightningCallback", "TransformersCallback", "log", "rank"]  # noqa: F822  made below

RANKS = ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK")
"""Variables that hold the number of this process among all of a job, the surest first."""

_lock = threading.Lock()
_step = 0
_has_steps = False
_told: set[str] = set()


def log(
    values: Mapping[str, Any],
    step: float | None = None,
    epoch: float | None = None,
    *,
    every_rank: bool = False,
) -> None:
    """Tell what was measured.

    Args:
        values: Numbers by name; names with a slash, as in ``train/loss``, group curves.
        step: Optimizer steps so far. Left out it is that of the call before; where none was ever said it is the epoch,
            and without a whole epoch calls are counted.
        epoch: Epochs so far, a fraction within one. Left out it is that of the call before.
        every_rank: Whether a process that is not rank 0 writes too; vitui then takes of each metric the lowest rank's.
    """
    here = rank()
    if here and not every_rank:
        return
    numbers = dict(_numbers(values))
    with _lock:
        event: dict[str, Any] = {"event": "metrics", "step": _next_step(step, epoch)}
        if epoch is not None:
            event["epoch"] = float(epoch)
        if every_rank:
            event["rank"] = here
        event["values"] = numbers
        if not numbers:
            return
        if os.environ.get("VITUI_RUN_DIR"):
            _write(json.dumps({**event, "values": {name: _finite(value) for name, value in numbers.items()}}))
        else:
            place = [f"step {event['step']}", *([f"epoch {epoch:g}"] if epoch is not None else [])]
            _write("  ".join([*place, *(f"{name} {value:.6g}" for name, value in numbers.items())]))


def rank() -> int:
    """Return the number of this process among all that train together, 0 where it is alone."""
    torch = sys.modules.get("torch.distributed")
    if torch is not None and torch.is_available() and torch.is_initialized():
        return int(torch.get_rank())
    for name in RANKS:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    nodes, local = (os.environ.get(name, "") for name in ("NODE_RANK", "LOCAL_RANK"))  # what Lightning sets
    return int(local.isdigit() and int(local)) + 1_000 * int(nodes.isdigit() and int(nodes))


def _next_step(step: float | None, epoch: float | None) -> int:
    global _step, _has_steps
    if step is not None:
        _step, _has_steps = int(step), True
    elif not _has_steps:
        _step = int(epoch) if epoch is not None and float(epoch).is_integer() else _step + 1
    return _step


def _numbers(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in values.items():
        whole = prefix + str(name)
        if isinstance(value, Mapping):
            yield from _numbers(value, whole + "/")
            continue
        try:
            yield whole, float(value.detach() if hasattr(value, "detach") else value)
        except OverflowError:
            yield whole, math.inf
        except Exception:  # noqa: BLE001  whatever a value of another library raises, the training goes on
            if whole not in _told:
                _told.add(whole)
                sys.stderr.write(f"vitui_log: {whole} is left out, it is no number: {value!r:.60}\n")


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _write(line: str) -> None:
    """Write a line at once, so that those of several processes do not mix."""
    try:
        sys.stdout.flush()
        if os.environ.get("VITUI_RUN_DIR"):  # also where somebody has put another file in place of sys.stdout
            data = f"{line}\n".encode("utf-8", "replace")
            while data:
                data = data[os.write(1, data) :]
        else:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    except (OSError, ValueError):  # a closed pipe, or a closed sys.stdout
        return


def _lightning_callback() -> type:
    name = (
        "pytorch_lightning"
        if "lightning.pytorch" not in sys.modules and "pytorch_lightning" in sys.modules
        else ""
    )
    if name:
        from pytorch_lightning import Callback
    else:
        try:
            from lightning.pytorch import Callback
        except ImportError:
            from pytorch_lightning import Callback

    class LightningCallback(Callback):  # type: ignore[misc]
        """Logs what a LightningModule has logged: at the end of each epoch, of a validation alone, and of a test."""

        def __init__(self, rename: Mapping[str, str] | None = None) -> None:
            super().__init__()
            self._rename = rename or {}

        def _log(self, trainer: Any, epoch: float) -> None:
            if trainer.is_global_zero and not trainer.sanity_checking:
                named = {
                    self._rename.get(name, name): value for name, value in trainer.callback_metrics.items()
                }
                log(named, step=trainer.global_step, epoch=epoch)

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            self._log(trainer, trainer.current_epoch + 1)

        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            if trainer.state.fn != "fit":
                self._log(trainer, trainer.current_epoch)

        def on_test_end(self, trainer: Any, pl_module: Any) -> None:
            self._log(trainer, trainer.current_epoch)

    return LightningCallback


def _transformers_callback() -> type:
    from transformers import TrainerCallback

    class TransformersCallback(TrainerCallback):  # type: ignore[misc]
        """Logs what the Trainer logs; ``eval_loss`` becomes ``val/loss`` and ``loss`` becomes ``train/loss``."""

        def __init__(self, rename: Mapping[str, str] | None = None) -> None:
            super().__init__()
            self._rename = rename or {}

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if state.is_world_process_zero:
                named = {
                    self._rename.get(name) or _transformers_name(name): value
                    for name, value in (logs or {}).items()
                    if name != "epoch"
                }
                log(named, step=state.global_step, epoch=state.epoch)

    return TransformersCallback


def _transformers_name(name: str) -> str:
    if name == "train_loss":  # the mean over the whole training, which the Trainer logs at its end
        return "train/mean_loss"
    for begin, split in (("eval_", "val/"), ("test_", "test/"), ("train_", "train/")):
        if name.startswith(begin):
            return split + name[len(begin) :]
    return "train/lr" if name == "learning_rate" else f"train/{name}"


def _keras_callback() -> type:
    if "keras" not in sys.modules and "tensorflow" in sys.modules:
        from tensorflow.keras.callbacks import Callback
    else:
        from keras.callbacks import Callback

    class KerasCallback(Callback):  # type: ignore[misc]
        """Logs what Keras measures in each epoch; ``val_loss`` becomes ``val/loss``, ``loss`` ``train/loss``."""

        def __init__(self, rename: Mapping[str, str] | None = None) -> None:
            super().__init__()
            self._rename = rename or {}

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            steps = (self.params or {}).get("steps")
            named = {
                self._rename.get(name) or _keras_name(name): value for name, value in (logs or {}).items()
            }
            log(named, step=steps and steps * (epoch + 1), epoch=epoch + 1)

        def on_test_end(self, logs: Any = None) -> None:
            if logs and not getattr(self, "_fits", False):
                log({f"test/{name}": value for name, value in logs.items()})

        def on_train_begin(self, logs: Any = None) -> None:
            self._fits = True

        def on_train_end(self, logs: Any = None) -> None:
            self._fits = False

    return KerasCallback


def _keras_name(name: str) -> str:
    return f"val/{name[4:]}" if name.startswith("val_") else f"train/{name}"


_CALLBACKS = {
    "LightningCallback": _lightning_callback,
    "TransformersCallback": _transformers_callback,
    "KerasCallback": _keras_callback,
}


def __getattr__(name: str) -> Any:
    """Make a callback when it is asked for: its library need not be there before."""
    if name in _CALLBACKS:
        made = globals()[name] = _CALLBACKS[name]()
        return made
    raise AttributeError(f"module 'vitui_log' has no attribute {name!r}")
