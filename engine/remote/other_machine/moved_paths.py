"""Paths of an experiment on this machine: what lay in the project there lies in it here, and ~ is the home here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.catalog.datasets import path_of
from engine.catalog.weights import weights_file

Moves = Sequence[tuple[str, str]]
"""Folders of the other machine, each with the one that stands for it here; the first that holds a path counts."""


def moves_to(folder: Path, project: str, home: str) -> Moves:
    """Return what stands for what.

    Args:
        folder: The project's folder here.
        project: The project's folder on the other machine; empty where it is not known.
        home: The user's home there; empty where it is not known.
    """
    return [(there, str(here)) for there, here in ((project, folder), (home, Path.home())) if there]


def moved_config(config: Mapping[str, Any], moves: Moves) -> dict[str, Any]:
    """Return a configuration whose folder of images and file of weights are looked for on this machine."""
    moved = dict(config)
    dataset, pretrained = config.get("dataset"), config.get("pretrained")
    if isinstance(dataset, str) and (own := path_of(dataset)) is not None:
        kind, path = own
        moved["dataset"] = f"{kind}{_moved(path, moves)}"
    if isinstance(pretrained, str) and (weights := weights_file(pretrained)) is not None:
        moved["pretrained"] = str(_moved(weights, moves))
    return moved


def _moved(path: Path, moves: Moves) -> Path:
    for there, here in moves:
        if path.is_relative_to(there):
            return Path(here) / path.relative_to(there)
    return path
