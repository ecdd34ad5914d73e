"""The same scalars in every program's files: runs of ours, offline runs of wandb, event files of TensorBoard.

wandb and tensorboard are in the `bench` extra. `Writers` are runs of ours that live and are written to.
"""

from __future__ import annotations

import math
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from engine.config.loader import load_config
from engine.events import End, Metrics, Start, encode
from engine.runs import run_lock
from engine.runs.recorder import Recorder
from engine.runs.status import FOLD, Status
from engine.runs.store import RunInfo, Store
from engine.system import process

Series = Mapping[str, Sequence[float]]
"""Values by metric, one a step."""

BEGAN = 1_795_000_000
EXPERIMENTS = (
    '[defaults]\ndataset = "digits"\nmodel = "vit_mini"\nimage_size = 16\npatch_size = 4\nepochs = 5000\n'
)
LIVE_METRICS = (
    "train/loss", "train/accuracy", "train/lr", "train/grad_norm",
    "train/images_per_s", "test/f1", "test/loss", "cpu/memory_process",
)  # fmt: skip
_BLOCK = 32768


def curves(steps: int, number: int, metrics: int = 5) -> Series:
    """Return falling curves with a wave, different for each run."""
    return {
        f"train/m{index}": [
            math.exp(-step / (steps / 6 + 40 * number)) + 0.02 * math.sin(step * (index + 1.7 + number))
            for step in range(1, steps + 1)
        ]
        for index in range(metrics)
    }


def write_vitui(folder: Path, name: str, series: Series) -> None:
    """Write a finished run as the engine leaves it."""
    run = f"{name}-s0-20261118-150000-{zlib.crc32(name.encode()) % 65536:04x}"
    path = folder / "runs" / run
    path.mkdir(parents=True)
    info = RunInfo(id=run, experiment=name, config={"model": "vit_mini"}, seed=0, created=float(BEGAN))
    (path / "run.json").write_bytes(msgspec.json.encode(info))
    status = Status(run=run, fold=FOLD)
    with (path / "events.jsonl").open("wb") as file:
        for event in _said(run, name, series):
            status.apply(event)
            status.offset += file.write(encode(event))
    (path / "status.json").write_bytes(msgspec.json.encode(status))
    (path / "lock").touch()


def _said(run: str, name: str, series: Series) -> Iterator[Start | Metrics | End]:
    count = len(next(iter(series.values())))
    metadata = {"run": run, "experiment": name, "steps_per_epoch": max(1, count // 10), "epochs": 10}
    yield Start(time=BEGAN, seed=0, pid=1, host="lab", device="cpu", **metadata)  # type: ignore[arg-type]
    for step, values in enumerate(zip(*series.values(), strict=True), start=1):
        measured = dict(zip(series, values, strict=True))
        yield Metrics(time=BEGAN + step, run=run, step=step, epoch=10 * step / count, values=measured)
    yield End(time=BEGAN + count, run=run, state="finished", reason="trained all 10 epochs", duration_s=count)


def write_wandb(folder: Path, name: str, series: Series) -> None:
    """Write an offline run as wandb does: a file of protobuf records in the log format of LevelDB."""
    from wandb.proto import wandb_internal_pb2 as pb

    short = f"{zlib.crc32(name.encode()):08x}"
    run = folder / "wandb" / f"offline-run-20261124_{int(short, 16) % 10**6:06d}-{short}"
    run.mkdir(parents=True)
    begin = pb.Record(num=1)
    begin.run.run_id, begin.run.project, begin.run.display_name = short, "lab", name
    begin.run.start_time.seconds = BEGAN
    records = [begin]
    for step, values in enumerate(zip(*series.values(), strict=True), start=1):
        record = pb.Record(num=step + 1)
        record.history.step.num = step
        for key, value in (("_step", step), *zip(series, values, strict=True)):
            item = record.history.item.add()
            item.nested_key.append(key)
            item.value_json = repr(value)
        records.append(record)
    records.append(pb.Record(num=len(records) + 1, exit=pb.RunExitRecord(exit_code=0)))
    data = bytearray(struct.pack("<4sHB", b":W&B", 0xBEE1, 0))
    for record in records:
        _append(data, record.SerializeToString())
    (run / f"run-{short}.wandb").write_bytes(data)


def _append(log: bytearray, record: bytes) -> None:
    """Append a record, cut where a block ends."""
    first = True
    while first or record:
        room = _BLOCK - len(log) % _BLOCK
        if room < 7:
            log += b"\0" * room
            room = _BLOCK
        part, record = record[: room - 7], record[room - 7 :]
        kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}[first, not record]
        check = zlib.crc32(part, zlib.crc32(bytes([kind])))
        log += struct.pack("<IHB", check, len(part), kind) + part
        first = False


def write_tensorboard(folder: Path, name: str, series: Series) -> None:
    """Write TensorBoard's event file."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder / name))
    for step, values in enumerate(zip(*series.values(), strict=True), start=1):
        found = [
            Summary.Value(tag=tag, simple_value=value) for tag, value in zip(series, values, strict=True)
        ]
        writer.add_event(Event(wall_time=BEGAN + step, step=step, summary=Summary(value=found)))
    writer.close()


class Writers:
    """Five runs that live in this process, with 2,000 steps behind them."""

    def __init__(self, folder: Path) -> None:
        names = [f"run-{number}" for number in range(5)]
        sections = [f"[experiments.{name}]\nlr = {1e-3 * (index + 1)}\n" for index, name in enumerate(names)]
        (folder / "experiments.toml").write_text(EXPERIMENTS + "".join(sections))
        config = load_config(folder / "experiments.toml")
        self._held = ExitStack()
        self._recorders = []
        self._step = 0
        for name in names:
            run = Store(folder / "runs").create(config.experiments[name], 0)
            self._held.enter_context(run_lock.hold(run))
            recorder = Recorder(run)
            self._held.callback(recorder.close)
            recorder.claim()
            recorder.emit(
                Start(
                    time=time.time(), run=run.id, experiment=name, seed=0, device="cpu", parameters=306_730,
                    pid=os.getpid(), host=process.host(), boot=process.boot_id(), steps_per_epoch=20, epochs=5000,
                    process_started=process.started(os.getpid()) or 0.0,
                )
            )  # fmt: skip
            self._recorders.append(recorder)
        for _ in range(2000):
            self.write()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def write(self, loss: float | None = None) -> float:
        """Write one step of each, with a loss if one is given; return when."""
        self._step += 1
        for number, recorder in enumerate(self._recorders):
            fall = math.exp(-self._step / (900 + 200 * number)) + 0.02 * math.sin(self._step * (number + 1.7))
            values = dict.fromkeys(LIVE_METRICS, fall) | {"train/loss": fall if loss is None else loss}
            recorder.metrics(self._step, self._step / 20, values)
        return time.monotonic()

    def start(self) -> None:
        """Write four times a second from now on."""
        self._thread.start()

    def _go_on(self) -> None:
        while not self._stop.wait(0.25):
            self.write()

    def stop(self) -> None:
        """Write no more by itself."""
        self._stop.set()
        self._thread.join()

    def close(self) -> None:
        """Let go of the runs, which then look crashed."""
        self._held.close()
