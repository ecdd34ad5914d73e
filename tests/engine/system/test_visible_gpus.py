"""CUDA_VISIBLE_DEVICES is read in one way, CUDA's, for what the worker gives out and for what is measured."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sites.local_devices import LocalDevices
from engine.system.telemetry import GpuSample, find_gpu, visible_gpus

CARDS = [
    GpuSample(index=i, name="Card", uuid=f"GPU-{i}{i}-x", memory_used=0, memory_total=1) for i in range(3)
]


class Cards:
    """NVML of a machine with three cards."""

    def sample(self) -> list[GpuSample]:
        return CARDS


@pytest.mark.parametrize(
    ("names", "visible"),
    [
        (None, ["GPU-00-x", "GPU-11-x", "GPU-22-x"]), ("2,0", ["GPU-22-x", "GPU-00-x"]), ("", []), ("-1,0", []),
        ("0,9,1", ["GPU-00-x"]), ("GPU-", []), (" GPU-1 ", ["GPU-11-x"]),
        ("MIG-1f0c95f4-70b1,0", ["MIG-1f0c95f4-70b1", "GPU-00-x"]),
    ],
)  # fmt: skip
def test_what_is_unknown_ends_the_list(monkeypatch, names, visible):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if names is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", names)
    assert visible_gpus(CARDS) == visible
    assert LocalDevices(gpus=Cards()).uuids == visible


@given(st.lists(st.sampled_from(["0", "1", "7", "GPU-2", "GPU-", "MIG-a", "", " 2 "])).map(",".join))
def test_it_is_what_each_name_means_up_to_the_first_that_means_nothing(names):
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    os.environ["CUDA_VISIBLE_DEVICES"] = names
    try:
        visible = visible_gpus(iter(CARDS))
    finally:
        del os.environ["CUDA_VISIBLE_DEVICES"]
        if before is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = before
    meant = [find_gpu(name.strip(), CARDS) for name in names.split(",")]
    assert visible == meant[: len(visible)]
    assert len(visible) == len(meant) or meant[len(visible)] is None
