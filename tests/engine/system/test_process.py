"""A process is known for good by its pid, its start and its boot."""

from __future__ import annotations

import os
import subprocess
import sys

from engine.system.process import boot_id, is_alive, started


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
