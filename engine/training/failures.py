"""Failures in words that help a user mend them."""

from __future__ import annotations

import errno
import traceback

import torch

from engine.config.schema import Experiment
from engine.errors import UserError, is_transient
from engine.events import Failure
from engine.runs.store import Run
from engine.text import gib
from engine.training.cost import cost_of

FULL = (errno.ENOSPC, errno.EDQUOT)


def failure_of(error: Exception, run: Run, experiment: Experiment, device: torch.device) -> Failure:
    """Return the exception being handled as text, with its traceback and, where there is one, its cure.

    Args:
        error: The exception.
        run: The run that it ended.
        experiment: What was trained.
        device: Where.
    """
    message = str(error) or type(error).__name__
    if isinstance(error, torch.OutOfMemoryError):
        total, peak = 0, 0
        if device.type == "cuda":
            total = torch.cuda.get_device_properties(device).total_memory
            peak = torch.cuda.max_memory_reserved(device)
        message = out_of_memory(run.id, experiment, total, peak)
    elif isinstance(error, OSError) and error.errno is not None:
        message = f"{error.strerror}: {error.filename or run.path}"
        if error.errno in FULL:
            message += f"; free some space, then `engine resume {run.id}` goes on"
    elif experiment.deterministic and "deterministic implementation" in message:
        message += "; deterministic = false trains this model, without the same bits each time"
    return Failure(
        type=type(error).__name__, message=message, traceback=traceback.format_exc(),
        transient=is_transient(error), explained=isinstance(error, UserError | torch.OutOfMemoryError),
    )  # fmt: skip


def failure_text(failure: Failure) -> str:
    """Return a failure in a line: an error that is not one of ours is named, too."""
    return failure.message if failure.explained else f"{failure.type}: {failure.message}"


def out_of_memory(run: str, experiment: Experiment, total: int, peak: int) -> str:
    """Return what to do about a GPU that is too small, in words.

    Args:
        run: The id of the run.
        experiment: What was trained.
        total: Bytes that the GPU has.
        peak: Bytes that PyTorch held at most.
    """
    whole, gpus = experiment.batch_size, experiment.gpus
    cause = f"out of GPU memory at batch_size = {whole}: {gib(peak, 1)} of {gib(total, 1)} used"
    per_gpu = -(-whole // gpus)
    try:
        one, two = (cost_of(experiment, size, 10).memory.total for size in (1, 2))
    except (ValueError, RuntimeError):
        fits = per_gpu // 2
    else:
        estimate = one + (per_gpu - 1) * (two - one)
        cause += f", {gib(estimate, 1)} were estimated"
        room = 0.85 * total - one  # the allocator and kernels take their part too
        fits = min(int(room / max(1, two - one)) + 1, per_gpu // 2) if room > 0 else 0
    if fits < 1:
        needed = "a smaller model, image_size or a larger GPU is needed"
        return f"{cause}; one image does not fit: {needed}{_less_memory(experiment)}"
    fits *= gpus
    while whole % fits:
        fits -= 1
    return (
        f"{cause}; batch_size = {fits} should fit: `engine resume {run} --set batch_size={fits}` goes on with it, and "
        f"accumulates to the same {whole * experiment.accumulate} images a step{_less_memory(experiment)}"
    )


def _less_memory(experiment: Experiment) -> str:
    """Return, for a run that keeps all activations, how it would keep fewer."""
    return (
        "" if experiment.checkpointing else "; checkpointing = true keeps fewer activations, and takes longer"
    )
