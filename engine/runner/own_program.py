"""Runs an experiment's own ``command``: any program; the JSON lines that it prints become its events.

A program that prints nothing is run, timed and recorded all the same.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping

import msgspec

from engine.config.schema import Experiment
from engine.events import Failure, Start
from engine.runner.console_log import ConsoleLimit
from engine.runner.process_group import ProcessGroup
from engine.runner.program_output import ProgramOutput
from engine.runner.stray_processes import StrayProcesses
from engine.runs.queue_entry import queue_entry
from engine.runs.recorder import Recorder
from engine.runs.stop_request import FAILED, FINISHED, STOPPED, StopRequest
from engine.runs.store import Run
from engine.system import process
from engine.system.shell_environment import names_of, with_carried
from engine.system.telemetry import Sampler, joules_of

GRACE_S = 30.0
"""Seconds between SIGTERM and SIGKILL."""
HEARING_S = 0.5
"""Seconds within which all processes of a run have a signal that was sent to all of them."""
LONGEST = 300
"""Characters of a program's last line that stand in the reason of its failure."""


def run_script(
    run: Run, experiment: Experiment, seed: int, recorder: Recorder, stop: StopRequest, device: str,
    limit: ConsoleLimit, environment: Mapping[str, str | None] | None = None,
) -> int:  # fmt: skip
    """Run the command of an experiment to its end, and return the exit code of this process.

    Args:
        run: The run, whose lock this process has.
        experiment: Whose command it is.
        seed: Handed to the program as VITUI_SEED.
        recorder: Takes the run's events.
        stop: Tells when and how the run is to stop.
        device: Handed to the program as VITUI_DEVICE.
        limit: Keeps what the program prints within bounds.
        environment: The variables of the shell that submitted it; None where it has those of this process.
    """
    spent = joules_of(recorder.status.last)
    origin = _origin(run, environment)
    recorder.emit(_start(run, experiment, seed, recorder, device, origin))
    if origin:
        recorder.log("info", f"its program has the environment {origin}")
    variables = with_carried(os.environ, environment or {}, for_program=True)
    with StrayProcesses(run) as strays, contextlib.ExitStack() as ending:
        with ProcessGroup() as group:
            try:
                program = subprocess.Popen(
                    experiment.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                    process_group=group.group, env=variables | _environment(seed, recorder, device),
                )  # fmt: skip
            except (OSError, ValueError) as error:
                reason = f"{experiment.command[0]} cannot be started: {error}"
                recorder.end("failed", reason, Failure(type=type(error).__name__, message=reason))
                return FAILED
            output = ProgramOutput(program, recorder, limit.look)
            ending.callback(
                output.finish
            )  # once all are gone that printed: what they had printed is in the pipes
            with Sampler(while_it_lives(program, recorder.telemetry), _given_gpus(run), spent):
                _wait(program, group, strays, stop)
                _look_again(program, stop)
        left = strays.end(group.group)
    if left:
        recorder.log("warning", left)
    return _end(program.returncode, output.last_lines, recorder, stop)


def while_it_lives(
    program: subprocess.Popen[bytes], report: Callable[[dict[str, float]], None]
) -> Callable[[dict[str, float]], None]:
    """Return what takes samples of a program: one from after its end says what it has spent, and holds no memory."""

    def take(values: dict[str, float]) -> None:
        if program.poll() is not None:
            values = {name: value for name, value in values.items() if "/memory" not in name}
        if values:
            report(values)

    return take


def _given_gpus(run: Run) -> list[str]:
    """Return the UUIDs of the GPUs that the queue gave the run; those of a run begun by hand are unknown."""
    entry = queue_entry(run)
    return [device for device in entry.devices if not device.startswith("cpu")] if entry is not None else []


def _wait(
    program: subprocess.Popen[bytes], group: ProcessGroup, strays: StrayProcesses, stop: StopRequest
) -> None:
    """Wait for the program's end; when asked to stop, tell its process group, and insist after a while."""
    deadline = None
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(timeout=0.1)
            break
        strays.reap({program.pid, group.group})
        now = time.monotonic()
        if stop.request is not None and deadline is None:
            deadline = now + GRACE_S
            group.signal(signal.SIGTERM)
        elif deadline is not None and now > deadline:
            group.signal(signal.SIGKILL)


def _look_again(program: subprocess.Popen[bytes], stop: StopRequest) -> None:
    """Hear what was asked while the program ended: a signal to the whole run may reach it before this process."""
    stop.poll()
    deadline = time.monotonic() + HEARING_S
    while program.returncode != 0 and stop.request is None and time.monotonic() < deadline:
        time.sleep(0.01)


def _start(
    run: Run, experiment: Experiment, seed: int, recorder: Recorder, device: str, environment: str
) -> Start:
    return Start(
        time=time.time(), run=run.id, attempt=recorder.status.attempt + 1, experiment=experiment.name,
        config=msgspec.to_builtins(experiment), seed=seed, pid=os.getpid(), host=process.host(),
        boot=process.boot_id(), process_started=process.started(os.getpid()) or 0.0, device=device,
        step=recorder.status.step, environment=environment,
    )  # fmt: skip


def _origin(run: Run, environment: Mapping[str, str | None] | None) -> str:
    """Return in words whose environment the program has, empty where that is plain; no values are said."""
    if environment is not None:
        return f"of the shell that submitted it: {', '.join(names_of(environment))}"
    entry = queue_entry(run)
    return "of the worker" if entry is not None and entry.devices else ""


def _environment(seed: int, recorder: Recorder, device: str) -> dict[str, str]:
    """What the program is told besides its run and folder: which seed and device, and whether it goes on."""
    return {
        "VITUI_SEED": str(seed),
        "VITUI_DEVICE": device,
        "VITUI_ATTEMPT": str(recorder.status.attempt),
        "PYTHONUNBUFFERED": "1",
    }


def _end(code: int, printed: list[bytes], recorder: Recorder, stop: StopRequest) -> int:
    if stop.request is not None:
        stop.settle()
        recorder.end("stopped", stop.reason)
        return STOPPED
    if code == 0:
        recorder.end("finished", "its command ended well")
        return FINISHED
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
    output = b"\n".join(printed[-20:]).decode(errors="replace")
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "")
    reason = f"its command {how}; " + (
        f"console.log ends: {last[:LONGEST]}" if last else "it printed no text"
    )
    recorder.end("failed", reason, Failure(type="CommandFailed", message=reason, traceback=output))
    return FAILED
