"""One command at a site: here, or on a machine over ssh. Words are passed as words; no shell of ours sees a name."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.errors import UserError

SSH_OPTIONS = (
    "-T", "-oBatchMode=yes", "-oForwardAgent=no", "-oForwardX11=no", "-oClearAllForwardings=yes",
    "-oStrictHostKeyChecking=yes", "-oPermitLocalCommand=no", "-oServerAliveInterval=3", "-oServerAliveCountMax=2",
    "-oConnectTimeout=10",
)  # fmt: skip
"""What ssh is told; all else is the user's own ~/.ssh/config, agent and known hosts."""
SSH_FAILED = 255
"""The exit code of ssh itself, where it did not reach the machine."""


class SiteError(UserError):
    """A site does not answer, or refuses what it is asked; says which, why and what to do."""


class Unreachable(SiteError):  # noqa: N818  it says what is the case
    """A site cannot be reached now: that is no news about its runs."""


class Said(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str


class CommandLine(Protocol):
    """Where commands can be given."""

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 20.0) -> Said:
        """Run one command and return what it said.

        Raises:
            Unreachable: It was not reached, is not installed there, or did not end in time.
        """
        ...


class Here:
    """This machine."""

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 20.0) -> Said:
        """Run one command and return what it said; raises what ``CommandLine.run`` raises."""
        return _run(list(argv), stdin, timeout_s, argv[0])


class Ssh:
    """A machine over ssh, by its alias in the user's ~/.ssh/config.

    Args:
        alias: The alias, as ``engine.config.site_tables.ALIAS`` allows it.
        options: Further options of ssh, before the others; the first to name a key wins.
        setup: Lines of shell before each command, in a login shell; what they print is no output of it.
    """

    def __init__(self, alias: str, options: Sequence[str] = (), setup: Sequence[str] = ()) -> None:
        self.alias = alias
        self._options = tuple(options)
        self._setup = tuple(setup)

    def argv(self, remote: Sequence[str]) -> list[str]:
        """Return the words that run a command there."""
        return ["ssh", *self._options, *SSH_OPTIONS, "--", self.alias, shlex.join(remote)]

    def run(self, argv: Sequence[str], stdin: bytes = b"", timeout_s: float = 20.0) -> Said:
        """Run one command there and return what it said.

        Raises:
            Unreachable: As ``CommandLine.run`` raises it, or ssh did not get there.
        """
        if self._setup:
            lines = ["exec 3>&1 >&2", *self._setup, f"exec {shlex.join(argv)} >&3 3>&-"]
            argv = ["bash", "-lc", "\n".join(lines)]
        said = _run(self.argv(argv), stdin, timeout_s, f"ssh {self.alias}")
        if said.code == SSH_FAILED:
            raise Unreachable(f"ssh {self.alias}: {why_ssh_failed(said.err, self.alias)}")
        return said


def why_ssh_failed(text: str, alias: str) -> str:
    """Return in words why ssh did not reach a machine, and what to do, from what it printed."""
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
    if "Host key verification failed" in text:
        return (
            f"its host key is not known, or has changed: run `ssh {alias}` once in a terminal and look at it"
        )
    if "Permission denied" in text:
        return f"it wants a login that ssh may not ask for here: run `ssh {alias}` once, or use a key or an agent"
    if "Could not resolve hostname" in text:
        return f"there is no such machine; does ~/.ssh/config have `Host {alias}`? ({last})"
    return last


def _run(argv: list[str], stdin: bytes, timeout_s: float, name: str) -> Said:
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, timeout=timeout_s, check=False, start_new_session=True
        )
    except FileNotFoundError:
        raise Unreachable(f"{argv[0]} is not installed here") from None
    except subprocess.TimeoutExpired:
        raise Unreachable(f"{name} did not answer within {timeout_s:.0f} s") from None
    except OSError as error:
        raise Unreachable(f"{name} cannot be run: {error.strerror}") from None
    out, err = (stream.decode(errors="replace") for stream in (done.stdout, done.stderr))
    return Said(done.returncode, out, err)
