"""A machine of another name: a real sshd in a space of its own for host names, with its own keys, port and state.

It needs root for that space. ``ssh`` is found through a program of that name first on PATH, which adds ``-F`` and our
file: ssh takes the home of the user from the system and not from the environment.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAME = "box"
"""What the machine calls itself, and its alias for ssh."""
STRANGER = "stranger"
"""An alias of it whose host key nobody has seen."""
LOCKED = "locked"
"""An alias of it for which there is no key: it would ask for a password."""
NOWHERE = "nowhere"
"""An alias of a machine that does not answer."""
HASTY = "import tests.engine.remote.hasty_far; from engine.cli import main; main()"
"""What Python runs as ``engine`` where tests have no patience."""
SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def why_not() -> str:
    """Return why there can be no such machine here; empty where there can."""
    missing = [name for name in ("ssh", "ssh-keygen", "unshare", "hostname") if shutil.which(name) is None]
    if SSHD is None:
        missing.append("sshd")
    if missing:
        return f"not installed here: {', '.join(missing)}"
    return "" if os.geteuid() == 0 else "only root may give a process another host name"


@dataclass(frozen=True)
class FarHost:
    """The machine."""

    folder: Path
    """Where its files are, on the disk that both have."""
    port: int
    daemon: subprocess.Popen[bytes]

    @property
    def state(self) -> Path:
        """The folder of the state of the user there: another key of the queue than here."""
        return self.folder / "state"

    @property
    def project(self) -> Path:
        """A folder there for a project."""
        return self.folder / "project"

    def table(self, name: str = NAME, **more: str) -> str:
        """Return its table for experiments.toml."""
        fields = {"ssh": NAME, "folder": str(self.project), "python": sys.executable} | more
        return "\n".join([f"[sites.{name}]", *(f'{key} = "{value}"' for key, value in fields.items())]) + "\n"

    def hasty_python(self) -> str:
        """Return a program that is Python to those who start ``engine`` there, and makes it ``hasty_far``."""
        program = self.folder / "bin" / "hasty-python"
        program.write_text(
            f"#!/bin/sh\nshift 3 # -m vitui_start engine.cli\nexec {sys.executable} -c '{HASTY}' \"$@\"\n"
        )
        program.chmod(0o755)
        return str(program)

    def engine(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the `engine` command there, in the project's folder."""
        return subprocess.run(
            ["nsenter", f"--uts=/proc/{self.daemon.pid}/ns/uts", sys.executable, "-m", "engine.cli", *arguments],
            cwd=self.project, env=os.environ | self.environment(), capture_output=True, text=True, check=False,
            timeout=120,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """Return what a session there finds set."""
        return {"XDG_STATE_HOME": str(self.state), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def begin(folder: Path) -> FarHost:
    """Start the machine; its files lie in a folder that is there and empty."""
    for name in ("state", "project", "bin", "log"):
        (folder / name).mkdir()
    for name in ("host", "user", "other"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=20
        )
    (folder / "authorized_keys").write_bytes((folder / "user.pub").read_bytes())
    port = _free_port()
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (folder / "nobody_known").write_text("")
    (folder / "ssh_config").write_text(_ssh_config(folder, port))
    program = folder / "bin" / "ssh"
    program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
    program.chmod(0o755)
    host = FarHost(folder, port, None)  # type: ignore[arg-type]  its daemon comes next
    (folder / "sshd_config").write_text(_sshd_config(folder, port, host.environment()))
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd shuts itself in
    with (folder / "log" / "sshd").open("wb") as log:
        daemon = subprocess.Popen(
            ["unshare", "--uts", "sh", "-c", f'hostname {NAME} && exec {SSHD} -D -e -f "$0"', f"{folder}/sshd_config"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
        )  # fmt: skip
    host = FarHost(folder, port, daemon)
    deadline = time.monotonic() + 10
    while not _answers(port):
        if time.monotonic() > deadline or daemon.poll() is not None:
            daemon.kill()
            raise RuntimeError(f"sshd did not begin: {(folder / 'log' / 'sshd').read_text()}")
        time.sleep(0.02)
    return host


def end(host: FarHost) -> None:
    """Stop the machine with all that runs in its folder."""
    host.daemon.terminate()
    host.daemon.wait()
    kill_all_in(host.folder)


@pytest.fixture(scope="session")
def far_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FarHost]:
    """The machine, for all tests."""
    if why := why_not():
        if "CI" in os.environ:
            pytest.fail(why)
        pytest.skip(why)
    host = begin(tmp_path_factory.mktemp("box"))
    yield host
    end(host)


@pytest.fixture
def far_host(far_machine: FarHost, monkeypatch: pytest.MonkeyPatch) -> Iterator[FarHost]:
    """The machine with a project's folder of this test, found by ssh as ``box``."""
    monkeypatch.setenv("PATH", f"{far_machine.folder}/bin:{os.environ['PATH']}")
    shutil.rmtree(far_machine.project, ignore_errors=True)
    far_machine.project.mkdir()
    yield far_machine
    kill_all_in(far_machine.project)


def kill_all_in(folder: Path) -> None:
    """Kill the processes that name a folder: a worker, its runs, a far end."""
    here = os.fsencode(folder)
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if here in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:
            continue


def _ssh_config(folder: Path, port: int) -> str:
    common = f"  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentitiesOnly yes\n"
    known, key = f"  UserKnownHostsFile {folder}/known_hosts\n", f"  IdentityFile {folder}/user\n"
    return (
        f"Host {NAME}\n{common}{known}{key}"
        f"Host {STRANGER}\n{common}{key}  UserKnownHostsFile {folder}/nobody_known\n"
        f"Host {LOCKED}\n{common}{known}  IdentityFile {folder}/other\n"
        f"Host {NOWHERE}\n  HostName 127.0.0.1\n  Port 1\n{known}{key}"
    )


def _sshd_config(folder: Path, port: int, environment: dict[str, str]) -> str:
    set_there = " ".join(f'{name}="{value}"' for name, value in environment.items())
    return (
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile {folder}/sshd.pid\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nPermitRootLogin prohibit-password\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nPrintMotd no\nSetEnv {set_there}\n"
    )


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
