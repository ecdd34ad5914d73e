"""A file that more than one training was appended to, or one that went back."""

from __future__ import annotations

import json
import os

import pytest

from engine.exchange.log_files.log_reader import read_log
from tests.engine.exchange.log_files.conftest import Read, by_epoch, by_step, times


def rows(*epochs: int) -> str:
    return "".join(f"{epoch},{100 * i + epoch}\n" for i, epoch in enumerate(epochs))


@pytest.mark.parametrize("name", ["epoch", "step", "iteration"])
@pytest.mark.parametrize("begin", [0, 1, 50])
@pytest.mark.parametrize("heading", ["", "NAME,x\n"])
def test_what_begins_again_where_it_began_is_another_training(name, begin, heading, read: Read):
    first, second = range(begin, begin + 5), range(begin, begin + 3)
    text = f"{name},x\n{rows(*first)}{heading.replace('NAME', name)}{rows(*second)}"
    one, two = read(text)
    assert by_step(one) == {"x": {epoch: 100 * i + epoch for i, epoch in enumerate(first)}}
    assert by_step(two) == {"x": {epoch: 100 * i + epoch for i, epoch in enumerate(second)}}
    noun = "epochs" if name == "epoch" else "steps"
    line = 7 + bool(heading)
    assert two.notes == [f"line {line}: the {noun} begin again at {begin}: another training from there on"]
    assert (one.name, two.name, one.experiment, two.experiment) == ("log", "log-2", "log", "log")
    assert (one.seed, two.seed) == (None, None)


def test_three_trainings_of_json_lines_are_three(read: Read):
    lines = [f'{{"step": {step}, "x": {i}}}\n' for i in range(3) for step in (10, 20)]
    assert [by_step(run) for run in read("".join(lines), "log.jsonl")] == [
        {"x": {10: i, 20: i}} for i in range(3)
    ]


def test_rows_after_a_resume_replace_those_from_there_on(read: Read):
    (run,) = read("step,x,y\n10,1,1\n20,2,2\n30,3,3\n40,4,4\n30,5,\n40,6,6\n50,7,7\n")
    assert by_step(run) == {"x": {10: 1, 20: 2, 30: 5, 40: 6, 50: 7}, "y": {10: 1, 20: 2, 40: 6, 50: 7}}
    assert run.notes == [
        "line 6: the steps go back to 30: 2 rows from there on are replaced by the later ones"
    ]


def test_a_row_without_a_step_goes_with_the_one_before_it(read: Read):
    rows = [{"step": 10, "x": 1}, {"y": 1}, {"step": 20, "x": 2}, {"y": 2}, {"step": 20, "x": 3}, {"y": 3}]
    rows[4:4] = [{"step": 30, "x": 9}, {"y": 9}]
    (run,) = read("".join(json.dumps(row) + "\n" for row in rows))
    assert by_step(run) == {"x": {10: 1, 20: 3}, "y": {10: 1, 20: 3}}


def test_a_document_says_which_entry(read: Read):
    _, two = read(json.dumps([{"step": step, "x": 1} for step in (1, 2, 1, 2)]))
    assert two.notes == ["entry 3: the steps begin again at 1: another training from there on"]


def test_a_counter_of_steps_that_begins_again_while_epochs_go_on_is_one_training(read: Read):
    (run,) = read("epoch,step,x\n1,10,1\n2,20,2\n3,30,3\n4,10,4\n5,20,5\n")
    assert by_step(run) == {"x": {10: 1, 20: 2, 30: 3, 40: 4, 50: 5}}
    assert by_epoch(run) == {"x": {1: 1, 2: 2, 3: 3, 4: 4, 5: 5}}


def test_metrics_that_take_turns_are_one_training(read: Read):
    (run,) = read("epoch,train,val\n1,1,\n2,2,\n3,3,\n1,,4\n2,,5\n3,,6\n")
    assert by_epoch(run) == {"train": {1: 1, 2: 2, 3: 3}, "val": {1: 4, 2: 5, 3: 6}}
    assert run.notes == []


def test_a_long_table_by_metric_is_one_training(read: Read):
    (run,) = read("metric,step,value\na,1,1\na,2,2\nb,1,3\nb,2,4\n")
    assert by_step(run) == {"a": {1: 1, 2: 2}, "b": {1: 3, 2: 4}}


def test_a_long_table_may_hold_two_trainings(read: Read):
    one, two = read("step,metric,value\n1,a,1\n1,b,2\n2,a,3\n2,b,4\n1,a,5\n1,b,6\n")
    assert by_step(one) == {"a": {1: 1, 2: 3}, "b": {1: 2, 2: 4}}
    assert by_step(two) == {"a": {1: 5}, "b": {1: 6}}


def test_a_table_that_is_written_backwards_is_one_training(read: Read):
    (run,) = read("epoch,x\n3,3\n2,2\n1,1\n")
    assert [event.epoch for event in run.events("r")] == [1, 2, 3]


def test_a_row_that_is_late_is_put_where_it_belongs(read: Read):
    (run,) = read("step,x\n10,1\n12,2\n11,3\n13,4\n")
    assert list(by_step(run)["x"].items()) == [(10, 1), (11, 3), (12, 2), (13, 4)]


def test_rows_in_no_order_are_sorted_and_said(read: Read):
    steps = [5, 3, 9, 1, 8, 2, 7, 4, 6, 10]
    (run,) = read("step,x\n0,0\n" + "".join(f"{step},{step}\n" for step in steps))
    assert list(by_step(run)["x"]) == list(range(11))
    assert run.notes == ["its steps are in no order: the rows are sorted"]


def test_trainings_that_log_at_odd_steps_are_told_apart(read: Read):
    found = read("step,x\n13,1\n27,2\n41,3\n55,4\n14,5\n26,6\n40,7\n12,8\n29,9\n")
    assert [list(by_step(run)["x"]) for run in found] == [[13, 27, 41, 55], [14, 26, 40], [12, 29]]


def test_a_file_that_goes_up_and_down_all_the_time_is_one_run(read: Read):
    (run,) = read("step,x\n" + "1,1\n0,0\n" * 3000)
    assert len(run) == 6000
    assert "its steps are in no order: the rows are sorted" in run.notes


def test_a_step_measured_twice_at_once_is_kept_twice(read: Read):
    (run,) = read("step,x\n1,1\n1,2\n2,3\n2,4\n")
    assert [list(event.values.values()) for event in run.events("r")] == [[1], [2], [3], [4]]
    assert run.notes == [
        "line 3: 2 values from there on at the step of an earlier one: all are kept, the last counts"
    ]


def test_times_since_a_start_count_for_each_training(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text("epoch,time,x\n1,10,1\n2,20,2\n3,30,3\n1,11,4\n2,22,5\n")
    os.utime(path, (1_795_000_000, 1_795_000_000))
    one, two = read_log(path)
    assert times(two) == [1_795_000_000 - 11, 1_795_000_000]
    assert times(one) == [1_795_000_000 - 22 - 20, 1_795_000_000 - 22 - 10, 1_795_000_000 - 22]


def test_seconds_that_a_resumed_program_counts_anew_go_on(tmp_path):
    path = tmp_path / "results.csv"
    rows = zip(range(1, 9), [10, 20, 30, 40, 11, 21, 31, 41], strict=True)
    path.write_text("epoch,time,x\n" + "".join(f"{epoch},{time},1\n" for epoch, time in rows))
    os.utime(path, (1_795_000_000, 1_795_000_000))
    (run,) = read_log(path)
    assert [time - 1_795_000_000 + 81 for time in times(run)] == [10, 20, 30, 40, 51, 61, 71, 81]


@pytest.mark.parametrize("name", ["seed", "Seed"])
def test_seeds_of_a_table_are_runs_of_one_experiment(name, read: Read):
    one, two = read(f"{name},epoch,x\n3,1,1\n3,2,2\n4,1,3\n4,2,4\n")
    assert [(run.name, run.experiment, run.seed) for run in (one, two)] == [
        ("log-s3", "log", 3),
        ("log-s4", "log", 4),
    ]
    assert by_epoch(two) == {"x": {1: 3, 2: 4}}
    one, two = read(f"experiment,{name},epoch,x\nvit,0,1,1\nbit,0,1,2\n")
    assert [(run.name, run.experiment, run.seed) for run in (one, two)] == [
        ("vit-s0", "vit", 0),
        ("bit-s0", "bit", 0),
    ]


def test_runs_of_a_table_may_take_turns(read: Read):
    one, two = read("run,epoch,x\na,1,1\nb,1,2\na,2,3\nb,2,4\n")
    assert (one.name, by_epoch(one)) == ("a", {"x": {1: 1, 2: 3}})
    assert (two.name, by_epoch(two)) == ("b", {"x": {1: 2, 2: 4}})
