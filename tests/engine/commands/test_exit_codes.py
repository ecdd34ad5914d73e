"""However a command ends, it says so in a line and an exit code: where stdout is full, closed or has no reader too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.runs.store import Run, Store
from tests.conftest import ROOT

FULL = "stdout cannot be written: No space left on device"
CRASH = """
import engine.commands.run_table as table
def boom(*_): raise ZeroDivisionError("division\\x1b by zero\\nand more")
table.print_run_table = boom
"""

REPLACED = """
import engine.commands.run_table as table
def late(*_):
    sys.path.insert(0, os.getcwd())
    import late_module
import os, sys
table.print_run_table = late
"""

Said = tuple[int, str]
"""An exit code, and what stderr got."""


@pytest.fixture
def call(lab: Path, run: Run) -> Callable[..., Said]:
    """A command in a folder with a run, its stdout as wished."""

    def command(
        *words: str, stdout: str = "> /dev/full", module: str = "engine", before: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Said:  # fmt: skip
        program = f"{before}\nfrom {module}.cli import main; main()"
        done = subprocess.run(
            ["bash", "-c", f'"$@" {stdout}', "sh", sys.executable, "-c", program, *words], cwd=lab, text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(lab / "state")} | dict(env or {}),
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return done.returncode, done.stderr.strip()

    return command


NO_READER = "| true; exit ${PIPESTATUS[0]}"
VERBS = ["--help", "--version", "ls", "ls --json", "check", "tag tiny", "rm --list", "doctor"]


def test_a_full_stdout_is_said_in_a_line(call) -> None:
    assert call("ls") == (1, FULL)
    assert call("ls", env={"PYTHONUNBUFFERED": "1"}) == (1, FULL)


def test_a_full_stdout_keeps_nothing_from_being_queued(call, lab) -> None:
    assert call("submit", "--wait", "--seeds", "1,2", "tiny", "long") == (1, FULL)
    names = {run.id.rsplit("-", 3)[0] for run in Store(lab / "runs").runs()}
    assert {"tiny-s1", "tiny-s2", "long-s1", "long-s2"} <= names


def test_without_a_reader_it_ends_as_other_programs_do(call) -> None:
    assert call("ls", stdout=NO_READER) == (141, "")


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_ends_in_order_whatever_stdout_is(call, verb) -> None:
    call("tag", "tiny", "+tag", stdout="")
    assert call(*verb.split()) == (1, FULL)
    assert call(*verb.split(), stdout=NO_READER) == (141, "")
    assert call(*verb.split(), stdout=">&-") == (0, "")
    assert call(*verb.split(), stdout=">/dev/null 2>&-") == (0, "")
    assert call(*verb.split(), stdout=">/dev/null", env={"PYTHONIOENCODING": "ascii"}) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["--help", "--once --size 80x24", "report --out out"])
def test_the_apps_verbs_too(call, verb) -> None:
    assert call(*verb.split(), module="tui") == (1, FULL)
    assert call(*verb.split(), module="tui", stdout=NO_READER) == (141, "")


def test_a_mistake_is_told_where_stdout_is_full_too(call) -> None:
    code, said = call("logs", "nothing")
    assert code == 2
    assert "no run fits 'nothing'" in said
    assert call("logs", "nothing", stdout="2> /dev/full")[0] == 2


def test_a_crash_is_written_down_and_told_in_two_lines(call, lab) -> None:
    code, said = call("ls", before=CRASH, stdout="> /dev/null")
    assert code == 1
    (report,) = (lab / "state/vitui/crashes").iterdir()
    assert said.splitlines() == [
        "ZeroDivisionError: division\N{REPLACEMENT CHARACTER} by zero: this is a fault of engine, not of yours",
        f"{report} has the whole of it: please report it with that file",
    ]
    assert report.stat().st_mode & 0o777 == 0o600
    text = report.read_text()
    for word in ("'ls'", "vitui 0.", "msgspec", "Python 3.", "in boom", "and more"):
        assert word in text
    assert "torch" not in text


def test_code_that_was_replaced_under_a_running_program_is_said_to_be_that(call, lab) -> None:
    module = lab / "late_module.py"
    module.write_text("from engine.text import not_there_any_more\n")
    newer = time.time() + 60
    os.utime(module, (newer, newer))
    code, said = call("ls", before=REPLACED, stdout="> /dev/null")
    assert (code, said) == (
        1,
        f"engine was replaced while it ran, as by an upgrade ({module} is newer): start it again",
    )


@pytest.mark.slow
def test_a_crash_is_told_whole_where_that_is_wished_or_no_file_can_be_written(call, lab) -> None:
    assert "Traceback" in call("ls", before=CRASH, stdout="> /dev/null", env={"VITUI_DEBUG": "1"})[1]
    (lab / "file").touch()
    code, said = call("ls", before=CRASH, stdout="> /dev/null", env={"XDG_STATE_HOME": str(lab / "file")})
    assert code == 1
    assert "Traceback" in said
    assert "please report" not in said


@pytest.mark.slow
def test_the_newest_crashes_are_kept(call, lab) -> None:
    folder = lab / "state/vitui/crashes"
    folder.mkdir(parents=True)
    for number in range(30):
        (folder / f"crash-20200101-0000{number:02d}-1-0000.txt").touch()
    call("ls", before=CRASH, stdout="> /dev/null")
    kept = sorted(path.name for path in folder.iterdir())
    assert len(kept) == 20
    assert kept[0] == "crash-20200101-000011-1-0000.txt"
    assert kept[-1] > "crash-2021"


@pytest.mark.parametrize("command", ["engine", "tui"])
def test_an_interrupt_while_it_still_loads_is_no_traceback(command: str) -> None:
    code = (
        f"import sys, {command}.cli\n"
        "loaded = list(sys.modules)\n"
        "print(loaded.index('engine.system.quiet_interrupt') < loaded.index('click'), flush=True)\n"
        "raise KeyboardInterrupt"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "True\n", "")
