"""What reading curves costs this process and those it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

READ = """
import os, sys
from pathlib import Path
from engine.runs.store import Store
from tui.feed.curve_reader import CurveReader
from tui.state.snapshot import Watch
run, = Store(Path(sys.argv[1])).runs()
watch = Watch(runs=(run.id,), focus=run.id)
reader = CurveReader()
reader.read({run.id: run}, watch)
assert "numpy" not in sys.modules
reader.curves(watch, ())
assert "numpy" in sys.modules
print(len(os.listdir("/proc/self/task")), os.environ.get("OPENBLAS_NUM_THREADS"))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize(("own", "said"), [({}, "1 None"), ({"OPENBLAS_NUM_THREADS": "2"}, "2 2")])
def test_numpy_comes_without_threads_and_its_environment_stays(store, run, own, said):
    run.events.write_bytes(b"")
    env = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    env |= own | {"PYTHONPATH": str(Path(__file__).parents[3])}
    read = subprocess.run(
        [sys.executable, "-c", READ, str(store.root)], env=env, stdout=subprocess.PIPE, check=True
    )
    assert read.stdout.decode().strip() == said
