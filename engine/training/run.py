"""What a run's process does once it holds the run: build, train, and record the end, a failure too."""

from __future__ import annotations

import torch

from engine.config.schema import Experiment
from engine.events import Failure
from engine.runs.recorder import Recorder
from engine.runs.stop_request import FAILED, FINISHED, STOPPED, StopRequest
from engine.runs.store import Run
from engine.system.nvml import Nvml
from engine.system.telemetry import Sampler, joules_of
from engine.training.build_trainer import build
from engine.training.data.unsplit_dataset import Say
from engine.training.device import gpu_uuids, pick_device
from engine.training.distributed.nodes import nodes_of_job
from engine.training.distributed.supervisor import train_on_several
from engine.training.failure_advice import failure_of, failure_text
from engine.training.outcome import Outcome, trained
from engine.training.precision import arithmetic


def train(
    run: Run,
    experiment: Experiment,
    seed: int,
    recorder: Recorder,
    stop: StopRequest,
    device: str,
    *,
    other_data: bool = False,
) -> int:
    """Train a run that this process holds, and return the process's exit code; every failure is recorded.

    Args:
        run: The run, whose lock this process has.
        experiment: What to train, and how.
        seed: Of weights, order, augmentation and splits.
        recorder: Takes the run's events.
        stop: Tells when and how the run is to stop.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        other_data: Whether it may go on with other images than those of its checkpoint.
    """
    where = torch.device("cpu")
    spent = joules_of(recorder.status.last)
    try:
        per_node = experiment.gpus // nodes_of_job().size
        where = pick_device(device, ranks=per_node)
        if where.type == "cpu":
            _say_why_no_gpu(recorder, device)
        if where.type == "mps":
            recorder.log("warning", "training on mps is unproven: compare a short run with one on the CPU")
        with Sampler(recorder.telemetry, _gpus(where, per_node), spent):
            if experiment.gpus > 1:
                outcome = train_on_several(
                    experiment, seed, recorder, stop, where.type, _say(recorder, stop), other_data=other_data
                )
            else:
                outcome = _train_here(experiment, seed, recorder, stop, where, other_data)
    except LoadingStopped:
        outcome = Outcome("stopped", "before it had its images")
    except Exception as error:  # noqa: BLE001  whatever it is, the run says so and ends
        outcome = Outcome("failed", error=failure_of(error, run, experiment, where))
    return _end(outcome, recorder, stop)


def _train_here(
    experiment: Experiment,
    seed: int,
    recorder: Recorder,
    stop: StopRequest,
    device: torch.device,
    other_data: bool,
) -> Outcome:
    """Train in this process; what asks CUDA about its current device means this one."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with arithmetic(experiment, device):
        say = _say(recorder, stop)
        return trained(
            build(experiment, seed, device, recorder, lambda: stop.request, say, other_data=other_data)
        )


def _end(outcome: Outcome, recorder: Recorder, stop: StopRequest) -> int:
    """Record how an attempt ended, and return the exit code."""
    if outcome.state == "finished":
        recorder.end("finished", outcome.reason, summary=outcome.summary)
        return FINISHED
    if outcome.state == "stopped":
        stop.settle()
        recorder.end("stopped", f"{stop.reason} {outcome.reason}", summary=outcome.summary)
        return STOPPED
    failure = outcome.error or Failure(type="Failure", message=outcome.reason)
    recorder.log("error", failure_text(failure))
    recorder.end("failed", failure.message, failure)
    return FAILED


class LoadingStopped(Exception):  # noqa: N818  it names what happened to the run
    """The run was asked to stop while its images were decoded."""


def _say(recorder: Recorder, stop: StopRequest) -> Say:
    def say(message: str) -> None:
        recorder.log("info", message)
        if stop.request == "stop-now":
            raise LoadingStopped

    return say


def _say_why_no_gpu(recorder: Recorder, asked: str) -> None:
    if asked == "auto":
        nvml = Nvml()
        lost = ", ".join(f"{gpu.label} is lost: {gpu.lost}" for gpu in nvml.sample() if gpu.lost)
        why = f"NVML: {nvml.missing}" if nvml.missing else lost or "torch cannot use the GPU"
        nvml.close()
        recorder.log("info", f"training on the CPU ({why})")


def _gpus(device: torch.device, count: int) -> list[str]:
    """Return the UUIDs of the GPUs that a run uses."""
    if device.type != "cuda":
        return []
    nvml = Nvml()
    try:
        return gpu_uuids(device, count, nvml.sample())
    finally:
        nvml.close()
