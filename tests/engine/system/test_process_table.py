"""What processes use: those that are there, with what the kernel and psutil say of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from engine.system.permissions import user_name
from engine.system.process_table import ProcessTable, ancestors, command, owner

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")

BUSY = (
    "import sys, time\nprint(flush=True)\nuntil = time.monotonic() + 60\nwhile time.monotonic() < until: pass"
)


def test_a_busy_process_is_seen_with_its_parents_its_user_and_what_it_uses() -> None:
    child = subprocess.Popen([sys.executable, "-c", BUSY], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        table = ProcessTable()
        first = table.look()
        assert first[child.pid].cpu is None
        time.sleep(0.1)
        uses = table.look()
        use = uses[child.pid]
        assert use.cpu is not None
        assert use.cpu > 5.0
        assert ancestors(uses, child.pid)[0] == os.getpid()
        assert use.memory == pytest.approx(psutil.Process(child.pid).memory_info().rss, rel=0.2)
        assert command(child.pid)[:2] == [sys.executable, "-c"]
        assert owner(child.pid) == user_name(os.geteuid())
        assert {os.getpid(), child.pid} <= uses.keys()
    finally:
        child.kill()
        child.communicate()
    assert child.pid not in table.look()
    assert (owner(2**22 + 1), command(2**22 + 1)) == ("", [])
