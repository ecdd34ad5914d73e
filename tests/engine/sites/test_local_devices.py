"""Devices are what the machine has at the moment: GPUs by what NVML says, slots by what was asked for."""

from __future__ import annotations

import os

import pytest

from engine.errors import DeviceError
from engine.sites.local_devices import LocalDevices
from engine.system.nvml import GpuSample
from engine.text import GIB
from tests.pretended_nvml import ALONE, LOST_LATE, MACHINES, Card, uuid

GONE = 2**22 + 1
"""A pid that no process has here."""


class FakeGpus:
    """NVML with cards that tests fill: ``gpus.cards[0] = card(0, {pid: bytes})``."""

    def __init__(self, *cards: GpuSample) -> None:
        self.cards = list(cards)

    def sample(self) -> list[GpuSample]:
        return self.cards


def card(index: int, processes: dict[int, int] | None = None, used: int | None = None) -> GpuSample:
    processes = processes or {}
    return GpuSample(
        index=index, name="Card", uuid=f"GPU-{index}{index}-x", memory_total=80 * GIB, processes=processes,
        memory_used=sum(processes.values()) + GIB // 2 if used is None else used,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.fixture
def gpus():
    return FakeGpus(card(0), card(1))


class TestWhichThereAre:
    def test_all_gpus_and_a_slot_for_runs_that_want_the_cpu(self, gpus):
        found = LocalDevices(gpus=gpus).look({})
        assert [device.id for device in found] == ["GPU-00-x", "GPU-11-x", "cpu:0"]
        assert [device.name for device in found] == ["GPU 0", "GPU 1", "CPU slot 1"]

    def test_without_a_gpu_one_slot(self):
        assert [device.id for device in LocalDevices(gpus=FakeGpus()).look({})] == ["cpu:0"]

    @pytest.mark.parametrize(
        ("names", "ids"),
        [
            ("1", ["GPU-11-x"]),
            ("1,0", ["GPU-11-x", "GPU-00-x"]),
            ("0,GPU-00-x", ["GPU-00-x"]),
            ("GPU-1", ["GPU-11-x"]),
            ("cpu:3", ["cpu:0", "cpu:1", "cpu:2"]),
            ("cpu", ["cpu:0"]),
            (" 0 , cpu:1,", ["GPU-00-x", "cpu:0"]),
            ("MIG-7", ["MIG-7"]),
        ],
    )
    def test_those_that_are_named(self, gpus, names, ids):
        assert [device.id for device in LocalDevices(names, gpus).look({})] == ids

    @pytest.mark.parametrize("names", ["2", "GPU-", "GPU-9", "cpu:x", "cpu:0", "", ",", "cuda", "0,7"])
    def test_what_is_none_is_said_with_what_there_is(self, gpus, names):
        with pytest.raises(
            DeviceError, match=r"there are the GPUs 0 \(GPU-00-x\), 1 \(GPU-11-x\), and cpu:N"
        ):
            LocalDevices(names, gpus)

    def test_without_a_driver_it_says_so(self):
        with pytest.raises(DeviceError, match=r"no device '0'; NVML sees no GPU \(.+\); cpu:N gives"):
            LocalDevices("0")

    @pytest.mark.parametrize(
        ("visible", "ids"),
        [("1", ["GPU-11-x"]), ("GPU-00-x,1", ["GPU-00-x"]), ("1,7,0", ["GPU-11-x"]), ("", []),
         ("MIG-7", ["MIG-7"])],
    )  # fmt: skip
    def test_what_the_environment_leaves(self, gpus, monkeypatch, visible, ids):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert [device.id for device in LocalDevices(gpus=gpus).look({}) if device.gpu] == ids

    def test_a_card_that_is_listed_no_more_is_lost_until_it_is(self, gpus):
        machine = LocalDevices(gpus=gpus)
        lost = gpus.cards.pop(0)
        first, *others = machine.look({})
        assert (first.name, first.lost, first.is_open) == ("GPU 0", "NVML does not list it any more", False)
        assert [device.lost for device in others] == ["", ""]
        assert [device.lost for device in machine.offered] == [first.lost, "", ""]
        gpus.cards.insert(0, lost)
        assert machine.look({})[0].is_open
        assert machine.offered[0].lost == ""


class TestWhoseMemory:
    def test_all_is_others_where_no_run_of_ours_is(self, gpus):
        gpus.cards = [card(0, {os.getpid(): 30 * GIB, 2**22 + 1: 3 * GIB}), card(1)]
        busy, idle, _ = LocalDevices(gpus=gpus).look({})
        assert (busy.foreign, busy.is_open) == (33 * GIB + GIB // 2, False)
        assert [(user.pid, user.size) for user in busy.users] == [
            (os.getpid(), 30 * GIB),
            (2**22 + 1, 3 * GIB),
        ]
        assert busy.users[0].name != "?"
        assert busy.users[1].name == "not in /proc"
        assert (idle.foreign, idle.is_open) == (GIB // 2, True)

    def test_ours_is_not(self, gpus):
        gpus.cards = [card(0, {10: 30 * GIB, 11: 2 * GIB, os.getpid(): 3 * GIB})]
        (device,) = LocalDevices("0", gpus).look({"GPU-00-x": {10, 11}})
        assert (device.foreign, device.used) == (3 * GIB, 35 * GIB + GIB // 2)
        assert [user.pid for user in device.users] == [os.getpid()]

    @pytest.mark.parametrize(
        ("unseen", "measured", "foreign"),
        [(20, 20, 0), (20, 21, 0), (50, 20, 30), (20, None, 0), (20, 0, 20)],
    )
    def test_pids_of_the_host_are_ours_as_far_as_ours_were_measured(self, gpus, unseen, measured, foreign):
        gpus.cards = [card(0, {GONE: unseen * GIB, os.getpid(): 2 * GIB})]
        known = {} if measured is None else {"GPU-00-x": measured * GIB}
        (device,) = LocalDevices("0", gpus).look({"GPU-00-x": {1}}, known)
        assert device.foreign == (2 + foreign) * GIB
        assert [user.pid for user in device.users] == [os.getpid()]

    def test_what_the_driver_lists_of_ours_is_not_looked_for_among_pids_of_the_host(self, gpus):
        gpus.cards = [card(0, {1: 20 * GIB, GONE: 20 * GIB})]
        (device,) = LocalDevices("0", gpus).look({"GPU-00-x": {1}}, {"GPU-00-x": 20 * GIB})
        assert (device.foreign, device.is_open) == (20 * GIB, False)

    def test_a_process_whose_memory_is_unknown_is_named_all_the_same(self, gpus):
        gpus.cards = [
            GpuSample(
                index=0,
                name="Card",
                uuid="GPU-00-x",
                memory_used=9,
                memory_total=80,
                processes={os.getpid(): None},
            )
        ]
        (device,) = LocalDevices("0", gpus).look({})
        assert [(user.pid, user.size) for user in device.users] == [(os.getpid(), None)]
        assert str(device.users[0]).startswith(f"pid {os.getpid()}, ")
        assert "GiB" not in str(device.users[0])

    def test_a_run_of_ours_without_a_process_yet_is_on_it_all_the_same(self, gpus):
        (device,) = LocalDevices("0", gpus).look({"GPU-00-x": set()})
        assert device.foreign == 0


class TestMachines:
    """What a worker makes of machines that are not ideal, as their NVML tells of them."""

    @pytest.mark.parametrize(
        ("kind", "names", "is_open"),
        [
            ("eight", [f"GPU {i}" for i in range(8)], [True] * 8),
            ("one of three lost", ["GPU 0", "GPU 1", "GPU 2"], [True, False, True]),
            ("one lost at work", ["GPU 0", "GPU 1"], [False, True]),
            ("all lost", ["GPU 0", "GPU 1"], [False, False]), ("GB10", ["GPU 0"], [True]),
            ("Jetson", ["GPU 0"], [True]), ("slices", ["GPU 0:0", "GPU 0:1"], [True, True]),
            ("foreign", ["GPU 0"], [False]), ("host pids", ["GPU 0"], [False]), ("no list", ["GPU 0"], [False]),
            ("old driver", ["GPU 0"], [False]), ("not ours", ["GPU 1"], [True]),
        ],
    )  # fmt: skip
    def test_which_devices_there_are_and_whether_they_are_free(self, nvml, kind, names, is_open):
        nvml.put(*MACHINES[kind])
        machine = LocalDevices()
        gpus = [device for device in machine.look({}) if device.gpu]
        assert (
            [device.name for device in gpus]
            == [offered.name for offered in machine.offered if offered.gpu]
            == names
        )
        assert [device.is_open for device in gpus] == is_open
        assert [bool(offered.lost) for offered in machine.offered][: len(gpus)] == [
            bool(gpu.lost) for gpu in gpus
        ]

    def test_a_lost_card_is_said_with_the_reason(self, nvml):
        nvml.put(*MACHINES["one of three lost"])
        machine = LocalDevices()
        assert machine.notes == ["GPU 1 is lost (GPU is lost)"]
        assert machine.look({})[1].lost == "GPU is lost"
        assert LocalDevices("1").look({})[0].lost == "GPU is lost"
        with pytest.raises(DeviceError, match=r"0 \(GPU-0.*\), 1 \(GPU is lost\), 2 \(GPU-0.*\)"):
            LocalDevices("7")

    def test_a_card_that_was_lost_from_the_start_is_called_by_its_uuid_once_it_answers(self, nvml):
        nvml.put(*MACHINES["one of three lost"])
        machine = LocalDevices()
        nvml.put(*MACHINES["eight"])
        assert [device.id for device in machine.look({}) if device.gpu] == [uuid(0), uuid(1), uuid(2)]
        assert [(offered.id, offered.lost) for offered in machine.offered][1] == (uuid(1), "")
        nvml.put(ALONE, LOST_LATE, ALONE)
        assert [(device.id, device.lost) for device in machine.look({})][1] == (uuid(1), "GPU is lost")

    def test_memory_that_is_unknown_is_none(self, nvml):
        nvml.put(Card(errors=MACHINES["GB10"][0].errors, processes={os.getpid(): 3 * GIB}))
        (gpu, _) = LocalDevices().look({})
        assert (gpu.total, gpu.used, gpu.foreign) == (0, 0, 3 * GIB)

    def test_in_a_container_a_run_of_ours_does_not_close_its_card(self, nvml):
        nvml.put(*MACHINES["host pids"])
        (gpu, _) = LocalDevices().look({uuid(0): {os.getpid()}}, {uuid(0): 20 * GIB})
        assert (gpu.foreign, gpu.is_open, gpu.users) == (0, True, ())

    def test_each_slice_is_given_by_its_uuid(self, nvml):
        nvml.put(*MACHINES["slices"])
        machine = LocalDevices()
        first, second, _ = machine.look({})
        assert first.total == 5 * GIB
        assert machine.environment([second.id]) == {"CUDA_VISIBLE_DEVICES": second.id}
        assert second.id.startswith("MIG-")


class TestWhatARunSees:
    def test_its_gpus_alone_by_their_uuids(self, gpus):
        assert LocalDevices(gpus=gpus).environment(["GPU-11-x", "GPU-00-x"]) == {
            "CUDA_VISIBLE_DEVICES": "GPU-11-x,GPU-00-x"
        }

    def test_on_a_slot_no_gpu_and_its_part_of_the_cores(self, gpus, monkeypatch):
        monkeypatch.setattr(os, "cpu_count", lambda: 8)
        assert LocalDevices(gpus=gpus).environment(["cpu:0"]) == {"CUDA_VISIBLE_DEVICES": ""}
        assert LocalDevices("cpu:3", gpus).environment(["cpu:0"])["OMP_NUM_THREADS"] == "2"
        assert LocalDevices("cpu:3", gpus).environment(["cpu:0", "cpu:1"])["OMP_NUM_THREADS"] == "5"
        monkeypatch.setenv("OMP_NUM_THREADS", "7")
        assert "OMP_NUM_THREADS" not in LocalDevices("cpu:3", gpus).environment(["cpu:0"])

    def test_where_nobody_knows_of_gpus_none_are_hidden(self):
        assert LocalDevices(gpus=FakeGpus()).environment(["cpu:0"]) == {}
