"""Attention by the fused kernels against the matrix written out: tests/bench/attention.py with fewer tokens."""

from __future__ import annotations

import sys

import attention

from gpu_parts.common import options


def main() -> None:
    """Print its table."""
    small = options(__doc__).small
    if small:
        attention.TOKENS = (5,)
    sys.argv = ["attention.py", "--threads", "2", "--repeats", "1" if small else "15"]
    attention.main()


if __name__ == "__main__":
    main()
