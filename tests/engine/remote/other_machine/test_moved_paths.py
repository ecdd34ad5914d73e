"""Paths that begin in the project or at home are those of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.remote.other_machine.moved_paths import moved_config, moves_to


@pytest.mark.parametrize(
    ("key", "value", "moved"),
    [
        ("dataset", "cifar10", "cifar10"),
        ("dataset", "folder:/home/me/proj/pictures", "folder:/scratch/proj/pictures"),
        ("dataset", "folder:/home/me/data", f"folder:{Path.home()}/data"),
        ("dataset", "folder:/data/imagenet", "folder:/data/imagenet"),
        ("dataset", "folder:/home/me/project2", f"folder:{Path.home()}/project2"),
        ("pretrained", "/home/me/proj/vit.npz", "/scratch/proj/vit.npz"),
        ("pretrained", "google/vit-base", "google/vit-base"),
        ("pretrained", None, None),
        ("dataset", 7, 7),
    ],
)
def test_a_path_is_looked_for_where_it_is_here(key, value, moved):
    moves = moves_to(Path("/scratch/proj"), "/home/me/proj", "/home/me")
    assert moved_config({key: value}, moves) == {key: moved}
