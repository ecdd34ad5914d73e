"""One process at a time has a lock; it is free when that process ends, however it does."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.system import lock

ROOT = Path(__file__).parents[3]
HOLDER = """
import pathlib, sys
from engine.system import lock
with getattr(lock, sys.argv[1])(pathlib.Path(sys.argv[2]), 0):
    print("held", flush=True)
    sys.stdin.read()
"""
HEIR = """
import pathlib, sys
from engine.system import lock
with lock.keep(int(sys.argv[1]), pathlib.Path(sys.argv[2])):
    print("held", flush=True)
    sys.stdin.read()
"""
PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "cwd": ROOT}

Hold = Callable[[Path, float], object]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture(params=["hold", "hold_folder"])
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A way to hold a lock, and what is held."""
    return request.param, tmp_path / "lock" if request.param == "hold" else tmp_path


def start(script: str, *words: str, **options: object) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", script, *words], **PIPES, **options)
    assert process.stdout.readline() == b"held\n"
    return process


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def test_a_process_that_is_killed_lets_it_go(kind):
    name, path = kind
    hold: Hold = getattr(lock, name)
    holder = start(HOLDER, name, str(path))
    try:
        with pytest.raises(lock.LockHeld) as taken, hold(path, 0):
            pass
        assert (taken.value.holder and taken.value.holder.pid) == (holder.pid if name == "hold" else None)
        assert lock.is_held(path) is True
    finally:
        end(holder)
    assert lock.is_held(path) is False
    with hold(path, 0):
        assert lock.is_held(path) is True
    assert lock.is_held(path) is False


def test_whoever_waits_has_it_as_soon_as_its_holder_is_killed(kind):
    name, path = kind
    holder = start(HOLDER, name, str(path))
    killed = threading.Event()

    def kill():
        killed.set()
        end(holder)

    threading.Timer(0.1, kill).start()
    with getattr(lock, name)(path, math.inf):
        assert killed.is_set()


def test_one_that_waits_too_long_is_told(file):
    began = time.monotonic()
    with lock.hold(file, 0), pytest.raises(lock.LockHeld), lock.hold(file, 0.1):
        pass
    assert time.monotonic() - began >= 0.1


def test_threads_exclude_each_other(kind):
    name, path = kind
    inside, most = [], []

    def work():
        with getattr(lock, name)(path, math.inf):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.01)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4


def test_a_child_started_meanwhile_does_not_keep_it(kind):
    name, path = kind
    with getattr(lock, name)(path, 0):
        child = subprocess.Popen(["sleep", "600"], close_fds=False)
    try:
        with getattr(lock, name)(path, 0):
            pass
    finally:
        end(child)


def test_one_handed_to_a_process_is_that_process_alone(file):
    handle = lock.take(file, 0, for_another=True)
    heir = start(HEIR, str(handle), str(file), pass_fds=[handle])
    lock.hand_over(handle, heir.pid)
    try:
        with pytest.raises(lock.LockHeld) as taken, lock.hold(file, 0):
            pass
        assert taken.value.holder.pid == heir.pid
    finally:
        end(heir)
    with lock.hold(file, 0):
        pass


def test_a_file_that_is_replaced_while_it_is_waited_for_is_waited_for_anew(file):
    holder = start(HOLDER, "hold", str(file))

    def replace():
        file.unlink()
        end(holder)

    threading.Timer(0.1, replace).start()
    with lock.hold(file, 10):
        assert os.path.samestat(file.stat(), os.fstat(max(lock._ours)))
        assert lock.is_held(file) is True


def test_where_its_folder_is_moved_meanwhile_nothing_is_made(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    holder = start(HOLDER, "hold", str(folder / "lock"))

    def move():
        folder.rename(tmp_path / "moved")
        end(holder)

    threading.Timer(0.1, move).start()
    with pytest.raises(lock.LockMoved), lock.hold(folder / "lock", 10):
        pass
    assert not folder.exists()


@pytest.mark.parametrize(
    "made", [Path.mkdir, lambda path: path.symlink_to("elsewhere")], ids=["folder", "link"]
)
def test_what_is_no_file_is_refused(file, made):
    made(file)
    with pytest.raises(OSError, match=str(file)), lock.hold(file, 0):
        pass
