"""Whole folders of runs, with any files in them."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator

import msgspec

from engine.runs import store
from engine.system import process
from engine.system.lock_holder import this_process
from tests import hostile_folders, process_guard, run_readers
from tests.bench.fuzz_parts.lab import lab
from tests.bench.fuzz_parts.samples import EVENTS, INFO, LABELS, LINES, RUN, STATUS, TICKET
from tests.hostile_texts import HOSTILE

FOLDER = {
    "run.json": json.dumps(INFO).encode(), "status.json": json.dumps(STATUS).encode(), "lock": b"",
    "events.jsonl": b"".join(json.dumps(event).encode() + b"\n" for event in EVENTS[:2]),
}  # fmt: skip
"""The usual files of the folder that is made hostile."""
TURNS = {
    "status": 5, "small_files": 5, "logs": 5, "history": 3, "examination": 3, "filtered": 3, "feed": 2,
    "folder_examination": 2, "exported": 2, "tables": 1, "ls_json": 1,
}  # fmt: skip
"""How often each reader has its turn: what every command asks more often than what is slow."""
SHIFTS = [
    name for name, turns in TURNS.items() for _ in range(turns) if name not in os.environ.get("WITHOUT", "")
]


def folders_target(data: bytes) -> None:
    """A run's folder of any files with any bytes and names: a reader that the first byte names looks at it."""
    place = _hostile_folder()
    reader = SHIFTS[data[0] % len(SHIFTS) if data else 0]
    place.make(FOLDER, data[1:])
    with process_guard.guarded(place.lab, (place.outside,)) as forbidden:
        run_readers.read(reader, place.lab, store.Run(place.run))
    assert not forbidden, forbidden
    assert place.untouched(), "what lies outside was changed"


@functools.cache
def _hostile_folder() -> hostile_folders.HostileFolder:
    """Return a place for runs, in memory, where each reader has been once: what they import is there."""
    place = hostile_folders.HostileFolder(lab().root, RUN)
    (place.lab / "experiments.toml").write_text(
        '[experiments.vit]\nmodel = "vit_mini"\ndataset = "digits"\nimage_size = 8\npatch_size = 4\n'
    )
    place.make(FOLDER, b"")
    for reader in run_readers.READERS:
        run_readers.read(reader, place.lab, store.Run(place.run))
    return place


def folders_corpus() -> Iterator[bytes]:
    """Yield folders for each reader: with a spoofed process, every kind of file in place of each, hostile texts."""
    spoofed = EVENTS[0] | {"pid": os.getppid(), "boot": process.boot_id(), "host": process.host()}
    spoofed |= {"process_started": process.started(os.getppid()), "experiment": HOSTILE["osc52"]}
    hostile = json.dumps(list(HOSTILE.values())).encode()
    label = json.dumps(LABELS | {"added": list(HOSTILE.values()), "note": HOSTILE["csi"]}).encode()
    taken = TICKET | {"stage": "taken", "attempts": 0, "holder": msgspec.to_builtins(this_process())}
    made: list[dict[str, bytes]] = [
        {"events.jsonl": json.dumps(spoofed).encode(), "queued.json": json.dumps(taken).encode()},
        {"events.jsonl": b"\n".join(LINES), "labels.json": label, "console.log": hostile},
        {"queued.json": json.dumps(TICKET).encode(), "control": b"stop-now", "lock": hostile},
    ]
    folders = [hostile_folders.parts(files.items()) for files in made]
    damaged = [(name, b"x") for name in hostile_folders.NAMES[:10]]
    folders += [hostile_folders.parts(damaged, kind) for kind in dict.fromkeys(hostile_folders.KINDS)]
    for turn in range(len(SHIFTS)):
        yield from (bytes([turn]) + folder for folder in folders)
