"""Without flock, too, one process at a time has a lock; one that was stopped for too long has lost it and ends."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from engine.system import kernel_locks, lease, lease_files, lock
from engine.system.files import write_atomic
from engine.system.lock_holder import Holder, this_process

ROOT = Path(__file__).parents[3]
HOLDER = """
import pathlib, sys
from engine.system import lease, lock
lease.RENEW_S, lease.SURE_S = float(sys.argv[2]), float(sys.argv[3])
with lock.hold(pathlib.Path(sys.argv[1]), 0, works=True, with_lease=True):
    print("held", flush=True)
    for line in sys.stdin:
        from engine.system.files import write_atomic
        write_atomic(pathlib.Path(line.strip()), b"written")
        print("written", flush=True)
"""
ELSEWHERE = Holder(pid=1, started=1.0, boot="another", host="elsewhere", space="pid:[1]", works=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def folder(file: Path) -> Path:
    return file.with_name(f"{file.name}.lease")


def put(file: Path, holder: Holder = ELSEWHERE, *, age: float = 0.0, number: int = 3) -> Path:
    """Write a lease as another machine does, whose last sign of life is so many seconds ago; return its file."""
    file.touch()
    folder(file).mkdir(exist_ok=True)
    made = folder(file) / str(number)
    made.write_bytes(msgspec.json.encode(holder))
    os.utime(made, (time.time() - age,) * 2)
    return made


def start(file: Path, *, renew_s: float = 0.05, sure_s: float = 45.0) -> subprocess.Popen[bytes]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file), str(renew_s), str(sure_s)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert holder.stdout.readline() == b"held\n"
    return holder


HEIR = """
import pathlib, sys
from engine.system import lock
with lock.keep(int(sys.argv[1]), pathlib.Path(sys.argv[2]), works=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def start_heir(handle: int, file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", HEIR, str(handle), str(file)], pass_fds=[handle],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip


@contextlib.contextmanager
def held_by(file: Path, **options: float):
    holder = start(file, **options)
    try:
        yield holder
    finally:
        holder.kill()
        holder.communicate()


@pytest.mark.parametrize("number", lock.NO_FLOCK)
def test_whatever_a_disk_says_that_has_no_flock_a_lease_is_taken(file, monkeypatch, number):
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", fail)
    with lock.hold(file, 0, works=True):
        assert lock.is_held(file) is True
        assert lock.holder_of(file).pid == os.getpid()
        assert kernel_locks.proved_worker(file).pid == os.getpid()
        assert kernel_locks.keepers(file) == [os.getpid()]
        with pytest.raises(lock.LockHeld) as taken, lock.hold(file, 0.05):
            pass
        assert taken.value.holder.pid == os.getpid()
    assert lock.is_held(file) is False
    assert kernel_locks.keepers(file) == []
    with lock.hold(file, 0):
        pass
    assert sorted(path.name for path in folder(file).iterdir()) == ["2"]


def test_other_errors_of_flock_are_told(file, monkeypatch):
    def fail(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("fcntl.flock", fail)
    with pytest.raises(OSError, match="Input/output error"), lock.hold(file, 0):
        pass


def test_where_flock_works_none_is_made(file):
    with lock.hold(file, 0, works=True):
        pass
    assert not folder(file).exists()
    assert lock.kind_of(file) == "flock"


@pytest.mark.usefixtures("no_flock")
def test_the_kind_is_told(file):
    assert lock.kind_of(file) == ""
    with lock.hold(file, 0):
        assert lock.kind_of(file) == "lease"


@pytest.mark.usefixtures("no_flock")
def test_a_process_that_is_killed_lets_it_go_at_once(file):
    holder = start(file)
    assert lock.is_held(file) is True
    assert kernel_locks.proved_worker(file).pid == holder.pid
    holder.kill()
    holder.communicate()
    assert lock.is_held(file) is False
    assert kernel_locks.orphaned_holder(file) is None
    with lock.hold(file, 0):
        pass


@pytest.mark.usefixtures("no_flock")
def test_one_handed_to_a_process_is_that_process_alone(file):
    handle = lock.take(file, 0, for_another=True)
    heir = start_heir(handle, file)
    lock.hand_over(handle, heir.pid)
    try:
        assert lock.is_held(file) is True
        assert heir.stdout.readline() == b"held\n"
        with pytest.raises(lock.LockHeld) as taken, lock.hold(file, 0):
            pass
        assert taken.value.holder.pid == heir.pid
        assert kernel_locks.proved_worker(file).pid == heir.pid
    finally:
        heir.kill()
        heir.communicate()
    assert lock.is_held(file) is False


def test_one_handed_on_beside_a_lock_is_kept_by_none(file):
    put(file, age=1000)  # it was not let go: whoever takes the lock makes the next number
    handle = lock.take(file, 0, for_another=True)
    heir = start_heir(handle, file)
    lock.hand_over(handle, heir.pid)
    try:
        assert heir.stdout.readline() == b"held\n"
        assert lock.is_held(file) is True
        assert [path.name for path in folder(file).iterdir()] == ["4"]
    finally:
        heir.kill()
        heir.communicate()
    assert lock.is_held(file) is False
    with lock.hold(file, 0):
        pass


@pytest.mark.usefixtures("no_flock")
def test_one_handed_to_nobody_is_free(file):
    lock.hand_over(lock.take(file, 0, for_another=True), None)
    assert lock.is_held(file) is False


@pytest.mark.usefixtures("no_flock")
def test_a_fork_has_no_part_in_it(file):
    with lock.hold(file, 0, works=True):
        if not (child := os.fork()):
            os._exit(bool(lock._ours or lock._leases or lock._works_by))
        assert os.waitpid(child, 0)[1] == 0
        assert lock.is_held(file) is True


@pytest.mark.usefixtures("no_flock")
def test_a_copy_of_its_folder_is_free(file, tmp_path):
    with lock.hold(file, 0, works=True):
        shutil.copytree(tmp_path, tmp_path / "copy")
        copy = tmp_path / "copy" / "lock"
        assert lock.is_held(copy) is False
        assert kernel_locks.proved_worker(copy) is None
        with lock.hold(copy, 0):
            assert lock.is_held(file) is True


class TestAnotherMachine:
    def test_a_fresh_one_is_held(self, file):
        put(file)
        assert lock.is_held(file) is True
        assert lock.holder_of(file) is None  # it is no process of this machine
        with pytest.raises(lock.LockHeld) as taken, lock.hold(file, 0):
            pass
        assert taken.value.holder == ELSEWHERE

    def test_an_old_one_is_taken_over_and_readers_do_not_call_it_free(self, file):
        put(file, age=lease.STALE_S + 1)
        assert lock.is_held(file) is None  # by a clock that may be wrong
        with lock.hold(file, 0):
            assert lock.is_held(file) is True
            assert [path.name for path in folder(file).iterdir()] == ["4"]
        assert lock.is_held(file) is False

    def test_one_that_was_let_go_is_free(self, file):
        put(file).write_bytes(lease_files.RELEASED)
        assert lock.is_held(file) is False

    @pytest.mark.parametrize("hours", [-5, 5])
    def test_a_clock_that_is_wrong_here_takes_nothing(self, file, monkeypatch, hours):
        put(file)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 3600 * hours)
        assert lock.is_held(file) is None
        with pytest.raises(lock.LockHeld), lock.hold(file, 0):
            pass

    def test_one_of_a_machine_of_the_same_name_is_not_judged_by_its_pid(self, file):
        put(file, msgspec.structs.replace(this_process(), boot="another"))
        assert lock.is_held(file) is True
        with pytest.raises(lock.LockHeld), lock.hold(file, 0):
            pass

    @pytest.mark.parametrize(
        "made", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("away"), Path.touch]
    )
    def test_what_is_no_lease_holds_for_as_long_as_one(self, file, made):
        made_of = put(file, number=7)
        made_of.unlink()
        made(made_of)
        with pytest.raises(lock.LockHeld), lock.hold(file, 0):
            pass
        os.utime(made_of, (time.time() - 100,) * 2, follow_symlinks=False)
        with lock.hold(file, 0):
            assert (folder(file) / "8").is_file()

    def test_a_link_in_the_place_of_its_folder_is_refused(self, file, tmp_path):
        (tmp_path / "away").mkdir()
        folder(file).symlink_to("away")
        with pytest.raises(OSError, match="Not a directory"), lock.hold(file, 0, with_lease=True):
            pass
        assert list((tmp_path / "away").iterdir()) == []


class TestZombie:
    """A holder that was stopped while another process took over."""

    def stop_and_take(self, file: Path, holder: subprocess.Popen[bytes]) -> None:
        """Stop a process that then seems to be of another machine, and take its lock over."""
        holder.send_signal(signal.SIGSTOP)
        number = max(int(path.name) for path in folder(file).iterdir() if path.name.isdecimal())
        made = folder(file) / str(number)
        with made.open("r+b") as opened:
            opened.write(msgspec.json.encode(ELSEWHERE).ljust(1024))
        os.utime(made, (time.time() - 100,) * 2)
        os.close(lease.take(str(folder(file)), ELSEWHERE).file)

    def test_it_ends_at_its_next_sign_of_life(self, file):
        with held_by(file) as holder:
            self.stop_and_take(file, holder)
            holder.send_signal(signal.SIGCONT)
            assert holder.wait(10) == lock.LOST
            assert b"another process has taken this lock over" in holder.stderr.read()

    def test_it_writes_nothing_before_that(self, file, tmp_path):
        with held_by(file, renew_s=600, sure_s=0.2) as holder:
            self.stop_and_take(file, holder)
            time.sleep(0.25)
            holder.stdin.write(f"{tmp_path}/written\n".encode())
            holder.stdin.flush()
            holder.send_signal(signal.SIGCONT)
            assert holder.wait(10) == lock.LOST
            assert not (tmp_path / "written").exists()

    def test_one_whose_lease_nobody_took_goes_on(self, file, tmp_path):
        with held_by(file, renew_s=600, sure_s=0.2) as holder:
            time.sleep(0.25)
            holder.stdin.write(f"{tmp_path}/written\n".encode())
            holder.stdin.flush()
            assert holder.stdout.readline() == b"written\n"
            assert [path.name for path in folder(file).iterdir()] == ["2"]  # taken anew, and by itself
            assert lock.is_held(file) is True

    def test_one_whose_lease_was_removed_ends(self, file):
        with held_by(file) as holder:
            for path in folder(file).iterdir():
                path.unlink()
            assert holder.wait(10) == lock.LOST

    def test_where_the_disk_does_not_tell_nothing_is_written(self, file, tmp_path, monkeypatch):
        def fail(_: int) -> None:
            raise OSError(errno.EIO, "away")

        with lock.hold(file, 0, works=True, with_lease=True):
            monkeypatch.setattr(lease, "touch", fail)
            monkeypatch.setattr(lease, "SURE_S", 0.0)
            with pytest.raises(OSError, match="cannot be renewed"):
                write_atomic(tmp_path / "written", b"")
        assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_of_many_takers_one_wins(tmp_path, monkeypatch, links):
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    if not links:
        monkeypatch.setattr(os, "link", fail)
    for number in range(20):
        file = tmp_path / str(number) / "lock"
        file.parent.mkdir()
        put(file, age=1000)
        won: list[lease.Lease] = []
        begin = threading.Barrier(4)

        def take(file=file, won=won, begin=begin) -> None:
            begin.wait()
            with contextlib.suppress(lease.Taken):
                won.append(lease.take(str(folder(file)), ELSEWHERE))

        threads = [threading.Thread(target=take) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        assert won[0].holder == ELSEWHERE
        won[0].forget()
