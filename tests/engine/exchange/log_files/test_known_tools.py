"""Files as other tools lay them out, and the values that they mean."""

from __future__ import annotations

import json

import pytest

from tests.engine.exchange.log_files.conftest import Read, by_epoch, by_step, times


def lines(*rows: dict[str, object]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def test_ultralytics_pads_its_old_headings_and_counts_seconds(read: Read):
    old = (
        "                  epoch,         train/box_loss,   metrics/mAP50(B)\n"
        "                      0,                 1.9012,            0.40123\n"
        "                      1,                 1.2012,            0.70123\n"
    )
    (run,) = read(old, "results.csv")
    assert by_epoch(run) == {
        "train/box_loss": {0: 1.9012, 1: 1.2012},
        "metrics/mAP50(B)": {0: 0.40123, 1: 0.70123},
    }
    assert (run.notes, run.renamed) == ([], {})
    (run,) = read("epoch,time,train/loss\n1,10.5,1.9\n2,20.9,1.2\n3,31.4,0.9\n", "results.csv")
    assert by_epoch(run) == {"train/loss": {1: 1.9, 2: 1.2, 3: 0.9}}
    assert times(run)[-1] - times(run)[0] == pytest.approx(20.9)


def test_keras_writes_training_logs_and_histories(read: Read):
    wanted = {"loss": {0: 0.9, 1: 0.7}, "val_loss": {0: 0.8, 1: 0.6}}
    (run,) = read("epoch,loss,val_loss\n0,0.9,0.8\n1,0.7,0.6\n", "training.log")
    assert by_epoch(run) == wanted
    (run,) = read("epoch;loss;val_loss\n0;0.9;NA\n1;0.7;0.6\n", "training.log")
    assert by_epoch(run) == {"loss": wanted["loss"], "val_loss": {1: 0.6}}
    (run,) = read(json.dumps({"loss": [0.9, 0.7], "val_loss": [0.8, 0.6]}), "history.json")
    assert by_epoch(run) == wanted
    (run,) = read(",loss,val_loss\n0,0.9,0.8\n1,0.7,0.6\n", "history.csv")
    assert by_epoch(run) == wanted


def test_fastai_writes_minutes(read: Read):
    (run,) = read("epoch,train_loss,valid_loss,accuracy,time\n0,0.8,0.5,0.80,04:39\n1,0.6,0.4,0.85,04:36\n")
    assert by_epoch(run)["time"] == {0: 279, 1: 276}
    assert by_epoch(run)["accuracy"] == {0: 0.8, 1: 0.85}


def test_timm_writes_its_heading_again_on_resume(read: Read):
    text = "epoch,train_loss,eval_top1\n0,6.8,0.9\n1,6.1,15.0\nepoch,train_loss,eval_top1\n2,5.6,28.1\n"
    (run,) = read(text, "summary.csv")
    assert by_epoch(run) == {"train_loss": {0: 6.8, 1: 6.1, 2: 5.6}, "eval_top1": {0: 0.9, 1: 15.0, 2: 28.1}}
    assert not run.left


def test_hugging_face_keeps_its_log_in_the_state(read: Read):
    state = {
        "best_metric": 0.04, "epoch": 1.0, "global_step": 200, "is_local_process_zero": True, "trial_name": None,
        "log_history": [
            {"epoch": 0.05, "grad_norm": 1.5, "learning_rate": 2e-4, "loss": 0.26, "step": 10},
            {"epoch": 0.48, "eval_f1": 0.87, "eval_loss": 0.47, "eval_runtime": 12.3, "step": 100},
            {"epoch": 1.0, "step": 200, "total_flos": 1e15, "train_loss": 0.2, "train_runtime": 99.5},
        ],
        "stateful_callbacks": {"TrainerControl": {"args": {"should_save": True}}},
    }  # fmt: skip
    (run,) = read(json.dumps(state, indent=2), "trainer_state.json")
    assert by_step(run)["loss"] == {10: 0.26}
    assert by_epoch(run)["eval_f1"] == {0.48: 0.87}
    assert by_step(run)["train_runtime"] == {200: 99.5}


def test_mmengine_says_the_epoch_of_evaluations_as_their_step(read: Read):
    text = lines(
        {
            "lr": 0.1,
            "data_time": 0.2,
            "loss": 2.0,
            "time": 0.5,
            "epoch": 1,
            "iter": 100,
            "memory": 900,
            "step": 100,
        },
        {
            "lr": 0.1,
            "data_time": 0.2,
            "loss": 1.5,
            "time": 0.5,
            "epoch": 1,
            "iter": 200,
            "memory": 900,
            "step": 200,
        },
        {"accuracy/top1": 60.5, "data_time": 0.1, "time": 0.3, "step": 1},
        {
            "lr": 0.1,
            "data_time": 0.2,
            "loss": 1.0,
            "time": 0.5,
            "epoch": 2,
            "iter": 300,
            "memory": 900,
            "step": 300,
        },
        {
            "lr": 0.1,
            "data_time": 0.2,
            "loss": 0.5,
            "time": 0.5,
            "epoch": 2,
            "iter": 400,
            "memory": 900,
            "step": 400,
        },
        {"accuracy/top1": 70.5, "data_time": 0.1, "time": 0.3, "step": 2},
    )
    (run,) = read(text, "scalars.json")
    assert by_step(run)["accuracy/top1"] == {200: 60.5, 400: 70.5}
    assert by_epoch(run)["accuracy/top1"] == {1: 60.5, 2: 70.5}
    assert by_step(run)["loss"] == {100: 2.0, 200: 1.5, 300: 1.0, 400: 0.5}
    assert "iter" not in by_step(run)
    assert run.notes == ["rows without an epoch say it as their step: they are placed there"]


def test_mmengine_by_iterations_is_left_as_it_is(read: Read):
    text = lines(
        {"loss": 2.0, "epoch": 1, "iter": 100, "step": 100}, {"acc": 60.5, "step": 100},
        {"loss": 1.0, "epoch": 1, "iter": 200, "step": 200}, {"acc": 70.5, "step": 200},
    )  # fmt: skip
    (run,) = read(text)
    assert by_step(run) == {"loss": {100: 2.0, 200: 1.0}, "acc": {100: 60.5, 200: 70.5}}


def test_mmcv_counts_iterations_in_each_epoch(read: Read):
    text = lines(
        {"env_info": "sys.platform: linux", "seed": None},
        {"mode": "train", "epoch": 1, "iter": 100, "loss": 2.0},
        {"mode": "train", "epoch": 1, "iter": 200, "loss": 1.5},
        {"mode": "val", "epoch": 1, "iter": 30, "accuracy_top-1": 60.5},
        {"mode": "train", "epoch": 2, "iter": 100, "loss": 1.0},
        {"mode": "train", "epoch": 2, "iter": 200, "loss": 0.5},
        {"mode": "val", "epoch": 2, "iter": 30, "accuracy_top-1": 70.5},
    )  # fmt: skip
    (run,) = read(text, "20250102_101112.log.json")
    assert by_step(run)["train/loss"] == {100: 2.0, 200: 1.5, 300: 1.0, 400: 0.5}
    assert by_epoch(run)["val/accuracy_top-1"] == {1: 60.5, 2: 70.5}


def test_detectron2_measures_seconds_an_iteration(read: Read):
    text = lines(
        {"iteration": 19, "loss_cls": 2.1, "lr": 4.9e-06, "time": 0.71},
        {"iteration": 39, "loss_cls": 1.8, "lr": 9.9e-06, "time": 0.72, "bbox/AP": float("nan")},
    )
    (run,) = read(text, "metrics.json")
    assert by_step(run)["loss_cls"] == {19: 2.1, 39: 1.8}
    assert by_step(run)["time"] == {19: 0.71, 39: 0.72}


def test_deit_and_mae_log_json_lines_in_a_text_file(read: Read):
    rows = [
        {"train_lr": 1e-4, "test_acc1": 60.0 + i, "epoch": i, "n_parameters": 5_717_416} for i in range(2)
    ]
    (run,) = read(lines(*rows), "log.txt")
    assert by_epoch(run)["test_acc1"] == {0: 60.0, 1: 61.0}


BOUNDS = '"vit-s0 - val/loss","vit-s0 - val/loss__MIN","vit-s0 - val/loss__MAX"'


@pytest.mark.parametrize("axis", ["Step", "trainer/global_step", "epoch", "Relative Time (Process)"])
def test_a_chart_of_wandb_has_a_column_a_run(axis, read: Read):
    text = f'"{axis}",{BOUNDS},{BOUNDS.replace("vit", "big - bit")}\n'
    text += '"0","1.9","1.9","1.9","1.7","1.7","1.7"\n'
    text += '"2","0.9","0.9","0.9","","",""\n"4","0.5","0.5","0.5","0.8","0.8","0.8"\n'
    vit, bit = read(text)
    assert (vit.name, bit.name) == ("vit-s0", "big - bit-s0")
    assert list(by_step(vit)) == list(by_step(bit)) == ["val/loss"]
    assert list(by_step(vit)["val/loss"].values()) == [1.9, 0.9, 0.5]
    if axis != "Relative Time (Process)":
        assert by_step(bit) == {"val/loss": {0: 1.7, 4: 0.8}}


def test_a_chart_keeps_bounds_that_differ_and_runs_that_say_their_step(read: Read):
    text = f'"epoch",{BOUNDS},"vit-s0 - _step","vit-s0 - _step__MIN","vit-s0 - _step__MAX"\n'
    (run,) = read(text + "1,0.9,0.8,1.0,50,50,50\n2,0.7,0.6,0.8,100,100,100\n")
    assert by_step(run) == {
        "val/loss": {50: 0.9, 100: 0.7}, "val/loss__MIN": {50: 0.8, 100: 0.6}, "val/loss__MAX": {50: 1.0, 100: 0.8},
    }  # fmt: skip
    assert by_epoch(run)["val/loss"] == {1: 0.9, 2: 0.7}


def test_splits_with_a_dash_are_no_runs(read: Read):
    (run,) = read("epoch,train - loss,val - loss\n1,0.9,0.8\n")
    assert set(by_epoch(run)) == {"train - loss".replace(" ", "_"), "val_-_loss"}


def test_a_download_of_tensorboard_has_its_metric_in_its_name(read: Read):
    text = "Wall time,Step,Value\n1700000000.5,10,0.9\n1700000010.5,20,0.8\n"
    (run,) = read(text, "run-resnet_version_0-tag-val_loss.csv")
    assert (run.name, by_step(run)) == ("resnet_version_0", {"val_loss": {10: 0.9, 20: 0.8}})
    assert times(run) == [1700000000.5, 1700000010.5]
    (run,) = read("[[1700000000.5, 10, 0.9], [1700000010.5, 20, 0.8]]", "run-.-tag-loss.json")
    assert (run.name, by_step(run)) == ("run-.-tag-loss", {"loss": {10: 0.9, 20: 0.8}})


def test_a_history_of_mlflow_is_a_long_table(read: Read):
    text = "run_id,key,value,step,timestamp\na1,loss,0.9,1,1700000000000\n"
    text += "a1,acc,0.5,1,1700000001000\nb2,loss,0.8,1,1700000002000\n"
    one, two = read(text)
    assert (one.name, by_step(one)) == ("a1", {"loss": {1: 0.9}, "acc": {1: 0.5}})
    assert times(two) == [1.7e9 + 2]


def test_lightning_says_a_test_once_without_an_epoch(read: Read):
    (run,) = read("epoch,step,test_acc,val_acc\n0,10,,0.5\n1,20,,0.75\n2,20,0.7,\n", "metrics.csv")
    assert by_step(run) == {"val_acc": {10: 0.5, 20: 0.75}, "test_acc": {20: 0.7}}
