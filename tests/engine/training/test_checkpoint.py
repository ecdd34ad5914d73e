"""A checkpoint is there whole or not at all, and nothing in it is ever executed."""

from __future__ import annotations

import errno
import os
import pathlib
import re
import subprocess
import traceback
import warnings

import pytest
import torch

from engine.errors import CheckpointError
from engine.training.checkpoint import KEYS, keep_as, load, save

CPU = torch.device("cpu")


def state(value=1.0, size=3):
    return dict.fromkeys(KEYS, 0) | {"model": {"weight": torch.full((size,), value)}, "best": (0.5, -1.0)}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "last.pt"


def test_what_is_saved_is_loaded(file):
    assert save(file, state()) == file.stat().st_size
    loaded = load(file, CPU)
    assert torch.equal(loaded["model"]["weight"], torch.ones(3))
    assert loaded["best"] == (0.5, -1.0)
    assert list(file.parent.iterdir()) == [file]


def test_the_best_stays_when_the_last_is_replaced(file):
    best = file.with_name("best.pt")
    for value in (1.0, 2.0):
        save(file, state(value))
        keep_as(file, best)
    save(file, state(3.0))
    assert load(best, CPU)["model"]["weight"][0] == 2
    assert load(file, CPU)["model"]["weight"][0] == 3


def test_where_there_are_no_hard_links_the_best_is_copied(file, monkeypatch):
    def unsupported(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", unsupported)
    save(file, state())
    keep_as(file, file.with_name("best.pt"))
    assert load(file.with_name("best.pt"), CPU)["model"]["weight"][0] == 1


def test_a_disk_that_is_full_at_the_last_moment_leaves_what_was_there(file, monkeypatch):
    save(file, state(1.0))

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(file, state(2.0))
    assert load(file, CPU)["model"]["weight"][0] == 1
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("foreseen", [True, False])
def test_a_disk_that_is_full_leaves_what_was_there(tmp_path, monkeypatch, foreseen):
    if not foreseen:
        monkeypatch.setattr("engine.training.checkpoint._require_room", lambda *_: None)
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", tmp_path], capture_output=True
    ).returncode:
        pytest.skip("only root can make a small disk")
    try:
        file = tmp_path / "last.pt"
        save(file, state(1.0))
        with pytest.raises(OSError, match="No space left on device"):
            save(file, state(2.0, size=1_000_000))
        assert load(file, CPU)["model"]["weight"][0] == 1
        assert list(tmp_path.iterdir()) == [file]
        assert file.stat().st_mode & 0o777 == 0o600
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.parametrize("keep", [0, 10, 0.5, -1], ids=str)
def test_a_damaged_file_is_refused_with_its_name(file, keep):
    save(file, state())
    data = file.read_bytes()
    file.write_bytes(data[: int(keep * len(data)) if isinstance(keep, float) else keep])
    with pytest.raises(CheckpointError, match=r"last\.pt cannot be read"):
        load(file, CPU)


def test_what_lacks_a_part_is_refused(file):
    torch.save({"model": {}, "step": 3}, file)
    with pytest.raises(CheckpointError, match="it lacks optimizer, scheduler, epoch, rng, config"):
        load(file, CPU)
    torch.save([1, 2], file)
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load(file, CPU)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("step", -5, "its step is -5"), ("step", 2**62, "its step is 4611686018427387904"), ("step", True, "True"),
        ("step", "x" * 99, "its step is " + "x" * 40), ("epoch", float("nan"), "its epoch is nan"),
        ("epoch", float("inf"), "its epoch is inf"), ("epoch", None, "its epoch is None"), ("epoch", -1.0, "-1.0"),
    ],
)  # fmt: skip
def test_what_no_training_can_have_written_is_refused(file, key, value, says):
    torch.save(state() | {key: value}, file)
    with pytest.raises(CheckpointError, match=f"no checkpoint of vitui's: .*{says}"):
        load(file, CPU)


class Trap:
    """A pickle that writes a file when it is opened."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return pathlib.Path.touch, (pathlib.Path(self.path),)


def test_code_in_a_checkpoint_is_not_executed(file, tmp_path):
    torch.save(state() | {"config": Trap(tmp_path / "sprung")}, file)
    with pytest.raises(CheckpointError, match="which is never executed; without it `engine resume") as raised:
        load(file, CPU)
    assert not (tmp_path / "sprung").exists()
    assert not DANGEROUS & set(re.findall(r"\w+", "".join(traceback.format_exception(raised.value))))


DANGEROUS = {"weights_only", "allow_pickle", "add_safe_globals", "UnpicklingError"}


@pytest.mark.parametrize(
    "content", [b"", b"garbage" * 99, b"PK\x03\x04 not really", b"\x80\x04\x95\x00", b"(i"]
)
def test_no_library_s_advice_to_execute_it_is_passed_on(file, content):
    file.write_bytes(content)
    with (
        warnings.catch_warnings(record=True, action="always") as warned,
        pytest.raises(CheckpointError) as raised,
    ):
        load(file, CPU)
    said = "".join(traceback.format_exception(raised.value))
    assert "last.pt cannot be read: it is damaged" in said
    assert not warned
    assert not DANGEROUS & set(re.findall(r"\w+", said))
