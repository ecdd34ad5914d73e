"""The process that trains a queued run on this machine."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from engine.runs import run_lock, stop_request
from engine.runs.processes.membership import mark
from engine.runs.queue_entry import QueueEntry, waiting_entry
from engine.runs.store import Run, StoreError, is_run_id
from engine.runs.trust import entry_writer
from engine.runs.trust.queued_by_user import why_untrusted
from engine.sites.device_occupancy import Device
from engine.system import lock
from engine.system.own_modules import STARTER, own_module
from engine.system.shell_environment import with_carried


def launch(
    run: Run, devices: Sequence[Device] = (), environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes] | None:
    """Start the process that trains a queued run, detached from this one; its output goes to the run's console.log.

    Args:
        devices: What it is given.
        environment: What makes it see them.

    Returns:
        The process, None when another one has the run, it has left the queue, or this user has not queued it.

    Raises:
        OSError: It cannot be started, or console.log is a link.
    """
    if (claimed := run_lock.claim(run)) is None:
        return None
    heir = None
    try:
        entry = waiting_entry(run)
        if entry is None or why_untrusted(run, entry):
            return None
        given = {device.id: device.name for device in devices}
        entry_writer.change(run, entry, msgspec.structs.replace(entry, devices=given))
        stop_request.clear(run)
        device = "cuda" if any(device.gpu for device in devices) else entry.device
        base: Mapping[str, str] = os.environ
        if entry.environment is not None:
            base = with_carried(base, entry.environment, for_program=False)
        child = _start_process(
            run, device, claimed, {**base} | _of_devices(environment or {}, entry) | mark(run)
        )
        heir = child.pid
        return child
    finally:
        lock.hand_over(claimed, heir)  # the process has the lock by its own copy


def train_command(run: Run, device: str, claimed: int) -> list[str]:
    """Return the command that trains a queued run.

    Args:
        run: The run.
        device: Where it trains, as ``--device`` takes it.
        claimed: The descriptor of the run's lock, which the process inherits.
    """
    return [
        *own_module("engine.cli"), "train", run.id, "--runs", str(run.path.parent.resolve()),
        "--device", device, "--claimed", str(claimed),
    ]  # fmt: skip


def run_in_command(words: Sequence[str]) -> tuple[str, str] | None:
    """Return the run that a ``train_command`` is of, and its folder of runs; None for any other command."""
    match list(words):
        case [_, "-P", program, "engine.cli", "train", run, "--runs", root, "--device", *_]:
            if Path(program).name == STARTER.name and is_run_id(run) and Path(root).is_absolute():
                return run, root
    return None


def _of_devices(environment: Mapping[str, str], entry: QueueEntry) -> dict[str, str]:
    """Return what makes a process see its devices; how many threads it uses there its user may have said."""
    said = entry.environment or {}
    return {
        name: value
        for name, value in environment.items()
        if name == "CUDA_VISIBLE_DEVICES" or said.get(name) is None
    }


def _start_process(
    run: Run, device: str, claimed: int, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    cwd = Path.cwd()
    with contextlib.suppress(StoreError):  # damaged: its own process says so, and the run fails with that
        if (home := Path(run.info().cwd)).is_dir():
            cwd = home
    log = os.open(run.console, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        return subprocess.Popen(
            train_command(run, device, claimed),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=cwd,
            pass_fds=[claimed], env=environment,
        )  # fmt: skip
    finally:
        os.close(log)
