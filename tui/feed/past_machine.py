"""The GPUs as they were at a moment, by what the runs that lived then measured."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from engine.runs.past.past_run import Then
from engine.runs.status import Status
from engine.system.nvml import GpuSample
from tui.state.snapshot import Machine

_INDEX = re.compile(r"(?:GPU |cuda:)(\d{1,3})\b")
_MEASURED = ("memory_used", "utilization", "power", "temperature")


def machine_at(moment: float, runs: Iterable[Then], cards: Iterable[GpuSample]) -> Machine:
    """Return the machine as it was: the GPUs that live runs had. Of others, and of the CPU, nothing is recorded.

    Args:
        moment: When, in seconds since the epoch.
        runs: The runs then.
        cards: The GPUs as they are now, for what does not change: their names and how much memory they have.
    """
    known = {card.uuid: card for card in cards}
    samples: dict[str, GpuSample] = {}
    for then in runs:
        begun = then.status.heartbeat > then.status.started  # else what is known is of an earlier attempt
        if then.status.state == "running" and begun:
            for sample in _of_run(then, known):
                samples[sample.uuid] = sample
    return Machine(time=moment, gpus=tuple(sorted(samples.values(), key=lambda sample: sample.index)))


def _of_run(then: Then, known: Mapping[str, GpuSample]) -> Iterator[GpuSample]:
    status, held = then.status, then.status.last
    given = list(then.place.devices.items()) if then.place is not None else []
    for rank, measured in _measured(status).items():
        uuid, name = given[rank] if rank < len(given) else ("", status.device)
        card, found = known.get(uuid), _INDEX.search(name)
        index = card.index if card is not None else int(found[1]) if found else rank
        used, load = measured.get("memory_used"), measured.get("utilization")
        own = held.get("gpu/memory_process") or held.get(f"gpu/{rank}/memory_process")
        yield GpuSample(
            index=index,
            name=card.name if card is not None else name,
            uuid=uuid or f"index:{index}",
            memory_used=None if used is None else int(used),
            memory_total=card.memory_total if card is not None else None,
            utilization=load,
            power=measured.get("power"),
            temperature=measured.get("temperature"),
            slice=card.slice if card is not None else None,
            processes={status.pid: None if own is None else int(own)},
        )


def _measured(status: Status) -> dict[int, dict[str, float]]:
    """Return what a run measured last of each of its GPUs, by their place among them."""
    measured: dict[int, dict[str, float]] = {}
    for name, value in status.last.items():
        group, *middle, quantity = name.split("/")
        if group != "gpu" or quantity not in _MEASURED or value is None or len(middle) > 1:
            continue
        rank = middle[0] if middle else "0"
        if rank.isdecimal() and len(rank) < 4:
            measured.setdefault(int(rank), {})[quantity] = value
    return measured
