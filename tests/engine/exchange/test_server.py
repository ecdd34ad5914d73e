"""TensorBoard itself, its real server, shows what was exported."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.exchange.exporting import export_runs
from engine.history.reader import History


def ask(base: str, path: str) -> Any:
    with urllib.request.urlopen(f"{base}data/plugin/scalars/{path}", timeout=20) as answer:  # noqa: S310  our own
        return json.loads(answer.read())


@pytest.mark.slow
def test_the_server_gives_the_scalars_of_each_run(store, write, out, tmp_path, until):
    runs = [write(seed=0, steps=30), write(seed=1, again=12)]
    export_runs(store, "tensorboard", out, say=lambda _: None)
    log = tmp_path / "server.log"
    command = [
        sys.executable,
        "-m",
        "tensorboard.main",
        "--logdir",
        str(out),
        "--port",
        "0",
        "--load_fast=false",
    ]
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file, cwd=tmp_path)
    try:
        until(lambda: re.search(r"http://\S+", log.read_text()) or server.poll() is not None, 60)
        found = re.search(r"http://\S+", log.read_text())
        assert found is not None, log.read_text()
        base = re.sub(r"//[^:/]+", "//127.0.0.1", found[0])
        base = base if base.endswith("/") else f"{base}/"
        until(lambda: len(ask(base, "tags")) == 2, 60)
        for run in runs:
            history = History(run.path)
            history.update()
            assert set(ask(base, "tags")[run.id]) == {*history.metrics, "epoch"}
            points = ask(base, f"scalars?run={run.id}&tag=train%2Floss")
            steps, values = history.series("train/loss")
            assert [step for _, step, _ in points] == list(steps)
            shown = np.array([float(value) for *_, value in points])
            np.testing.assert_array_equal(shown, values.astype(np.float32).astype(float))
            assert abs(points[0][0] - first_time(run.path)) < 1e-3
    finally:
        server.terminate()
        server.wait(20)


def first_time(path: Path) -> float:
    """Return when a run measured first."""
    for line in (path / "events.jsonl").read_text().splitlines():
        if (event := json.loads(line))["event"] == "metrics":
            return float(event["time"])
    raise AssertionError("it has measured nothing")
