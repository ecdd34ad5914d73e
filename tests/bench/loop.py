"""The engine's training loop against the shortest PyTorch loop that computes the same, and what an event costs.

    OMP_NUM_THREADS=1 python tests/bench/loop.py [--folder FOLDER] [--minutes 2] [--only quick-ViT]

FOLDER holds CIFAR-10 as an image folder (train/ and test/); without it the images are random. The engine's side is
the real one: Trainer, a Recorder that writes to a run's folder, telemetry, events at the default interval. The bare
loop has the same model, data on the device, preprocessing, loss, optimizer, clipping and schedule, and says nothing.

Both train in this process and take turns of about half a second. A pair is a number of steps of each that is a
multiple of the logging interval; the ratio is the median over the pairs, for which each experiment has some minutes.
Checkpoints, which the bare loop does not write, are timed apart. A GPU is used where there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import math
import os
import platform
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from engine.config.loader import load_config
from engine.events import Metrics, Start, decode
from engine.models import create_model
from engine.runs.recorder import Recorder
from engine.runs.store import Store
from engine.system.files import tail
from engine.system.telemetry import Sampler
from engine.training.data.augment import Preprocess
from engine.training.data.dataset import Dataset, Split, load_dataset
from engine.training.optim import SHORT_RUN_BETAS, cosine
from engine.training.parameter_groups import parameter_groups
from engine.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
CASES = {"quick-ViT": {}, "ViT-B-32x32-16-7": {"batch_size": 64}}
"""Experiments of experiments.toml, and what is set otherwise."""
PAIR_S, TURN_S = 1.0, 0.5
MIN_PAIRS = 3
FOREVER = 10_000
"""Epochs of a run that is ended when enough was measured."""
WARM_UP = 3
"""Steps of each side before any that count."""


def bare(model, data, experiment, steps, device):
    """Train, and yield after every step: AdamW, linear warm-up, cosine."""
    prepare = Preprocess(data, experiment, device)
    train = data.train.to(device)
    groups = parameter_groups(model, experiment.weight_decay)
    optimizer = torch.optim.AdamW(groups, experiment.lr, SHORT_RUN_BETAS, fused=True)
    rise = round(experiment.warmup * steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda k: (k + 1) / rise if k < rise else cosine((k - rise) / (steps - rise))
    )
    random = torch.Generator(device).manual_seed(0)
    forward = torch.compile(model) if device.type == "cuda" else model
    while True:
        for rows in torch.randperm(len(train)).to(device).split(experiment.batch_size):
            images = prepare.train(train.images[rows], random)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                logits = forward(images)
                loss = F.cross_entropy(
                    logits.float(), train.labels[rows], label_smoothing=experiment.label_smoothing
                )
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), experiment.clip_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            yield


class Clock:
    """Adds up seconds between ``start`` and ``stop``: of the wall, and of the processor."""

    def __init__(self, device):
        self._synchronize = torch.cuda.synchronize if device.type == "cuda" else lambda: None
        self.reset()

    def reset(self):
        """Begin at zero."""
        self.wall = self.processor = 0.0

    def start(self):
        """Go on."""
        self._synchronize()
        self._since = time.perf_counter(), time.process_time()

    def stop(self):
        """Stop."""
        self._synchronize()
        self.wall += time.perf_counter() - self._since[0]
        self.processor += time.process_time() - self._since[1]


class Done(Exception):  # noqa: N818
    """Enough was measured."""


class Telemetry(Sampler):
    """Looks only while the engine's loop has its turn: half of the time, so every two seconds instead of each."""

    def __init__(self, report, device):
        gpus = [f"GPU-{torch.cuda.get_device_properties(device).uuid}"] if device.type == "cuda" else []
        super().__init__(report, gpus, interval_s=2.0)
        self.turn = threading.Event()

    def look(self):
        """Wait for the turn, and look."""
        self.turn.wait()
        return super().look()


class Turns:
    """What the engine's loop asks after every step whether to stop: here the bare loop takes its turns."""

    def __init__(self, telemetry, others, device, seconds, log_every):
        self.trainer = None
        self.pairs = []
        """Of every pair: seconds of the wall, ours and bare, and of the processor, ours and bare."""
        self.checkpoints = []
        """Seconds that each took, with the writing."""
        self.steps = 0
        """Of each side, in a pair."""
        self._telemetry, self._bare = telemetry, others
        self._end, self._log_every = time.perf_counter() + seconds, log_every
        self._ours, self._theirs = Clock(device), Clock(device)
        self._step = self._in_turn = self._in_pair = 0
        self._turn = self._whole_turn = WARM_UP

    def __call__(self):
        """Take note of a step, or of the checkpoint at the end of an epoch, which is called after too."""
        if self.trainer.step != self._step:
            self._step = self.trainer.step
            self._in_turn += 1
            if self._step % self.trainer.steps_per_epoch == 0:
                self._ours.stop()
                self._since = time.perf_counter()
                return
        else:
            for writer in [each for each in threading.enumerate() if each.name == "checkpoint"]:
                writer.join()
            self.checkpoints.append(time.perf_counter() - self._since)
            self._ours.start()
        if self._in_turn >= self._turn:
            self._hand_over()

    def _start(self):
        self._ours.start()
        self._telemetry.turn.set()

    def _stop(self):
        self._telemetry.turn.clear()
        self._ours.stop()

    def _hand_over(self):
        """Let the bare loop take as many steps."""
        if self.steps:
            self._stop()
        self._theirs.start()
        for _ in range(self._in_turn):
            next(self._bare)
        self._theirs.stop()
        self._in_pair += self._in_turn
        self._in_turn = 0
        if not self.steps:
            self._plan()
        elif self._in_pair >= self.steps:
            self._finish_pair()
        self._turn = min(self._whole_turn, self.steps - self._in_pair)
        self._start()

    def _plan(self):
        """Choose the steps of a pair and of a turn by how long the bare loop takes for one."""
        self._theirs.reset()
        self._theirs.start()
        next(self._bare)
        self._theirs.stop()
        self._whole_turn = math.ceil(TURN_S / self._theirs.wall)
        self.steps = self._log_every * math.ceil(PAIR_S / self._theirs.wall / self._log_every)
        self._reset()

    def _finish_pair(self):
        ours, theirs = self._ours, self._theirs
        self.pairs.append((ours.wall, theirs.wall, ours.processor, theirs.processor))
        if len(self.pairs) >= MIN_PAIRS and time.perf_counter() > self._end:
            raise Done
        self._reset()

    def _reset(self):
        self._ours.reset()
        self._theirs.reset()
        self._in_pair = 0


def random_data():
    """Return images like CIFAR-10's in number and size."""
    images = torch.randint(0, 256, (50_000, 3, 32, 32), dtype=torch.uint8)
    train = Split(images, torch.arange(len(images)) % 10)
    few = Split(images[:100], train.labels[:100])
    names = tuple(str(k) for k in range(10))
    return Dataset(train, few, few, names, mean=(0.5,) * 3, std=(0.29,) * 3, flips=True)


def compare(name, options, folder, home, device, seconds):
    """Print the row of one experiment."""
    experiment = load_config(ROOT / "experiments.toml").experiments[name]
    if experiment.dataset != "digits":
        options = options | {"dataset": f"folder:{folder}" if folder else "random"}
    experiment = msgspec.structs.replace(experiment, epochs=FOREVER, evaluate_every=FOREVER, **options)
    data = random_data() if experiment.dataset == "random" else load_dataset(experiment, 0)
    model = create_model(
        experiment.model, num_classes=10, image_size=experiment.image_size, patch_size=experiment.patch_size
    )
    other = copy.deepcopy(model).to(device).train()
    run = Store(home).create(experiment, seed=0)
    recorder = Recorder(run)
    per_epoch = math.ceil(len(data.train) / experiment.batch_size)
    recorder.emit(Start(time=time.time(), run=run.id, epochs=FOREVER, steps_per_epoch=per_epoch))
    others = bare(other, data, experiment, FOREVER * per_epoch, device)
    telemetry = Telemetry(recorder.telemetry, device)
    turns = Turns(telemetry, others, device, seconds, experiment.log_every)
    turns.trainer = Trainer(experiment, 0, model, data, device, recorder, turns)
    with contextlib.suppress(Done), telemetry:
        try:
            turns.trainer.fit()
        finally:
            telemetry.turn.set()
    recorder.close()
    events = [event for event in map(decode, tail(run.events, 0)[0]) if isinstance(event, Metrics)]
    logged = sum("train/loss" in event.values for event in events)
    walls = [theirs / ours for ours, theirs, _, _ in turns.pairs]
    cpu = statistics.median(theirs / ours for _, _, ours, theirs in turns.pairs)
    rates = [
        turns.steps * experiment.batch_size / statistics.median(each)
        for each in zip(*turns.pairs, strict=True)
    ]
    low, middle, high = statistics.quantiles(walls, n=4)
    saved = f"{statistics.median(turns.checkpoints):.2f} s" if turns.checkpoints else "-"
    print(
        f"| {name} | {experiment.batch_size} | {len(walls)} x {turns.steps} | {rates[0]:,.1f} | {rates[1]:,.1f} | "
        f"{middle:.3f} ({low:.3f} to {high:.3f}) | {cpu:.3f} | {logged} + {len(events) - logged} | {saved} |",
        flush=True,
    )


def microseconds(calls, repeats, gap_s):
    """Return the median microseconds of each call; they take turns, with other work between if there is a gap."""
    ballast, times = np.ones(2**20), [[] for _ in calls]
    for step in range(repeats):
        for k, call in enumerate(calls):
            until = time.perf_counter() + gap_s
            while time.perf_counter() < until:
                ballast += 1.0
            start = time.perf_counter()
            call(step)
            times[k].append(time.perf_counter() - start)
    return [1e6 * statistics.median(each) for each in times]


def events(home):
    """Print what recording five numbers costs, against encoding and writing a line."""
    experiment = load_config(ROOT / "experiments.toml").experiments["quick-ViT"]
    run = Store(home).create(experiment, seed=0)
    recorder = Recorder(run)
    recorder.emit(Start(time=time.time(), run=run.id, epochs=100, steps_per_epoch=1000))
    values = {"train/loss": 1.2345678, "train/accuracy": 0.5678901, "train/lr": 1.2e-3, "train/grad_norm": 2.3456789,
              "train/images_per_s": 1234.5678}  # fmt: skip
    encoder = msgspec.json.Encoder()
    with (Path(home) / "bare.jsonl").open("ab", buffering=0) as file:

        def write(step):
            line = {"event": "metrics", "time": time.time(), "run": run.id, "step": step, "values": values}
            os.write(file.fileno(), encoder.encode(line) + b"\n")

        calls = [lambda step: recorder.metrics(step, step / 1000, values), write]
        for what, repeats, gap in (
            ("back to back", 20_000, 0.0),
            ("5 ms of other work before each", 400, 0.005),
        ):
            ours, theirs = microseconds(calls, repeats, gap)
            print(f"| {what} | {ours:.1f} | {theirs:.1f} |")
    recorder.close()


def main():
    """Print two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=[*CASES, "events"])
    parser.add_argument("--minutes", type=float, default=2.0, help="for each experiment")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_float32_matmul_precision("high" if device.type == "cuda" else "highest")
    where = torch.cuda.get_device_name() if device.type == "cuda" else f"CPU, {arguments.threads} thread(s)"
    print(f"{where}; torch {torch.__version__}, {platform.python_version()}; {datetime.now(UTC):%Y-%m-%d}\n")
    with tempfile.TemporaryDirectory() as home:
        os.environ["VITUI_CACHE"] = f"{home}/cache"
        print(
            "| one event of five numbers | Recorder.metrics, µs | encode + write, µs |\n|---|---|---|",
            flush=True,
        )
        events(f"{home}/runs")
        print("\n| experiment | batch | pairs x steps | engine img/s | bare img/s | ratio (quartiles) | "
              "ratio of CPU time | events: training + telemetry | checkpoint |\n"
              "|---|---|---|---|---|---|---|---|---|", flush=True)  # fmt: skip
        for name in CASES:
            if name in arguments.only:
                compare(name, CASES[name], arguments.folder, f"{home}/runs", device, 60 * arguments.minutes)


if __name__ == "__main__":
    main()
