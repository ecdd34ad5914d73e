"""The engine's loop against a bare one: tests/bench/loop.py for the small ViT, where the host matters most."""

from __future__ import annotations

import sys

import loop

from gpu_parts.common import options


def main() -> None:
    """Print its tables."""
    small = options(__doc__).small
    if small:
        loop.PAIR_S, loop.TURN_S, loop.MIN_PAIRS = 0.05, 0.02, 2
    minutes = 0.02 if small else 0.5
    sys.argv = ["loop.py", "--only", "quick-ViT", "--minutes", str(minutes), "--threads", "2"]
    loop.main()


if __name__ == "__main__":
    main()
