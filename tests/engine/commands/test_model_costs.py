from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main


def models(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["models", *arguments])
    return result.exit_code, result.output


def test_a_model_is_explained_with_its_cost_and_its_caveat() -> None:
    code, said = models("--explain", "vit_b", "--patch", "32", "--config", "none.toml")
    assert code == 0
    assert "87,426,058" in said
    assert "0.345 GFLOP an image" in said
    assert "one patch token" in said


@pytest.mark.slow
def test_an_experiment_is_explained_by_its_name(lab: Path) -> None:
    code, said = models("--explain", "tiny", "--config", str(lab / "experiments.toml"), "--json")
    cost = json.loads(said)
    assert code == 0
    assert (cost["name"], cost["image_size"], cost["batch_size"]) == ("vit_mini", 8, 32)


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    code, said = models("--explain", "vit_q")
    assert code == 2
    assert "did you mean 'vit_s'?" in said
