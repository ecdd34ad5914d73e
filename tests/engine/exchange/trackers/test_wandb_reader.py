"""Offline runs of wandb, written here record by record in its framing; whatever is in a file, it is read or told."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.events import decode, encode
from engine.exchange.optional_packages import ExchangeError
from engine.exchange.trackers.record_log import BLOCK, HEADER, TornLog, fields, records
from engine.exchange.trackers.wandb_reader import read_wandb
from engine.runs.store import Store
from tests.engine.exchange.imported import experiments_of, points_of, runs_of, take

NOW = 1_795_000_000.0


@pytest.fixture
def here(tmp_path: Path) -> Store:
    return Store(tmp_path / "here")


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def message(*content: tuple[int, int | bytes | str]) -> bytes:
    out = b""
    for number, value in content:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return out


def framed(*content: bytes) -> bytes:
    out = b":W&B\xe1\xbe\x00"
    for record in content:
        kinds, at = [], 0
        while True:
            left = BLOCK - len(out) % BLOCK
            if left < HEADER:
                out += bytes(left)
                left = BLOCK
            part = record[at : at + left - HEADER]
            at += len(part)
            kind = 1 if not kinds and at == len(record) else 2 if not kinds else 4 if at == len(record) else 3
            kinds.append(kind)
            out += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            if kind in (1, 4):
                break
    return out


def row(step: int, values: Mapping[str, object]) -> bytes:
    items = [(1, message((2, key), (16, json.dumps(value)))) for key, value in values.items()]
    items += [(1, message((2, "_timestamp"), (16, str(NOW + step))))]
    return message((2, message(*items, (2, message((1, step))))))


def run_record(name: str, group: str, config: Mapping[str, object]) -> bytes:
    settings = message(*((1, message((1, key), (16, json.dumps(value)))) for key, value in config.items()))
    return message((17, message((1, "abc"), (4, settings), (6, group), (8, name))))


def offline(folder: Path, content: Sequence[bytes]) -> Path:
    folder.mkdir(parents=True)
    path = folder / "run-abc.wandb"
    path.write_bytes(framed(*content))
    return path


def test_a_run_has_its_name_group_settings_and_curves(here, tmp_path):
    config = {"lr": 0.1, "seed": 3, "opt": {"name": "sgd"}, "_wandb": {"value": {"x": 1}}, "many": [1]}
    rows = [row(step, {"train/loss": 1 / (step + 1), "epoch": step // 2, "note": "a"}) for step in range(6)]
    path = offline(tmp_path / "wandb" / "offline-run-1", [run_record("bold-fox", "resnet", config), *rows])
    (path.parent / "files").mkdir()
    (path.parent / "files" / "wandb-summary.json").write_text('[{"_step": 5, "loss": 1}]')
    (tmp_path / "wandb" / "latest-run").symlink_to("offline-run-1")
    said = take(here, tmp_path)
    run = runs_of(here)["bold-fox"]
    assert experiments_of(here) == {"resnet": [3]}
    assert points_of(run) == {"train/loss": [(step, 1 / (step + 1)) for step in range(6)]}
    assert run.info().config["options"] == {"lr": 0.1, "opt.name": "sgd"}
    assert "  left out: 6, of note: no numbers" in said
    assert not any("no epochs" in line for line in said)


def test_steps_are_the_optimizers_where_they_are_logged(here, tmp_path):
    rows = [row(i, {"trainer/global_step": 50 * i, "loss": float(i)}) for i in range(4)]
    rows.append(row(4, {"test_acc": 0.5}))
    said = take(here, offline(tmp_path / "r", [*rows]))
    assert points_of(here.runs()[0]) == {"loss": [(50 * i, i) for i in range(4)], "test_acc": [(150, 0.5)]}
    assert "  its steps are those of trainer/global_step" in said


def test_values_that_are_not_finite_nested_or_typed_are_values(here, tmp_path):
    typed = message((2, "typed"), (5, 6))
    number = varint(6 << 3 | 1) + struct.pack("<d", 0.5)
    items = message((1, typed), (1, message((2, "double")) + number), (2, message((1, 0))))
    rows = [
        row(
            0,
            {
                "loss": float("nan"),
                "a": {"b": 1, "_x": 2},
                "up": "Infinity",
                "image": {"_type": "image-file"},
            },
        ),
        message((2, items)),
    ]
    take(here, offline(tmp_path / "r", rows))
    found = points_of(here.runs()[0])
    assert set(found) == {"loss", "a.b", "a._x", "up", "typed", "double"}
    assert (found["a.b"], found["typed"], found["double"]) == ([(0, 1)], [(0, 3)], [(0, 0.5)])


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_file_of_a_run_that_was_killed_is_read_up_to_there(cut, here, tmp_path):
    path = offline(tmp_path / "r", [row(step, {"loss": float(step)}) for step in range(4)])
    path.write_bytes(path.read_bytes()[:-cut])
    said = take(here, path)
    assert points_of(here.runs()[0])["loss"] == [(step, step) for step in range(3)]
    assert any("3 records could be read; it ends in the middle of one" in line for line in said)


@pytest.mark.parametrize("data", [b"", b":W&", b"garbage garbage", b"\x80\x04cos\nsystem\n(S'x'\ntR."])
def test_what_is_no_such_file_is_named(data, here, tmp_path):
    path = tmp_path / "run-abc.wandb"
    path.write_bytes(data)
    with pytest.raises(ExchangeError, match=r"run-abc\.wandb is no file of an offline run of wandb"):
        take(here, path)


@given(st.lists(st.binary(max_size=100_000), max_size=4))
def test_every_record_comes_back_whatever_its_length(content):
    file = io.BytesIO(framed(*content))
    file.seek(HEADER)
    assert list(records(file)) == content


@given(st.binary(max_size=400), st.integers(0, 400))
def test_whatever_a_file_holds_it_is_read_or_told(tmp_path_factory, noise, at):
    path = tmp_path_factory.getbasetemp() / "run-noise.wandb"
    whole = framed(row(0, {"loss": 1.0}), noise, row(1, {"loss": 2.0}))
    for data in (whole, whole[:at] + noise + whole[at:], whole[:at]):
        path.write_bytes(data)
        with contextlib.suppress(ExchangeError):
            assert all(decode(encode(event)) is not None for event in read_wandb(path, "x").events("r"))


@given(st.binary(max_size=200))
def test_a_message_is_read_or_told(data):
    with contextlib.suppress(ValueError):
        assert all(number >= 0 for number, _ in fields(data))


def test_damage_is_told():
    data = bytearray(framed(b"abc", b"def"))
    data[-1] ^= 1
    file = io.BytesIO(data)
    file.seek(HEADER)
    log = records(file)
    assert next(log) == b"abc"
    with pytest.raises(TornLog, match="damaged"):
        next(log)
