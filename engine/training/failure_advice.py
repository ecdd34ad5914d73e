"""Failures in words that help a user mend them."""

from __future__ import annotations

import errno
import re
import traceback
from contextlib import suppress

import torch

from engine.config.schema import Experiment
from engine.errors import UserError, is_transient
from engine.events import Failure
from engine.runs.store import Run
from engine.text import gib
from engine.training.cost import count_classes, images_per_gpu, memory_of

FULL = (errno.ENOSPC, errno.EDQUOT)
OUT_OF_MEMORY = re.compile(
    r"CUDA out of memory"
    r"|CUDA error: out of memory"  # torch.AcceleratorError: cudaErrorMemoryAllocation
    r"|Cuda failure.*out of memory"  # NCCL
    r"|CUBLAS_STATUS_ALLOC_FAILED"
    r"|CUDNN_STATUS_\w*ALLOC\w*_FAILED",
    re.IGNORECASE,
)
"""What PyTorch and the libraries below it say where a GPU has no memory left."""
ROOM = 0.85
"""The part of a GPU's memory that tensors get; the allocator and kernels take the rest."""


def failure_of(error: Exception, run: Run, experiment: Experiment, device: torch.device) -> Failure:
    """Return the exception being handled as text, with its traceback and, where there is one, its cure.

    Args:
        error: The exception.
        run: The run that it ended.
        experiment: What was trained.
        device: Where.
    """
    message = str(error) or type(error).__name__
    if full := is_out_of_memory(error):
        message = out_of_memory(run.id, experiment, *_total_and_peak(device))
    elif isinstance(error, OSError) and error.errno is not None:
        message = f"{error.strerror}: {error.filename or run.path}"
        if error.errno in FULL:
            message += f"; free some space, then `engine resume {run.id}` goes on"
    elif experiment.deterministic and "deterministic implementation" in message:
        message += "; deterministic = false trains this model, without the same bits each time"
    return Failure(
        type=type(error).__name__, message=message, traceback=traceback.format_exc(),
        transient=is_transient(error), explained=full or isinstance(error, UserError),
    )  # fmt: skip


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a GPU had no memory left, by the type of an error or by what the libraries below PyTorch say."""
    return isinstance(error, torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error)) is not None
    )


def _total_and_peak(device: torch.device) -> tuple[int, int]:
    """Return the bytes that a GPU has and that PyTorch held of it at most; zeros where it cannot be asked."""
    if device.type != "cuda":
        return 0, 0
    with suppress(RuntimeError):  # CUDA may be gone with the error
        return torch.cuda.get_device_properties(device).total_memory, torch.cuda.max_memory_reserved(device)
    return 0, 0


def failure_text(failure: Failure) -> str:
    """Return a failure in a line: an error that is not one of ours is named, too."""
    return failure.message if failure.explained else f"{failure.type}: {failure.message}"


def out_of_memory(run: str, experiment: Experiment, total: int, peak: int) -> str:
    """Return what to do about a GPU that is too small, in words.

    Args:
        run: The id of the run.
        experiment: What was trained.
        total: Bytes that the GPU has; 0 where that is not known.
        peak: Bytes that PyTorch held at most.
    """
    whole, gpus, per_gpu = experiment.batch_size, experiment.gpus, images_per_gpu(experiment)
    facts = [f"{gib(peak, 1)} of {gib(total, 1)} used"] if total else []
    fits = per_gpu // 2
    with suppress(ValueError):  # a model that cannot be built on paper
        one_image, estimate = _estimated(experiment)
        facts.append(f"{gib(estimate, 1)} were estimated")
        room = ROOM * total - (estimate - per_gpu * one_image)
        if total:
            fits = min(int(room / one_image), fits) if room > 0 else 0
    cause = f"out of GPU memory at batch_size = {whole}{': ' if facts else ''}{', '.join(facts)}"
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


def _estimated(experiment: Experiment) -> tuple[int, int]:
    """Return the bytes that an image more takes of a GPU, and the whole batch.

    Raises:
        ValueError: The model cannot be built on paper.
    """
    classes, images = count_classes(experiment.dataset), images_per_gpu(experiment)
    fewer, more = (memory_of(experiment, size, classes).total for size in (images, images + 1))
    return max(1, more - fewer), fewer
