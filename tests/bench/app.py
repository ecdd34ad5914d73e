"""The app at 200x60 in tmux: how soon it is there, what it costs while runs go on; beside W&B LEET and TensorBoard.

    python tests/bench/app.py [PART…] [--rounds 5] [--no-peers] [--soak MINUTES]

Needs tmux and `pip install -e ".[bench]"`: pyte looks at what the terminal got, wandb and tensorboard are the peers.

folders  first paint and memory with 1,000 and 10,000 runs; the peers with 1,000 runs of the same scalars
drawn    a run of 10,000 steps × 5 metrics, from the start to its curves' last change; ten overlaid, from the key
million  a finished run of 1,000,000 lines, from the key that moves onto it to the shape of its curves (lines from even
         places of its file) and to the last change (all of them); keys meanwhile
live     8 charts × 5 runs written to 4 times a second: CPU a tick, key to screen, event to screen, bytes a second
soak     the same for --soak minutes: memory along the way

The sides take turns; medians of --rounds, each a process of its own, all rounds in brackets.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import ls
import psutil
import pyte
from scalars import Writers, curves, write_tensorboard, write_vitui, write_wandb
from terminal import Terminal, text

ROOT = Path(__file__).parent.parent.parent
SIZE = (200, 60)
WANDB = Path(sys.executable).parent / "wandb"
PORT = 6123


def vitui(folder: Path) -> Terminal:
    """Open the app on a folder."""
    env = {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder / "state")}
    return Terminal(f"{sys.executable} -m tui.cli", folder, SIZE, env)


def leet(folder: Path) -> Terminal:
    """Open W&B LEET on a folder's offline runs."""
    return Terminal(f"{WANDB} leet ./wandb", folder, SIZE, {"HOME": str(folder)})


def leet_on_one(folder: Path) -> Terminal:
    """Open W&B LEET on one run."""
    run = min((folder / "wandb").glob("offline-run-*"))
    return Terminal(f"{WANDB} leet ./wandb/{run.name}", folder, SIZE, {"HOME": str(folder)})


def folders(rounds: int, peers: bool) -> None:
    """First paint and memory with many runs."""
    heading("runs", "", "first paint s", "MiB")
    with scratch() as ours, scratch() as theirs, scratch() as logs:
        ls.write_runs(ours / "runs", 1000)
        sides = [("vitui", lambda: vitui(ours), "hybrid_mini")]
        if peers:
            for number in range(1000):
                write_wandb(theirs, f"run-{number}", curves(14, number))
                write_tensorboard(logs, f"run-{number}", curves(14, number))
            sides.append(("LEET", lambda: leet(theirs), "offline-run"))
        for name, (seconds, memory) in opened(sides, rounds).items():
            row("1,000", name, several(seconds), f"{statistics.median(memory):.0f}")
        if peers:
            found = [served(logs, 1000) for _ in range(min(rounds, 3))]
            seconds, memory = map(list, zip(*found, strict=True))
            row("1,000", "TensorBoard, all served", several(seconds), f"{statistics.median(memory):.0f}")
    with scratch() as ours:
        ls.write_runs(ours / "runs", 10_000)
        found = opened([("vitui", lambda: vitui(ours), "vit_b-")], rounds)
        seconds, memory = found["vitui"]
        row("10,000", "vitui", several(seconds), f"{statistics.median(memory):.0f}")


def opened(
    sides: Iterable[tuple[str, Callable[[], Terminal], str]], rounds: int
) -> dict[str, tuple[list[float], list[float]]]:
    """Return for each side the seconds until it shows a run, and the MiB it then takes."""
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name, _, _ in sides}
    for _ in range(rounds):
        for name, start, there in sides:
            with closing(start()) as terminal:
                terminal.listen(5)
                found[name][1].append(terminal.memory())
            found[name][0].append(terminal.first(lambda screen: there in text(screen)) - terminal.started)  # noqa: B023
    return found


def served(folder: Path, runs: int) -> tuple[float, float]:
    """Return the seconds until TensorBoard serves all runs, and the MiB it then takes."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", str(PORT)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        found = 0
        while found < runs and time.monotonic() - began < 120:
            time.sleep(0.1)
            try:
                with urllib.request.urlopen(f"http://localhost:{PORT}/data/plugin/scalars/tags") as answer:
                    found = len(json.load(answer))
            except OSError:
                continue
        seconds = time.monotonic() - began
        root = psutil.Process(server.pid)
        return seconds, sum(each.memory_info().rss for each in (root, *root.children(recursive=True))) / 2**20
    finally:
        server.terminate()
        server.wait()


def drawn(rounds: int, peers: bool) -> None:
    """One run of 10,000 steps, and ten of them over each other."""
    heading("", "one run, s after the start", "ten overlaid, s after the last key", "MiB with ten")
    with scratch() as folder:
        names = ["vitui", "LEET"] if peers else ["vitui"]
        found: dict[str, tuple[list[float], list[float], list[float]]] = {
            name: ([], [], []) for name in names
        }
        for number in range(10):
            write_vitui(folder, f"run-{number}", curves(10_000, number))
            if peers:
                write_wandb(folder, f"run-{number}", curves(10_000, number))
        for _ in range(rounds):
            for name in names:
                measured = one_drawn(name, folder), *ten_drawn(name, folder)
                for values, value in zip(found[name], measured, strict=True):
                    values.append(value)
        for name, (one, ten, memory) in found.items():
            row(name, several(one), several(ten), f"{statistics.median(memory):.0f}")


def one_drawn(name: str, folder: Path) -> float:
    """Return the seconds from the start of a program to the curves of one run."""
    start = vitui if name == "vitui" else leet_on_one
    with closing(start(folder)) as terminal:
        terminal.listen(5)
    return terminal.drawn() - terminal.started


def ten_drawn(name: str, folder: Path, attempts: int = 5) -> tuple[float, float]:
    """Return the seconds from the last of the keys that overlay ten runs to their curves, and the MiB."""
    with closing(vitui(folder) if name == "vitui" else leet(folder)) as terminal:
        terminal.listen(3)
        began = terminal.press(b"A" if name == "vitui" else b"\x1b")
        if name == "LEET":  # its list, then one run after the other; it loses keys that come faster
            terminal.listen(0.7)
            for key in [b" ", *[b"\x1b[B", b" "] * 9]:
                began = terminal.press(key)
                terminal.listen(0.25)
        terminal.listen(8)
        memory = terminal.memory()
    shown = text(list(terminal.frames())[-1][1])
    if name == "LEET" and len(re.findall("[●▶] offline", shown)) < 9:  # some days it takes no keys at all
        if attempts > 1:
            return ten_drawn(name, folder, attempts - 1)
        raise RuntimeError(f"LEET does not show ten runs:\n{shown}")
    return terminal.drawn(after=began) - began, memory


def million(rounds: int, _peers: bool) -> None:
    """A run of a million lines of about 200 bytes."""
    heading("", "shape, s after the key", "all curves", "keys meanwhile, ms: median / most")
    with scratch() as folder:
        write_vitui(folder, "run-0", curves(100, 0, metrics=2))
        write_vitui(folder, "run-1", curves(1_000_000, 1, metrics=2))
        shapes, seconds, keys = [], [], []
        for _ in range(rounds):
            with closing(vitui(folder)) as terminal:
                terminal.listen(3)
                began = terminal.press(b"j")
                terminal.listen(6)
            strokes = terminal.strokes(after=began)
            shapes.append(strokes[0] - began)
            seconds.append(strokes[-1] - began)
            with closing(vitui(folder)) as terminal:
                terminal.listen(3)
                terminal.press(b"j")
                presses = []
                for opens in [True, False] * 4:
                    terminal.listen(0.15)
                    at = terminal.press(b"?" if opens else b"\x1b")
                    presses += [at] if opens else []  # escape waits for what could follow it
                terminal.listen(1)
            keys += [1000 * (terminal.first(help_shown, at) - at) for at in presses]
        row(
            "vitui",
            several(shapes),
            several(seconds),
            f"{statistics.median(keys):.0f} / {max(keys):.0f} ({len(keys)})",
        )


def help_shown(screen: pyte.Screen) -> bool:
    """Return whether the page of keys is open."""
    return "type to search" in text(screen)


def live(rounds: int, _peers: bool) -> None:
    """Eight charts of five runs, four times a second."""
    heading("", "CPU ms a tick", "key to list ms", "event to screen ms", "kB a second", "MiB")
    for _ in range(rounds):
        with scratch() as folder, closing(Writers(folder)) as writers, closing(overlaid(folder)) as terminal:
            writers.start()
            terminal.listen(3)
            cpu, size, began = terminal.cpu(), bytes_of(terminal), time.monotonic()
            terminal.listen(20)
            seconds = time.monotonic() - began
            a_tick = 1000 * (terminal.cpu() - cpu) / seconds / 4
            rate = (bytes_of(terminal) - size) / seconds / 1000
            presses = []
            for number in range(60):
                presses.append(terminal.press(b"j" if number % 8 < 4 else b"k"))
                terminal.listen(0.23)
            writers.stop()
            terminal.listen(1)
            written = []
            for number in range(20):
                written.append((writers.write(5 + number / 100), f"{5 + number / 100:.3f}"))
                terminal.listen(0.6 + 0.03 * number)
            memory = terminal.memory()
        keys = [1000 * value for value in moved(terminal, presses)]
        events = []
        for at, loss in written:
            events.append(1000 * (terminal.first(lambda screen: loss in text(screen), at) - at))  # noqa: B023
        row("vitui", f"{a_tick:.0f}", two(keys), two(events), f"{rate:.0f}", f"{memory:.0f}")


def overlaid(folder: Path) -> Terminal:
    """Open the app with all runs in its charts."""
    terminal = vitui(folder)
    terminal.listen(3)
    terminal.press(b"A")
    terminal.listen(2)
    return terminal


def bytes_of(terminal: Terminal) -> int:
    """Return how many bytes the terminal got."""
    return sum(len(data) for _, data in terminal.said)


def moved(terminal: Terminal, presses: list[float]) -> list[float]:
    """Return for each press the seconds until another row of the list is marked; infinity if none was in a second."""
    found, pending, before = [], iter(presses), None
    begin = next(pending)
    for at, screen in terminal.frames():
        now = marked(screen)
        if at >= begin and before not in (None, now):
            found.append(at - begin)
            begin = next(pending, math.inf)
        elif at >= begin + 1:
            found.append(math.inf)
            begin = next(pending, math.inf)
        before = now
    return found


def marked(screen: pyte.Screen) -> list[int]:
    """Return the rows of the list whose background is not that of the rows around them."""
    backgrounds = [screen.buffer[line][4].bg for line in range(2, 14)]
    usual = statistics.mode(backgrounds)
    return [line for line, background in enumerate(backgrounds) if background != usual]


def soak(minutes: float) -> None:
    """The live screen for a while."""
    heading("minute", "MiB", "CPU ms a tick")
    with scratch() as folder, closing(Writers(folder)) as writers, closing(overlaid(folder)) as terminal:
        writers.start()
        began = time.monotonic()
        for part in range(11):
            cpu, since = terminal.cpu(), time.monotonic()
            while time.monotonic() < began + 60 * minutes * part / 10 + 5:
                terminal.listen(5)
                terminal.said.clear()
            a_tick = 1000 * (terminal.cpu() - cpu) / (time.monotonic() - since) / 4
            row(f"{minutes * part / 10:.0f}", f"{terminal.memory():.1f}", f"{a_tick:.0f}")
        writers.stop()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for a while."""
    folder = Path(tempfile.mkdtemp(prefix="vitui-app-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def several(seconds: list[float]) -> str:
    """Return the median and all."""
    return f"{statistics.median(seconds):.2f} ({', '.join(f'{value:.2f}' for value in seconds)})"


def two(values: list[float]) -> str:
    """Return median and 95th percentile, and of how many."""
    cuts = statistics.quantiles([min(value, 1e4) for value in values], n=20)
    return f"{statistics.median(values):.0f} / {cuts[-1]:.0f} ({len(values)})"


def heading(*cells: str) -> None:
    """Print the head of a table."""
    print()
    row(*cells)
    row(*["---"] * len(cells))


def row(*cells: str) -> None:
    """Print a line of a table."""
    print(f"| {' | '.join(cells)} |", flush=True)


PARTS: dict[str, Callable[[int, bool], None]] = {
    "folders": folders,
    "drawn": drawn,
    "million": million,
    "live": live,
}


def main() -> None:
    """Measure and print tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES")
    arguments = parser.parse_args()
    for part in arguments.parts or ([] if arguments.soak else PARTS):
        PARTS[part](arguments.rounds, not arguments.no_peers)
    if arguments.soak:
        soak(arguments.soak)


if __name__ == "__main__":
    main()
