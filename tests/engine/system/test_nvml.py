"""NVML of machines that are not ideal: each card answers for itself, and what it does not tell is not made up."""

from __future__ import annotations

import os
import sys
import types

import pytest

from engine.system.nvml import Nvml, bytes_by_process, usable
from tests.pretended_nvml import (
    ALONE,
    FUNCTION_NOT_FOUND,
    GIB,
    IN_SLICES,
    LOST,
    LOST_LATE,
    MACHINES,
    OLD_DRIVER,
    UNKNOWN,
    Card,
    slice_of,
    uuid,
)


def seen(nvml, *cards: Card):
    nvml.put(*cards)
    source = Nvml()
    try:
        return source.sample()
    finally:
        source.close()


def test_a_card_that_tells_all(nvml):
    (card,) = seen(nvml, Card(processes={7: 3 * GIB}))
    assert (card.label, card.name, card.uuid) == ("GPU 0", "NVIDIA H100 80GB HBM3", uuid(0))
    assert (card.memory_total, card.memory_used - 3 * GIB) == (80 * GIB, 600 * 2**20)
    assert (card.utilization, card.power, card.temperature, card.energy) == (87, 412, 61, 1000)
    assert card.processes == card.held == {7: 3 * GIB}
    assert not card.lost


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        ("one", ["ok"]), ("two", ["ok"] * 2), ("eight", ["ok"] * 8),
        ("one of three lost", ["ok", "GPU is lost", "ok"]), ("one lost at work", ["GPU is lost", "ok"]),
        ("all lost", ["GPU is lost", "Unknown Error"]), ("GB10", ["ok"]), ("Jetson", ["ok"]),
        ("slices", ["ok"] * 3), ("no list", ["ok"]), ("old driver", ["ok"]), ("not ours", ["ok"]),
    ],
)  # fmt: skip
def test_a_lost_card_says_so_and_hides_no_other(nvml, kind, states):
    samples = seen(nvml, *MACHINES[kind])
    assert [sample.lost or "ok" for sample in samples] == states
    assert nvml.open == 0


def test_a_card_that_is_lost_at_work_keeps_its_name_and_may_come_back(nvml):
    nvml.put(ALONE, ALONE)
    source = Nvml()
    assert [card.lost for card in source.sample()] == ["", ""]
    nvml.put(Card(errors={"handle": UNKNOWN, "all": LOST}), ALONE)
    first, second = source.sample()
    assert (first.lost, first.uuid, first.name) == ("GPU is lost", uuid(0), ALONE.name)
    assert (first.memory_used, first.processes, second.lost) == (None, None, "")
    assert source.sample()[0].lost == "Unknown Error"
    nvml.put(ALONE, ALONE)
    assert [card.lost for card in source.sample()] == ["", ""]
    source.close()


def test_a_card_that_was_lost_before_has_its_place_for_a_name(nvml):
    first, second, third = seen(nvml, *MACHINES["one of three lost"])
    assert (second.label, second.uuid, second.name) == ("GPU 1", "lost:1", "")
    assert [first.uuid, third.uuid] == [uuid(0), uuid(2)]


@pytest.mark.parametrize("kind", ["GB10", "Jetson"])
def test_memory_that_is_not_told_is_unknown_and_the_card_is_there(nvml, kind):
    (card,) = seen(nvml, *MACHINES[kind])
    assert (card.memory_used, card.memory_total, card.energy) == (None, None, None)
    assert card.processes == ({} if kind == "GB10" else None)


def test_whoever_computes_or_draws_is_on_the_card_once(nvml):
    (card,) = seen(nvml, Card(processes={1: GIB, 2: -1}, mps={3: 2 * GIB}, graphics={1: GIB, 4: 5}))
    assert card.processes == {1: GIB, 2: None, 3: 2 * GIB, 4: 5}
    assert card.held == {1: GIB, 3: 2 * GIB, 4: 5}


def test_an_old_driver_is_asked_the_old_question(nvml):
    (card,) = seen(nvml, OLD_DRIVER)
    assert card.processes == {1: 3 * GIB}
    assert OLD_DRIVER.errors["v3"] == FUNCTION_NOT_FOUND


def test_a_card_in_slices_is_followed_by_them(nvml):
    card, first, second, whole = seen(
        nvml, Card(name="A100", total=40 * GIB, slices=(slice_of(0), slice_of(1, processes={9: GIB}))), ALONE
    )
    assert [one.label for one in (card, first, second, whole)] == ["GPU 0", "GPU 0:0", "GPU 0:1", "GPU 1"]
    assert card.in_slices
    assert (second.memory_total, second.held, second.uuid[:4]) == (5 * GIB, {9: GIB}, "MIG-")
    assert (second.energy, second.power, second.utilization) == (None, None, None)  # those are the card's
    assert usable([card, first, second, whole]) == [first, second, whole]
    assert bytes_by_process([card, second, whole]) == {9: GIB}


def test_slices_of_a_card_that_is_lost_are_gone_with_it(nvml):
    (card,) = seen(nvml, Card(slices=IN_SLICES.slices, errors=LOST_LATE.errors))
    assert card.lost == "GPU is lost"


def test_begun_is_ended_even_where_nothing_can_be_counted(nvml, monkeypatch):
    import pynvml

    def broken() -> int:
        raise pynvml.NVMLError(UNKNOWN)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", broken)
    source = Nvml()
    assert (source.missing, source.sample(), nvml.open) == ("Unknown Error", [], 1)
    source.close()
    source.close()
    assert nvml.open == 0


def test_without_a_driver_it_says_why(nvml, monkeypatch):
    monkeypatch.delenv("PRETENDED_NVML")
    source = Nvml()
    assert (source.missing, source.sample()) == ("Driver Not Loaded", [])
    source.close()


def test_without_the_library_it_says_why(monkeypatch):
    import pynvml

    def missing() -> None:
        raise pynvml.NVMLError(12)

    monkeypatch.setitem(sys.modules, "pynvml", types.SimpleNamespace(nvmlInit=missing))
    assert Nvml().missing == "NVML Shared Library Not Found"


def test_without_pynvml_it_says_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "pynvml" in Nvml().missing


def test_a_program_that_is_started_sees_the_cards(machine):
    import subprocess

    machine.put(*MACHINES["eight"])
    code = "from engine.system.nvml import Nvml; n = Nvml(); print(len(n.sample())); n.close()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | machine.environment, capture_output=True
    )
    assert (done.stdout, machine.open) == (b"8\n", 0), done.stderr
