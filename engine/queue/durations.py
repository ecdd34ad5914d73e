"""How long a run takes from where it is: its epochs at the speed that was measured, its own or that of runs like it.

Alike are runs whose images cost the same: of one model, image size, batch, precision. Where they saw another number of
images an epoch, the speed is scaled by the images. A run whose epochs nobody knows takes as long as earlier ones did.
Pure: statuses and configurations in, seconds and how they were reached out.
"""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple

from engine.catalog.datasets import training_images
from engine.config.schema import positive_number
from engine.runs.status import LIVE, Status
from engine.text import duration

RECENT = 5
"""How many runs the speed is taken from, the newest: machines are not always as busy."""
ENOUGH = 0.5
"""Epochs after which a run's own speed says more than that of others."""
COSTS = ("model", "image_size", "patch_size", "options", "batch_size", "precision", "compile", "gpus")
"""The settings that the seconds of an image depend on."""


class Takes(NamedTuple):
    """The seconds that a run takes from where it is, None where nothing tells; and how they were reached, in words."""

    seconds: float | None = None
    how: str = ""


class _Measured(NamedTuple):
    status: Status
    epoch_s: float | None
    start_s: float
    """Seconds of it that no epoch took."""
    data: Hashable
    images: float | None
    """In an epoch."""


class Paces:
    """What was measured.

    Args:
        statuses: All runs, oldest first.
        configs: What each was made with, as far as it is known.
    """

    def __init__(self, statuses: Iterable[Status], configs: Mapping[str, Mapping[str, Any]]) -> None:
        self._configs = configs
        self._known: dict[int, tuple[Hashable, Hashable]] = {}
        self._alike: dict[Hashable, list[_Measured]] = {}
        self._images: dict[Hashable, float] = {}
        for status in statuses:
            alike, data = self._kind(status)
            images = self._seen(status)
            if images is not None:
                self._images[data] = images
            if (epoch_s := _epoch_s(status)) is not None or (status.state == "finished" and status.trained_s):
                whole = status.trained_s - status.epoch * (epoch_s or 0.0)
                start_s = max(0.0, whole) if status.state == "finished" and status.attempt <= 1 else 0.0
                found = _Measured(status, epoch_s, start_s, data, images)
                self._alike.setdefault(alike, []).append(found)

    def left(self, status: Status, epochs: int | None = None) -> Takes:
        """Return what a run takes from where it is.

        Args:
            epochs: How many it is to train in all, where that is no longer what its status or configuration says.
        """
        config = self._configs.get(status.run, {})
        epochs = epochs or status.epochs
        wanted = epochs or (0.0 if config.get("command") else positive_number(config, "epochs", 0.0))
        if not wanted:
            return self._as_long(status)
        left, own = max(0.0, wanted - status.epoch), _epoch_s(status)
        if own is not None and status.epoch >= ENOUGH:
            return _own(left, own)
        found = self._at_the_speed_of_others(status, left)
        return found if found.seconds is not None or own is None else _own(left, own)

    def _at_the_speed_of_others(self, status: Status, left: float) -> Takes:
        _, data = self._kind(status)
        images = self._images.get(data) or training_images(self._configs.get(status.run, {}))
        runs, same_data = self._comparable(status, images)
        if not runs:
            return Takes()
        epoch_s = statistics.median(
            (run.epoch_s or 0.0) * (1.0 if same_data else (images or 0.0) / (run.images or 1.0))
            for run in runs
        )
        start_s = 0.0 if status.epoch else statistics.median(run.start_s for run in runs)
        scaled = "" if same_data else f", scaled to its {round(images or 0):,} images an epoch"
        return Takes(
            start_s + left * epoch_s,
            f"{_count(left)} at {duration(epoch_s, fine=True)}, as {_called(runs, status)} took{scaled}",
        )

    def _comparable(self, status: Status, images: float | None) -> tuple[list[_Measured], bool]:
        """Return the newest runs whose speed says how fast one is, and whether they saw the same data.

        Runs on the same data come before others, finished ones before the rest.

        Args:
            status: The run's.
            images: How many it sees in an epoch, None where that is unknown: then no other data will do.
        """
        alike, data = self._kind(status)
        timed = [
            run
            for run in self._alike.get(alike, [])
            if run.epoch_s is not None and run.status.run != status.run
        ]
        same = [run for run in timed if run.data == data]
        comparable = same or [run for run in timed if run.images and images]
        finished = [run for run in comparable if run.status.state == "finished"]
        return (finished or comparable)[-RECENT:], bool(same)

    def _as_long(self, status: Status) -> Takes:
        found = [
            each for each in self._alike.get(self._kind(status)[0], []) if each.status.state == "finished"
        ]
        if not (found := found[-RECENT:]):
            return Takes()
        whole = statistics.median(each.status.trained_s for each in found)
        return Takes(whole, f"as long as {_called(found, status)} took")

    def _kind(self, status: Status) -> tuple[Hashable, Hashable]:
        """Return what its images cost, and how many there are in an epoch: the same for runs that are alike."""
        config = self._configs.get(status.run)
        if not config:
            return ("experiment", status.experiment), None
        if id(config) not in self._known:
            self._known[id(config)] = _kind(config)
        alike, data = self._known[id(config)]
        return (alike if alike is not None else ("script", status.experiment, str(config["command"]))), data

    def _seen(self, status: Status) -> float | None:
        """Return the images that a run saw in an epoch."""
        config = self._configs.get(status.run, {})
        if not status.steps_per_epoch or not config or config.get("command"):
            return None
        exact = training_images(config)
        return exact or status.steps_per_epoch * positive_number(config, "batch_size") * positive_number(
            config, "accumulate"
        )


def _kind(config: Mapping[str, Any]) -> tuple[Hashable, Hashable]:
    data = str([config.get(key) for key in ("dataset", "subset_per_class", "val_fraction")])
    return None if config.get("command") else str([config.get(key) for key in COSTS]), data


def _epoch_s(status: Status) -> float | None:
    """Return the seconds that an epoch of a run took, None where it was too short to say."""
    if (
        status.pace_s is not None
        and status.steps_per_epoch
        and (status.epoch >= ENOUGH or status.state in LIVE)
    ):
        return status.pace_s * status.steps_per_epoch
    if status.state in LIVE or status.epoch < ENOUGH:
        return None
    return status.trained_s / status.epoch or None


def _own(left: float, epoch_s: float) -> Takes:
    return Takes(
        left * epoch_s, f"{_count(left)} left at {duration(epoch_s, fine=True)}, its own speed so far"
    )


def _called(runs: Iterable[_Measured], status: Status) -> str:
    names = {each.status.experiment: None for each in runs}
    if status.experiment in names:
        return f"earlier runs of {status.experiment}"
    return f"runs of {', '.join(names)}"


def _count(epochs: float) -> str:
    return f"{epochs:.3g} epoch" + ("s" if epochs != 1 else "")
