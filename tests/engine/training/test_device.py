"""Which GPUs a run has: PyTorch, the worker and what is measured read CUDA_VISIBLE_DEVICES alike."""

from __future__ import annotations

import os
import subprocess
import sys
import types

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.sites.local_devices import LocalDevices
from engine.system.nvml import GpuSample, Nvml
from engine.system.visible_gpus import visible_gpus
from engine.training.device import gpu_uuids
from tests.pretended_nvml import ALONE, IN_SLICES, Card, uuid

CARDS = [GpuSample(index=i, name="Card", uuid=f"GPU-{i}{i}-x") for i in range(3)]
NAMES = [
    "0",
    "1",
    "2",
    "7",
    "-1",
    "GPU-0",
    "GPU-2",
    "GPU-22",
    "GPU-",
    "GPU-9",
    "MIG-a",
    "",
    " 2 ",
    "1x",
    "x",
    "+1",
]


def by_torch(samples) -> list[str]:
    """Return what PyTorch makes of CUDA_VISIBLE_DEVICES."""
    uuids = [sample.uuid for sample in samples]
    visible = torch.cuda._parse_visible_devices()
    if visible and isinstance(visible[0], str):
        visible = torch.cuda._transform_uuid_to_ordinals(visible, uuids)
    end = next((i for i, number in enumerate(visible) if number >= len(uuids)), len(visible))
    return [uuids[number] for number in visible[:end]]


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map(",".join))
def test_it_is_pytorchs_reading(names):
    if "MIG-" in names.split(",")[0]:
        return  # PyTorch leaves slices to CUDA
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", names)
        assert visible_gpus(CARDS) == by_torch(CARDS)


COUNT = """
import os, sys, torch
from engine.sites.local_devices import LocalDevices
for names in sys.argv[1:]:
    os.environ["CUDA_VISIBLE_DEVICES"] = names
    print(names, torch.cuda._device_count_nvml(), len(LocalDevices().uuids), sep=";")
"""


@pytest.mark.slow
def test_pytorch_counts_as_many_as_the_worker_gives_out(machine):
    machine.put(ALONE, ALONE, ALONE)
    names = ["0,-1,1", "5,0", "0,0", "1,2", "GPU-00000001", "GPU-00000001,1", "GPU-0", "1,9", "2,1,0"]
    done = subprocess.run(
        [sys.executable, "-c", COUNT, *names],
        env=os.environ | machine.environment,
        capture_output=True,
        text=True,
    )
    counts = [line.split(";") for line in done.stdout.splitlines()]
    assert [name for name, _, _ in counts] == names, done.stderr
    assert [by_pytorch for _, by_pytorch, _ in counts] == [by_worker for _, _, by_worker in counts]


def samples_of(nvml, *cards: Card) -> list[GpuSample]:
    nvml.put(*cards)
    source = Nvml()
    samples = source.sample()
    source.close()
    return samples


def torch_tells(monkeypatch, *uuids: str) -> None:
    """Have PyTorch see GPUs of these UUIDs."""
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda index: types.SimpleNamespace(uuid=uuids[int(index)])
    )


def test_one_gpu_is_the_one_that_pytorch_tells(nvml, monkeypatch):
    samples = samples_of(nvml, ALONE, Card(name="NVIDIA T400"))
    torch_tells(monkeypatch, uuid(1)[4:], uuid(0)[4:])  # the fastest first
    assert gpu_uuids(torch.device("cuda", 0), 1, samples) == [uuid(1)]
    assert gpu_uuids(torch.device("cuda", 1), 1, samples) == [uuid(0)]
    assert gpu_uuids(torch.device("cuda"), 1, []) == [uuid(1)]
    assert gpu_uuids(torch.device("cpu"), 1, samples) == []


def test_several_are_those_that_are_visible_and_pytorch_is_asked_where_their_order_is_unsure(
    nvml, monkeypatch
):
    torch_tells(monkeypatch, uuid(1)[4:], uuid(0)[4:])
    alike = samples_of(nvml, ALONE, ALONE)
    assert gpu_uuids(torch.device("cuda", 0), 2, alike) == [uuid(0), uuid(1)]
    assert gpu_uuids(torch.device("cuda", 0), 2, alike) == LocalDevices().uuids
    mixed = samples_of(nvml, ALONE, Card(name="NVIDIA T400"))
    assert gpu_uuids(torch.device("cuda", 0), 2, mixed) == [uuid(1), uuid(0)]
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    assert gpu_uuids(torch.device("cuda", 0), 2, mixed) == [uuid(0), uuid(1)]


@pytest.mark.parametrize("told", ["own", "card"])
def test_a_slice_is_found_whether_pytorch_tells_its_uuid_or_that_of_its_card(nvml, monkeypatch, told):
    samples, part = samples_of(nvml, IN_SLICES), IN_SLICES.slices[1].uuid
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", part)
    torch_tells(monkeypatch, part[4:] if told == "own" else uuid(0)[4:])
    assert gpu_uuids(torch.device("cuda", 0), 1, samples) == [part]
