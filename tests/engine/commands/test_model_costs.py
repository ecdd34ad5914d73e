from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main

pytestmark = pytest.mark.xdist_group("engine")  # costs are of models of torch


def models(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["models", *arguments])
    return result.exit_code, result.output


@pytest.mark.slow
def test_a_model_is_explained_with_its_cost_and_its_caveat() -> None:
    code, said = models("--explain", "vit_b", "--patch", "32", "--config", "none.toml")
    assert code == 0
    assert "87,426,058" in said
    assert "0.345 GFLOP an image" in said
    assert "one patch token" in said
    kept, less = map(float, re.search(r"activations (\S+) GiB \((\S+) GiB with checkpointing", said).groups())
    assert less < 0.5 * kept


@pytest.mark.slow
def test_an_experiment_is_explained_by_its_name(lab: Path) -> None:
    code, said = models("--explain", "tiny", "--config", str(lab / "experiments.toml"), "--json")
    cost = json.loads(said)
    assert code == 0
    assert (cost["name"], cost["image_size"], cost["batch_size"]) == ("vit_mini", 8, 32)


@pytest.mark.slow
def test_a_model_of_timm_is_explained_without_a_patch() -> None:
    pytest.importorskip("timm")
    code, said = models("--explain", "timm:resnet18", "--config", "none.toml")
    assert code == 0
    assert "11,181,642" in said
    assert "tokens" not in said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tinny", "there is no experiment and no model 'tinny'; did you mean 'tiny'?"),
        ("vit_bb", "did you mean 'vit_b'?"),
        ("resnet18", "one of timm is written timm:NAME"),
    ],
)
def test_an_unknown_name_says_what_would_be_right(lab: Path, name: str, words: str) -> None:
    code, said = models("--explain", name, "--config", str(lab / "experiments.toml"))
    assert (code, words in said) == (2, True)


@pytest.mark.slow
def test_all_keys_of_an_experiment_are_taken(tmp_path: Path) -> None:
    config = tmp_path / "experiments.toml"
    config.write_text("""
        [experiments.mean]
        model = "vit_mini"
        image_size = 16
        patch_size = 4
        dataset = "folder:images"
        batch_size = 100
        gpus = 3
        ema = 0.99
        options = { pool = "mean" }
        """)
    code, said = models("--explain", "mean", "--config", str(config))
    assert code == 0
    assert "tokens        16, without a class token" in said
    assert "at a batch of 34 on each of 3 GPUs" in said
    assert "  ema " in said
    assert "the model run eagerly" in " ".join(said.split())
    assert "the images of a folder come on top" in " ".join(said.split())


def test_a_program_of_the_users_is_not_explained(tmp_path: Path) -> None:
    config = tmp_path / "experiments.toml"
    config.write_text('[experiments.mine]\ncommand = ["python", "train.py"]\n')
    code, said = models("--explain", "mine", "--config", str(config))
    assert code == 2
    assert "mine runs a program of its own" in said


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    code, said = models("--explain", "vit_q")
    assert code == 2
    assert "did you mean 'vit_s'?" in said
