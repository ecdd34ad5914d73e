"""Units that may stand behind a number in a filter or an age: 80%, 2d, 3GiB; and how such a text is read."""

from __future__ import annotations

import re
from typing import Literal

ValueKind = Literal["text", "number", "seconds", "bytes", "any"]
"""What a field of a run is compared with."""
Number = int | float
UNITS: dict[ValueKind, dict[str, Number]] = {
    "number": {"": 1, "%": 0.01, "k": 10**3, "M": 10**6, "G": 10**9},
    "seconds": {"": 1, "ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400},
    "bytes": {"": 1, "B": 1}
    | {f"{letter}{end}": 1024**power for power, letter in enumerate("KMGT", 1) for end in ("", "iB")}
    | {f"{letter}B": 1000**power for power, letter in enumerate("kMGT", 1)},
}
"""What may stand behind a number, and what it stands for. 3G of memory are 3 GiB, as lists show them."""

EXAMPLES: dict[ValueKind, str] = {
    "number": "a number, such as 0.8, 1e-3, 80% or 85M",
    "seconds": "a time, such as 90s, 30m, 12h, 2d or 1w",
    "bytes": "a size, such as 512MiB or 3GiB",
}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([A-Za-z%]*)", re.ASCII)


def read_number(text: str, kind: ValueKind) -> Number | None:
    """Return the number that a text says, in seconds or bytes where it is a time or a size; None if it says none."""
    match = None if kind == "text" else _NUMBER.fullmatch(text)
    scale = None if match is None else UNITS["number" if kind == "any" else kind].get(match[2])
    if match is None or scale is None:
        return None
    digits = match[1]
    if digits.lstrip("+-").isdecimal() and len(digits) < 20:
        return int(digits) * scale
    return float(digits) * scale
