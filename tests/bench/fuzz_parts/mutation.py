"""Changes of inputs: values in JSON and TOML, parts of folders, and bytes."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import atheris

from tests import hostile_folders

NASTY: tuple[Any, ...] = (
    0, -1, 2**53, 2**63, 2**64, 10**400, -(10**400), 1e308, -1e308, 5e-324, 1e999, -0.0, "", "\x00", "\ud800",
    "\x1b]0;x\x07", "日本語" * 50, "x" * 300, [], {}, None, True,
    [[]], {"": None}, "NaN", "../..", 10**18, 1e15, 1.5, -1e15,
)  # fmt: skip


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Change a value somewhere in a line that is JSON, or the one behind a key of TOML; else change bytes."""
    rng = random.Random(seed)
    if hostile_folders.BETWEEN in data:
        return _mutated_folder(data, max_size, rng)
    lines = data.split(b"\n")
    place = rng.randrange(len(lines))
    changed = _changed_line(lines[place], rng) if rng.random() < 0.5 else None
    if changed is not None:
        again = [lines[place]] if rng.random() < 0.2 else []
        mutated = b"\n".join([*lines[:place], changed, *again, *lines[place + 1 :]])
        if len(mutated) <= max_size:
            return mutated
    return bytes(atheris.Mutate(data, max_size))


def _mutated_folder(data: bytes, max_size: int, rng: random.Random) -> bytes:
    """Change one part of a folder, or another reader's turn, a name or a kind; else bytes anywhere."""
    turn, parts = data[:1], data[1:].split(hostile_folders.BETWEEN)
    place, choice = rng.randrange(len(parts)), rng.random()
    if choice < 0.1:
        turn = rng.randbytes(1)
    elif choice < 0.2:
        parts[place] = rng.randbytes(1) + parts[place][1:]
    elif choice < 0.3:
        parts[place] = parts[place][:1] + rng.randbytes(1) + parts[place][2:]
    elif choice < 0.4:
        parts.insert(place, rng.randbytes(2) + rng.randbytes(rng.randrange(30)))
    elif choice < 0.8:
        head, lines = parts[place][:2], parts[place][2:].split(b"\n")
        at = rng.randrange(len(lines))
        lines[at] = _changed_line(lines[at], rng) or bytes(atheris.Mutate(lines[at], max(64, len(lines[at]))))
        parts[place] = head + b"\n".join(lines)
    else:
        return bytes(atheris.Mutate(data, max_size))
    return (turn + hostile_folders.BETWEEN.join(parts))[:max_size]


def _changed_line(line: bytes, rng: random.Random) -> bytes | None:
    """Return a line with a value changed, None for one that has none."""
    kind, line = (line[:1], line[1:]) if b"" < line[:1] < b" " else (b"", line)
    if (setting := re.match(rb"""\s*[\w."'-]+\s*=""", line)) is not None:
        return kind + setting[0] + _json(rng.choice(NASTY))
    try:
        return kind + _json(_changed(json.loads(line), rng))
    except (ValueError, RecursionError):
        return None


def _json(value: Any) -> bytes:
    return json.dumps(value).replace("Infinity", "1e999").encode()


def _changed(value: Any, rng: random.Random) -> Any:
    """Return a JSON value with one thing in it replaced, dropped or renamed."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(list(value))
        choice = rng.random()
        if choice < 0.1:
            return {name: each for name, each in value.items() if name != key}
        if choice < 0.15:
            return value | {str(rng.choice(NASTY)): value[key]}
        return value | {key: _changed(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        return [*value[:place], _changed(value[place], rng), *value[place + rng.randrange(2) :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.3:
        return rng.choice([-value, value + 1, value * 1000, float(value)]) if abs(value) < 1e300 else 0
    return rng.choice(NASTY)
