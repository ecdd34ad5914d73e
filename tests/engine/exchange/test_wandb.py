"""Offline runs of wandb hold what the runs have measured; read back from its files, record by record."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from engine.exchange.exporting import export_runs
from engine.exchange.optional_packages import ExchangeError
from engine.history.reader import History
from engine.runs.labels import change_note, change_tags
from engine.runs.store import Run

pytestmark = [
    pytest.mark.slow,  # its library starts a process for each run
    pytest.mark.skipif(find_spec("wandb") is None, reason="wandb is not installed"),
]
BLOCK = 32768


def records(file: Path) -> Iterator[Any]:
    """Yield the records of a log as LevelDB writes it: blocks with pieces, each behind its checksum, size and kind."""
    from wandb.proto import wandb_internal_pb2 as pb  # half a second

    data, at, whole = file.read_bytes(), 7, b""
    while at < len(data):
        if BLOCK - at % BLOCK < 7:
            at += BLOCK - at % BLOCK
            continue
        size, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        whole += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # a whole record, or the last piece of one
            yield pb.Record.FromString(whole)
            whole = b""


def file_of(out: Path, run: Run) -> Path:
    (file,) = out.glob(f"wandb/offline-run-*/run-{run.id}.wandb")
    return file


def told(out: Path, run: Run) -> dict[str, list[tuple[int, float]]]:
    """Return the points of each metric."""
    found: dict[str, list[tuple[int, float]]] = {}
    for record in records(file_of(out, run)):
        for item in record.history.item:
            name = item.key or "/".join(item.nested_key)
            if not name.startswith("_"):
                found.setdefault(name, []).append(
                    (record.history.step.num, float(json.loads(item.value_json)))
                )
    return found


def test_they_hold_every_run_as_its_history_does(store, write, out):
    runs = [write(seed=0), write(seed=1, again=12)]
    change_tags(runs[0], ["best"])
    change_note(runs[0], "[/x] the one")
    said: list[str] = []
    assert export_runs(store, "wandb", out, say=said.append)
    assert said == [
        f"{out}: 2 runs, {sum(len(each) for run in runs for each in columns(run).values())} values"
    ]
    for run in runs:
        found = told(out, run)
        assert found.keys() == columns(run).keys() | {"epoch"}
        for name, points in columns(run).items():
            assert [step for step, _ in found[name]] == [step for step, _ in points]
            for (_, theirs), (_, ours) in zip(found[name], points, strict=True):
                assert theirs == pytest.approx(ours, rel=1e-12) or (math.isnan(theirs) and math.isnan(ours))
    begin = next(record.run for record in records(file_of(out, runs[0])) if record.HasField("run"))
    assert (begin.run_id, begin.run_group, begin.notes) == (runs[0].id, "tiny", "[/x] the one")
    assert list(begin.tags) == [*runs[0].info().config["tags"], "best"]
    assert {item.key for item in begin.config.update} >= {"model", "lr"}


def columns(run: Run) -> dict[str, list[tuple[float, float]]]:
    history = History(run.path)
    history.update()
    return {name: list(zip(*history.series(name), strict=True)) for name in history.metrics}


def test_what_was_written_is_not_replaced_without_a_word(store, write, out):
    run = write()
    assert export_runs(store, "wandb", out, say=lambda _: None)
    first = file_of(out, run)
    with pytest.raises(ExchangeError, match="there already: `--force` replaces"):
        export_runs(store, "wandb", out, say=lambda _: None)
    assert export_runs(store, "wandb", out, force=True, say=lambda _: None)
    assert told(out, run)
    assert first.exists() == (file_of(out, run) == first)
