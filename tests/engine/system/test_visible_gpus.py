"""CUDA_VISIBLE_DEVICES is read in one way, CUDA's, for what the worker gives out and for what is measured."""

from __future__ import annotations

import pytest

from engine.sites.local_devices import LocalDevices
from engine.system.nvml import GpuSample
from engine.system.visible_gpus import find_gpu, order_note, visible_gpus

CARDS = [GpuSample(index=i, name="Card", uuid=f"GPU-{i}{i}-x") for i in range(3)]
SLICED = [
    GpuSample(index=0, name="A100", uuid="GPU-00-x", in_slices=True),
    GpuSample(index=0, name="A100 MIG", uuid="MIG-a1", slice=0),
    GpuSample(index=0, name="A100 MIG", uuid="MIG-a2", slice=1),
    GpuSample(index=1, name="A100", uuid="GPU-11-x"),
    GpuSample(index=2, name="A100", uuid="GPU-22-x", in_slices=True),
]


class Gpus:
    """NVML of a machine with some cards."""

    def __init__(self, cards: list[GpuSample]) -> None:
        self._cards = cards

    def sample(self) -> list[GpuSample]:
        return self._cards


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("CUDA_DEVICE_ORDER", raising=False)


@pytest.mark.parametrize(
    ("names", "visible"),
    [
        (None, ["GPU-00-x", "GPU-11-x", "GPU-22-x"]), ("2,0", ["GPU-22-x", "GPU-00-x"]), ("", []), ("-1,0", []),
        ("0,-1,1", ["GPU-00-x"]), ("0,9,1", ["GPU-00-x"]), ("5,0", []), ("GPU-", []), ("GPU-1", ["GPU-11-x"]),
        ("0,0", []), ("1,2,1", []), ("GPU-1,GPU-1", []), ("GPU-1,GPU-11", []), ("GPU-2,GPU-9,GPU-0", ["GPU-22-x"]),
        ("GPU-1,0", ["GPU-11-x"]), ("0,GPU-1", ["GPU-00-x"]), ("none", []), (" 1 , 2 ", ["GPU-11-x", "GPU-22-x"]),
        ("1gpu,2card", ["GPU-11-x", "GPU-22-x"]), ("MIG-1f0c95f4-70b1", ["MIG-1f0c95f4-70b1"]),
    ],
)  # fmt: skip
def test_it_is_read_as_cuda_reads_it(monkeypatch, names, visible):
    if names is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)
    assert visible_gpus(CARDS) == visible
    assert LocalDevices(gpus=Gpus(CARDS)).uuids == visible


@pytest.mark.parametrize(
    ("names", "visible"),
    [
        (None, ["MIG-a1", "MIG-a2", "GPU-11-x"]), ("MIG-a2", ["MIG-a2"]), ("MIG-a", []), ("MIG-a1,MIG-b", ["MIG-a1"]),
        ("0", ["MIG-a1"]), ("1,0", ["GPU-11-x", "MIG-a1"]), ("GPU-00", ["MIG-a1"]), ("2,1", []),
    ],
)  # fmt: skip
def test_a_card_in_slices_stands_for_them(monkeypatch, names, visible):
    if names is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)
    assert visible_gpus(SLICED) == visible
    assert LocalDevices(gpus=Gpus(SLICED)).uuids == visible


def test_a_card_that_may_not_be_used_has_no_index():
    assert [find_gpu(name, CARDS[1:]) for name in ("0", "1")] == [None, "GPU-11-x"]  # nvidia-smi's
    assert find_gpu("GPU-00", CARDS[1:]) is None


@pytest.mark.parametrize(
    ("names", "order", "mixed", "said"),
    [
        ("0,1", None, True, True), ("1", "FASTEST_FIRST", True, True), ("1", "PCI_BUS_ID", True, False),
        ("1", None, False, False), ("GPU-00-x", None, True, False), (None, None, True, False), ("", None, True, False),
    ],
)  # fmt: skip
def test_an_index_that_cuda_may_count_otherwise_is_said(monkeypatch, names, order, mixed, said):
    for variable, value in (("CUDA_VISIBLE_DEVICES", names), ("CUDA_DEVICE_ORDER", order)):
        if value is not None:
            monkeypatch.setenv(variable, value)
    cards = [*CARDS, GpuSample(index=3, name="Faster", uuid="GPU-33-x")] if mixed else CARDS
    assert bool(order_note(cards)) is said
    assert bool(LocalDevices(gpus=Gpus(cards)).notes) is said
