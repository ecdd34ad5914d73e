"""Whether a dataset's folders and a file of weights are there: a look before the run waits, that warns or refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.config.loader import notes_on
from engine.config.preflight_warnings import few_validation_images, missing, oversized_batch
from engine.config.schema import Experiment
from engine.runs.store import Store


def made(dataset: str, **more: object) -> Experiment:
    return Experiment(name="x", model="vit_mini", dataset=dataset, **more)  # type: ignore[arg-type]


def test_a_folder_has_to_be_there_with_both_its_splits(tmp_path: Path) -> None:
    assert missing(made("digits")) == ""
    assert missing(made("folder:/nope")) == "dataset: there is no folder /nope"
    assert missing(made("folder:/nope", command=["train.py"])) == ""
    assert (
        missing(made(f"folder:{tmp_path}")) == f"dataset: {tmp_path} has no folder train and no folder test"
    )
    (tmp_path / "train").mkdir()
    assert (
        missing(made(f"folder:{tmp_path}")) == f"dataset: {tmp_path} has no folder test and no folder val; "
        "split = 0.2 cuts a fifth of each class off train/"
    )
    (tmp_path / "test").mkdir()
    assert missing(made(f"folder:{tmp_path}")) == ""


def test_a_file_of_weights_has_to_be_there_and_a_name_on_the_hub_does_not(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    experiment = made("digits", val_fraction=0.1, pretrained=str(file))
    said = f"pretrained: there is no file {file}"
    assert missing(experiment) == said
    assert notes_on(experiment) == [said]
    assert missing(made("folder:/nope", pretrained=str(file))) == f"dataset: there is no folder /nope; {said}"
    file.touch()
    assert missing(experiment) == ""
    assert missing(made("digits", pretrained="timm/vit_tiny_patch16_224.augreg_in21k")) == ""


def test_check_says_that_weights_are_not_there(tmp_path: Path) -> None:
    config = tmp_path / "experiments.toml"
    config.write_text(
        '[experiments.x]\nmodel = "vit_mini"\nimage_size = 16\npatch_size = 4\npretrained = "gone.pt"\n'
    )
    said = CliRunner().invoke(main, ["check", "--config", str(config)])
    assert said.exit_code == 0
    assert f"note: x: pretrained: there is no file {tmp_path / 'gone.pt'}" in said.output


@pytest.mark.parametrize(("now", "then"), [(0.0, "1"), (5.0, "1"), (1.0, "0.1"), (0.5, "0.05")])
def test_advice_on_a_loss_that_is_not_finite_is_not_what_is_done_already(now: float, then: str) -> None:
    from engine.training.trainer import advice

    assert f"clip_norm = {then} (now {now:.3g})" in advice(now)


def test_submit_warns_of_a_folder_that_is_not_here_and_run_refuses(tmp_path: Path) -> None:
    config = tmp_path / "experiments.toml"
    config.write_text(
        '[experiments.x]\nmodel = "vit_mini"\nimage_size = 16\npatch_size = 4\ndataset = "folder:/nope"\n'
    )
    where = ["--config", str(config), "--runs", str(tmp_path / "runs")]
    queued = CliRunner().invoke(main, ["submit", "x", "--wait", *where])
    assert queued.exit_code == 0, queued.output
    assert (
        "x: dataset: there is no folder /nope on this machine; it is queued for one that has it"
        in queued.stderr
    )
    refused = CliRunner().invoke(main, ["run", "x", *where])
    assert refused.exit_code == 2
    assert "x: dataset: there is no folder /nope" in refused.stderr
    assert len(Store(tmp_path / "runs").runs()) == 1


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"batch_size": 1295}, ""),
        ({"batch_size": 1296}, "batch_size is more than the 1,295 training images: one step an epoch, of 1,295 images"),
        ({"batch_size": 700, "accumulate": 2},
         "batch_size times accumulate is more than the 1,295 training images: one step an epoch, of 1,295 images"),
        ({"batch_size": 99_999_999, "dataset": "folder:/nope"}, ""),
        ({"batch_size": 99_999_999, "command": ["train.py"]}, ""),
    ],
)  # fmt: skip
def test_a_batch_that_is_larger_than_its_data_is_said(settings: dict[str, object], said: str) -> None:
    experiment = made(
        **{"dataset": "digits", "val_fraction": 0.1, "image_size": 8, "patch_size": 4} | settings
    )  # type: ignore[arg-type]
    assert oversized_batch(experiment) == said
    assert (said in notes_on(experiment)) == bool(said)


@pytest.mark.parametrize(
    ("settings", "images", "error"),
    [
        ({"dataset": "cifar10", "subset_per_class": 100}, 20, "0.11"),  # the original's recipe
        ({"dataset": "cifar10", "subset_per_class": 20}, 10, "0.16"),
        ({"dataset": "digits"}, 30, "0.09"),
        ({"dataset": "digits", "val_fraction": 0.1}, None, ""),
        ({"dataset": "cifar100"}, None, ""),
        ({"dataset": "digits", "epochs": 1}, None, ""),
        ({"dataset": "digits", "epochs": 5, "evaluate_every": 5}, None, ""),
        ({"dataset": "folder:/nope"}, None, ""),
        ({"dataset": "digits", "command": ["train.py"]}, None, ""),
    ],
)
def test_a_checkpoint_that_is_chosen_by_few_images_is_said(
    settings: dict[str, object], images: int | None, error: str
) -> None:
    experiment = made(**{"patch_size": 4} | settings)  # type: ignore[arg-type]
    said = few_validation_images(experiment)
    assert bool(said) == (images is not None)
    if images is not None:
        assert said.startswith(
            f"best.pt is chosen by {images} validation images, whose scores have a standard error"
        )
        assert f"up to {error}; a larger val_fraction" in said
        assert said in notes_on(experiment)
    counted = few_validation_images(made("folder:/nope"), 99)
    assert counted.startswith("best.pt is chosen by 99 ")
    assert few_validation_images(made("folder:/nope"), 100) == ""
