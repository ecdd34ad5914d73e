"""Epochs of an imported run say how many are done, whether its program counts them from 0 or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.exchange.importing import import_from
from engine.exchange.steps_or_epochs import COUNTED_FROM_0
from engine.history.reader import History
from engine.runs.store import Store

LIGHTNING = """epoch,step,train_loss,val_loss
0,49,1.0,
0,99,0.8,
0,99,,0.9
1,149,0.7,
1,199,0.6,
1,199,,0.7
2,249,0.5,
"""
TIMM = """epoch,train_loss,eval_loss,eval_top1,lr
0,1.5,1.4,30.0,0.1
1,1.1,1.2,41.0,0.05
"""
CASES = {
    "Lightning's steps and epochs": (LIGHTNING, "train_loss", [0.5, 1.0, 1.5, 2.0, 2.5], True),
    "Lightning's evaluations": (LIGHTNING, "val_loss", [1.0, 2.0], True),
    "timm's epochs alone": (TIMM, "eval_top1", [1.0, 2.0], True),
    "one epoch": ("epoch,loss\n0,1.0\n", "loss", [1.0], True),
    "counted from 1": (TIMM.replace("\n1,", "\n2,").replace("\n0,", "\n1,"), "eval_top1", [1.0, 2.0], False),
    "parts of epochs": ("epoch,step,loss\n0,0,1\n0.5,50,0.8\n1,100,0.7\n", "loss", [0.0, 0.5, 1.0], False),
    "an evaluation before the training": ("epoch,val_acc,loss\n0,0.1,\n1,0.4,1.0\n", "val_acc", [0.0, 1.0], False),
    "evaluations alone": ("epoch,val_acc\n0,0.1\n1,0.4\n", "val_acc", [0.0, 1.0], False),
    "measured before the first step": (
        "epoch,step,loss,val_loss\n0,0,2,2\n1,100,1,1\n", "val_loss", [0.0, 1.0], False,
    ),
    "epochs that are done, beside steps": (
        "epoch,step,loss,val_loss\n0,50,2,\n1,100,1,1\n1,150,0.9,\n2,200,0.8,0.9\n", "val_loss", [1.0, 2.0], False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_first_finished_epoch_is_1(tmp_path: Path, case: str) -> None:
    text, metric, epochs, is_told = CASES[case]
    file = tmp_path / "net.csv"
    file.write_text(text)
    here, said = Store(tmp_path / "runs"), list[str]()
    assert import_from(here, file, say=said.append)
    (run,) = here.runs()
    history = History(run.path)
    history.update()
    assert list(history.series(metric, "epoch")[0]) == pytest.approx(epochs)
    assert any(COUNTED_FROM_0 in line for line in said) is is_told
