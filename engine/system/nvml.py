"""NVIDIA's GPUs through NVML, each asked on its own: a card that is lost says so and hides no other.

A card in MIG mode is cut into slices, which programs use instead of it. A look lists the card and then its slices::

    GPU 0     in_slices          GPU 0:0   slice 0, memory and processes of its own
                                 GPU 0:1   slice 1
    GPU 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import msgspec

SLICE = "MIG-"
"""How the UUID of a slice of a GPU begins."""
NO_PERMISSION, FUNCTION_NOT_FOUND = 4, 13
UNTOLD = {3, NO_PERMISSION, FUNCTION_NOT_FOUND}
"""NVML's codes for what a driver or a card does not tell: not supported, no permission, function not found."""
GONE = {15, 16}
"""NVML's codes for a card that does not work any more: lost, reset required."""


class GpuSample(msgspec.Struct, frozen=True, kw_only=True):
    """One look at one GPU or slice. Memory in bytes, utilisation in percent, power in W, temperature in °C."""

    index: int
    name: str
    """Empty for a card that was lost before it could say."""
    uuid: str
    """``lost:N`` for a card that was lost before it could say."""
    memory_used: int | None = None
    """None where it is unknown: integrated GPUs (GB10, Jetson) have no memory of their own to report."""
    memory_total: int | None = None
    utilization: float | None = None
    power: float | None = None
    temperature: float | None = None
    power_limit: float | None = None
    """The power in W that it may take."""
    fan: float | None = None
    """Percent of its fan's full speed; None for a card without a fan of its own."""
    energy: float | None = None
    """Joules since the driver was loaded."""
    processes: dict[int, int | None] | None = {}
    """Bytes held by each pid, None where the driver does not say how many; None where it lists no processes."""
    lost: str = ""
    """Why the card does not answer, in NVML's words; empty while it does."""
    slice: int | None = None
    """The number of a slice on its card; None for a whole card."""
    in_slices: bool = False
    """Whether the card is in MIG mode, where programs use its slices."""

    @property
    def label(self) -> str:
        """What it is called: ``GPU 0``, or ``GPU 0:1`` for a slice."""
        return f"GPU {self.index}" + (f":{self.slice}" if self.slice is not None else "")

    @property
    def held(self) -> dict[int, int]:
        """The bytes held by each pid whose bytes are known."""
        return {pid: size for pid, size in (self.processes or {}).items() if size is not None}


class GpuSource(Protocol):
    """What looks at GPUs: ``Nvml``, or what stands in for it."""

    def sample(self) -> list[GpuSample]:
        """Look at every GPU once."""


def usable(samples: Iterable[GpuSample]) -> list[GpuSample]:
    """Return what programs can be given: whole cards, and instead of a card in MIG mode its slices."""
    return [sample for sample in samples if not sample.in_slices]


@dataclass(frozen=True)
class _Card:
    """What a card is, by its last answer."""

    handle: Any
    """None for a card that is lost."""
    name: str
    uuid: str


class Nvml:
    """NVML for as long as it is needed; without an NVIDIA driver it has no devices and ``missing`` says why."""

    def __init__(self) -> None:
        self.missing = ""
        self._begun = False
        self._count = 0
        self._cards: dict[int, _Card] = {}
        try:
            import pynvml

            self._nvml = pynvml
            pynvml.nvmlInit()
            self._begun = True
            self._count = pynvml.nvmlDeviceGetCount()
        except Exception as error:  # noqa: BLE001  NVML's own error class is made at run time
            self.missing = str(error) or type(error).__name__

    def sample(self) -> list[GpuSample]:
        """Look at every GPU once; what a card does not tell is None, a card that may not be used is left out."""
        return [sample for index in range(self._count) for sample in self._look(index)]

    def close(self) -> None:
        """Release the driver."""
        self._count = 0
        if self._begun:
            self._begun = False
            self._nvml.nvmlShutdown()

    def _look(self, index: int) -> Iterator[GpuSample]:
        """Yield a card and its slices, or a card that is lost; its handle is asked for anew then."""
        try:
            card = self._cards.get(index)
            if card is None or card.handle is None:
                card = self._open(index)
            mode = self._ask(self._nvml.nvmlDeviceGetMigMode, card.handle)
            in_slices = mode is not None and bool(mode[0])
            samples = [self._one(index, card, in_slices=in_slices)]
            if in_slices:
                samples += self._slices(index, card)
        except self._nvml.NVMLError as error:
            if error.value != NO_PERMISSION:
                yield self._lost(index, error)
            return
        yield from samples

    def _open(self, index: int) -> _Card:
        handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
        self._cards[index] = card = self._card(handle)
        return card

    def _card(self, handle: Any) -> _Card:
        return _Card(
            handle, _text(self._nvml.nvmlDeviceGetName(handle)), _text(self._nvml.nvmlDeviceGetUUID(handle))
        )

    def _lost(self, index: int, error: Exception) -> GpuSample:
        card = self._cards.get(index) or _Card(None, "", f"lost:{index}")
        self._cards[index] = replace(card, handle=None)
        return GpuSample(
            index=index, name=card.name, uuid=card.uuid, processes=None, lost=str(error) or "no answer"
        )

    def _slices(self, index: int, card: _Card) -> Iterator[GpuSample]:
        """Yield the slices of a card in MIG mode."""
        most = self._ask(self._nvml.nvmlDeviceGetMaxMigDeviceCount, card.handle) or 0
        for number in range(most):
            handle = self._ask(self._nvml.nvmlDeviceGetMigDeviceHandleByIndex, card.handle, number)
            if handle is not None:
                yield self._one(index, self._card(handle), slice_number=number)

    def _one(
        self, index: int, card: _Card, *, in_slices: bool = False, slice_number: int | None = None
    ) -> GpuSample:
        nvml, handle = self._nvml, card.handle
        memory = self._memory(handle)
        power = self._ask(nvml.nvmlDeviceGetPowerUsage, handle)
        limit = self._ask(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        fan = self._ask(nvml.nvmlDeviceGetFanSpeed, handle)
        energy = self._ask(nvml.nvmlDeviceGetTotalEnergyConsumption, handle)
        rates = self._ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        return GpuSample(
            index=index,
            name=card.name,
            uuid=card.uuid,
            memory_used=None if memory is None else int(memory.used),
            memory_total=None if memory is None else int(memory.total),
            utilization=None if rates is None else float(rates.gpu),
            power=None if power is None else power / 1000,
            temperature=self._ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            power_limit=limit / 1000 if limit else None,
            fan=None if fan is None else float(fan),
            energy=None if energy is None else energy / 1000,
            processes=self._processes(handle),
            slice=slice_number,
            in_slices=in_slices,
        )

    def _memory(self, handle: Any) -> Any:
        """Return the memory of a device, None where it reports none.

        Raises:
            NVMLError: The device does not answer at all.
        """
        try:
            return self._nvml.nvmlDeviceGetMemoryInfo(handle)
        except self._nvml.NVMLError as error:
            if error.value not in UNTOLD:
                raise
            return None

    def _processes(self, handle: Any) -> dict[int, int | None] | None:
        """Return the bytes of all who compute or draw on a device; one who does both is listed twice, with the same."""
        computing = self._list("Compute", handle)
        if computing is None:
            return None
        held: dict[int, int | None] = {}
        for process in (
            *computing,
            *(self._list("MPSCompute", handle) or ()),
            *(self._list("Graphics", handle) or ()),
        ):
            size = None if process.usedGpuMemory is None else int(process.usedGpuMemory)
            before = held.get(int(process.pid))
            held[int(process.pid)] = max((one for one in (before, size) if one is not None), default=None)
        return held

    def _list(self, kind: str, handle: Any) -> list[Any] | None:
        """Return the processes of one kind on a device, None where the driver does not list them.

        Drivers before 510 have the second version of the question only.
        """
        for version in (3, 2):
            question = getattr(self._nvml, f"nvmlDeviceGet{kind}RunningProcesses_v{version}", None)
            try:
                if question is not None:
                    return list(question(handle))
            except self._nvml.NVMLError as error:
                if error.value in GONE:
                    raise
                if error.value != FUNCTION_NOT_FOUND:
                    return None
        return None

    def _ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a device answers, None where it does not tell.

        Raises:
            NVMLError: The card is lost.
        """
        try:
            return question(*arguments)
        except self._nvml.NVMLError as error:
            if error.value in GONE:
                raise
            return None


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def bytes_by_process(samples: Iterable[GpuSample]) -> Mapping[int, int]:
    """Return the bytes that each process holds of all GPUs together."""
    held: dict[int, int] = {}
    for sample in usable(samples):
        for pid, size in sample.held.items():
            held[pid] = held.get(pid, 0) + size
    return held
