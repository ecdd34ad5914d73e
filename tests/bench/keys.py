"""How long a key takes to the screen: the app in tmux, on a terminal of our own, while a run goes on or not.

    python tests/bench/keys.py [--size 200x60] [--presses 80] [--live]        (needs tmux and `pip install pyte`)

Three runs are overlaid, and Down and Up move the cursor among them. What tmux sends to the terminal is kept with its
time and played to an emulator afterwards, so that looking costs the app nothing. `list` is the time until the row
under the cursor is another one on the screen, `all` until the last change that the key makes anywhere. `--live` trains
a quick-start ViT on the same cores meanwhile: the charts then change by themselves, and only `list` counts.
"""

from __future__ import annotations

import argparse
import fcntl
import math
import os
import pty
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import pyte

from engine.config.loader import load_config
from engine.events import End, Start
from engine.runs.recorder import Recorder
from engine.runs.store import Store

ROOT = Path(__file__).parent.parent.parent
EXPERIMENTS = """
[defaults]
dataset = "digits"
model = "vit_mini"
image_size = 16
patch_size = 4
epochs = 30
[experiments.first]
[experiments.second]
lr = 1e-3
[experiments.third]
lr = 2e-3
[experiments.live]
epochs = 5000
"""


def write_runs(folder: Path) -> None:
    """Write three finished runs of 600 steps and 14 metrics."""
    (folder / "experiments.toml").write_text(EXPERIMENTS)
    config = load_config(folder / "experiments.toml")
    for number, name in enumerate(("first", "second", "third")):
        run = Store(folder / "runs").create(config.experiments[name], 0)
        recorder = Recorder(run)
        now = time.time() - 700
        recorder.emit(
            Start(time=now, run=run.id, experiment=name, seed=0, pid=1, host="lab", device="cpu",
                  parameters=306_730, steps_per_epoch=20, epochs=30, init="scratch")
        )  # fmt: skip
        for step in range(1, 601):
            fall = math.exp(-step / (60 + 20 * number)) + 0.02 * math.sin(step * (number + 1.7))
            values = {
                f"train/{name}": fall for name in ("loss", "accuracy", "lr", "grad_norm", "images_per_s")
            }
            values |= {"cpu/memory_process": 9e8 + step, "train/data_s": fall, "train/forward_s": fall}
            if step % 20 == 0:
                values |= {
                    f"test/{name}": 1 - fall for name in ("f1", "accuracy", "loss", "precision", "recall")
                }
                values["val/f1"] = 1 - fall
            recorder.metrics(step, step / 20, values)
        recorder.emit(
            End(time=now + 600, run=run.id, state="finished", reason="trained all 30 epochs", duration_s=600)
        )
        recorder.close()


class Terminal:
    """A terminal of our own with tmux in it; keeps what tmux writes, with the times."""

    def __init__(self, folder: Path, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.said: list[tuple[float, bytes]] = []
        self.socket = f"vitui-keys-{os.getpid()}"
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            env = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "TMUX")}
            env |= {
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                "LANG": "C.UTF-8",
                "PYTHONPATH": str(ROOT),
            }
            os.chdir(folder)
            time.sleep(0.2)
            os.execvpe(  # noqa: S606  there is no shell to be started by
                "tmux", ["tmux", "-L", self.socket, "-f", "/dev/null", "new-session",
                                f"{sys.executable} -m tui.cli"], env)  # fmt: skip
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def listen(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if select.select([self.fd], [], [], left)[0]:
                self.said.append((time.monotonic(), os.read(self.fd, 1 << 20)))

    def press(self, key: bytes) -> float:
        at = time.monotonic()
        os.write(self.fd, key)
        return at

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], check=False)
        os.close(self.fd)


def delays(terminal: Terminal, presses: list[float], until: float) -> tuple[list[float], list[float]]:
    """Return for each press the milliseconds until the list shows it, and until the screen is at rest."""
    screen = pyte.Screen(terminal.width, terminal.height)
    stream = pyte.ByteStream(screen)
    said = iter([*terminal.said, (math.inf, b"")])
    when, data = next(said)
    rows, whole = [], []
    for begin, end in zip(presses, [*presses[1:], until], strict=True):
        while when < begin:
            stream.feed(data)
            when, data = next(said)
        before, marked, last = marked_row(screen), None, None
        while when < end:
            screen.dirty.clear()
            stream.feed(data)
            if marked is None and marked_row(screen) != before:
                marked = when
            if screen.dirty:
                last = when
            when, data = next(said)
        rows.append(math.inf if marked is None else 1000 * (marked - begin))
        whole.append(math.inf if last is None else 1000 * (last - begin))
    return rows, whole


def marked_row(screen: pyte.Screen) -> list[int]:
    """Return the rows of the list whose background is not that of the rows around them."""
    backgrounds = [screen.buffer[row][4].bg for row in range(2, 14)]
    usual = statistics.mode(backgrounds)
    return [row for row, background in enumerate(backgrounds) if background != usual]


def main() -> None:
    """Measure and print one line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="200x60")
    parser.add_argument("--presses", type=int, default=80)
    parser.add_argument("--live", action="store_true")
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    folder = Path(tempfile.mkdtemp(prefix="vitui-keys-"))
    write_runs(folder)
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    engine = [sys.executable, "-m", "engine.cli"]
    trainer = None
    if arguments.live:
        trainer = subprocess.Popen([*engine, "run", "live"], cwd=folder, env=env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        time.sleep(25)
    terminal = Terminal(folder, width, height)
    try:
        terminal.listen(4)
        for key in (b" ", b" ", b" ", b"g"):
            terminal.press(key)
            terminal.listen(1)
        presses = []
        for number in range(arguments.presses):
            presses.append(terminal.press(b"j" if number % 4 < 2 else b"k"))
            terminal.listen(0.7)
        rows, whole = delays(terminal, presses, time.monotonic())
    finally:
        terminal.close()
        if trainer is not None:
            trainer.kill()
            trainer.wait()
        shutil.rmtree(folder, ignore_errors=True)
    lost = sum(math.isinf(row) for row in rows)
    print(
        f"{arguments.size} {'live' if trainer else 'idle'} {len(presses)} presses, {lost} never seen",
        end="; ",
    )
    for name, values in (("list", rows), ("all", whole)):
        cuts = statistics.quantiles([min(value, 1e4) for value in values], n=20)
        print(f"{name}: median {statistics.median(values):.0f} ms, p95 {cuts[-1]:.0f} ms", end="; ")
    print(f"{sum(len(data) for _, data in terminal.said) // max(1, len(presses)):,} bytes a press")


if __name__ == "__main__":
    main()
