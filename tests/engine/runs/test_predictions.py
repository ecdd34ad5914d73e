"""Predictions come back as they were written; what else lies under their names is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runs.predictions import ARRAY, IMAGES, Predictions, digest_of, load, save

SIX = Predictions(np.array([0, 1, 2, 2, 1, 0]), np.array([0, 1, 2, 0, 1, 2]), "sha256:six")


@pytest.mark.parametrize(
    ("most", "kind"), [(1, "uint8"), (255, "uint8"), (256, "uint16"), (65_535, "uint16")]
)
def test_what_was_written_comes_back(tmp_path: Path, most: int, kind: str) -> None:
    written = Predictions(np.array([0, most, 1]), np.array([most, 0, 1]), "sha256:0")
    save(tmp_path, SIX)
    save(tmp_path, written)
    array = np.load(tmp_path / ARRAY)
    assert (array.dtype.name, array.tolist()) == (kind, [0, most, 1])
    found = load(tmp_path)
    assert found is not None
    assert (found.guesses.tolist(), found.labels.tolist(), found.digest) == (
        [0, most, 1],
        [most, 0, 1],
        "sha256:0",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [IMAGES, ARRAY]


def test_what_a_killed_process_left_is_none(tmp_path: Path) -> None:
    assert load(tmp_path) is None
    save(tmp_path, SIX)
    (tmp_path / IMAGES).unlink()
    assert load(tmp_path) is None


@given(st.binary(max_size=200), st.sampled_from([ARRAY, IMAGES]), st.booleans())
def test_damage_is_none_or_the_same(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str, cut: bool
) -> None:
    folder = tmp_path_factory.mktemp("run")
    save(folder, SIX)
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: len(data)] + (b"" if cut else data))
    found = load(folder)
    assert found is None or len(found.guesses) == len(found.labels)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 3), np.uint8),
        np.zeros(6),
        np.zeros(5, np.uint8),
        np.full(6, 2**17, np.uint32),
        np.array(["a"] * 6),
    ],
)
def test_another_array_is_none(tmp_path: Path, array: np.ndarray) -> None:
    save(tmp_path, SIX)
    np.save(tmp_path / ARRAY, array)
    assert load(tmp_path) is None


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    save(tmp_path, SIX)
    (tmp_path / ARRAY).rename(tmp_path / "elsewhere.npy")
    (tmp_path / ARRAY).symlink_to("elsewhere.npy")
    assert load(tmp_path) is None


def test_the_digest_is_of_labels_and_names_in_their_order() -> None:
    labels, names = np.array([0, 1]), ["a/1.png", "b/2.png"]
    other = [digest_of(labels[::-1], names), digest_of(labels, names[::-1]), digest_of(labels, ["a/1.png"])]
    assert digest_of(labels, names) not in other
    assert digest_of(labels.astype(np.uint8).astype(np.int64), iter(names)) == digest_of(labels, names)
