"""Where values belong: steps, epochs and times by what columns are called and by what their values can mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.exchange.log_files.log_reader import read_log
from tests.engine.exchange.log_files.conftest import Read, by_epoch, by_step, times

WRITTEN = 1_795_000_000


@pytest.mark.parametrize(
    "name",
    [
        "step",
        "Step",
        "global_step",
        "_step",
        "steps",
        "Global Step",
        "trainer/global_step",
        "train/global_step",
        "iteration",
        "iterations",
        "Iter",
        "it",
        "batch",
        "n_iter",
        "current_iteration",
        "optim/step",
        "training_iteration",
    ],
)
def test_columns_that_count_steps_are_told_by_their_names(name, read: Read):
    (run,) = read(f"{name},loss\n10,0.9\n20,0.8\n30,0.7\n")
    assert by_step(run) == {"loss": {10: 0.9, 20: 0.8, 30: 0.7}}
    assert not run.has_epochs


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("epoch,step,loss\n1,390,0.9\n2,390,0.8\n3,390,0.7\n", {"step", "loss"}),
        ("epoch,train_loss_step,loss\n1,0.9,0.9\n2,0.8,0.8\n", {"train_loss_step", "loss"}),
        ("epoch,it,loss\n1,3.2,0.9\n2,3.1,0.8\n", {"it", "loss"}),
        ("epoch,batch,loss\n1,128,0.9\n2,128,0.8\n3,128,0.7\n", {"batch", "loss"}),
        ("_step,epoch,trainer/global_step,loss\n7,1,10,0.9\n9,2,20,0.8\n", {"loss"}),
        ("epochs,step,loss\n10,1,0.9\n10,2,0.8\n10,3,0.8\n", {"epochs", "loss"}),
        ("epoch,iteration,step,loss\n1,10,10,0.9\n2,20,20,0.8\n", {"loss"}),
    ],
)
def test_what_is_called_a_step_and_cannot_be_one_is_a_metric(text, metrics, read: Read):
    (run,) = read(text)
    assert set(by_epoch(run)) == metrics
    places = by_epoch(run) if run.has_epochs else by_step(run)
    assert list(places["loss"])[:2] == [1, 2]


@pytest.mark.parametrize(
    ("cells", "epochs"),
    [(["1/10", "2/10"], [1, 2]), (["epoch 1", "Epoch 2"], [1, 2]), (["1.0", "2.0"], [1, 2])],
)
def test_epochs_may_say_of_how_many(cells, epochs, read: Read):
    (run,) = read(f"Epoch,loss\n{cells[0]},0.9\n{cells[1]},0.8\n")
    assert by_epoch(run) == {"loss": dict(zip(epochs, [0.9, 0.8], strict=True))}
    assert not run.left


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("loss\n0.9\n0.8\n", "no column says steps or epochs: the rows count as epochs, from 0"),
        ("loss,acc\n0.9,0.1\n0.8,0.2\n", "no column says steps or epochs: the rows count as epochs, from 0"),
        (",loss\n0,0.9\n1,0.8\n", "no column says steps or epochs: its index counts as the epoch"),
        ("index,loss\n0,0.9\n1,0.8\n", "no column says steps or epochs: its index counts as the epoch"),
        ("step,loss\nNA,0.9\nNA,0.8\n", "no column says steps or epochs: the rows count as epochs, from 0"),
    ],
)
def test_rows_count_where_no_column_does_and_it_is_said(text, note, read: Read):
    (run,) = read(text)
    assert by_epoch(run)["loss"] == by_step(run)["loss"] == {0: 0.9, 1: 0.8}
    assert note in run.notes


def test_epochs_of_fractions_are_not_rounded_to_one_step(read: Read):
    (run,) = read("epoch,loss\n0.25,0.9\n0.5,0.8\n0.75,0.7\n")
    assert by_epoch(run) == {"loss": {0.25: 0.9, 0.5: 0.8, 0.75: 0.7}}
    assert by_step(run) == {"loss": {0: 0.9, 1: 0.8, 2: 0.7}}
    assert run.notes == ["no column says steps: the rows are counted, from 0"]


def test_rows_without_an_epoch_get_that_of_their_neighbours_by_step(read: Read):
    text = "epoch,lr,step,loss\n,1,0,\n,1,3,\n0,,3,0.6\n,1,4,\n,1,7,\n1,,7,0.5\n,1,8,\n,1,11,\n2,,11,0.4\n,1,12,\n"
    (run,) = read(text)
    places = {event.step: event.epoch for event in run.events("r")}
    assert places == {0: 0, 3: 0, 4: 1, 7: 1, 8: 2, 11: 2, 12: 2}


def test_a_row_without_a_step_is_at_that_of_the_row_before(read: Read):
    (run,) = read("step,epoch,loss,val\n10,1,0.9,\n,1,,0.8\n20,2,0.7,\n,2,,0.6\n")
    assert by_step(run) == {"loss": {10: 0.9, 20: 0.7}, "val": {10: 0.8, 20: 0.6}}


@pytest.mark.parametrize(
    ("cell", "text"), [("-1", "-1"), ("1.5", "1.5"), ("word", "word"), ("1e300", "1e+300")]
)
def test_a_place_that_is_none_costs_its_own_row_and_is_counted(cell, text, read: Read):
    (run,) = read(f"step,val,acc\n{cell},2.3,1\n0,2.2,2\n100,1.9,3\n")
    assert by_step(run) == {"val": {0: 2.2, 100: 1.9}, "acc": {0: 2, 100: 3}}
    assert dict(run.left) == {
        f"a value at what is no step: a whole number from 0 to 2^53 (line 2: {text!r} is the first)": 2
    }


def test_batches_may_begin_anew_without_a_column_of_epochs(read: Read):
    (run,) = read("batch,loss\n0,6\n50,5\n0,4\n50,3\n0,2\n50,1\n")
    assert by_step(run) == {"loss": {0: 6, 50: 5, 100: 4, 150: 3, 200: 2, 250: 1}}
    assert run.notes == ["line 4: 'batch' begins again with an epoch: it is counted on from there"]


def test_a_table_of_scores_has_them_at_one_place(read: Read):
    (run,) = read("name,value\naccuracy,0.9\nf1,0.8\naccuracy,0.95\nlr,NA\n")
    assert by_epoch(run) == {"accuracy": {0: 0.9, 1: 0.95}, "f1": {0: 0.8}}


def test_a_table_of_models_has_a_run_a_row(read: Read):
    one, two = read("model,top1,params\nvit,80.5,85.7\nbit,79.5,23.5\n")
    assert [(run.name, by_epoch(run)["top1"]) for run in (one, two)] == [
        ("vit", {0: 80.5}),
        ("bit", {0: 79.5}),
    ]


def test_an_epoch_that_is_none_costs_its_own_row(read: Read):
    (run,) = read("epoch,time,x\n-1,1,9\n0,2,1\nmean,2,5\n1,4,2\n")
    assert by_epoch(run) == {"x": {0: 1, 1: 2}}
    assert dict(run.left) == {
        "a value at what is no epoch: a number from 0 to 2^53 (line 2: '-1' is the first)": 2
    }


def test_batches_that_begin_anew_with_each_epoch_are_counted_on(read: Read):
    (run,) = read("epoch,batch,loss\n0,0,9\n0,100,8\n0,200,7\n1,0,6\n1,100,5\n1,200,4\n2,0,3\n")
    assert by_step(run) == {"loss": {0: 9, 100: 8, 200: 7, 300: 6, 400: 5, 500: 4, 600: 3}}
    assert "line 5: 'batch' begins again with an epoch: it is counted on from there" in run.notes


def placed(tmp_path: Path, text: str) -> list[float]:
    """Return the times of a file that was written at a certain time."""
    path = tmp_path / "log.csv"
    path.write_text(text)
    os.utime(path, (WRITTEN, WRITTEN))
    (run,) = read_log(path)
    assert run.has_times
    assert list(by_epoch(run)) == ["loss"]
    return times(run)


@pytest.mark.parametrize(
    ("name", "cells", "wanted"),
    [
        ("time", ["10.5", "20.9", "31.4"], [WRITTEN - 20.9, WRITTEN - 10.5, WRITTEN]),
        ("time", ["0", "20.9", "31.4"], [WRITTEN - 31.4, WRITTEN - 10.5, WRITTEN]),
        ("elapsed", ["10.5", "NA", "31.4"], [WRITTEN - 20.9, WRITTEN - 20.9, WRITTEN]),
        ("_runtime", ["10", "20", "30"], [WRITTEN - 20, WRITTEN - 10, WRITTEN]),
        ("timestamp", ["1700000000", "1700000060", "1700000120.5"], [1.7e9, 1.7e9 + 60, 1.7e9 + 120.5]),
        (
            "timestamp",
            ["1700000000000", "1700000060000", "1700000120500"],
            [1.7e9, 1.7e9 + 60, 1.7e9 + 120.5],
        ),
        (
            "ts",
            ["1700000000000000", "1700000060000000", "1700000120500000"],
            [1.7e9, 1.7e9 + 60, 1.7e9 + 120.5],
        ),
        ("Wall time", ["1700000000", "0", "1700000120"], [1.7e9, 1.7e9, 1.7e9 + 120]),
        (
            "date",
            ["2025-01-02 10:11:12", "2025-01-02 10:12:12", "2025-01-02"],
            [1735812672, 1735812732, 1735776000],
        ),
        (
            "when",
            ["2025-01-02T10:11:12Z", "word", "2025-01-02T10:13:12Z"],
            [1735812672, 1735812672, 1735812792],
        ),
        ("time", ["1700000000", "-5", "1700000120"], [1.7e9, 1.7e9, 1.7e9 + 120]),
        ("time", ["1700000000", "", "1700000120"], [1.7e9, 1.7e9, 1.7e9 + 120]),
    ],
)
def test_times_are_taken_for_what_their_values_say(name, cells, wanted, tmp_path):
    rows = "".join(f"{epoch},{cell},0.5\n" for epoch, cell in enumerate(cells, 1))
    assert placed(tmp_path, f"epoch,{name},loss\n{rows}") == pytest.approx(wanted)


def test_an_unusable_time_is_said(read: Read):
    (run,) = read("epoch,time,loss\n1,1700000000,0.5\n2,-5,0.4\n3,word,0.3\n")
    assert "line 3 (and 1 more): 'time' is no time there: its neighbours' is taken" in run.notes
    (run,) = read("epoch,time,loss\n1,2025-01-02 10:00:00,0.5\n2,2025-01-02 10:10:00,0.4\n")
    assert run.notes == ["'time' does not say its time zone: it is taken for UTC"]


@pytest.mark.parametrize(
    "cells",
    [
        ["31.2", "30.9", "33.0"],
        ["31.2", "31.9", "33.0"],
        ["0.71", "0.70", "0.70"],
        ["04:39", "04:36", "04:37"],
        ["00:10:05", "00:10:07", "00:10:09"],
        ["12", "12", "12"],
        ["30.0", "30.1", "30.2", "30.3", "30.4", "30.5", "30.6", "30.7", "30.8"],
        ["20250102", "20250103", "20250104"],
        ["5"],
    ],
)
def test_times_that_are_not_counted_up_are_a_metric(cells, read: Read):
    (run,) = read("epoch,loss,time\n" + "".join(f"{i},0.5,{cell}\n" for i, cell in enumerate(cells)))
    assert list(by_epoch(run)) == ["loss", "time"]
    assert not run.has_times
    values = list(by_epoch(run)["time"].values())
    assert values[0] == {"04:39": 279, "00:10:05": 605}.get(cells[0]) or values[0] == float(cells[0])


@pytest.mark.parametrize("name", ["time", "step", "epoch", "index", "seconds"])
def test_numbers_beyond_all_bounds_do_no_harm(name, read: Read):
    cells = ["1", "1e308", "inf", "-1e308", "1e308", "2", "1e400", "3", "nan", "4"]
    (run,) = read(f"{name},x\n" + "".join(f"{cell},1\n" for cell in cells))
    assert len(by_step(run)["x"]) >= 4


def test_a_clock_is_preferred_to_what_counts_up(read: Read):
    text = "_step,_runtime,_timestamp,loss\n0,10,1700000000,0.5\n1,20,1700000010,0.4\n"
    (run,) = read(text)
    assert times(run) == [1.7e9, 1.7e9 + 10]
    assert by_step(run)["_runtime"] == {0: 10, 1: 20}


@pytest.mark.parametrize("word", ["phase", "split", "mode"])
def test_a_row_may_say_of_which_split_it_is(word, read: Read):
    (run,) = read(
        f"epoch,{word},loss,val_acc,value\n1,train,0.9,,\n1,val,0.8,0.5,\n2,train,0.7,,\n2,val,0.6,0.75,4\n"
    )
    assert by_epoch(run) == {
        "val/value": {2: 4},
        "train/loss": {1: 0.9, 2: 0.7}, "val/loss": {1: 0.8, 2: 0.6}, "val_acc": {1: 0.5, 2: 0.75},
    }  # fmt: skip
