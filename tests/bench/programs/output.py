"""What looking for events costs: lines without one are read from a pipe and written to a file, with and without it.

    python tests/bench/programs/output.py [--mebibytes 64] [--rounds 5]

Reading is ``for line in pipe: file.write(line)``. The ways are measured in turns in one process, by the CPU time of the
thread that reads; the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable

from engine.runner.output_lines import BLOCK, OutputLines
from engine.system.files import write_all

KINDS = {
    "log lines": b"2026-11-29 10:00:00,123 INFO train: epoch 3 step 1200 loss 0.5312 lr 5.0e-04\n",
    "a bar without newlines": b"\rEpoch 3:  42%|#####     | 504/1200 [00:42<00:58, 11.9it/s, loss=0.531]",
    "Python dicts": b"{'loss': 0.5312, 'grad_norm': 1.25, 'learning_rate': 5e-05, 'epoch': 0.42}\n",
    "JSON lines without an event": b'{"loss": 0.5312, "grad_norm": 1.25, "learning_rate": 5e-05, "epoch": 0.42}\n',
    "the word event": b"an event of the kind event came after another event, eventually: events=12\n",
    "short lines": b"ok\n",
    "colours": b"\x1b[32mINFO\x1b[0m step \x1b[1m1200\x1b[0m loss \x1b[33m0.5312\x1b[0m\n",
    "JSON lines with other events": b'{"event": "epoch ended", "level": "info", "epoch": 3, "loss": 0.5312}\n',
    "lines of 1 MB": b"x" * 1_000_000 + b"\n",
}


def measured(data: bytes, take: Callable[[int, int], None]) -> float:
    """Return the CPU seconds in which a thread takes data from a pipe into a file; the handles are its arguments."""
    reader, writer = os.pipe()

    def write() -> None:
        write_all(writer, data)
        os.close(writer)

    program = threading.Thread(target=write)
    with tempfile.TemporaryFile() as file:
        program.start()
        began = time.thread_time()
        take(reader, file.fileno())
        spent = time.thread_time() - began
    program.join()
    os.close(reader)
    return spent


def read_lines(reader: int, file: int) -> None:
    """Read line by line, and write each."""
    with (
        os.fdopen(reader, "rb", BLOCK, closefd=False) as lines,
        os.fdopen(file, "wb", BLOCK, closefd=False) as kept,
    ):
        for line in lines:
            kept.write(line)


def copy_blocks(reader: int, file: int) -> None:
    """Copy blocks without a look at them."""
    while block := os.read(reader, BLOCK):
        write_all(file, block)


def search_lines(reader: int, file: int) -> None:
    """Do what a run's process does: look for events, and write all else."""
    lines = OutputLines(lambda _: False, lambda text: write_all(file, text), lambda _: None)
    while block := os.read(reader, BLOCK):
        lines.feed(block, 0.0)
    lines.finish()


WAYS = (read_lines, search_lines, copy_blocks)


def main() -> None:
    """Print a table: megabytes a second of each way, by kind of line, and the time of the search by that of reading."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    size = arguments.mebibytes * 2**20
    print("| lines | read, MB/s | searched, MB/s | copied, MB/s | searched / read |\n|---|---|---|---|---|")
    for kind, line in KINDS.items():
        data = line * (size // len(line))
        rounds = [[measured(data, way) for way in WAYS] for _ in range(arguments.rounds)]
        speeds = (size / statistics.median(seconds) / 1e6 for seconds in zip(*rounds, strict=True))
        ratio = statistics.median(searched / read for read, searched, _ in rounds)
        print("| {} | {:,.0f} | {:,.0f} | {:,.0f} | {:.2f} |".format(kind, *speeds, ratio), flush=True)


if __name__ == "__main__":
    main()
