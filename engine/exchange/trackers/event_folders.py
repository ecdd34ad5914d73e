"""Which folders with TensorBoard's event files are one training: writers make folders below a run's own.

::

    run/train, run/validation        Keras, Estimator: one run with train/… and val/…
    run/1795866693.08                SummaryWriter.add_hparams: the settings and last scores of run
    run/loss_train, run/loss_val     SummaryWriter.add_scalars("loss", …): the curves loss/train and loss/val of run
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "eval": "val", "evaluation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What folders of a split are called, and how the names of their metrics begin here."""


class Peek(NamedTuple):
    """What the first events of a folder say."""

    holds_settings: bool = False
    """Whether it is a session of the hparams plugin, and has no curve."""
    first_tag: str = ""
    """The first tag of a number."""


class EventFolder(NamedTuple):
    """A folder of event files that is a part of a run."""

    path: Path
    files: tuple[Path, ...]
    prefix: str = ""
    """What the names of its metrics begin with here."""
    curve: str = ""
    """What the names of its metrics end with here."""
    holds_settings: bool = False
    """Whether it has the settings and last scores of the run above it."""

    def metric(self, tag: str) -> str:
        """Return what a tag of it is called in the run."""
        if self.curve:
            return f"{tag}/{self.curve}"
        return tag if not self.prefix or tag.startswith(f"{self.prefix}/") else f"{self.prefix}/{tag}"


def trainings(
    folders: Mapping[Path, Iterable[Path]], peek: Callable[[Iterable[Path]], Peek]
) -> dict[Path, list[EventFolder]]:
    """Return the folders of each run, by the folder that the run is called after.

    Args:
        folders: The event files of each folder.
        peek: Returns what the first events of some files say.
    """
    runs: dict[Path, list[EventFolder]] = {}
    for path in sorted(folders):
        files = tuple(sorted(folders[path]))
        if path.parent in folders and (part := _part_of(path, files, peek(files))) is not None:
            runs.setdefault(path.parent, []).append(part)
        elif (split := _split_of(path, folders)) is not None:
            runs.setdefault(path.parent, []).append(EventFolder(path, files, prefix=split))
        else:
            runs.setdefault(path, []).insert(0, EventFolder(path, files))
    return runs


def _part_of(path: Path, files: tuple[Path, ...], first: Peek) -> EventFolder | None:
    """Return a folder as a part of the run above it, None where it is a run of its own."""
    if first.holds_settings:
        return EventFolder(path, files, holds_settings=True)
    curve = first.first_tag.replace("/", "_") + "_"
    if first.first_tag and path.name.startswith(curve) and path.name != curve:
        return EventFolder(path, files, curve=path.name.removeprefix(curve))
    split = SPLITS.get(path.name.lower())
    return None if split is None else EventFolder(path, files, prefix=split)


def _split_of(path: Path, folders: Mapping[Path, Iterable[Path]]) -> str | None:
    """Return the split of a folder that stands beside one of another split."""
    if (split := SPLITS.get(path.name.lower())) is None:
        return None
    beside = {SPLITS.get(each.name.lower()) for each in folders if each.parent == path.parent}
    return split if beside - {split, None} else None
