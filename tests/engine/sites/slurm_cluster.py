"""A real Slurm on this machine: two nodes with two GPUs each that are not there, and two partitions.

``main`` (tier 10) takes the nodes from ``spare``, whose jobs are put back into the queue. All of it is in one folder,
with its own ports and its own munge; whoever runs the tests is its administrator. The fixture ``cluster`` has this
process, and all that it starts, use it.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol")
GPUS = 4
"""Those of both nodes."""
KILL_WAIT_S = 10
BEGINS_ANEW_S = 5
"""Slurm waits this long, and a little more, before it begins a job anew: as long as a credential is valid."""

CONFIGURATION = """
ClusterName=vitui
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={folder}/munge.sock,cred_expire={anew}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=50000,bf_interval=1
ReturnToService=2
KillWait={kill_wait}
MessageTimeout=10
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={first} CPUs=4 RealMemory=4000 Gres=gpu:2
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={second} CPUs=4 RealMemory=4000 Gres=gpu:2
PartitionName=main Nodes=ALL Default=YES PriorityTier=10 PreemptMode=OFF
PartitionName=spare Nodes=ALL PriorityTier=1
"""


class Cluster:
    """The daemons of a cluster, in a folder of their own.

    Args:
        folder: An empty folder whose path is short: that of a socket may not be long.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._left = ""
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}

    def start(self) -> None:
        """Write the configuration and start munge, the controller and the nodes."""
        for name in ("state", "spool", "gpu"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        for device in ("nvidia0", "nvidia1"):  # a plain file is refused
            (self.folder / "gpu" / device).symlink_to("/dev/null")
        controller, first, second = _free_ports(3)
        (self.folder / "slurm.conf").write_text(
            CONFIGURATION.format(
                folder=self.folder, host=socket.gethostname().partition(".")[0], user=getpass.getuser(),
                controller=controller, first=first, second=second, kill_wait=KILL_WAIT_S, anew=BEGINS_ANEW_S,
            )
        )  # fmt: skip
        (self.folder / "gres.conf").write_text(f"Name=gpu File={self.folder}/gpu/nvidia[0-1]\n")
        here = [f"--{name}={self.folder}/munge{end}" for name, end in _MUNGE_FILES.items()]
        self._run("munged", "--force", f"--pid-file={self.folder}/munged.pid", *here)
        self._run("slurmctld", "-c")
        for node in ("n1", "n2"):
            self.start_node(node)
        self.wait_for_nodes()

    def start_controller(self) -> None:
        """Start the controller again; it reads its state from the disk."""
        self._run("slurmctld")
        self.say("scancel", self._left)

    def start_node(self, node: str) -> None:
        """Start a node's daemon."""
        self._run("slurmd", "-N", node)

    def kill_controller(self) -> None:
        """Kill the controller, as a machine that breaks down does.

        It writes its state every few seconds; one that is killed before gives out the numbers of its last jobs again,
        which the nodes then refuse to start. Tests of other things wait until it has.
        """
        before = time.time()
        held = self.sbatch("--hold")
        deadline = time.monotonic() + 15
        state = self.folder / "state" / "job_state"
        while not (state.exists() and state.stat().st_mtime > before) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._kill("slurmctld")
        self._left = held

    def kill_node(self, node: str) -> None:
        """Kill a node's daemon, and leave its jobs."""
        self._kill(f"slurmd-{node}")

    def wait_for_nodes(self) -> None:
        """Wait until both nodes are idle: jobs of before, too, are gone."""
        deadline = time.monotonic() + 20
        while self.say("sinfo", "-hN", "-p", "main", "-o", "%t").split() != ["idle", "idle"]:
            assert time.monotonic() < deadline, self.say("sinfo") + self._log()
            time.sleep(0.05)

    def say(self, *argv: str) -> str:
        """Return what one of Slurm's programs prints, errors too."""
        done = subprocess.run(
            argv, env=os.environ | self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr

    def sbatch(self, *options: str, script: str = "#!/bin/bash\nsleep 60\n") -> str:
        """Hand in a job of another program, and return its id."""
        done = subprocess.run(
            ["sbatch", "--parsable", "--output=/dev/null", *options], input=script, cwd=self.folder,
            env=os.environ | self.environment, capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        return done.stdout.strip()

    def clear(self) -> None:
        """Cancel all jobs and wait until their processes are gone."""
        self.say("scancel", "--user", getpass.getuser(), "--full", "--signal=KILL")
        self.say("scancel", "--user", getpass.getuser())
        self.wait_for_nodes()

    def stop(self) -> None:
        """End all jobs and daemons."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self.clear()
        for pid_file in self.folder.glob("*.pid"):
            self._kill(pid_file.stem)

    def _run(self, *argv: str) -> None:
        done = subprocess.run(
            argv, env=os.environ | self.environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{argv}: {done.stderr.decode()}{self._log()}"

    def _kill(self, name: str) -> None:
        pid_file = self.folder / f"{name}.pid"
        with contextlib.suppress(OSError, ValueError):
            pid = int(pid_file.read_text())
            os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + 10
            while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
        pid_file.unlink(missing_ok=True)

    def _log(self) -> str:
        logs = self.folder.glob("*.log")
        return "".join(f"\n{log.name}: {log.read_text(errors='replace')[-800:]}" for log in logs)


_MUNGE_FILES = {"key-file": ".key", "socket": ".sock", "log-file": "d.log", "seed-file": "d.seed"}


def _free_ports(count: int) -> Sequence[int]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@pytest.fixture(scope="session")
def slurm_daemons() -> Iterator[Cluster]:
    """One cluster for all tests of a process; skipped where there is no Slurm, which in CI is an error."""
    lacks = [program for program in PROGRAMS if shutil.which(program, path=_path()) is None]
    if lacks:
        why = f"{', '.join(lacks)} of Slurm and munge are not installed (Debian: slurm-wlm)"
        if "CI" in os.environ:
            pytest.fail(why)
        pytest.skip(why)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="vitui-slurm-") as folder:
        patch.setenv("PATH", _path())
        cluster = Cluster(Path(folder))
        for name, value in cluster.environment.items():
            patch.setenv(name, value)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def cluster(slurm_daemons: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster without jobs, before and after the test."""
    for name in [name for name in os.environ if name.startswith(("SBATCH_", "SQUEUE_", "SLURM_"))]:
        if name != "SLURM_CONF":
            monkeypatch.delenv(name)
    slurm_daemons.clear()
    yield slurm_daemons
    slurm_daemons.clear()


def _path() -> str:
    """Return where programs are looked for: daemons are in sbin, which is not on every user's path."""
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
