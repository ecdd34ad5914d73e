"""Projects to take pictures of: none of the runs in them is trained."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from engine.config.loader import load_config
from engine.events import Confusion, End, Log, Metrics, Start
from engine.queue.move_and_hold import hold
from engine.runs import run_lock
from engine.runs.queue_entry import QueueEntry
from engine.runs.recorder import Recorder
from engine.runs.status_file import rebuild, save
from engine.runs.store import Run, Store
from engine.runs.trust import entry_writer
from engine.runs.worker_status import OfferedDevice, WorkerStatus, publish
from engine.system import process
from engine.system.lock_holder import this_process
from tests.conftest import queued

ROOT = Path(__file__).resolve().parents[3]
CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
LONG = "ViT-B-32x32-16-7-with-BatchNorm-and-cosine-and-a-name-that-no-list-has-room-for"
EXPERIMENTS = f"""

[experiments."quick-ViT"]
model = "vit_mini"
dataset = "digits"
image_size = 16
patch_size = 4
epochs = 30
tags = ["quick", "vit"]

[experiments."quick-BiT"]
model = "bit_mini"
dataset = "digits"
image_size = 16
epochs = 12
tags = ["quick", "bit"]

[experiments."{LONG}"]
model = "vit_mini"
dataset = "digits"
image_size = 16
patch_size = 4
epochs = 7

[experiments."never-run"]
model = "vit_mini"
dataset = "digits"
image_size = 16
patch_size = 8

[experiments."broken-data"]
model = "vit_mini"
dataset = "folder:/data/nowhere"
image_size = 16
patch_size = 4
"""
MISTAKEN = """
[experiments.first]
model = "vit_mini"
dataset = "digits"
image_size = 16
patch_size = 4
learning_rate = 1e-3

[experiments.second]
model = "vit_mimi"
dataset = "digits"
epochs = "many"
"""
STATE = "state"
"""The user's state folder beside the projects, with the key by which the queue knows its own."""
State = Literal["finished", "failed", "stopped", "crashed"]


@contextlib.contextmanager
def projects(folder: Path) -> Iterator[dict[str, Path]]:
    """Make the projects in a folder, and keep a run alive meanwhile.

    Yields:
        ``lab`` with runs of all kinds, ``fresh`` with experiments alone, ``empty``, and ``mistaken``.
    """
    found = {name: folder / name for name in ("lab", "fresh", "empty", "mistaken")}
    for path in found.values():
        path.mkdir(parents=True, exist_ok=True)
    (found["fresh"] / "experiments.toml").write_text((ROOT / "experiments.toml").read_text())
    (found["mistaken"] / "experiments.toml").write_text(MISTAKEN)
    lab = found["lab"]
    with tarfile.open(ROOT / "docs/replay.tar.xz") as archive:
        archive.extractall(lab, filter="data")
    (lab / "experiments.toml").write_text((ROOT / "docs/replay.toml").read_text() + EXPERIMENTS)
    _import(lab)
    (folder / STATE).mkdir()
    os.environ["XDG_STATE_HOME"] = str(folder / STATE)
    with _in_folder(lab), _awkward_runs(Store(Path("runs")), lab / "experiments.toml"):
        yield found


@contextlib.contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def _import(lab: Path) -> None:
    rows = [
        f"{epoch},{2.3 * math.exp(-epoch / 4):.4f},{1 - math.exp(-epoch / 3):.4f}" for epoch in range(1, 11)
    ]
    (lab / "elsewhere.csv").write_text("\n".join(["epoch,train/loss,test/accuracy", *rows]) + "\n")
    words = ["import", "--name", "imported-ResNet", "elsewhere.csv"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-m", "tui.cli", *words], cwd=lab, env=environment, check=True, capture_output=True
    )


@contextlib.contextmanager
def _awkward_runs(store: Store, config: Path) -> Iterator[None]:
    experiments = load_config(config).experiments
    for seed in range(3):
        _write(store.create(experiments["quick-ViT"], seed), 30, top=0.96 + seed / 100)
    _write(store.create(experiments["quick-BiT"], 0), 12, top=0.93)
    _write(store.create(experiments["quick-BiT"], 1), 5, end="stopped", reason="stopped after epoch 5")
    _write(
        store.create(experiments["quick-BiT"], 2),
        2,
        end="failed",
        reason="the loss is nan at step 41; a smaller lr may help",
    )
    _write(store.create(experiments[LONG], 0), 7, top=0.8)
    _write(
        store.create(experiments["broken-data"], 0), 0, end="failed",
        reason="dataset: no folder '/data/nowhere/train'; has it been mounted?",
    )  # fmt: skip
    live = store.create(experiments["quick-ViT"], 3)
    for experiment, seed in (("quick-ViT", 4), ("quick-ViT", 5), ("quick-BiT", 3), (LONG, 1)):
        waiting = queued(store, experiments[experiment], seed)
    hold(waiting)
    place = QueueEntry(submitted=time.time() - 90, stage="taken", devices={"cpu-0": "CPU slot 1"}, attempts=0)
    entry_writer.enter(live, place)
    slot = OfferedDevice(id="cpu-0", name="CPU slot 1", index=0, gpu=False)
    publish(store.root, WorkerStatus(worker=this_process(), devices=[slot]))
    over = threading.Event()
    with run_lock.hold(live, works=True):
        recorder = _begin(live, 30, time.time() - 80, alive=True)
        for step in range(1, 81):
            _step(recorder, live, step, 10, time.time() - 80 + step, top=0.95)
        save(live, rebuild(live))
        trainer = threading.Thread(target=_go_on, args=(recorder, live, over))
        trainer.start()
        try:
            yield
        finally:
            over.set()
            trainer.join()


def _go_on(recorder: Recorder, run: Run, over: threading.Event) -> None:
    step = 80
    while not over.wait(4):
        step += 1
        _step(recorder, run, step, 10, time.time(), top=0.95)
    recorder.close()


def _begin(run: Run, epochs: int, now: float, *, alive: bool) -> Recorder:
    info = run.info()
    recorder = Recorder(run)
    recorder.emit(
        Start(
            time=now, run=run.id, experiment=info.experiment, seed=info.seed, pid=os.getpid() if alive else 4242,
            host=process.host() if alive else "lab", boot=process.boot_id(),
            process_started=(process.started(os.getpid()) or 0.0) if alive else 0.0, device="cpu (2 threads)",
            parameters=306_730, steps_per_epoch=10, epochs=epochs, init="scratch", versions={"torch": "2.15.0"},
        )
    )  # fmt: skip
    return recorder


def _write(run: Run, epochs: int, end: State = "finished", reason: str = "", top: float = 0.9) -> None:
    began = time.time() - 3600
    recorder = _begin(run, max(epochs, 1), began, alive=False)
    for step in range(1, 10 * epochs + 1):
        _step(recorder, run, step, 10, began + step, top)
    ended = began + 10 * epochs + 1
    reason = reason or f"trained all {epochs} epochs"
    recorder.emit(End(time=ended, run=run.id, state=end, reason=reason, duration_s=ended - began))
    recorder.close()


def _step(recorder: Recorder, run: Run, step: int, an_epoch: int, now: float, top: float) -> None:
    epoch = step / an_epoch
    noise = 0.03 * math.sin(step * 1.7 + len(run.id) + run.info().seed)
    values = {
        "train/loss": 2.3 * math.exp(-epoch / 3) + abs(noise),
        "train/lr": 2e-3 * (1 + math.cos(math.pi * epoch / 31)) / 2,
        "train/images_per_s": 1500 + 900 * noise,
        "cpu/memory_process": (900 + 20 * noise) * 2**20,
    }
    if step % an_epoch == 0:
        score = top * (1 - math.exp(-epoch / 2)) - abs(noise)
        values |= {
            "test/f1": score,
            "test/accuracy": score,
            "test/loss": 2.3 * math.exp(-epoch / 4),
            "val/f1": score,
        }
        matrix = [
            [max(0, round(60 * score)) if i == j else (i * j + step) % 4 for j in range(10)]
            for i in range(10)
        ]
        recorder.emit(
            Confusion(
                time=now, run=run.id, step=step, epoch=epoch, split="test", labels=CLASSES, matrix=matrix
            )
        )
        recorder.emit(
            Log(time=now, run=run.id, level="info", message=f"epoch {epoch:.0f}: test F1 {score:.3f}")
        )
    recorder.emit(Metrics(time=now, run=run.id, step=step, epoch=epoch, values=values))
