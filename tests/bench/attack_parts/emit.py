"""A program that says metrics: ``python emit.py HZ SECONDS [NAMES]``."""

from __future__ import annotations

import json
import sys
import time


def main() -> None:
    """Say them."""
    rate, seconds = float(sys.argv[1]), float(sys.argv[2])
    names = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    began, step = time.monotonic(), 0
    while time.monotonic() - began < seconds:
        step += 1
        values = {"train/loss": 1 / step, "test/f1": 1 - 1 / (1 + step / 500)}
        values |= {f"x/m{number:04d}": step % 7 for number in range(names - 1)}
        event = {"event": "metrics", "step": step, "epoch": step / 100, "values": values}
        print(json.dumps(event), flush=True)
        time.sleep(max(0.0, began + step / rate - time.monotonic()))


if __name__ == "__main__":
    main()
