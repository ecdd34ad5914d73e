"""Every verb says in a line that a folder cannot be written: of a read-only file system, of a disk that is full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.events import Start
from engine.runs.recorder import Recorder
from engine.runs.store import Store
from tests.conftest import Engine, queued

pytestmark = pytest.mark.slow  # each verb is a process

WRITING = [
    "run tiny", "submit --wait tiny", "submit tiny", "work", "hold WAITS", "move WAITS --first",
    "move WAITS --priority 3", "tag CRASHED +x", "note CRASHED text", "resume --queue CRASHED", "resume CRASHED",
    "rm -y CRASHED", "stop WAITS", "stop --force WAITS", "cancel WAITS",
]  # fmt: skip
READING = ["ls", "ls --json", "doctor", "logs CRASHED", "check", "tag CRASHED", "note CRASHED", "rm --list"]


@pytest.fixture
def folder(tmp_path: Path, tiny) -> Iterator[Path]:
    """A small file system with a run that waits and one that crashed."""
    where = tmp_path / "runs"
    where.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", where], capture_output=True
    ).returncode:
        pytest.skip("only root can make a file system")
    store = Store(where)
    queued(store, tiny, seed=1)
    recorder = Recorder(store.create(tiny, seed=2))
    recorder.emit(Start(time=1.0, run=recorder.run.id, attempt=1))
    recorder.close()
    yield where
    subprocess.run(["umount", "-l", where], check=True)


def tell(engine: Engine, folder: Path, verb: str) -> tuple[int, list[str]]:
    """Return the exit code and the lines on stderr of a verb."""
    waits, crashed = sorted(run.id for run in Store(folder).runs())
    done = engine(*verb.replace("WAITS", waits).replace("CRASHED", crashed).split())
    return done.returncode, done.stderr.decode().splitlines()


def test_a_read_only_file_system_is_named_by_each_verb(engine, folder) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    for verb in WRITING:
        code, lines = tell(engine, folder, verb)
        assert (code, len(lines)) == (2, 1), f"{verb}: {lines}"
        assert "Read-only file system" in lines[0], verb
    for verb in READING:
        assert tell(engine, folder, verb) == (0, []), verb


def test_a_full_disk_is_named_by_each_verb(engine, folder) -> None:
    subprocess.run(["dd", "if=/dev/zero", f"of={folder}/fill", "bs=4k"], capture_output=True)
    for verb in WRITING:
        if verb.startswith(("work", "rm", "resume CRASHED", "stop")):
            continue  # these need no room to begin, or leave nothing for the ones behind
        code, lines = tell(engine, folder, verb)
        assert code in (0, 1, 2), f"{verb}: {lines}"
        assert not any("Traceback" in line or "fault" in line for line in lines), f"{verb}: {lines}"
        assert code == 0 or "No space left" in lines[0], f"{verb}: {lines}"
    for verb in READING:
        said = ["runs: locked by flock"] if verb == "doctor" else []
        assert tell(engine, folder, verb) == (0, said), verb
