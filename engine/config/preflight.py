"""Whether the folders that an experiment trains from exist: a look before a run is queued."""

from __future__ import annotations

from pathlib import Path

from engine.catalog.datasets import SPLITS
from engine.config.schema import Experiment


def missing(experiment: Experiment) -> str:
    """Return in words which folder of an experiment's dataset is not there; empty where none is missing."""
    if experiment.command or not experiment.dataset.startswith("folder:"):
        return ""
    folder = Path(experiment.dataset.removeprefix("folder:"))
    if not folder.is_dir():
        return f"dataset: there is no folder {folder}"
    lacking = [split for split in SPLITS if not (folder / split).is_dir()]
    return f"dataset: {folder} has no folder {' and no folder '.join(lacking)}" if lacking else ""
