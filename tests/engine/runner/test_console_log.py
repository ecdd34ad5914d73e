"""console.log has a limit, whoever writes it; there it goes on anew, its older part beside it, and says so."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from engine.events import Log, decode
from engine.runner.console_log import MEGABYTE, ConsoleLimit, append
from engine.runs.liveness import status_of
from engine.runs.store import Run, Store
from engine.system.files import last_lines, older_part
from tests.conftest import Engine


def warnings_of(run: Run) -> list[str]:
    events = map(decode, run.events.read_bytes().splitlines())
    return [event.message for event in events if isinstance(event, Log) and event.level == "warning"]


def test_what_is_printed_last_is_kept_in_two_parts(run: Run) -> None:
    said: list[str] = []
    limit = ConsoleLimit(run, 1, said.append)
    console = os.open(run.console, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    lines = [b"%07d %s\n" % (number, b"x" * 91) for number in range(35_000)]
    for line in lines:
        append(console, line)
        limit.look()
    os.close(console)
    assert said == [
        "console.log reached 1 MB (console_limit): older output is in console.log.1, and what is older than that is "
        "dropped"
    ]
    older, newer = older_part(run.console).read_bytes(), run.console.read_bytes()
    head, newer = newer.split(b"\n", 1)
    assert head == b"--- console.log reached 1 MB: what was printed before is in console.log.1 ---"
    assert len(older) == MEGABYTE
    assert len(newer) <= MEGABYTE
    assert b"".join(lines).endswith(older + newer)
    assert older_part(run.console).stat().st_mode & 0o777 == 0o600
    assert last_lines(run.console, 2 * MEGABYTE)[-1] == lines[-1][:-1]
    assert last_lines(run.console, 2 * MEGABYTE)[1] in b"".join(lines)


def test_what_is_written_while_the_content_moves_is_not_lost(run: Run) -> None:
    limit = ConsoleLimit(run, 1, lambda _: None)
    console = os.open(run.console, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    lines = [b"%07d %s\n" % (number, b"x" * 991) for number in range(4_000)]
    writer = threading.Thread(target=lambda: [append(console, line) for line in lines])
    writer.start()
    while writer.is_alive():
        limit.look()
    os.close(console)
    kept = older_part(run.console).read_bytes() + run.console.read_bytes()
    said = b"--- console.log reached 1 MB: what was printed before is in console.log.1 ---\n"
    assert b"".join(lines).endswith(kept.replace(said, b""))


@pytest.mark.slow
def test_what_other_processes_write_is_looked_at_now_and_then(run: Run, until: Callable[..., None]) -> None:
    with run.console.open("ab", buffering=0) as inherited:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=inherited)
    assert child.stdin is not None
    with ConsoleLimit(run, 1, lambda _: None).watched():
        child.stdin.write(b"x" * (MEGABYTE + 9) + b"\n")
        child.stdin.flush()
        until(older_part(run.console).exists)
        until(lambda: run.console.stat().st_size < 1000)
        child.stdin.write(b"more\n")
        child.communicate(timeout=60)
    assert run.console.read_bytes().endswith(b" ---\nmore\n")


def test_no_limit_and_no_room_leave_the_file_alone(run: Run) -> None:
    run.console.write_bytes(b"x" * (2 * MEGABYTE))
    ConsoleLimit(run, 0, pytest.fail).look()
    older_part(run.console).mkdir()
    ConsoleLimit(run, 1, pytest.fail).look()
    assert run.console.stat().st_size == 2 * MEGABYTE
    older_part(run.console).rmdir()
    script = """
import resource, sys
from engine.runner.console_log import ConsoleLimit
from engine.runs.store import Run
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
ConsoleLimit(Run(sys.argv[1]), 1, print).look()
"""
    done = subprocess.run([sys.executable, "-c", script, run.path], check=True, capture_output=True)
    assert done.stdout == b""
    assert run.console.stat().st_size == 2 * MEGABYTE
    assert not older_part(run.console).exists()


PRINTS = """
import os, sys
for number in range(2):
    for target in (1, 2):
        os.write(target, (b"%d" % target) * 999_999 + b"\\n")
sys.exit("the last word")
"""


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["run", "submit"])
def test_a_program_is_held_to_it_however_its_run_was_begun(
    lab: Path, engine: Engine, until: Callable[..., None], verb: str
) -> None:
    (lab / "program.py").write_text(PRINTS)
    command = msgspec.json.encode([sys.executable, "program.py"]).decode()
    (lab / "experiments.toml").write_text(
        f"[defaults]\nconsole_limit = 1\n[experiments.mine]\ncommand = {command}\n"
    )
    process = engine.start(verb, "mine")
    process.communicate(timeout=60)
    until(lambda: status_of(Store(lab / "runs").runs()[0]).state == "failed")
    (run,) = Store(lab / "runs").runs()
    assert run.console.stat().st_size < 1.2 * MEGABYTE
    assert older_part(run.console).stat().st_size <= MEGABYTE
    (warning,) = warnings_of(run)
    assert warning.startswith("console.log reached 1 MB (console_limit)")
    assert status_of(run).reason.endswith("console.log ends: the last word")
    assert last_lines(run.console)[-1] == b"the last word"
