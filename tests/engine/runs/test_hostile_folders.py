"""Any bytes in any file of a run's folder, any names: no reader starts, signals, changes or says what it must not.

The same with a million folders, guided by coverage: tests/bench/fuzz.py, target ``folders``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.runs.store import Run
from engine.system import process
from tests import run_readers
from tests.hostile_folders import BETWEEN, KINDS, NAMES, HostileFolder, parts
from tests.hostile_texts import HOSTILE
from tests.process_guard import Forbidden, guarded

RUN = "vit-s0-20261123-194118-a7c5"
START = {
    "event": "start",
    "time": 1.0,
    "run": RUN,
    "v": 1,
    "attempt": 1,
    "experiment": "vit",
    "seed": 0,
    "host": process.host(),
}
USUAL = {
    "run.json": {"v": 1, "id": RUN, "experiment": "vit", "seed": 0, "config": {"name": "vit"}, "created": 1.0},
    "events.jsonl": START | {"pid": os.getppid(), "boot": process.boot_id(), "config": {"lr": 0.1}},
}  # fmt: skip
TEXTS = st.sampled_from(list(HOSTILE.values()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda each: st.lists(each, max_size=3),
    max_leaves=4,
)
KEYS = st.sampled_from([*START, "pid", "reason", "state", "values", "config", "added", "note", "submitted", "stage",
                        "holder", "after", "device", "command", "cwd", "labels", "matrix"])  # fmt: skip
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=6).map(lambda fields: json.dumps(START | fields).encode())
CONTENTS = st.binary(max_size=60) | OBJECTS | st.lists(OBJECTS, max_size=4).map(b"\n".join)
PARTS = st.tuples(st.integers(0, 255), st.integers(0, len(KINDS) - 1), CONTENTS).map(
    lambda part: bytes(part[:2]) + part[2]
)
READERS = [name for name in run_readers.READERS if name not in ("ls_json", "exported")]
"""The two that write whole texts have tests of their own."""


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> HostileFolder:
    """A folder of runs where each reader has been once: what they import is there."""
    place = HostileFolder(tmp_path_factory.mktemp("hostile"), RUN)
    (place.lab / "experiments.toml").write_text(
        '[experiments.vit]\nmodel = "vit_mini"\ndataset = "digits"\nimage_size = 8\npatch_size = 4\n'
    )
    make(place, [])
    for name in READERS:
        run_readers.read(name, place.lab, Run(place.run))
    return place


def make(place: HostileFolder, folder: list[bytes]) -> None:
    place.make(
        {name: json.dumps(fields).encode() + b"\n" for name, fields in USUAL.items()}, BETWEEN.join(folder)
    )


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
@given(folder=st.lists(PARTS, min_size=1, max_size=4), name=st.sampled_from(READERS))
def test_no_folder_makes_a_reader_do_what_it_must_not(place, folder, name):
    make(place, folder)
    with guarded(place.lab, (place.outside,)) as forbidden:
        run_readers.read(name, place.lab, Run(place.run))
    assert forbidden == []
    assert place.untouched()


@pytest.mark.parametrize("kind", dict.fromkeys(KINDS))
@pytest.mark.parametrize("name", READERS)
def test_every_kind_of_file_in_place_of_each(place, kind, name):
    make(place, [parts([(file, b"x") for file in NAMES[:10]], kind)])
    with guarded(place.lab, (place.outside,)) as forbidden:
        run_readers.read(name, place.lab, Run(place.run))
    assert forbidden == []
    assert place.untouched()


@pytest.mark.parametrize(
    "act",
    [
        lambda inside: subprocess.run(["true"]),
        lambda inside: os.kill(os.getpid(), 15),
        lambda inside: os.system("true"),  # noqa: S605
        lambda inside: socket.create_connection(("127.0.0.1", 9)),
        lambda inside: (inside / "../outside/new").write_text(""),
        lambda inside: (inside / "../outside/secret").read_text(),
        lambda inside: (inside / "../outside/secret").unlink(),
        lambda inside: (inside / "../outside/secret").rename(inside / "secret"),
        lambda inside: os.execv(sys.executable, ["python"]),  # noqa: S606
    ],
)
def test_the_guard_lets_none_of_these_through(place, act):
    with guarded(place.lab, (place.outside,)) as forbidden, pytest.raises(Forbidden):
        act(place.lab)
    assert len(forbidden) == 1
    assert place.untouched()


def test_the_guard_lets_through_what_happens_inside_and_afterwards(place):
    with guarded(place.lab) as forbidden:
        (place.lab / "file").write_text("x")
        (place.lab / "file").unlink()
        os.kill(os.getpid(), 0)
    assert forbidden == []
    subprocess.run(["true"], check=True)
