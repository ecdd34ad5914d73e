"""Queued runs -> processes: one worker a runs folder starts each on devices that are free.

The worker and every run are processes of their own sessions: they outlive the app and the shell. A run's process gets
the run's lock from the worker as an open file, so that the lock is held from the moment at which the run begins.
queued.json says on which devices: a worker that is killed harms no run, and the next one counts the runs that live.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from engine.errors import PASSING
from engine.events import Failure
from engine.queue import retry
from engine.queue.memory_estimates import MemoryEstimates
from engine.queue.notifier import Notifier
from engine.queue.planner import Job, Live, Plan, Wait, make_plan
from engine.queue.start_conditions import why_blocked
from engine.runs import run_lock, worker_status
from engine.runs.liveness import status_of
from engine.runs.posted.posting import posting_of
from engine.runs.processes.background import start_in_background
from engine.runs.processes.membership import family, main_process
from engine.runs.queue_entry import QueueEntry, queue_entry, waiting_entry
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store, StoreError
from engine.runs.trust.entry_writer import leave_queue
from engine.sites.device_occupancy import Device
from engine.sites.local_devices import LocalDevices
from engine.sites.local_process import launch
from engine.system import lock
from engine.system.files import last_lines
from engine.system.installed_extras import lacking
from engine.system.lock_holder import this_process
from engine.system.own_modules import own_module
from engine.system.process import STOP_SIGNALS

POLL_S = 0.5
LOCK_TIMEOUT_S = 0.2
"""Seconds to wait for the lock: a process that only looks at it releases it by then."""
TRIES = 3
"""How often a run is started whose process is killed before it takes the run."""


def ensure_worker(store: Store, *options: str) -> bool:
    """Start a worker in the background, with options of `engine work`, unless one serves the folder already.

    Returns:
        Whether one had to be started.
    """
    store.root.mkdir(parents=True, exist_ok=True)
    if lock.is_held(worker_status.lock_file(store.root)):
        return False
    start_in_background(store.root, worker_status.LOG, "work", *options, python=own_module("engine.cli")[1:])
    return True


class Busy(Exception):  # noqa: N818  it says what is the case, not that something broke
    """Another worker serves this runs folder."""


def work(
    store: Store,
    stopped: Callable[[], bool],
    *,
    drain: bool = True,
    machine: LocalDevices | None = None,
    backoff_s: float = retry.BACKOFF_S,
    notifier: Notifier | None = None,
) -> int:
    """Start queued runs until none waits and none runs (``drain``) or until ``stopped``; return how many were started.

    Args:
        store: The folder of runs.
        stopped: Returns whether to end; it is called about every ``POLL_S`` seconds.
        drain: End once no run is left that starts by itself.
        machine: The devices to give out; None for all of this machine.
        backoff_s: Seconds before the first retry of a run.
        notifier: Sends messages on what happens; None for no messages.

    Raises:
        Busy: Another worker serves the folder.
        StoreError: The folder cannot be locked, or was moved away or removed while it was served.
    """
    with contextlib.ExitStack() as stack:
        machine = machine or stack.enter_context(contextlib.closing(LocalDevices()))
        if notifier is not None:
            stack.callback(lambda: notifier.close(at_once=stopped()))
        worker = Worker(store, machine, backoff_s, notifier)
        while True:
            with _only_worker(store):
                worker.serve(stopped, drain=drain)
            if stopped() or worker.is_done():  # a run queued while the lock was let go is served too
                return worker.started


@dataclass
class _Look:
    """One look at all runs: those that live and those that wait, each with what its queued.json says."""

    live: list[tuple[Run, QueueEntry | None]] = field(default_factory=list)
    queue: list[tuple[Run, QueueEntry]] = field(default_factory=list)


class Worker:
    """Serves one folder of runs; the caller holds the lock that makes it the only one.

    Args:
        store: The folder of runs.
        machine: The devices to give out.
        backoff_s: Seconds before the first retry of a run.
        notifier: Sends messages on what happens; None for no messages.
    """

    def __init__(
        self, store: Store, machine: LocalDevices, backoff_s: float, notifier: Notifier | None = None
    ) -> None:
        self.started = 0
        """How many runs it has started."""
        self._store = store
        self._machine = machine
        self._backoff = backoff_s
        self._notifier = notifier
        self._estimates = MemoryEstimates(store)
        self._lacks = lacking("train")
        self._children: list[tuple[Run, subprocess.Popen[bytes]]] = []
        self._tries: dict[str, int] = {}
        self._live: set[str] = set()
        self._published: worker_status.WorkerStatus | None = None
        self._beat = 0.0
        self._place: tuple[int, int] | None = None
        """Which folder it serves, known from the first look on."""
        self._waiting = 0
        """How many runs waited after the last turn."""

    def serve(self, stopped: Callable[[], bool], *, drain: bool) -> None:
        """Start the runs that can start, until ``stopped`` or, with ``drain``, until none is left."""
        try:
            while not stopped():
                if self.turn() and drain:
                    self._publish_last_reasons()
                    return
                time.sleep(POLL_S)
            worker_status.withdraw(self._store.root)
        finally:
            self._estimates.close()
            self._published = None

    def turn(self) -> bool:
        """Reap ended processes, start the runs that fit, publish why the rest waits; return whether all is done."""
        self._reap()
        look = self._look()
        plan = self._plan(look)
        for name, devices in plan.starts.items():
            if why := self._start(Run(self._store.root / name), devices):
                plan.waits[name] = Wait(why)
        self._waiting = len(plan.waits)
        self._publish(plan)
        is_done = not self._children and _is_idle(look, plan)
        if is_done and self._notifier is not None:
            self._notifier.rest(self._waiting, self.started)
        return is_done

    def is_done(self) -> bool:
        """Return whether a worker has no run to start or to wait for."""
        look = self._look()
        return _is_idle(look, self._plan(look))

    def _reap(self) -> None:
        """Reap processes that have ended; a run that its process never took fails, or is started again."""
        gone = [(run, child) for run, child in self._children if child.poll() is not None]
        self._children = [child_of_run for child_of_run in self._children if child_of_run not in gone]
        for run, child in gone:
            entry = waiting_entry(run)
            if entry is not None and entry.devices and not run_lock.is_held(run):  # given, and not taken
                with contextlib.suppress(StoreError, OSError):  # another process has the run now
                    self._false_start(run, child.returncode)

    def _false_start(self, run: Run, code: int) -> None:
        self._tries[run.id] = self._tries.get(run.id, 0) + 1
        if -code in STOP_SIGNALS:
            _record_end(run, "stopped", f"stopped by {signal.Signals(-code).name} before it began")
        elif code >= 0 or self._tries[run.id] >= TRIES:
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
            _record_end(run, "failed", f"its process {how} before it began; console.log has what it said")

    def _look(self) -> _Look:
        """See which runs live here and which wait; settle those whose attempt has ended since the last look."""
        look = _Look()
        for run in self._store.runs():
            is_live, entry = run_lock.is_held(run), queue_entry(run)
            if (is_live or entry is not None) and posting_of(run) is not None:
                continue  # its site's, even where its lock and its entry are on a disk that both have
            if not is_live and entry is not None and entry.stage in ("taken", "failed"):
                with contextlib.suppress(StoreError, OSError):  # another has it just now: at the next look
                    retry.settle(run, self._backoff)
                entry = queue_entry(run)
            if is_live:
                look.live.append((run, entry))
            elif entry is not None and entry.stage == "waiting":
                look.queue.append((run, entry))
        place = _place(self._store)
        if self._place not in (None, place):  # else there seems to be nothing left to do
            raise StoreError(
                f"{self._store.root} is no longer there: moved or removed; {_still_wait(self._waiting)}"
            )
        self._place = place
        self._follow(run for run, entry in look.live if entry is not None and not entry.by_hand)
        live = {run.id for run, _ in look.live}
        if self._live - live:
            self._estimates.look_again()
        self._live = live
        return look

    def _plan(self, look: _Look) -> Plan:
        self._estimates.poll()
        now = time.time()
        jobs = [self._job(run, entry, now) for run, entry in look.queue]
        live = [_live(run, entry, self._memory(run)) for run, entry in look.live]
        ours = _processes(look) if self._machine.uuids else {}
        return make_plan(jobs, self._machine.look(ours, _measured(live)), live, now)

    def _job(self, run: Run, entry: QueueEntry, now: float) -> Job:
        blocked, hopeless = why_blocked(self._store, run, entry, now)
        if not blocked and self._lacks and not run.config().get("command"):
            blocked, hopeless = f"waits for a machine that can train it: training {self._lacks}", True
        return Job(
            run=run.id, rank=entry.rank, since=max(entry.submitted, entry.not_before), gpus=entry.gpus,
            wish=entry.device, share=entry.share, blocked=blocked, hopeless=hopeless,
            memory=None if hopeless else self._memory(run),
        )  # fmt: skip

    def _memory(self, run: Run) -> int | None:
        return self._estimates.of(run) if self._machine.uuids else None

    def _start(self, run: Run, devices: Sequence[Device]) -> str:
        """Start a run; return why it could not be started, empty if it was."""
        self._follow([run])
        try:
            child = launch(run, devices, self._machine.environment([device.id for device in devices]))
        except OSError as error:
            return self._cannot_start(run, error)
        if child is not None:
            self._children.append((run, child))
            self.started += 1
        return "" if child is not None else "another process has its lock"

    def _follow(self, runs: Iterable[Run]) -> None:
        if self._notifier is not None:
            self._notifier.follow(runs)

    def _cannot_start(self, run: Run, error: OSError) -> str:
        why = f"cannot be started: {error.strerror or error}"
        if error.errno in PASSING:
            return why
        self._tries[run.id] = self._tries.get(run.id, 0) + 1
        if self._tries[run.id] >= TRIES:
            with contextlib.suppress(StoreError, OSError):
                _record_end(run, "failed", why)
        return why

    def _publish_last_reasons(self) -> None:
        """Publish why the remaining runs wait, for the time after the worker has left."""
        if self._published is None or not self._published.reasons:
            worker_status.withdraw(self._store.root)
            return
        with contextlib.suppress(OSError):
            worker_status.publish(self._store.root, msgspec.structs.replace(self._published, left=True))

    def _publish(self, plan: Plan) -> None:
        """Publish why runs wait, for lists and the app, when a reason or a device has changed."""
        reasons = {name: wait.words for name, wait in plan.waits.items()}
        devices, published = self._machine.offered, self._published
        if published is not None and (published.reasons, published.devices) == (reasons, devices):
            if time.monotonic() - self._beat > worker_status.BEAT_S:
                self._beat = time.monotonic()
                with contextlib.suppress(OSError):
                    worker_status.beat(self._store.root)
            return
        current = worker_status.WorkerStatus(worker=this_process(), devices=devices, reasons=reasons)
        with contextlib.suppress(OSError):  # a full disk: the runs start all the same
            worker_status.publish(self._store.root, current)
            self._published, self._beat = current, time.monotonic()


def _place(store: Store) -> tuple[int, int] | None:
    """Return what tells a folder of runs from another one at its path, None where there is none."""
    try:
        stat = store.root.stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def _still_wait(count: int) -> str:
    return "no run waited" if not count else f"{count} run{'s' * (count > 1)} still wait{'s' * (count == 1)}"


def _is_idle(look: _Look, plan: Plan) -> bool:
    """Return whether all runs of the queue have ended or wait for the user."""
    live = any(entry is not None and not entry.by_hand for _, entry in look.live)
    return not live and not plan.starts and all(wait.hopeless for wait in plan.waits.values())


def _live(run: Run, entry: QueueEntry | None, memory: int | None) -> Live:
    """Return a run that lives as the plan needs it; one that was started by hand counts where it seems to be."""
    status = status_of(run)
    if entry is not None and entry.devices:
        return Live(run.id, tuple(entry.devices), entry.share, memory, status.stalled)
    on_gpu = status.device.startswith("cuda")
    return Live(run.id, () if on_gpu else ("cpu: by hand",), stalled=status.stalled)


def _processes(look: _Look) -> dict[str, set[int]]:
    """Return the processes of our runs on each of their devices."""
    pids: dict[str, set[int]] = {}
    for run, entry in look.live:
        if entry is None or not entry.devices:
            continue
        main = main_process(run)
        of_run = {member.pid for member in family(main.pid)} if main is not None else set()
        for device in entry.devices:
            pids.setdefault(device, set()).update(of_run)
    return pids


def _measured(live: Sequence[Live]) -> dict[str, int]:
    """Return the bytes that live runs take on each device together, for devices on which all of them are known."""
    taken: dict[str, int | None] = {}
    for run in live:
        for device in run.devices:
            before = taken.get(device, 0)
            taken[device] = None if before is None or run.memory is None else before + run.memory
    return {device: size for device, size in taken.items() if size is not None}


def _record_end(run: Run, state: Literal["failed", "stopped"], reason: str) -> None:
    """End a run that waits in the queue, whose process could not do so itself."""
    output = b"\n".join(last_lines(run.console)[-20:]).decode(errors="replace")
    with run_lock.hold(run):
        if waiting_entry(run) is None:
            return
        with contextlib.suppress(StoreError):  # a full disk: it leaves the queue without a recorded end
            recorder = Recorder(run)
            failure = Failure(type="FalseStart", message=reason, traceback=output, transient=False)
            recorder.end(state, reason, failure if state == "failed" else None)
            recorder.close()
        leave_queue(run)


@contextlib.contextmanager
def _only_worker(store: Store) -> Iterator[None]:
    try:
        store.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"{store.root} cannot be made: {error.strerror}; `--runs DIR` names another folder"
        ) from None
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock.hold(worker_status.lock_file(store.root), LOCK_TIMEOUT_S, works=True))
        except lock.LockHeld:
            why = worker_status.trouble(store.root)
            raise Busy(why or f"a worker serves {store.root} already") from None
        except OSError as error:
            raise StoreError(f"{store.root} cannot be locked: {error.strerror}") from None
        yield
