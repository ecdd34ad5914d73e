"""Over a folder of hostile runs no command starts, signals, talks to or opens what this table does not name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.runs.liveness import status_of
from engine.runs.store import Run
from tests.strangers import Strangers
from tests.system_calls import CHANGES, OPENS, SIGNALS, SPEAKS, STARTS, Call, calls_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
    pytest.mark.xdist_group("system calls"),
]
ROOT = Path(__file__).parent.parent
LOOKS = {
    "ls": ("engine.cli", "ls"),
    "ls --json": ("engine.cli", "ls", "--json"),
    "filter": ("engine.cli", "ls", "model~vit", "tag=x", "--sort", "age"),
    "logs": ("engine.cli", "logs", "text-osc52"),
    "logs --json": ("engine.cli", "logs", "text-csi", "--json"),
    "doctor": ("engine.cli", "doctor"),
    "doctor --fix": ("engine.cli", "doctor", "--fix"),
    "once": ("tui.cli", "--once", "--size", "120x36"),
    "plot": ("tui.cli", "plot", "state=finished,failed", "test/f1"),
    "report": ("tui.cli", "report"),
    "export": ("tui.cli", "export", "--format", "png", "f"),
    "tables": ("tui.cli", "export", "--table", "--format", "csv"),
    "export --to": ("tui.cli", "export", "--to", "csv"),
    "work": ("engine.cli", "work", "--devices", "cpu:2", "--backoff", "0"),
    "stop --force": ("engine.cli", "stop", "--force", "--patience", "1", "force"),
    "rm": ("engine.cli", "rm", "--yes", "text-osc52"),
}
EXPERIMENTS = """
[experiments.mine]
command = ["true"]
[experiments.stranger]
command = ["true"]
[figures.f]
y = "test/f1"
experiments = ["mine", "stranger"]
"""
ESCAPE, ENTER = b"\x1b", b"\r"
TYPED = (
    *(ESCAPE, b"j", b"j", b"j", ENTER, b"1", b"2", b"3", b"4", ESCAPE, b" ", b"j", b" ", b"c", ESCAPE),
    *(b"f", b"tag=\t", ESCAPE, b"t", ESCAPE, b"Q", ESCAPE, b"?", ESCAPE, b"q"),
)
"""A walk through the app: runs, their views, a comparison, filter, tags, queue, help; and out."""


class Row(NamedTuple):
    """What is allowed, and why."""

    calls: tuple[str, ...]
    what: str
    """A regular expression of the whole path, or of the whole line where it is about no path."""
    why: str
    commands: str = ".*"
    """The commands that may, as a regular expression."""


def table(lab: Path) -> tuple[Row, ...]:
    """Return all that is allowed in a project at ``lab``."""
    project, python = re.escape(str(lab)), re.escape(sys.executable)
    program = "|".join(map(re.escape, _program()))
    own = f"{project}/(runs|images|exports|report|\\.state|\\.matplotlib)(/.*)?"
    home = re.escape(str(Path.home()))
    system = (
        "localtime|locale.alias|mime.types|nsswitch.conf|passwd|group|host.conf|hosts|resolv.conf|os-release"
    )
    facts = "cpuinfo|meminfo|stat|mounts|uptime|loadavg|filesystems|version"
    paper = "report|export|tables"
    every: tuple[str, ...] = (*OPENS, *CHANGES)
    return (
        Row(STARTS, python, "the command itself"),
        Row(STARTS, "/bin/sh|.*/true", "the user's own run along PATH, and what ends its program with it", "work"),
        Row(STARTS, ".*/fc-list", "matplotlib lists the fonts, once", paper),
        Row(STARTS, ".*/git", "the commit of the project, for the origin of what is written", paper),
        Row(("connect",), '.*AF_UNIX, sun_path="/var/run/nscd/socket".*', "libc asks who a user is"),
        Row(OPENS, f"({program})(/.*)?", "the program, Python and what it imports"),
        Row(OPENS, f"{project}(/.*)?", "the project: its experiments.toml and its runs"),
        Row(OPENS, r"/etc/ld\.so\.(cache|preload)|/(usr/)?lib(64)?(/.*)?", "libraries of the system"),
        Row(OPENS, "/usr/(local/)?share(/.*)?", "fonts, time zones, terminals, locales"),
        Row(OPENS, f"/etc/({system}|(ssl|terminfo|httpd|fonts|apache2)(/.*)?)", "what libc reads of the system"),
        Row(OPENS, "/proc(/(self|thread-self|[0-9]+|sys|driver/nvidia)(/.*)?)?", "which processes live"),
        Row(OPENS, f"/proc/({facts})|/sys(/.*)?", "how the machine does, and which cards it has"),
        Row(OPENS, r"/dev/(null|urandom|random|tty|pts/\d+|ptmx|nvidia.*|shm(/.*)?)|pipe:.*", "devices, the terminal"),
        Row(OPENS, f"{home}/\\.(config|cache|fonts)(/.*)?", "fonts of the user", paper),
        Row(OPENS, "/(var/)?tmp", "Python tries where drafts can lie", f"{paper}|once|app"),
        Row(every, own, "runs, and what the command writes beside them"),
        Row(every, r"/(var/)?tmp/(tmp)?[a-z0-9_]{8}(/.*)?|/dev/shm/sem\..*", "its drafts", f"{paper}|once|app"),
    )  # fmt: skip


def _program() -> list[str]:
    """Return the folders that Python, its packages and this program lie in, behind links too."""
    folders = [
        sys.prefix,
        sys.base_prefix,
        str(ROOT),
        *(path for path in sys.path if Path(path).is_dir() and path),
    ]
    return list(dict.fromkeys(str(each) for folder in folders for each in (folder, Path(folder).resolve())))


@pytest.fixture
def victim() -> Iterator[subprocess.Popen[bytes]]:
    """A process of this user that is none of the runs'."""
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def strangers(tmp_path: Path, victim: subprocess.Popen[bytes]) -> Strangers:
    """A project whose folder of runs holds hostile ones alone."""
    lab = tmp_path / "lab"
    lab.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("what only its owner reads")
    (lab / "experiments.toml").write_text(EXPERIMENTS)
    (lab / ".state/vitui").mkdir(parents=True)
    strangers = Strangers(lab / "runs", tmp_path / "marks")
    strangers.write_queued()
    strangers.write_texts()
    strangers.write_misfits(tmp_path / "outside/secret")
    strangers.write_spoofed(victim.pid, victim.pid)
    return strangers


@pytest.mark.parametrize("name", [*LOOKS, "app"])
def test_nothing_is_asked_of_the_kernel_that_the_table_does_not_name(name, strangers, victim, tmp_path):
    lab = strangers.root.parent
    keys = TYPED if name == "app" else None
    own = queue_one(lab) if name == "work" else None
    calls = calls_of(
        LOOKS.get(name, ("tui.cli",)), lab, tmp_path / "calls", keys=keys,
        until=(lambda: status_of(own).state == "finished") if own else None,
    )  # fmt: skip
    assert any(call.name in OPENS and str(strangers.root) in call.paths[0] for call in calls), "it saw no run"
    rows = [row for row in table(lab) if re.fullmatch(row.commands, name.split()[0])]
    started = {call.pid for call in calls}
    wrong = [call.text[:300] for call in calls if not _is_allowed(call, rows, started)]
    assert wrong == []
    assert strangers.executed() == []
    assert victim.poll() is None
    assert (tmp_path / "outside/secret").read_text() == "what only its owner reads"
    assert own is None or status_of(own).state == "finished"


def queue_one(lab: Path) -> Run:
    """Queue a run of one's own among those of strangers, and return it."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(lab / ".state")}
    words = [sys.executable, "-m", "engine.cli", "submit", "mine", "--wait", "--device", "cpu"]
    done = subprocess.run(words, cwd=lab, env=env, check=True, capture_output=True, text=True)
    return Run(lab / "runs" / done.stdout.strip())


def _is_allowed(call: Call, rows: list[Row], started: set[int]) -> bool:
    if call.name in SIGNALS:  # to no process but those that the command itself started
        return call.only_asks or call.target in started
    if call.name in SPEAKS:
        return any(call.name in row.calls and re.fullmatch(row.what, call.text) for row in rows)
    if call.name in OPENS and not call.writes and _failed(call):
        return True  # there is no such file, or it is a link that is not followed
    needed = [row for row in rows if call.name in row.calls]
    if call.writes and call.name in OPENS:
        needed = [row for row in needed if row.calls != OPENS or row.what.startswith("/dev")]
    return all(any(re.fullmatch(row.what, path) for row in needed) for path in call.paths)


def _failed(call: Call) -> bool:
    return re.search(r"= -1 E(NOENT|LOOP|NOTDIR|NXIO|ISDIR)", call.text) is not None
