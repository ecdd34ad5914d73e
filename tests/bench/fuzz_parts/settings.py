"""What a user writes: experiments.toml and filters."""

from __future__ import annotations

import re
from pathlib import Path

from engine.config import loader, validate
from engine.query import fields
from engine.query import parser as filters
from engine.runs import status as states
from tests.bench.fuzz_parts.lab import lab
from tests.bench.fuzz_parts.samples import INFO, STATUS

EXPERIMENTS = Path(__file__).parents[3] / "experiments.toml"
TERMS = (
    "state=failed model~vit test/f1>0.8 age<2d -tag=old", "not notes~'out of' options.pool!=mean,\"a b\"",
    "gpu/memory_peak>=3GiB best:test/f1<=80% last:loss=1e-3", "lr==1 state:x or y", "vit,bit duration>1h",
)  # fmt: skip


def config_target(data: bytes) -> None:
    """An experiments.toml: it is read, or every mistake in it is named."""
    file = lab().root / "experiments.toml"
    file.write_bytes(data)
    try:
        found = loader.load_config(file)
    except validate.ConfigError:
        return
    loader.check_notes(found)


def filters_target(data: bytes) -> None:
    """A filter, which a run is matched with, and which Tab goes on with."""
    text = data.decode(errors="replace")
    cut = data[0] if data else 0
    filters.complete(text, cut, {"experiment": [text], text: [text], "test/f1": []})
    try:
        found = filters.parse(text)
    except filters.FilterError:
        return
    assert filters.parse(str(found)).terms == found.terms, "written down, it is another filter"
    subject = fields.Subject(states.Status(**STATUS | {"final": {}}), lambda: INFO["config"], now=1e9)  # type: ignore[arg-type]
    found.matches(subject)


def config_corpus() -> list[bytes]:
    """Return the tables of the file that comes along, one with every key, and a program with a figure."""
    parts = re.split(r"(?m)^(?=\[)", EXPERIMENTS.read_text())
    every = "[experiments.all]\n" + "".join(f"{key} = 1\n" for key in validate.FIELDS)
    more = '[defaults]\ntags = ["a"]\n[experiments.x]\nmodel = "vit_b"\ndataset = "folder:~/a"\n'
    more += 'options.pool = "mean"\n'
    script = '[experiments.y]\ncommand = ["python", "x.py"]\nseeds = [1, 2]\n'
    script += '[figures.f]\ny = "test/f1"\nexperiments = ["y"]\n'
    return [part.encode() for part in (*parts, every, more, script, more + script)]


def config_words() -> list[str]:
    """Return tables, keys, models, and values that hurt."""
    tables = ["[defaults]\n", "[experiments.a]\n", "[figures.f]\n", "[[", "{}"]
    values = [
        '"folder:~x"',
        '"\\u0000"',
        "1e999",
        "inf",
        "2021-01-01",
        *(f'"{name}"' for name in loader.MODELS),
    ]
    return [*tables, *values, *(f"\n{key} = " for key in validate.FIELDS)]


def filters_corpus() -> list[bytes]:
    """Return filters of all kinds."""
    return [term.encode() for term in TERMS]


def filters_words() -> list[str]:
    """Return keys, operators and what else a filter is made of."""
    others = ["options.x", "best:", " not ", " -", '"', "'", "\\", ",", "2d", "3GiB"]
    return [*filters.OPERATORS, *fields.known_keys(), *others]
