"""How long a run still takes: its epochs left at a measured speed, its own or that of similar runs.

Similar runs have images that cost the same: one model, image size, batch and precision. Where they saw another number
of images an epoch, the speed is scaled by the images. A run with an unknown number of epochs takes as long as earlier
runs did. Pure: statuses and configurations in, seconds and their explanation out.
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
"""The number of newest runs that give the speed: how busy a machine is changes."""
ENOUGH = 0.5
"""Epochs after which a run's own speed says more than that of others."""
COSTS = (
    "model", "image_size", "patch_size", "options", "batch_size", "precision", "deterministic", "compile",
    "checkpointing", "gpus",
)  # fmt: skip
"""The settings that the seconds of an image depend on."""


class RemainingTime(NamedTuple):
    """The seconds that a run still takes, None where they are unknown, and in words how they were estimated."""

    seconds: float | None = None
    how: str = ""


class _Measured(NamedTuple):
    status: Status
    epoch_s: float | None
    start_s: float
    """Seconds outside of its epochs: loading, compiling."""
    data: Hashable
    images: float | None
    """Images in an epoch."""


class DurationEstimator:
    """Estimates how long runs take from the speeds of earlier ones.

    Args:
        statuses: All runs, the oldest first.
        configs: The configuration of each run by its id; runs without one are compared by their experiment.
    """

    def __init__(self, statuses: Iterable[Status], configs: Mapping[str, Mapping[str, Any]]) -> None:
        self._configs = configs
        self._kinds: dict[int, tuple[Hashable, Hashable]] = {}
        self._alike: dict[Hashable, list[_Measured]] = {}
        self._images: dict[Hashable, float] = {}
        self._measured: set[str] = set()
        self._estimates: dict[Hashable, RemainingTime] = {}
        """By what an estimate depends on: hundreds of runs that wait may be alike."""
        for status in statuses:
            alike, data = self._kind(status)
            images = self._seen(status)
            if images is not None:
                self._images[data] = images
            if (epoch_s := _epoch_s(status)) is not None or (status.state == "finished" and status.trained_s):
                outside_s = status.trained_s - status.epoch * (epoch_s or 0.0)
                start_s = max(0.0, outside_s) if status.state == "finished" and status.attempt <= 1 else 0.0
                measured = _Measured(status, epoch_s, start_s, data, images)
                self._alike.setdefault(alike, []).append(measured)
                self._measured.add(status.run)

    def left(self, status: Status, epochs: int | None = None) -> RemainingTime:
        """Return the seconds that a run still takes.

        Args:
            status: How far it has come.
            epochs: The epochs that it trains in all; None for those of its status or configuration.
        """
        config = self._configs.get(status.run, {})
        epochs = epochs or status.epochs
        total = epochs or (0.0 if config.get("command") else positive_number(config, "epochs", 0.0))
        if not total:
            return self._as_long(status)
        epochs_left, own_epoch_s = max(0.0, total - status.epoch), _epoch_s(status)
        if own_epoch_s is not None and status.epoch >= ENOUGH:
            return _own(epochs_left, own_epoch_s)
        by_others = self._at_the_speed_of_others(status, epochs_left)
        return (
            by_others
            if by_others.seconds is not None or own_epoch_s is None
            else _own(epochs_left, own_epoch_s)
        )

    def _at_the_speed_of_others(self, status: Status, epochs_left: float) -> RemainingTime:
        if status.run in self._measured:  # it is none of the others
            return self._estimated(status, epochs_left)
        key = (*self._kind(status), status.experiment, epochs_left, bool(status.epoch))
        if (estimate := self._estimates.get(key)) is None:
            estimate = self._estimates[key] = self._estimated(status, epochs_left)
        return estimate

    def _estimated(self, status: Status, epochs_left: float) -> RemainingTime:
        _, data = self._kind(status)
        images = self._images.get(data) or training_images(self._configs.get(status.run, {}))
        runs, same_data = self._comparable(status, images)
        if not runs:
            return RemainingTime()
        epoch_s = statistics.median(
            (run.epoch_s or 0.0) * (1.0 if same_data else (images or 0.0) / (run.images or 1.0))
            for run in runs
        )
        start_s = 0.0 if status.epoch else statistics.median(run.start_s for run in runs)
        scaled = "" if same_data else f", scaled to its {round(images or 0):,} images an epoch"
        return RemainingTime(
            start_s + epochs_left * epoch_s,
            f"{_count(epochs_left)} at {duration(epoch_s, fine=True)}, as {_called(runs, status)}{scaled}",
        )

    def _comparable(self, status: Status, images: float | None) -> tuple[list[_Measured], bool]:
        """Return the newest runs whose speed says how fast one is, and whether they saw the same data.

        Runs on the same data come before others, finished ones before the rest. Of an experiment of which none has
        finished, those that go on now come before finished ones of others: they have its settings, and this machine
        as busy as it is.

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
        if not any(run.status.experiment == status.experiment for run in finished):
            finished = [run for run in same if _goes_on(run.status, status.experiment)] or finished
        return (finished or comparable)[-RECENT:], bool(same)

    def _as_long(self, status: Status) -> RemainingTime:
        finished = [
            run for run in self._alike.get(self._kind(status)[0], []) if run.status.state == "finished"
        ]
        if not (finished := finished[-RECENT:]):
            return RemainingTime()
        seconds = statistics.median(run.status.trained_s for run in finished)
        return RemainingTime(seconds, f"as long as {_called(finished, status)}")

    def _kind(self, status: Status) -> tuple[Hashable, Hashable]:
        """Return two keys of a run: equal ones for images of equal cost, and for an epoch of equal data."""
        config = self._configs.get(status.run)
        if not config:
            return ("experiment", status.experiment), None
        if id(config) not in self._kinds:
            self._kinds[id(config)] = _kind(config)
        alike, data = self._kinds[id(config)]
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
    data = str([config.get(key) for key in ("dataset", "subset_per_class", "val_fraction", "split")])
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


def _goes_on(status: Status, experiment: str) -> bool:
    """Return whether a run is one of an experiment that goes on, and has come far enough for a speed."""
    alive = status.state in LIVE and not status.stalled
    return alive and status.experiment == experiment and status.epoch >= ENOUGH


def _own(epochs_left: float, epoch_s: float) -> RemainingTime:
    return RemainingTime(
        epochs_left * epoch_s,
        f"{_count(epochs_left)} left at {duration(epoch_s, fine=True)}, its own speed so far",
    )


def _called(runs: Iterable[_Measured], status: Status) -> str:
    names = {run.status.experiment: None for run in runs}
    if status.experiment not in names:
        return f"runs of {', '.join(names)} took"
    if all(run.status.state in LIVE for run in runs):
        return f"{status.experiment} takes now"
    return f"earlier runs of {status.experiment} took"


def _count(epochs: float) -> str:
    return f"{epochs:.3g} epoch" + ("s" if epochs != 1 else "")
