"""A process is known for good by its pid, its start and its boot; its children may be deaf to signals but its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engine.system.process import STOP_SIGNALS, boot_id, is_alive, started, stop_signals_blocked

ROOT = Path(__file__).parents[3]


def test_this_process_lives():
    start = started(os.getpid())
    assert start is not None
    assert is_alive(os.getpid(), start, boot_id())


def test_another_start_or_boot_is_another_process():
    start = started(os.getpid())
    assert not is_alive(os.getpid(), start + 1, boot_id())
    assert not is_alive(os.getpid(), start, "another boot")


def test_the_dead_have_no_start_even_before_they_are_buried():
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert started(process.pid) is None
    process.wait()
    assert started(process.pid) is None
    assert started(0) is started(-1) is None


def test_a_name_with_brackets_and_spaces_is_read_over():
    code = "import pathlib; pathlib.Path('/proc/self/comm').write_text('a) (b'); print(flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as process:
        process.stdout.readline()
        assert started(process.pid) >= started(os.getpid())
        process.communicate(b"\n")


@pytest.fixture
def deaf():
    """Start Python code as a process whose stop signals are blocked from its birth."""
    processes = []

    def start(code: str, *names: str) -> subprocess.Popen[bytes]:
        code = f"from engine.system.process import {', '.join(names)}\n{code}" if names else code
        with stop_signals_blocked():
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", f"{code}\nprint(flush=True); input()"],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT,
                )
            )  # fmt: skip
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_what_is_started_without_stop_signals_never_hears_one(deaf):
    process = deaf("")
    for number in STOP_SIGNALS:
        process.send_signal(number)  # before it has run a single line of its own
    process.stdout.readline()
    for number in STOP_SIGNALS:
        process.send_signal(number)
    process.communicate(b"\n", timeout=20)
    assert process.returncode == 0


def test_what_is_started_later_hears_them():
    with stop_signals_blocked():
        pass
    assert not set(STOP_SIGNALS) & signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who sent a signal")
def test_a_child_ends_at_the_word_of_its_parent_alone(deaf):
    process = deaf("import os; end_when_told_by(os.getppid())", "end_when_told_by")
    process.stdout.readline()
    for number in STOP_SIGNALS:
        subprocess.run(["kill", f"-{number.name[3:]}", str(process.pid)], check=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.1)
    process.terminate()
    assert process.wait(20) == 1
