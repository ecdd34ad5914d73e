"""The machine as lines: what is measured is made up here, as there may be no GPU."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest
from rich.cells import cell_len

from engine.queue.forecast import Forecast
from engine.runs.queue_entry import QueueEntry
from engine.runs.status import Status
from engine.runs.worker_status import OfferedDevice
from engine.system.nvml import GpuSample
from tui.state.snapshot import Machine, Process, Queue, Snapshot
from tui.text import Line
from tui.widgets.machine.machine_board import board_lines, curve_height
from tui.widgets.machine.process_lines import me
from tui.widgets.machine.process_table import order_at, orders, process_rows, table_lines
from tui.widgets.machine.sparkline import curve_rows

GIB = 2**30


def gpu(index: int = 0, **more: object) -> GpuSample:
    known = {
        "utilization": 50.0, "power": 300.0, "temperature": 60.0, "memory_used": 40 * GIB, "memory_total": 80 * GIB,
        "processes": {99: 40 * GIB},
    } | more  # fmt: skip
    return GpuSample(index=index, name="H100", uuid=f"GPU-{index}", **known)  # type: ignore[arg-type]


def shot(*machines: Machine, runs: tuple[Status, ...] = (), queue: Queue | None = None) -> Snapshot:
    return Snapshot(machine=machines[-1], machines=machines, runs=runs, queue=queue or Queue())


def text(line: Line) -> str:
    return "".join(words for words, _ in line)


def live(run: str, pid: int) -> Status:
    return Status(run=run, experiment=run, state="running", pid=pid)


def test_a_curve_looks_back_three_minutes_and_the_newest_is_last() -> None:
    points = [(900.0 + second, float(second)) for second in range(0, 120, 10)]
    assert curve_rows(points, 6, 120.0, 1019.0) == ["  ▁▃▅▇"]
    assert curve_rows([*points, (1010.0, None)], 6, 120.0, 1079.0) == ["▁▃▅▇  "]
    assert curve_rows([(0.0, 1.0), *points], 2, 110.0, 1019.0) == ["▆█"]
    assert curve_rows([], 3, 1.0, 0.0) == ["   "]
    assert curve_rows([(0.0, 0.0)], 1, 0.0, 0.0) == ["▁"]


@pytest.mark.parametrize(("width", "curves"), [(42, 0), (44, 1), (50, 2), (60, 4)])
def test_the_first_numbers_have_a_curve_where_there_is_room(width: int, curves: int) -> None:
    line, _ = board_lines(shot(Machine(time=5.0, gpus=(gpu(),))), width)
    assert sum(tone == "busy" for _, tone in line) == curves
    assert cell_len(text(line)) <= width


@pytest.mark.parametrize("width", [30, 48, 80, 120, 200])
def test_a_gpu_says_four_numbers_in_any_width(width: int) -> None:
    line, who = board_lines(shot(Machine(time=5.0, gpus=(gpu(memory_used=GIB, processes={}),))), width)
    for number in ("50 %", "1.0G/80G", "300 W", "60 °C")[: 3 if width < 32 else 4]:
        assert number in text(line)
    assert len(text(line).rstrip()) <= width
    assert width < 48 or cell_len(text(line)) <= width
    assert text(who).strip() == "nobody is on it"


def test_what_a_card_cannot_tell_is_a_question_mark() -> None:
    line, _ = board_lines(shot(Machine(gpus=(gpu(utilization=None, power=None, temperature=None),))), 100)
    assert [text(line).count(unit) for unit in ("? %", "? W", "? °C")] == [1, 1, 1]


def test_a_process_on_a_gpu_is_called_by_the_run_that_it_descends_from() -> None:
    held = {11: 3 * GIB, 12: 2 * GIB, 99: GIB, 7: GIB}
    machine = Machine(
        gpus=(gpu(processes=held, memory_used=7 * GIB),),
        processes={
            11: Process("python", (10, 1)),
            12: Process("python", (10, 1)),
            99: Process("\x1b[2Jgame"),
        },
    )
    lines = board_lines(shot(machine, runs=(live("mine", 10), live("other", 8))), 100)
    assert [text(line).strip() for line in lines[1:]] == [
        "mine s0  pid 11 and 1 more, 5.0G",
        "game  pid 99, 1.0G",
        "a process that is not in /proc  pid 7, 1.0G",
    ]


def test_shown_whole_it_says_what_each_process_uses_and_how_to_end_what_is_no_runs() -> None:
    machine = Machine(
        cpu=42.0, memory_used=6 * GIB, memory_total=24 * GIB, cores=(0.0, 100.0, 50.0), load=1.5,
        gpus=(gpu(processes={11: 3 * GIB, 99: GIB}, memory_used=4 * GIB, power_limit=700.0, fan=40.0),),
        processes={
            11: Process("python", (10, 1), "ann", 90.0, GIB),
            99: Process("game", (), "bob", None, GIB),
            10: Process("python", (1,), "ann", 10.0, GIB),
            12: Process("worker", (10, 1), "ann", 50.0, GIB),
            77: Process("\x1b[2Jcc1", (), me(), 99.0, GIB),
        },
    )  # fmt: skip
    whole = shot(machine, runs=(live("mine", 10),))
    lines = [text(line).rstrip() for line in board_lines(whole, 160)]
    assert lines[0].startswith("CPU")
    assert " 42 %" in lines[0]
    assert lines[0].endswith("6.0G of 24G")
    assert lines[1] == "cores   ▁█▄ 3 cores, load 1.50"
    assert "300/700 W" in lines[2]
    assert lines[2].endswith("60 °C fan 40 %")
    assert lines[3:] == [
        "      mine s0  pid 11, 3.0G",
        "      game  pid 99, 1.0G",
    ]
    assert [text(line) for line in table_lines(whole, "GPU", 80)] == [
        "      pid  user        GPU↓     CPU     mem  process",
        "       10  ann         3.0G   150 %    3.0G  mine s0",
        "       99  bob         1.0G            1.0G  game",
        f"       77  {me():<8}            99 %    1.0G  cc1",
    ]
    alone = [text(line).rstrip() for line in board_lines(shot(dataclasses.replace(machine, gpus=())), 100)]
    assert [line.split()[0] for line in alone[:3]] == ["CPU", "memory", "cores"]
    assert len(board_lines(shot(machine), 160, rows=3)) == len(board_lines(shot(machine), 160)) + 4
    many = dataclasses.replace(machine, cores=(10.0,) * 255 + (100.0,))
    assert text(board_lines(shot(many), 80)[1]).count("█") == 1
    far = msgspec.structs.replace(live("far", 77), on="jz")  # its process is another machine's
    for runs in ((live("mine", 10),), (live("mine", 10), far)):
        assert [row.ends for row in process_rows(shot(machine, runs=runs), "CPU")] == ["", "kill 77", ""]


def test_processes_are_sorted_by_what_is_asked_and_their_commands_have_the_room_that_is_left() -> None:
    train = "python -u train.py " + "--lr 3 " * 20
    elsewhere = ("x-s0-20261129-120000-abcd", "/a b/runs\x1b[2J")
    machine = Machine(
        processes={
            1: Process(train, (), me(), 10.0, 9 * GIB),
            2: Process("python -P", (5,), me(), 20.0, GIB, elsewhere),
            5: Process("python -P", (), me(), 30.0, GIB, elsewhere),
            6: Process("python -P", (), me(), 5.0, GIB, ("y-s0", "/runs of/y")),
        },
    )
    claims = {**machine.processes, 8: Process("python -P", (), "mallory", 90.0, GIB, ("y-s0", "/runs of/y"))}
    mine = [row for row in process_rows(shot(Machine(processes=claims)), "mem") if row.pid == 6]
    assert mine == [row for row in process_rows(shot(machine), "mem") if row.pid == 6]
    rows = process_rows(shot(machine), "mem")
    assert [(row.pid, row.uses["CPU"]) for row in rows] == [(1, 10.0), (5, 50.0), (6, 5.0)]
    assert rows[1].name == "vitui run x-s0-20261129-120000-abcd in /a b/runs"
    assert [row.ends for row in rows] == ["kill 1", "kill 5", "engine stop y-s0 --runs '/runs of/y'"]
    assert [row.pid for row in process_rows(shot(machine), "CPU")] == [5, 1, 6]
    for width in (40, 80, 200):
        head, first, *_ = map(text, table_lines(shot(machine), "mem", width))
        assert "mem↓" in head
        assert cell_len(first) == min(width, cell_len(first))
        assert cell_len(first) > width - 10 or train.strip() in first
        column = head.index("mem↓")
        assert (order_at(column, machine, width), order_at(0, machine, width)) == ("mem", None)
    assert orders(machine) == ("CPU", "mem")
    assert process_rows(shot(Machine(processes={1: Process("x")})), "CPU") == []


def test_a_curve_may_be_several_rows_high() -> None:
    points = [(0.0, 1.0), (60.0, 50.0), (120.0, 100.0)]
    assert curve_rows(points, 3, 100.0, 120.0, rows=2) == ["  █", "▁██"]
    assert [curve_height(rows, gpus) for rows, gpus in ((24, 1), (45, 4), (60, 2), (60, 8))] == [1, 2, 3, 1]


def test_a_card_that_is_lost_says_so_and_why() -> None:
    lost = GpuSample(index=1, name="", uuid="lost:1", processes=None, lost="GPU is lost")
    lines = [text(line) for line in board_lines(shot(Machine(gpus=(gpu(0), lost))), 100)]
    assert lines[-1] == "GPU 1  lost: GPU is lost"


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (gpu(processes=None), "the driver does not tell who is on it"),
        (gpu(processes={}), "the driver does not name who holds 40G"),
        (gpu(processes={}, memory_used=None, memory_total=None), "nobody is on it"),
        (gpu(processes={}, memory_used=GIB), "nobody is on it"),
    ],
)
def test_that_nobody_is_on_it_is_said_only_where_that_is_known(card: GpuSample, said: str) -> None:
    line, who = (text(line) for line in board_lines(shot(Machine(gpus=(card,))), 100))
    assert who.strip() == said
    assert ("mem ?" in line) is (card.memory_used is None)


def test_a_run_that_the_queue_put_there_is_on_it_though_the_driver_does_not_name_it() -> None:
    machine = Machine(gpus=(gpu(processes={4_000_000: 40 * GIB}),))
    queue = Queue(entries={"mine": QueueEntry(submitted=1.0, devices={"GPU-0": "GPU 0"})})
    lines = board_lines(shot(machine, runs=(live("mine", 10), live("other", 8)), queue=queue), 100)
    assert [text(line).strip() for line in lines[1:]] == [
        "a process that is not in /proc  pid 4000000, 40G",
        "mine s0  pid 10, not named by the driver",
    ]


def test_a_card_in_slices_has_a_line_for_each_and_the_users_of_those() -> None:
    card = gpu(0, in_slices=True, utilization=None)
    part = gpu(0, slice=1, utilization=None, power=None, processes={99: 40 * GIB})
    lines = [text(line) for line in board_lines(shot(Machine(gpus=(card, part))), 120)]
    assert [line[:7].strip() for line in lines] == ["GPU 0", "GPU 0:1", "a"]
    assert "pid 99" in lines[2]


def test_several_gpus_have_a_line_each() -> None:
    lines = board_lines(shot(Machine(gpus=tuple(gpu(i) for i in range(8)))), 100)
    assert [text(line)[:6] for line in lines[::2]] == [f"GPU {i} " for i in range(8)]


def test_without_a_gpu_there_are_cpu_memory_and_slots() -> None:
    machine = Machine(time=3.0, cpu=42.0, memory_used=6 * GIB, memory_total=24 * GIB)
    queue = Queue(
        devices=tuple(OfferedDevice(id=f"cpu:{i}", name=f"CPU slot {i + 1}", index=i) for i in range(2)),
        forecasts=(Forecast("mine", ("cpu:1",), 0.0, None),),
    )
    lines = [text(line) for line in board_lines(shot(machine, runs=(live("mine", 10),), queue=queue), 60)]
    assert lines[0].endswith("42 %")
    assert lines[1].endswith("6.0G of 24G")
    assert [line.split() for line in lines[2:]] == [
        ["CPU", "slot", "1", "free"],
        ["CPU", "slot", "2", "mine", "s0", "pid", "10"],
    ]
    assert "no worker is running, runs wait" in text(
        board_lines(shot(machine, queue=Queue(waiting=("a",))), 60)[-1]
    )
    assert board_lines(Snapshot(), 60)
