"""What a metric is, by its name: unit, direction, names for people, and how a run's several GPUs make one number.

A name is grouped by slashes: ``test/f1`` is the kind ``f1`` of the split ``test``. With several GPUs the index of the
device goes in, ``gpu/1/memory_peak``; such names are one family, which ``gpu/memory_peak`` asks for::

    gpu/memory_peak   of {"gpu/0/memory_peak": 30, "gpu/1/memory_peak": 31}   is 31, the most on any GPU
    gpu/energy        of {"gpu/0/energy": 10, "gpu/1/energy": 20}             is 30, that of all GPUs
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from engine.events import MAX_METRICS
from engine.text import count, loss, score, size

Unit = Literal[
    "fraction", "plain", "rate", "bytes", "seconds", "images/s", "joules", "watts", "percent", "celsius"
]
"""``fraction`` is from 0 to 1; ``rate`` is small and told in powers of ten, as learning rates are."""
Direction = Literal["higher", "lower", "neither"]
"""Which values are better."""
Extreme = Literal["highest", "lowest"]
Values = Mapping[str, float | None]

Axis = Literal["step", "epoch", "time", "samples", "gpu-hours", "joules"]
AXES: tuple[Axis, ...] = ("step", "epoch", "time", "samples", "gpu-hours", "joules")
"""What a metric can be drawn over."""
PHASES = ("data", "forward", "backward", "optimizer")
"""The parts of a step that the engine's own training measures as ``time/*``, in their order."""
SCORES = ("test/f1", "test/accuracy", "test/precision", "test/recall", "test/top5")
"""The scores of the test split that a run's facts list, in their order."""
HEADLINES = SCORES[:2]
"""The scores that tables of results show; the first that an experiment's runs measured decides which of them count."""
CHOOSERS = ("val/f1", "val/accuracy", "val/loss")
"""The metrics by which the best checkpoint is chosen: the first that is measured, of the weights or their average."""
AVERAGED = {"test": "ema", "val": "ema/val"}
"""Where the averaged weights are measured on a split."""
EVALUATED = frozenset({*AVERAGED, *AVERAGED.values()})
"""Splits, and the averaged weights on them, that are measured between epochs: a checkpoint has one value of each."""
SPLITS = {"train": "training", "val": "validation", "test": "test"}
"""A split in words."""
MEMORY = ("gpu/memory_process", "gpu/memory_used", "gpu/memory_allocated", "cpu/memory_process")
"""Where the memory that a run holds is looked for, the truest first."""
PEAK_MEMORY = ("gpu/memory_peak", "gpu/memory_process", "cpu/memory_process")
"""Where the most that a run held is looked for; the host's only where no GPU was used."""

MEASURED_ON_SPLITS = ("test/", "val/", "ema/")
"""How the names of metrics begin that an evaluation measures."""
MAX_NAME = 200
"""Bytes of a metric's name, as JSON has it, beyond which readers pass it over."""
RESERVED = 1024
"""Names of evaluated metrics that have a place beyond the first ``MAX_METRICS`` of a run."""


class MetricKind(msgspec.Struct, frozen=True):
    """What metrics of one last name have in common."""

    name: str
    unit: Unit = "plain"
    direction: Direction = "neither"
    short: str = ""
    """What heads a column: ``F1``, ``acc``."""
    spoken: str = ""
    """What it is called in sentences: ``F1``, ``accuracy``."""
    title: str = ""
    """What it is called on the axis of a figure: ``F1 (macro)``."""
    floor: float | None = None
    """Where its axis begins, where zero means something there."""
    ceiling: float | None = None
    """How far its axis goes unless a value goes further."""
    is_score: bool = False
    """Whether it is a share of what a model does right."""
    over_gpus: Literal["most", "sum", "mean"] = "most"
    """How the values of a run's GPUs make one."""

    @property
    def is_memory(self) -> bool:
        """Whether it is of memory, of which the most counts."""
        return self.unit == "bytes"

    @property
    def is_effort(self) -> bool:
        """Whether it is a time, a speed or an energy of training, of which the median counts over seeds."""
        return self.unit in ("seconds", "images/s", "joules")

    @property
    def extreme(self) -> Extreme | None:
        """Which value of a run is worth keeping beside the last; None where neither is."""
        if self.is_memory or self.is_score:
            return "highest"
        return "lowest" if self.direction == "lower" and self.unit != "seconds" else None

    def text(self, value: float) -> str:
        """Return a value as short as a column or a legend wants it."""
        write = loss if self.name in ("loss", "ece") else _TEXTS.get(self.unit, _plain)
        return write(value)


class Metric(msgspec.Struct, frozen=True):
    """A metric by its name."""

    name: str
    split: str
    """What stands before the last slash: ``test``, ``gpu``, ``gpu/1``; empty where there is none."""
    kind: MetricKind

    @property
    def short(self) -> str:
        """What heads its column: ``F1``, ``val F1``, ``loss``; the split that everybody expects goes without saying."""
        usual = "test" if self.kind.is_score else "train"
        return self.kind.short if self.split == usual else self.full

    @property
    def full(self) -> str:
        """What its column is called where there is room: ``test F1``."""
        return f"{self.split} {self.kind.short}".strip()

    @property
    def spoken(self) -> str:
        """What it is called in sentences: ``F1`` for the test split's, ``training accuracy``, ``validation F1``."""
        split = "" if self.split == "test" else SPLITS.get(self.split, self.split)
        return f"{split} {self.kind.spoken}".strip()

    @property
    def is_evaluated(self) -> bool:
        """Whether an evaluation measures it, and the best checkpoint so has one value of it."""
        return self.split in EVALUATED


def _fraction(name: str, short: str = "", title: str = "") -> MetricKind:
    words = short if short in ("F1", "") else name
    return MetricKind(
        name, "fraction", "higher", short or name, words or name, title or words or name, is_score=True
    )


def _hardware(name: str, unit: Unit, title: str = "", short: str = "", **rest: object) -> MetricKind:
    words = title or name.replace("_", " ")
    return MetricKind(name, unit, "neither", short or name, words, words, **rest)  # type: ignore[arg-type]


def _memory(name: str, title: str = "", short: str = "") -> MetricKind:
    words = title or name.replace("_", " ")
    return MetricKind(name, "bytes", "lower", short or name, words, words, floor=0.0)


_KINDS = {
    kind.name: kind
    for kind in (
        _fraction("f1", "F1", "F1 (macro)"),
        _fraction("accuracy", "acc"),
        _fraction("precision", "prec", "precision (macro)"),
        _fraction("recall", "", "recall (macro)"),
        *map(_fraction, ("auc", "auroc", "ap", "map", "iou", "top1")),
        MetricKind("top5", "fraction", "higher", "top5", "top-5 accuracy", "top-5 accuracy", is_score=True),
        MetricKind("ece", "fraction", "lower", "ece", "calibration error", "calibration error (ECE)"),
        MetricKind("loss", "plain", "lower", "loss", "loss", "loss"),
        MetricKind("lr", "rate", "neither", "lr", "learning rate", "learning rate"),
        MetricKind("learning_rate", "rate", "neither", "lr", "learning rate", "learning rate"),
        MetricKind("weight_decay", "rate", "neither", "weight_decay", "weight decay", "weight decay"),
        MetricKind("grad_norm", "plain", "neither", "grad", "gradient norm", "gradient norm"),
        MetricKind("images_per_s", "images/s", "higher", "img/s", "images/s", "throughput (images/s)", floor=0.0),
        MetricKind("mfu", "percent", "higher", "mfu", "model FLOPs utilisation", "model FLOPs utilisation", 0.0, 100.0),
        _memory("memory_used"),
        _memory("memory_process", "memory of the process"),
        _memory("memory_allocated", "memory allocated between steps"),
        _memory("memory_peak", "memory allocated, peak", "peak"),
    )
}  # fmt: skip
_HARDWARE = {
    kind.name: kind
    for kind in (
        _hardware("utilization", "percent", short="util", floor=0.0, ceiling=100.0, over_gpus="mean"),
        _hardware("power", "watts", floor=0.0, over_gpus="sum"),
        _hardware("temperature", "celsius"),
        _hardware("energy", "joules", floor=0.0, over_gpus="sum"),
    )
}
"""Kinds that a machine has, by how their names begin there."""

INDISPENSABLE = frozenset(
    f"{split}/{kind.name}"
    for split in ("train", *EVALUATED)
    for kind in _KINDS.values()
    if kind.unit != "bytes"
)
"""Metrics by which runs are judged, chosen and compared: there is always a place for them."""


def is_kept(name: str, others: int) -> bool:
    """Return whether a reader keeps a metric of a run that is new to it; every reader asks here.

    Args:
        name: Its name.
        others: How many metrics of the run it has.
    """
    if name in INDISPENSABLE:
        return True
    return others < MAX_METRICS + RESERVED * name.startswith(MEASURED_ON_SPLITS) and not is_overlong(name)


def is_overlong(name: str) -> bool:
    """Return whether a metric's name is longer than readers take."""
    return len(msgspec.json.encode(name)) - len('""') > MAX_NAME


_LOSS = re.compile(r"(?<![a-z])loss(?!_scale|[a-z])", re.IGNORECASE)


def is_loss(name: str) -> bool:
    """Return whether a metric's name says that it is a loss: ``train/loss``, ``val_loss``, ``loss``, ``Loss/train``."""
    return _LOSS.search(name) is not None


@lru_cache(2**13)
def metric_of(name: str) -> Metric:
    """Return what a metric is; of an unknown metric the unit is ``plain``, and no value is better."""
    split, _, last = name.rpartition("/")
    return Metric(name, split, _kind_of(split, last))


def _kind_of(split: str, last: str) -> MetricKind:
    group = split.partition("/")[0]
    if (kind := _KINDS.get(last.lower())) is not None and (kind.name != "mfu" or group == "train"):
        return kind
    if last.startswith("memory"):
        return _memory(last)
    if group in ("gpu", "cpu"):
        for start, hardware in _HARDWARE.items():
            if last.startswith(start):
                return hardware if last == start else _renamed(hardware, last)
    words = last.replace("_", " ")
    if group == "time":
        return MetricKind(last, "seconds", "lower", last, words, words, floor=0.0)
    return MetricKind(last, "plain", "neither", last, words, words)


def metric_headed(heading: str) -> str | None:
    """Return the metric that a heading stands for, ``test/f1`` for ``F1``; None for what heads no column.

    Args:
        heading: A metric as columns call it, or its own name; capitals do not matter.
    """
    return _headings().get(heading.casefold())


@lru_cache
def _headings() -> dict[str, str]:
    headings: dict[str, str] = {}
    for kind in (kind for kind in _KINDS.values() if kind.unit != "bytes"):
        for split in ("train", *sorted(EVALUATED)):
            metric = metric_of(f"{split}/{kind.name}")
            for heading in (metric.short, f"{split}/{kind.short}", metric.name):
                headings.setdefault(heading.casefold(), metric.name)
    return headings


def _renamed(kind: MetricKind, name: str) -> MetricKind:
    words = name.replace("_", " ")
    return MetricKind(
        name,
        kind.unit,
        kind.direction,
        name,
        words,
        words,
        kind.floor,
        kind.ceiling,
        over_gpus=kind.over_gpus,
    )


def family(names: Iterable[str], name: str) -> list[str]:
    """Return which of some names a metric stands for: itself, or that of each GPU where a run has several.

    Args:
        names: What a run measured.
        name: ``gpu/energy`` stands for ``gpu/0/energy`` and ``gpu/1/energy``; any other name for itself alone.
    """
    return [metric for metric in names if metric == name or whole_run(metric) == name]


@lru_cache(2**13)
def whole_run(name: str) -> str:
    """Return the name that asks for a metric of one GPU over all of them: ``gpu/energy`` of ``gpu/1/energy``."""
    parts = name.split("/")
    if len(parts) == 3 and parts[0] == "gpu" and parts[1].isdecimal():
        return f"gpu/{parts[2]}"
    return name


def averaged(name: str) -> str:
    """Return what the averaged weights score where a run's own score ``name``: ``ema/val/f1`` for ``val/f1``."""
    split, _, kind = name.rpartition("/")
    return f"{AVERAGED[split]}/{kind}" if split in AVERAGED else name


def over_gpus(values: Values, kind: str) -> float | None:
    """Return one number for a metric of GPUs, from as many GPUs as a run uses; None where none was measured.

    Memory and temperature are the most on any of its GPUs, as a card is what runs out of memory; energy and power
    are the sum over them, utilization is their mean.

    Args:
        values: What a run measured, by metric.
        kind: The last part of the name: ``memory_peak``, ``energy``.
    """
    metric = f"gpu/{kind}"
    finite = [
        value
        for name, value in values.items()
        if name[:4] == "gpu/" and whole_run(name) == metric and value is not None and math.isfinite(value)
    ]
    if len(finite) < 2:
        return finite[0] if finite else None
    how = metric_of(metric).kind.over_gpus
    return max(finite) if how == "most" else _sum(finite) / (len(finite) if how == "mean" else 1)


def _sum(values: list[float]) -> float:
    try:
        return math.fsum(values)
    except OverflowError:
        return math.inf


def value_of(values: Values, name: str) -> float | None:
    """Return a metric's value; that of ``gpu/KIND`` over all GPUs, as ``over_gpus`` does. None where it has none."""
    if name.startswith("gpu/") and name.count("/") == 1:
        return over_gpus(values, name.partition("/")[2])
    return values.get(name)


def first_of(values: Values, names: Iterable[str]) -> tuple[str, float] | None:
    """Return the first of some metrics that has a value, and the value; None where none has."""
    for name in names:
        if (value := value_of(values, name)) is not None:
            return name, value
    return None


def peak_memory(highest: Values) -> float | None:
    """Return the bytes that a run held at most on any GPU, or on the host where it used none.

    Args:
        highest: The highest value of each memory metric.
    """
    peak = first_of(highest, PEAK_MEMORY)
    return None if peak is None else peak[1]


def _plain(value: float) -> str:
    return f"{value:.4g}"


_TEXTS: Mapping[Unit, Callable[[float], str]] = {
    "fraction": score,
    "bytes": size,
    "images/s": count,
}
