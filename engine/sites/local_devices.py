"""What a worker may give to runs: GPUs as NVML sees them at the moment, and slots on the CPU."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

import psutil

from engine.errors import DeviceError
from engine.runs.worker_status import OfferedDevice
from engine.sites.device_occupancy import Device, User
from engine.system.nvml import GpuSample, GpuSource, Nvml
from engine.system.visible_gpus import find_gpu, order_note, visible_gpus


class LocalDevices:
    """The devices that a worker may give to runs.

    Args:
        names: ``0,1`` or UUIDs for GPUs, ``cpu:3`` for three slots on the CPU. Not given, it is every GPU that
            CUDA_VISIBLE_DEVICES leaves, and one slot for runs that want the CPU.
        gpus: Stands in for NVML.

    Raises:
        DeviceError: One is named that is not there.
    """

    def __init__(self, names: str | None = None, gpus: GpuSource | None = None) -> None:
        self._nvml = Nvml() if gpus is None else None
        self._gpus: GpuSource = self._nvml or gpus  # type: ignore[assignment]
        self._missing = self._nvml.missing if self._nvml is not None else ""
        self._seen = {sample.uuid: sample for sample in self._gpus.sample()}
        self._lost = {uuid: sample.lost for uuid, sample in self._seen.items()}
        self.uuids: list[str] = []
        """The GPUs and slices, whether they answer or not."""
        self.slots = 0
        """How many runs the CPU may have."""
        if names is None:
            self.uuids, self.slots = visible_gpus(self._seen.values()), 1
        else:
            self._parse(names)
        order = order_note(self._seen.values()) if names is None else ""
        self.notes = [
            *filter(None, [order]),
            *(f"{seen.label} is lost ({seen.lost})" for seen in self._lost_ones()),
        ]
        """Remarks on the devices for the user, mostly none: cards that are lost, and how an index was read."""

    def close(self) -> None:
        """Release the driver."""
        if self._nvml is not None:
            self._nvml.close()

    def _lost_ones(self) -> list[GpuSample]:
        return [self._seen[uuid] for uuid in self.uuids if uuid in self._seen and self._seen[uuid].lost]

    def look(
        self, ours: Mapping[str, Collection[int]], measured: Mapping[str, int] | None = None
    ) -> list[Device]:
        """Return the devices as they are now; a GPU that does not answer is lost.

        Args:
            ours: The processes of our runs on each GPU, by its UUID.
            measured: The bytes that our runs take on each GPU together, by its UUID, where all of them are known.
        """
        samples = {sample.uuid: sample for sample in self._gpus.sample()} if self.uuids else {}
        self._rename(samples)
        devices = []
        for uuid in self.uuids:
            if uuid in samples:
                devices.append(_gpu(samples[uuid], ours.get(uuid), (measured or {}).get(uuid)))
            elif uuid not in self._seen:  # a slice that NVML does not tell of
                devices.append(Device(uuid, _slice_name(uuid), gpu=True))
            else:
                gone = self._seen[uuid]
                why = "NVML does not list it any more"
                devices.append(Device(uuid, gone.label, gone.index, gpu=True, lost=why))
        self._lost = {device.id: device.lost for device in devices}
        return devices + self._slots()

    def _rename(self, samples: Mapping[str, GpuSample]) -> None:
        """Call a card that was lost from the start, and answers now, by its UUID."""
        for number, uuid in enumerate(self.uuids):
            if uuid in samples or uuid not in self._seen:
                continue
            for sample in samples.values():
                if (
                    sample.index == self._seen[uuid].index
                    and sample.slice is None
                    and not self._seen[uuid].name
                ):
                    self.uuids[number] = sample.uuid
                    self._seen[sample.uuid] = sample

    @property
    def offered(self) -> list[OfferedDevice]:
        """The devices as they are published; a GPU that is lost is among them, with the reason."""
        seen = self._seen
        gpus = [
            OfferedDevice(
                id=uuid, name=seen[uuid].label if uuid in seen else _slice_name(uuid),
                index=seen[uuid].index if uuid in seen else 0, gpu=True, lost=self._lost.get(uuid, ""),
            )
            for uuid in self.uuids
        ]  # fmt: skip
        return gpus + [OfferedDevice(id=slot.id, name=slot.name, index=slot.index) for slot in self._slots()]

    def _slots(self) -> list[Device]:
        return [Device(f"cpu:{i}", f"CPU slot {i + 1}", i) for i in range(self.slots)]

    def environment(self, devices: Collection[str]) -> dict[str, str]:
        """Return the environment in which a process sees the devices that it was given, and no GPU besides."""
        gpus = [device for device in devices if not device.startswith("cpu")]
        environment = {"CUDA_VISIBLE_DEVICES": ",".join(gpus)} if self.uuids or self._seen else {}
        if not gpus and self.slots > 1 and "OMP_NUM_THREADS" not in os.environ:
            environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) * len(devices) // self.slots))
        return environment

    def _parse(self, names: str) -> None:
        for name in filter(None, map(str.strip, names.split(","))):
            if match := re.fullmatch(r"cpu(?::(\d{1,4}))?", name):
                self.slots += int(match[1] or 1)
            elif (uuid := find_gpu(name, self._seen.values())) is None:
                raise DeviceError(f"there is no device {name!r}; {self._device_names()}")
            elif uuid not in self.uuids:
                self.uuids.append(uuid)
        if not self.uuids and not self.slots:
            raise DeviceError(f"{names!r} names no device; {self._device_names()}")

    def _device_names(self) -> str:
        if not self._seen:
            why = f" ({self._missing})" if self._missing else ""
            return f"NVML sees no GPU{why}; cpu:N gives N slots on the CPU"
        gpus = ", ".join(f"{sample.label[4:]} ({sample.lost or uuid})" for uuid, sample in self._seen.items())
        return f"there are the GPUs {gpus}, and cpu:N gives N slots on the CPU"


def _gpu(sample: GpuSample, ours: Collection[int] | None, measured: int | None) -> Device:
    """Return a GPU as a device.

    Without processes of ours on it all that is held there is held by others. With them, it is what others hold
    that /proc knows. In a container NVML tells pids of the host, ours among them: what the processes that /proc does
    not know hold beyond what ours were measured to take is held by others too.
    """
    held = sample.held
    foreign = sample.memory_used if sample.memory_used is not None else sum(held.values())
    others = {pid: size for pid, size in (sample.processes or {}).items() if pid not in (ours or ())}
    if ours is not None:
        unseen = {pid for pid in others if not psutil.pid_exists(pid)}
        foreign = sum(held.get(pid, 0) for pid in others.keys() - unseen)
        if measured is not None:
            listed = sum(held.get(pid, 0) for pid in ours)
            foreign += max(0, sum(held.get(pid, 0) for pid in unseen) - max(0, measured - listed))
        others = {pid: size for pid, size in others.items() if pid not in unseen}
    return Device(
        id=sample.uuid, name=sample.label, index=sample.index, gpu=True, total=sample.memory_total or 0,
        used=sample.memory_used or 0, foreign=foreign, lost=sample.lost,
        users=tuple(User(pid, _name(pid), size) for pid, size in sorted(others.items(), key=lambda p: -(p[1] or 0))),
    )  # fmt: skip


def _name(pid: int) -> str:
    try:
        name = psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        return "not in /proc"
    except psutil.Error:
        return "?"
    return "".join(c if c.isprintable() else "?" for c in name)


def _slice_name(uuid: str) -> str:
    """Return what a slice is called that NVML does not tell of: as much of its UUID as fits a list."""
    return uuid[:12]
