"""Files as the real libraries write them: ``python real_loggers.py LIBRARY FOLDER`` trains a little and logs there."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

EPOCHS = 3


def lightning(out: Path) -> None:
    """Two seeds, each logged by CSVLogger and by TensorBoardLogger."""
    import pytorch_lightning as pl
    import torch
    from pytorch_lightning.callbacks import LearningRateMonitor
    from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

    class Net(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(4, 2)
            self.save_hyperparameters({"lr": 0.1})

        def training_step(self, batch: Any, _: int) -> Any:
            loss = torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, _: int) -> None:
            self.log("val_loss", torch.nn.functional.cross_entropy(self.layer(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    for seed in range(2):
        torch.manual_seed(seed)
        data = torch.utils.data.TensorDataset(torch.randn(64, 4), torch.randint(0, 2, (64,)))
        loader = torch.utils.data.DataLoader(data, batch_size=8)
        trainer = pl.Trainer(
            max_epochs=EPOCHS, logger=[CSVLogger(out / "csv"), TensorBoardLogger(out / "tb")], log_every_n_steps=2,
            callbacks=[LearningRateMonitor()], enable_progress_bar=False, enable_checkpointing=False,
            accelerator="cpu", enable_model_summary=False,
        )  # fmt: skip
        trainer.fit(Net(), loader, loader)


def keras(out: Path) -> None:
    """A CSVLogger's training.log, and the history as JSON."""
    import keras as library
    import numpy as np

    x, y = np.random.default_rng(0).normal(size=(64, 4)).astype("float32"), np.arange(64) % 2
    net = library.Sequential([library.layers.Dense(2, activation="softmax")])
    net.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    (out / "net").mkdir()
    log = library.callbacks.CSVLogger(str(out / "net" / "training.log"))
    history = net.fit(x, y, epochs=EPOCHS, validation_split=0.25, verbose=0, callbacks=[log])
    (out / "dumped.json").write_text(json.dumps(history.history))


def transformers(out: Path) -> None:
    """Two checkpoints' states of one training."""
    from transformers import TrainerState

    state = TrainerState(max_steps=20)
    for i in range(1, 5):
        state.global_step, state.epoch = 5 * i, i / 2
        state.log_history.append({"loss": 1 / i, "learning_rate": 0.1, "epoch": i / 2, "step": 5 * i})
        if i % 2 == 0:
            state.log_history.append(
                {"eval_loss": 2 / i, "eval_accuracy": i / 5, "epoch": i / 2, "step": 5 * i}
            )
            folder = out / "bert" / f"checkpoint-{5 * i}"
            folder.mkdir(parents=True)
            state.save_to_json(str(folder / "trainer_state.json"))


def wandb(out: Path) -> None:
    """Two offline runs of one group."""
    import wandb as library

    for seed in range(2):
        run = library.init(
            project="p", name=f"net-{seed}", group="net", dir=str(out), mode="offline",
            config={"lr": 0.1, "seed": seed}, settings=library.Settings(silent=True, console="off"),
        )  # fmt: skip
        for step in range(20):
            run.log(
                {"train/loss": (seed + 1) / (step + 1), "epoch": step // 5, "bad": float("nan"), "note": "a"}
            )
        run.finish()


def tensorboard(out: Path) -> None:
    """A run of torch's SummaryWriter with curves, histograms and hparams, which make folders below it."""
    import numpy as np
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(out / "run1"))
    for step in range(10):
        writer.add_scalar("Loss/train", 1 / (step + 1), step)
        writer.add_scalars("acc", {"train": step / 10, "val": step / 20}, step)
        writer.add_histogram("weights", np.arange(9.0), step)
    writer.add_hparams({"lr": 0.1, "optimizer": "sgd", "amp": True}, {"hparam/accuracy": 0.9})
    writer.close()


if __name__ == "__main__":
    globals()[sys.argv[1]](Path(sys.argv[2]))
