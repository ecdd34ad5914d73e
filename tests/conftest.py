"""What all tests share: folders of runs, tiny experiments, and the engine as a process of its own."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from engine.config.schema import Experiment
from engine.runs.provenance.code_snapshot import CodeSnapshot, take_snapshot
from engine.runs.queue_entry import QueueEntry
from engine.runs.store import Run, Store
from engine.runs.trust import entry_writer
from tests.engine.forked_commands import Forkservers
from tests.engine.sites.slurm_cluster import cluster, slurm_daemons
from tests.engine.system.no_flock import no_flock, no_flock_library
from tests.pretended_nvml import machine, nvml, nvml_library

__all__ = [
    "cluster",
    "machine",
    "no_flock",
    "no_flock_library",
    "nvml",
    "nvml_library",
    "slurm_daemons",
]  # fixtures

# A busy machine is no failure; and CI tries the same cases each time, so that it fails for what has changed.
CI = "CI" in os.environ
settings.register_profile("vitui", deadline=None, derandomize=CI, max_examples=25)
settings.load_profile("vitui")

# Whoever starts tests in the background has these ignored, and so has every process of theirs.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

ROOT = Path(__file__).parent.parent

TINY = """
[defaults]
model = "vit_mini"
dataset = "digits"
image_size = 8
patch_size = 4
batch_size = 32
subset_per_class = 10
val_fraction = 0.1
log_every = 1

[experiments.tiny]
epochs = 1

[experiments.long]
epochs = 5000
"""


def queued(store: Store, experiment: Experiment, seed: int = 0, **wishes: Any) -> Run:
    """Return a new run that waits in the queue with some wishes of ``QueueEntry``."""
    entry = QueueEntry(**{"submitted": time.time(), "gpus": experiment.gpus, "attempts": 0} | wishes)
    return store.create(experiment, seed, fill=lambda run: entry_writer.enter(run, entry))


def enqueue(run: Run) -> None:
    """Have a run that is there wait in the queue."""
    entry_writer.enter(run, QueueEntry(submitted=time.time()))


BESIDE = ("/models/", "/analysis/", "/figures/", "/report/", "/views/", "/screens/", "/widgets/")
"""Parts of the paths of tests that compute alone."""


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """Have all tests that train or use torch run in one process, never in parallel; the rest goes to who has time.

    xdist knows a group by the end of a test's id, where xdist 3.8 cannot write it with pytest 9.2: each test then goes
    to any process, and torch, what is shared by a module and what is cached are made in both.

    Tests of sites start daemons and wait for them, so they are slow tests too. They run beside the other slow ones, and
    so do those that train nothing and wait for no process; all others run one after another.
    """
    for item in items:
        if item.get_closest_marker("sites") is not None:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group("sites"))
            continue
        is_slow = item.get_closest_marker("slow") is not None
        if is_slow and any(part in item.nodeid for part in BESIDE) and "engine" not in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group("beside"), append=False)
            continue
        trains = (
            any(part in item.nodeid for part in ("/training/", "/models/"))
            or "engine" in item.fixturenames
            or is_slow
        )
        if trains:
            item.add_marker(pytest.mark.xdist_group("engine"), append=False)
    yield
    for item in items if config.getoption("loadgroup", default=False) else ():
        group = item.get_closest_marker("xdist_group")
        if group is not None and not item.nodeid.endswith(end := f"@{group.args[0]}"):
            item._id = type(item.id).parse(item.nodeid + end)


def pytest_configure() -> None:
    """Have the garbage collector look less often: apps make many objects, and it takes a quarter of their time."""
    gc.set_threshold(10_000, 20, 20)
    gc.disable()  # while tests are collected: what modules make stays


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking at all of torch and the tests again and again: a tenth of the time."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def state_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a user's own state, for the key of the queue: nobody's home is written to."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder / "vitui"


@pytest.fixture(scope="session", autouse=True)
def _code_once() -> Iterator[None]:
    """Look at the code of a folder once: runs are made in hundreds of tests, and each would start git."""
    found: dict[Path, CodeSnapshot] = {}

    def take_once(command: Sequence[str] = (), runs: Path | None = None) -> CodeSnapshot:
        here = Path.cwd()
        if here not in found:
            found[here] = CodeSnapshot(take_snapshot(command, runs).git)
        return found[here]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.runs.store.take_snapshot", take_once)
        yield


@pytest.fixture
def tiny() -> Experiment:
    """An experiment of three steps an epoch on a hundred digits."""
    return Experiment(
        name="tiny", model="vit_mini", dataset="digits", image_size=8, patch_size=4, epochs=2,
        batch_size=32, subset_per_class=10, val_fraction=0.1, log_every=1,
    )  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty folder of runs."""
    return Store(tmp_path / "runs")


@pytest.fixture
def run(store: Store, tiny: Experiment) -> Run:
    """A run that has not begun."""
    return store.create(tiny, seed=0)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A folder with an experiments.toml of tiny experiments; runs go to its runs/."""
    (tmp_path / "experiments.toml").write_text(TINY)
    return tmp_path


TRAIN = {"run", "train", "resume", "work"}
"""Verbs whose process trains or starts those that do, and is known by how it was started."""


def environment() -> dict[str, str]:
    """Return the environment of the `engine` command."""
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


class Engine:
    """Starts the `engine` command in a folder, and ends what is left of it."""

    def __init__(self, folder: Path, forkservers: Forkservers | None = None) -> None:
        self.folder = folder
        self.forkservers = forkservers
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str, code: str = "", **options: Any) -> subprocess.Popen[bytes]:
        """Start a command in the background; ``code`` is Python that its process runs first."""
        script = f"{code}\nfrom engine.cli import main; main()"
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments], cwd=self.folder, env=environment(),
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def __call__(self, *arguments: str, code: str = "") -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end; one that loads no torch is forked from a process that has its imports done."""
        variables = environment()
        if self.forkservers and {*arguments[:1]} - TRAIN and (server := self.forkservers.of(code, variables)):
            return server.run(self.folder, arguments, variables)
        process = self.start(*arguments, code=code)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def close(self) -> None:
        """Kill what still runs: the commands, and the detached workers and runs they started."""
        for process in self.processes:
            process.kill()
            process.communicate()
        here = os.fsencode(self.folder)
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if here in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                continue


@pytest.fixture(scope="session")
def forkservers(tmp_path_factory: pytest.TempPathFactory, state_folder: Path) -> Iterator[Forkservers]:
    """What `engine` commands are forked from."""
    servers = Forkservers(tmp_path_factory.mktemp("commands"), environment())
    yield servers
    servers.close()


@pytest.fixture
def engine(lab: Path, forkservers: Forkservers) -> Iterator[Engine]:
    """The `engine` command in a folder of tiny experiments."""
    command = Engine(lab, forkservers)
    yield command
    command.close()


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Wait until something is the case: ``until(lambda: ..., seconds)``."""

    def wait(condition: Callable[[], Any], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.05)

    return wait
