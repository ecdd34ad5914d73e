"""A folder of made-up runs, written by the engine's own recorder, and the app on it."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from engine.config.loader import load_config
from engine.events import End, Metrics, Start
from engine.runs.provenance.code_snapshot import CodeSnapshot
from engine.runs.recorder import Recorder
from engine.runs.store import Run, Store
from engine.system import process
from tests.tui.pilot import LOOKS
from tests.tui.textual_private import look_often, parse_once
from tui.feed.feed import Feed
from tui.state.messages import Changed
from tui.state.snapshot import Project

EXPERIMENTS = """
[defaults]
dataset = "digits"
epochs = 4

[experiments."ViT-small"]
model = "vit_mini"
image_size = 16
patch_size = 4
tags = ["vit"]

[experiments."BiT-small"]
model = "bit_mini"
image_size = 16

[experiments."one-token"]
model = "vit_mini"
image_size = 16
patch_size = 16
"""

NOW = 1_795_000_000.0


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained here: the queue is looked at, and served by other tests."""
    monkeypatch.setattr("engine.queue.worker.ensure_worker", lambda *_: None)
    monkeypatch.setattr("engine.remote.start_bridge.ensure_bridge", lambda *_: None)


@pytest.fixture(autouse=True)
def _quick_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed looks often, and is counted."""
    tick = Feed.tick

    def counted(feed: Feed) -> Changed | None:
        changed = tick(feed)
        LOOKS[feed] = LOOKS.get(feed, 0) + 1
        return changed

    monkeypatch.setattr(Feed, "tick", counted)
    monkeypatch.setattr("tui.feed.refresh_rate.REFRESH_S", 0.05)


@pytest.fixture(autouse=True)
def _quick_textual(monkeypatch: pytest.MonkeyPatch) -> None:
    look_often(monkeypatch)
    parse_once(monkeypatch)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project without runs."""
    return new_project(tmp_path, monkeypatch)


def new_project(parent: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Make a project without runs and have the process work in it."""
    folder = parent / "lab"
    folder.mkdir()
    (folder / "experiments.toml").write_text(EXPERIMENTS)
    monkeypatch.chdir(folder)
    return Project(folder=folder, config=Path("experiments.toml"), runs=Path("runs"))


Write = Callable[..., Run]


@pytest.fixture
def write_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a run of the project, as ``run_writer`` says."""
    return run_writer(project, monkeypatch)


def run_writer(project: Project, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what writes a run as the engine would: ``write_run("ViT-small", epochs=4, end="finished")``.

    What differs from machine to machine (time, commit, process) is made up, unless the run is to look ``alive``.
    """
    ids = itertools.count(1)
    monkeypatch.setattr(
        "engine.runs.store._new_id", lambda name, seed, _: f"{name}-s{seed}-20261118-1500{next(ids):02d}-abcd"
    )
    monkeypatch.setattr(
        "engine.runs.store.take_snapshot",
        lambda *_: CodeSnapshot({"commit": "0123456789abcdef", "dirty": False}),
    )
    # its clock stood still at NOW, and no heartbeat has come since
    monkeypatch.setattr("engine.runs.liveness._silent_s", lambda _: 0.0)

    def write(
        experiment: str,
        *,
        seed: int = 0,
        epochs: int = 4,
        end: str | None = "finished",
        reason: str = "trained all 4 epochs",
        top: float = 0.9,
        alive: bool = False,
        name: str | None = None,
        more: Mapping[str, float] | None = None,
    ) -> Run:
        pid, host = (os.getpid(), process.host()) if alive else (4242, "lab")
        config = load_config(project.config)
        run = Store(project.runs).create(config.experiments[experiment], seed)
        made_up = msgspec.structs.replace(run.info(), created=NOW, cwd="/home/lab")
        (run.path / "run.json").write_bytes(msgspec.json.encode(made_up))
        recorder = Recorder(run)
        recorder.emit(
            Start(
                time=NOW, run=run.id, experiment=name or experiment, seed=seed, pid=pid, host=host,
                boot=process.boot_id(), process_started=process.started(os.getpid()) or 0.0, device="cpu (2 threads)",
                parameters=306_730, steps_per_epoch=10, epochs=4, init="scratch", versions={"torch": "2.15.0"},
            )
        )  # fmt: skip
        for step in range(1, 10 * epochs + 1):
            values = {"train/loss": 2.3 * math.exp(-step / 12), "train/images_per_s": 1500.0}
            if step % 10 == 0:
                f1 = top * (1 - math.exp(-step / 10))
                values |= {"test/f1": f1, "test/accuracy": f1, "test/loss": 2.3 * math.exp(-step / 15)}
            values["cpu/memory_process"] = 900.0 * 2**20
            values |= more or {}
            recorder.emit(Metrics(time=NOW + step, run=run.id, step=step, epoch=step / 10, values=values))
        if end is not None:
            summary = {}
            if end == "finished":
                f1 = recorder.status.last["test/f1"]
                summary = {"test/f1": {"value": f1, "low": f1 - 0.012, "high": f1 + 0.011, "n": 5000}}
            recorder.emit(
                End(time=NOW + 60, run=run.id, state=end, reason=reason, duration_s=60.0, summary=summary)  # type: ignore[arg-type]
            )
        recorder.close()
        return run

    return write


def without_pictures(patch: pytest.MonkeyPatch) -> None:
    """Let files of figures be empty of pictures, where only words are asked for: drawing takes most of the time."""

    def files(
        _figure: object, _drawn: object, _notes: object, formats: Sequence[str], *_: object
    ) -> dict[str, bytes]:
        return dict.fromkeys(formats, b"<svg/>")

    patch.setattr("tui.figures.make_figure._files", files)


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    """``without_pictures`` for a test."""
    without_pictures(monkeypatch)
